"""What a poll writes, as bulks: each a fixed number of statements, whatever the number of rooms."""

from collections.abc import Mapping, Sequence

from server import priorities
from server.affiliate.rooms import PROFILE, Room, mark
from server.bulk import Ask, Bulk, Column, Insert, Said, Update
from server.models import PLATFORM

SOURCE = "affiliate"
KNOWN = Ask(
    "SELECT asked.one, p.id, p.role, d.person_id, d.profile_mark, d.subject_mark, d.tags_mark, "  # noqa: S608
    "d.subject_source, d.tags_source "
    "FROM ({people}) AS asked "
    f"LEFT JOIN persons p ON p.platform = '{PLATFORM}' AND p.username = asked.one "
    "LEFT JOIN person_details d ON d.person_id = p.id", by="text")

_STRONGER = ", ".join(f"'{source}'" for source in priorities.stronger("followers", SOURCE))
_KEPT = ("{followers} IS NULL OR "
         f"(t.followers_source IN ({_STRONGER}) AND t.followers_at >= {{strong_since}})")
_NUMBERS = {"person": "bigint", "followers": "bigint", "viewers": "integer", "seconds": "integer",
            "show_id": "smallint", "show": "text", "is_hd": "boolean", "since": "integer"}

_SNAPSHOT = Insert("affiliate_api_snapshots", {
    "person_id": "{person}", "observed_at": "{at}", "followers": "{followers}", "viewers": "{viewers}",
    "seconds_online": "{seconds}", "show_id": "{show_id}", "is_hd": "{is_hd}"})

_LIVE = {
    "show": "{show}", "viewers": "{viewers}", "seconds_online": "{seconds}", "is_hd": "{is_hd}",
    "live_source": f"'{SOURCE}'", "live_at": "{moment}", "live_until": "{until}",
    "followers": f"CASE WHEN {_KEPT} THEN t.followers ELSE {{followers}} END",
    "followers_at": f"CASE WHEN {_KEPT} THEN t.followers_at ELSE {{moment}} END",
    "followers_source": f"CASE WHEN {_KEPT} THEN t.followers_source ELSE '{SOURCE}' END",
    "affiliate_at": "{moment}", "affiliate_followers": "{followers}",
    "last_seen_at": "CASE WHEN t.last_seen_at > {moment} THEN t.last_seen_at ELSE {moment} END",
}
# The figures of a broadcast go on from the poll before; of a new one (first seen now) they begin.
_BEGINS = "{since} = {at}"
_SESSION = {
    "session_since": f"CASE WHEN {_BEGINS} OR t.session_since = {{since}} THEN {{since}} END",
    "session_polls": f"CASE WHEN {_BEGINS} THEN 1 ELSE t.session_polls + 1 END",
    "session_viewed": f"CASE WHEN {_BEGINS} THEN 0 ELSE t.session_viewed END + CASE WHEN {{viewers}} IS NULL "
                      "THEN 0 ELSE 1 END",
    "session_viewers": f"CASE WHEN {_BEGINS} THEN 0 ELSE t.session_viewers END + coalesce({{viewers}}, 0)",
    "session_peak": f"CASE WHEN {_BEGINS} OR t.session_peak IS NULL OR {{viewers}} > t.session_peak THEN {{viewers}} "
                    "ELSE t.session_peak END",
    "session_first": f"CASE WHEN {_BEGINS} THEN {{followers}} ELSE coalesce(t.session_first, {{followers}}) END",
    "session_last": f"CASE WHEN {_BEGINS} THEN {{followers}} ELSE coalesce({{followers}}, t.session_last) END",
}
_SAME = ("at", "moment", "until", "strong_since")

NUMBERS = Bulk(_NUMBERS, _SAME, _SNAPSHOT, Update(
    "person_current", "t.person_id = {person}", {**_LIVE, **_SESSION, "snapshots": "t.snapshots + 1"}))

# A poll that is older than another: what is newer stays, and the figures of the broadcast are counted again. Whom a
# newer poll has not shown does not become live by it.
_LATE = _LIVE | {"live_until": "CASE WHEN t.live_until IS NULL THEN NULL ELSE {until} END"}
LATE_NUMBERS = Bulk(_NUMBERS, _SAME, _SNAPSHOT, Update(
    "person_current", "t.person_id = {person}",
    {name: f"CASE WHEN t.affiliate_at >= {{moment}} THEN t.{name} ELSE {value} END" for name, value in _LATE.items()}
    | {"session_since": "NULL", "snapshots": "t.snapshots + 1"}))

_PROFILE = {name: "smallint" if name == "age" else "boolean" if name == "is_new" else "text" for name in PROFILE}
_PROFILE_NOW = Update("person_details", "t.person_id = {person}",
                      {name: f"{{{name}}}" for name in PROFILE} | {
                          "profile_mark": "{mark}", "profile_source": f"'{SOURCE}'", "profile_at": "{moment}",
                          "sort_age": "coalesce({age}, (SELECT x.age FROM profiles x WHERE x.person_id = t.person_id))",
                      })
PROFILES = Bulk({"person": "bigint", **_PROFILE, "mark": "bigint"}, ("at", "moment"), _PROFILE_NOW, Insert(
    "affiliate_profiles", {"person_id": "{person}", "since": "{at}"} | {name: f"{{{name}}}" for name in PROFILE}))
PROFILES_NOW = Bulk({"person": "bigint", **_PROFILE, "mark": "bigint"}, ("moment",), _PROFILE_NOW)

# shown: the tags as they are filtered by, a JSON list; None: the API does not say them, the last known stay.
_TEXT = {"person": "bigint", "subject": "text", "tags": "text", "tags_now": "jsonb", "shown": "jsonb",
         "subject_mark": "bigint", "tags_mark": "bigint", "new_subject": "boolean", "new_tags": "boolean"}


def _whose(name: str, said: str) -> dict[str, str]:
    """What is not said stays whose it is; what stays the same stays since when it is."""
    ours = f"t.{name}_source = '{SOURCE}'"
    return {f"{name}_source": f"CASE WHEN {said} IS NULL THEN t.{name}_source ELSE '{SOURCE}' END",
            f"{name}_at": f"CASE WHEN {said} IS NULL OR (NOT {{new_{name}}} AND {ours}) THEN t.{name}_at "
                          "ELSE {moment} END"}


_TEXT_NOW = Update("person_details", "t.person_id = {person}", {
    "subject": "coalesce({subject}, t.subject)", "tags": "coalesce({tags_now}, t.tags)",
    "subject_mark": "coalesce({subject_mark}, t.subject_mark)", "tags_mark": "coalesce({tags_mark}, t.tags_mark)",
    **_whose("subject", "{subject}"), **_whose("tags", "{tags_now}")})
_TAGS_GONE = Said(
    "DELETE FROM person_tags t USING {source} WHERE t.person_id = {person} AND {new_tags} AND NOT {shown} ? t.tag",
    "DELETE FROM person_tags WHERE person_id = {person} AND {new_tags} AND {shown} IS NOT NULL "
    "AND tag NOT IN (SELECT value FROM json_each({shown}))")
_TAGS_CAME = Said(
    "INSERT INTO person_tags (person_id, tag) SELECT {person}, tag FROM {source}, "
    "jsonb_array_elements_text({shown}) AS tag WHERE {new_tags} ON CONFLICT DO NOTHING",
    "INSERT INTO person_tags (person_id, tag) SELECT {person}, value FROM json_each({shown}) WHERE {new_tags} "
    "ON CONFLICT DO NOTHING")
TEXTS = Bulk(
    _TEXT, ("at", "moment"), _TEXT_NOW,
    Insert("affiliate_subjects", {"person_id": "{person}", "since": "{at}", "subject": "{subject}"}, "{new_subject}"),
    Insert("affiliate_tags", {"person_id": "{person}", "since": "{at}", "tags": "{tags}"}, "{new_tags}"),
    _TAGS_GONE, _TAGS_CAME)
TEXTS_NOW = Bulk(_TEXT, ("moment",), _TEXT_NOW, _TAGS_GONE, _TAGS_CAME)

# ---- broadcasts

NAMES = Ask("SELECT id, username FROM persons WHERE id IN ({people})")
STARTED_BEFORE = Ask("SELECT person_id, started_at, first_seen_at FROM broadcasts WHERE person_id IN ({people}) "
                     "AND started_at >= {low} ORDER BY started_at")
SESSION = Ask("SELECT person_id, session_since, session_polls, session_peak, session_viewers, session_viewed, "
              "session_first, session_last FROM person_current WHERE person_id IN ({people})")
GOES_ON = Bulk({"person": "bigint", "started": "timestamptz"}, (), Update(
    "broadcasts", "t.person_id = {person} AND t.started_at = {started}",
    {"closed": "false", "misses": "0"} | dict.fromkeys((
        "missed_at", "last_seen_at", "ended_latest", "polls", "viewers_peak", "viewers_mean", "followers_first",
        "followers_last"), "NULL")))
BEGUN = Bulk({"person": "bigint", "started": "timestamptz"}, ("moment",), Insert("broadcasts", {
    "person_id": "{person}", "started_at": "{started}", "first_seen_at": "{moment}", "misses": "0",
    "closed": "false"}))
MISSED = Bulk({"person": "bigint", "misses": "smallint", "since": "timestamptz"}, (), Update(
    "broadcasts", "t.person_id = {person} AND NOT t.closed", {"misses": "{misses}", "missed_at": "{since}"}))
NOT_LIVE = Bulk({"person": "bigint"}, (), Update(
    "person_current", "t.person_id = {person} AND t.live_until IS NOT NULL", {"live_until": "NULL"}))
ENDED = Bulk(
    {"person": "bigint", "last": "timestamptz", "absent": "timestamptz", "polls": "integer", "peak": "integer",
     "mean": "double precision", "first": "bigint", "newest": "bigint"}, (), Update(
         "broadcasts", "t.person_id = {person} AND NOT t.closed", {
             "closed": "true", "last_seen_at": "{last}", "ended_latest": "{absent}", "polls": "{polls}",
             "viewers_peak": "{peak}", "viewers_mean": "{mean}", "followers_first": "{first}",
             "followers_last": "{newest}"}))


def numbers(rooms: Mapping[int, Room], shows: Mapping[str, int], first_seen: Sequence[int | None]) -> list[Column]:
    """The columns of `NUMBERS`. first_seen: of the broadcasts that go on."""
    people = list(rooms.values())
    told = [room.show for room in people]
    return [list(rooms), [room.followers for room in people], [room.viewers for room in people],
            [room.seconds_online for room in people], [None if show is None else shows[show] for show in told], told,
            [room.is_hd for room in people], first_seen]


def profiles(rooms: Mapping[int, Room]) -> list[Column]:
    """The columns of `PROFILES`."""
    said = [room.profile for room in rooms.values()]
    columns: list[Column] = list(zip(*said, strict=True)) if said else [()] * len(PROFILE)
    return [list(rooms), *columns, [mark(profile) for profile in said]]


def texts(rooms: Mapping[int, tuple[Room, bool, bool]]) -> list[Column]:
    """The columns of `TEXTS`."""
    people = [room for room, _, _ in rooms.values()]
    tags = [room.tags for room in people]
    return [list(rooms), [room.subject for room in people], tags, tags, [room.shown_tags() for room in people],
            [mark(room.subject) if new else None for room, new, _ in rooms.values()],
            [mark(room.tags) if new else None for room, _, new in rooms.values()],
            [new for _, new, _ in rooms.values()], [new for _, _, new in rooms.values()]]

"""The row of a person that every list, tab, export and API call shows: one select, one shape, and who wins in it.

A row holds the words of every source beside each other. `told` decides between them at the moment of reading, by the
rules of `server.priorities`, so that a word that has gone stale gives way at once.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from server import priorities
from server.affiliate.rooms import mark
from server.jobs.intervals import intervals
from server.models import (
    PLATFORM,
    CbhoursCurrent,
    CbhoursState,
    FollowInterval,
    FollowList,
    Person,
    PersonCurrent,
    PersonDetails,
    PersonTag,
    PictureState,
    Profile,
)
from server.priorities import NO_ORIGIN, NUMBERS, PROFILE, Origin, Word

ROLES = {"models": ("model", "both"), "viewers": ("viewer", "both"), "model": ("model", "both"),
         "viewer": ("viewer", "both"), "both": ("both",), "unknown": ("unknown",)}
SOON_AFTER_LIVE = timedelta(hours=3)  # whoever may be shown as live has been seen since then: an index finds them
CACHED = ("display_name", "age", "gender", "country", "location", "image_url")
_ZERO = timedelta(0)
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_PLACES = {source: place for place, source in enumerate(priorities.ORDER["profile"])}
NOT_SAID = mark(None)  # what the affiliate API said last of a subject or of tags: nothing


class PersonRow(NamedTuple):
    """What is known of one person, as it is stored. None: nobody has told us yet.

    display_name … image_url_360x270, subject, tags  each of the source beside it
    show … live_until  the affiliate API's own words, affiliate_followers too; by_cbhours_…: those of CBHours; cached_…:
                  those of pages that were read or handed over
    followers     the word that had won when the newest one came in
    last_seen_at  last seen broadcasting, by whichever source
    picture       SHA-256 of the newest picture that is stored here
    has_trophy    whether CBHours can be asked for the person; None: not yet known
    listed_at     the newest complete reading of followed cams that still showed the person on its cards
    following, follower  on a list of any account now
    """

    person_id: int
    uuid: UUID
    platform: str
    username: str
    role: str
    created_at: datetime
    display_name: str | None
    age: int | None
    gender: str | None
    birthday: str | None
    country: str | None
    location: str | None
    spoken_languages: str | None
    is_new: bool | None
    image_url: str | None
    image_url_360x270: str | None
    profile_source: str | None
    profile_at: datetime | None
    subject: str | None
    subject_source: str | None
    subject_at: datetime | None
    subject_mark: int | None
    tags: Sequence[str] | None
    tags_source: str | None
    tags_at: datetime | None
    tags_mark: int | None
    show: str | None
    viewers: int | None
    seconds_online: int | None
    is_hd: bool | None
    live_at: datetime | None
    live_until: datetime | None
    followers: int | None
    followers_source: str | None
    followers_at: datetime | None
    affiliate_followers: int | None
    rank: int | None
    gender_rank: int | None
    rank_at: datetime | None
    snapshots: int | None
    last_seen_at: datetime | None
    affiliate_at: datetime | None
    cbhours_at: datetime | None
    cbhours_live_until: datetime | None
    list_live_at: datetime | None
    by_cbhours_online_at: datetime | None
    by_cbhours_show: str | None
    by_cbhours_viewers: int | None
    by_cbhours_followers: int | None
    by_cbhours_followers_at: datetime | None
    by_cbhours_gender: str | None
    by_cbhours_is_new: bool | None
    by_cbhours_subject: str | None
    by_cbhours_tags: Sequence[str] | None
    cached_source: str | None
    cached_at: datetime | None
    cached_display_name: str | None
    cached_age: int | None
    cached_gender: str | None
    cached_country: str | None
    cached_location: str | None
    cached_image_url: str | None
    cached_subject: str | None
    cached_tags: Sequence[str] | None
    picture: str | None
    has_trophy: bool | None
    listed_at: datetime | None
    following: bool
    follower: bool


_PROFILE, _CACHED = (slice(PersonRow._fields.index(first), PersonRow._fields.index(last) + 1) for first, last in (
    (PROFILE[0], PROFILE[-1]), (f"cached_{CACHED[0]}", f"cached_{CACHED[-1]}")))

# Columns of tables, not of mapped classes: rows of those take a way of their own that is twice as long.
_person, _current, _details, _cbhours, _cached, _picture, _state = (model.__table__.c for model in (
    Person, PersonCurrent, PersonDetails, CbhoursCurrent, Profile, PictureState, CbhoursState))
_listed = aliased(FollowInterval)  # a name of its own beside the interval that a list is about


def _is_in(direction: str) -> Any:
    """Not an EXISTS: PostgreSQL would read all follows at once for it, whatever the limit of the list."""
    one = select(literal(True)).where(_listed.person_id == _person.id, _listed.direction == direction,
                                      _listed.end_latest.is_(None)).limit(1).correlate(Person.__table__)
    return func.coalesce(one.scalar_subquery(), literal(False)).label(direction)


def _listed_at() -> Any:
    """Lists of followers show names alone, so only followed cams confirm what a card says."""
    return (
        select(func.max(FollowList.complete_started_at))
        .join(_listed, and_(_listed.account_id == FollowList.account_id, _listed.direction == FollowList.direction))
        .where(_listed.person_id == Person.id, _listed.direction == "following", _listed.end_latest.is_(None),
               _listed.missing_since.is_(None))
        .correlate(Person).scalar_subquery().label("listed_at")
    )


COLUMNS: tuple[Any, ...] = (
    _person.id, _person.uuid, _person.platform, _person.username, _person.role, _person.created_at,
    *(_details[name] for name in (
        *PROFILE, "profile_source", "profile_at", "subject", "subject_source", "subject_at", "subject_mark", "tags",
        "tags_source", "tags_at", "tags_mark")),
    *(_current[name] for name in (
        *NUMBERS, "live_at", "live_until", "followers", "followers_source", "followers_at", "affiliate_followers",
        "rank", "gender_rank", "rank_at", "snapshots", "last_seen_at", "affiliate_at", "cbhours_at",
        "cbhours_live_until", "list_live_at")),
    *(_cbhours[name].label(f"by_cbhours_{name}") for name in (
        "online_at", "show", "viewers", "followers", "followers_at", "gender", "is_new", "subject", "tags")),
    _cached.source.label("cached_source"), _cached.changed_at.label("cached_at"),
    *(_cached[name].label(f"cached_{name}") for name in (*CACHED, "subject", "tags")),
    _picture.sha256, _state.has_trophy, _listed_at(), _is_in("following"), _is_in("follower"),
)
WIDTH = len(COLUMNS)
_BESIDE = (PersonCurrent, PersonDetails, CbhoursCurrent, Profile, PictureState, CbhoursState)


def with_current(query: Any) -> Any:
    """A select over persons, joined with what is known of them now."""
    for model in _BESIDE:
        query = query.outerjoin(model, model.person_id == Person.id)
    return query


def _joined() -> Any:
    tables: Any = Person.__table__
    for model in _BESIDE:
        tables = tables.outerjoin(model.__table__, model.__table__.c.person_id == _person.id)
    return tables


_THESE = (  # made once: putting it together takes as long as asking it
    select(*COLUMNS).select_from(_joined()).where(_person.id.in_(bindparam("person_ids", expanding=True))))


def rows_of(session: Session, person_ids: Sequence[int]) -> list[PersonRow]:
    """These people, in this order; whoever was erased meanwhile is left out."""
    if not person_ids:
        return []
    found = {row[0]: PersonRow(*row) for row in session.execute(_THESE, {"person_ids": list(person_ids)})}
    return [found[key] for key in person_ids if key in found]


def row_of(session: Session, username: str, platform: str = PLATFORM) -> PersonRow | None:
    """One person; None: never heard of."""
    query = with_current(select(*COLUMNS).select_from(Person)).where(
        Person.platform == platform, Person.username == username.strip().lower())
    row = session.execute(query).one_or_none()
    return None if row is None else PersonRow(*row)


def is_known(session: Session, username: str) -> bool:
    return bool(session.scalar(select(exists().where(Person.platform == PLATFORM, Person.username == username))))


# ---- filters


def checked_row_by_row(session: Session, column: Any) -> Any:
    """A column for a condition that must not decide where SQLite begins: it knows no numbers, and would rather go
    through everybody of one platform and sort them than walk along the index of the sort."""
    if session.get_bind().dialect.name != "sqlite":
        return column
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def name_contains(session: Session, text: str) -> ColumnElement[bool]:
    if session.get_bind().dialect.name == "sqlite":
        return func.instr(Person.username, text.lower()) > 0  # a third of the time of LIKE
    # By its index (ix_persons_username_trigrams), which is of lower(username) so that nothing else uses it.
    return func.lower(Person.username).contains(text.lower(), autoescape=True)


def has_tag(tag: str) -> ColumnElement[bool]:
    """People without tags have none that matches."""
    return exists().where(PersonTag.person_id == Person.id, PersonTag.tag == tag.lower())


class Freshness(NamedTuple):
    """What is needed to say how fresh a value is: how often each source is asked, and the present."""

    intervals: dict[str, timedelta]
    now: datetime


def freshness(session: Session, now: datetime) -> Freshness:
    """How often the sources are asked now, as their jobs are configured."""
    return Freshness(intervals(session), now)


def live_now(about: Freshness) -> ColumnElement[bool]:
    """`server.priorities.live` in SQL, over `PersonCurrent`; unknown counts as not live."""
    current, now = PersonCurrent, about.now
    asked_since = now - priorities.fresh_for(about.intervals["cbhours"])
    offline = and_(current.cbhours_live_until.is_(None), func.coalesce(current.cbhours_at >= asked_since, False))
    by_list = and_(current.list_live_at >= now - priorities.LIVE_BY_LISTS, ~offline)
    return func.coalesce(or_(
        func.coalesce(current.live_until >= now, False), func.coalesce(current.cbhours_live_until >= now, False),
        func.coalesce(by_list, False)), False)


def live_after(about: Freshness) -> datetime:
    """Whoever may be shown as live was seen broadcasting since then."""
    longest = max(priorities.fresh_for(interval) for source, interval in about.intervals.items() if source != "browser")
    return about.now - max(SOON_AFTER_LIVE, longest)


# ---- who wins


class Told(NamedTuple):
    """A person as they are to be shown.

    person   the row with the winners in it
    live     whether they may be shown as live
    origins  of each group of values: role, profile, tags, live, numbers, followers, rank, seen, snapshots
    apart    field -> its origin, where that is not the one of its group
    words    on whether they are live, by source
    """

    person: PersonRow
    live: bool
    origins: dict[str, Origin]
    apart: dict[str, Origin]
    words: Sequence[Word]


def told(row: PersonRow, about: Freshness) -> Told:
    """What is to be shown of a person at this moment, and who says so.

    Most people are known to one source alone, whose words win without being compared.
    """
    asked, now = about
    changed: dict[str, Any] = {}
    apart: dict[str, Origin] = {}
    words = live_words(row)
    live, live_origin = priorities.live(words, asked, now) if words else (False, NO_ORIGIN)
    if not words and row.affiliate_at is not None:
        live_origin = Origin("affiliate", row.affiliate_at, False)  # it was so then, and has ended since
    polled = None if row.affiliate_at is None else _origin("affiliate", row.affiliate_at, asked, now)
    profile = _profile(row, about, changed, apart)
    tags, subject = _text_origin(row, "tags", about, changed), _text_origin(row, "subject", about, changed)
    if tags.source is None:
        tags = subject
    elif subject.source is not None and subject != tags:
        apart["subject"] = subject
    numbers = _numbers(row, about, changed, apart)
    followers = _followers(row, about, changed)
    newest = max((at for at in (row.affiliate_at, row.by_cbhours_online_at, row.listed_at) if at is not None),
                 default=row.created_at)
    by = "cbhours" if row.affiliate_at is None and row.by_cbhours_online_at is not None else "browser"
    origins = {
        "role": _origin(by if polled is None else "affiliate", newest, asked, now),
        "profile": profile, "tags": tags, "live": live_origin, "numbers": numbers, "followers": followers,
        "rank": NO_ORIGIN if row.rank is None and row.gender_rank is None
        else priorities.origin("cbhours", row.rank_at, asked, now),
        "seen": priorities.origin(_seen_by(row), row.last_seen_at, asked, now),
        "snapshots": (row.snapshots and polled) or NO_ORIGIN,
    }
    return Told(row._replace(**changed) if changed else row, live, origins, apart, words)


def contrary(now: Told, about: Freshness) -> list[Word]:
    """Fresh words of other sources that say the contrary of what is shown of being live."""
    return [word for word in now.words if word.value is not now.live and word.source != now.origins["live"].source
            and word.fresh(*about)]


def _origin(source: str, at: datetime, asked: Mapping[str, timedelta], now: datetime) -> Origin:
    return Origin(source, at, priorities.is_fresh(at, asked.get(source, _ZERO), now))


def _profile(row: PersonRow, about: Freshness, changed: dict[str, Any], apart: dict[str, Origin]) -> Origin:
    """Each field of the first source that says it; the origin of most of them."""
    stored = row.profile_source
    if row.by_cbhours_online_at is None and (row.cached_source is None or row.cached_source == stored):
        at = None if stored is None else _profile_at(row)
        return NO_ORIGIN if stored is None or at is None else _origin(stored, at, *about)
    said = profile_words(row)
    origins = {source: _origin(source, at, *about) for source, at, _ in said}
    whole = origins.get(stored or "") or next(iter(origins.values()), NO_ORIGIN)
    missing: Sequence[str] = PROFILE
    for source, _, values in said:
        found = [name for name in missing if values.get(name) is not None]
        if source != stored:
            changed |= {name: values[name] for name in found}
        if origins[source] is not whole:
            apart |= dict.fromkeys(found, origins[source])
        missing = [name for name in missing if name not in found]
        if not missing:
            break
    return whole


def _text_origin(row: PersonRow, name: str, about: Freshness, changed: dict[str, Any]) -> Origin:
    """Of `subject` or `tags`."""
    words = text_words(row, name)
    winner = words[0] if len(words) == 1 else priorities.winner("tags", words, *about) if words else None
    if winner is None:
        return NO_ORIGIN
    if winner.value is not (row.tags if name == "tags" else row.subject):
        changed[name] = winner.value
    return priorities.origin_of(winner, *about)


def _numbers(row: PersonRow, about: Freshness, changed: dict[str, Any], apart: dict[str, Origin]) -> Origin:
    """What the broadcast is like: of who says best how things stand now, else as it was last."""
    if row.by_cbhours_online_at is None:
        if row.live_at is None or (
                row.viewers is None and row.show is None and row.seconds_online is None and row.is_hd is None):
            return NO_ORIGIN
        return Origin("affiliate", row.live_at, row.live_until is not None and row.live_until >= about.now)
    found: dict[str, Origin] = {}
    for name in NUMBERS:
        winner = priorities.winner("numbers", number_words(row, name), *about)
        if winner is not None:
            changed[name] = winner.value
            found[name] = priorities.origin_of(winner, *about)
    whole = found.get("viewers") or found.get("show") or next(iter(found.values()), NO_ORIGIN)
    apart |= {name: one for name, one in found.items() if one != whole}
    return whole


def _followers(row: PersonRow, about: Freshness, changed: dict[str, Any]) -> Origin:
    words = follower_words(row)
    if not words:
        return NO_ORIGIN
    winner = words[0] if len(words) == 1 else priorities.winner("followers", words, *about)
    if winner is None:
        return NO_ORIGIN
    if winner.value != row.followers:
        changed["followers"] = winner.value
    return priorities.origin_of(winner, *about)


def _seen_by(row: PersonRow) -> str | None:
    """Which source has seen somebody broadcasting last. Segments of CBHours are proofs, too, and newer than the rest
    only where neither of the others is as new."""
    if row.last_seen_at is None:
        return None
    proofs = {"affiliate": row.affiliate_at, "browser": row.list_live_at}
    return next((source for source, at in proofs.items() if at is not None and at >= row.last_seen_at), "cbhours")


# ---- the words of a row


def live_words(row: PersonRow) -> list[Word]:
    return priorities.live_words(
        polled_at=row.affiliate_at, polled_until=row.live_until, asked_at=row.cbhours_at,
        online_until=row.cbhours_live_until, listed_at=row.list_live_at)


def profile_words(row: PersonRow) -> list[tuple[str, datetime, Mapping[str, Any]]]:
    """source, the newest proof, its words by field; in the order of `priorities.ORDER`."""
    found: list[tuple[str, datetime, Mapping[str, Any]]] = []
    cells: Sequence[Any] = row
    at = _profile_at(row)
    if row.profile_source is not None and at is not None:
        found.append((row.profile_source, at, dict(zip(PROFILE, cells[_PROFILE], strict=True))))
    if row.by_cbhours_online_at is not None and (row.by_cbhours_gender or row.by_cbhours_is_new is not None):
        found.append(("cbhours", row.by_cbhours_online_at,
                      {"gender": row.by_cbhours_gender, "is_new": row.by_cbhours_is_new}))
    at = _cached_at(row)
    if row.cached_source is not None and row.cached_source != row.profile_source and at is not None:
        found.append((row.cached_source, at, dict(zip(CACHED, cells[_CACHED], strict=True))))
    if len(found) > 1:
        found.sort(key=lambda said: _PLACES.get(said[0], len(_PLACES)))
    return found


def _profile_at(row: PersonRow) -> datetime | None:
    return priorities.confirmed_at(row.profile_source, row.profile_at, polled_at=row.affiliate_at,
                                   listed_at=row.listed_at)


def text_words(row: PersonRow, name: str) -> list[Word]:
    """Of `subject` or `tags`."""
    found = []
    value, source, at, said = _text(row, name)
    if value is not None and source is not None and at is not None:
        if source != "affiliate" or said != NOT_SAID:  # else it is an older one: the newest poll says none
            at = priorities.confirmed_at(source, at, polled_at=row.affiliate_at, listed_at=row.listed_at) or at
        found.append(Word(value, source, at))
    value = row.by_cbhours_subject if name == "subject" else row.by_cbhours_tags
    if value is not None and row.by_cbhours_online_at is not None:
        found.append(Word(value, "cbhours", row.by_cbhours_online_at))
    value = row.cached_subject if name == "subject" else row.cached_tags
    at = _cached_at(row)
    if value is not None and row.cached_source is not None and at is not None:
        found.append(Word(value, row.cached_source, at))
    return found


def _text(row: PersonRow, name: str) -> tuple[Any, str | None, datetime | None, int | None]:
    if name == "subject":
        return row.subject, row.subject_source, row.subject_at, row.subject_mark
    return row.tags, row.tags_source, row.tags_at, row.tags_mark


def _cached_at(row: PersonRow) -> datetime | None:
    return priorities.confirmed_at(row.cached_source, row.cached_at, polled_at=None, listed_at=row.listed_at)


def number_words(row: PersonRow, name: str) -> list[Word]:
    """Of one of `NUMBERS`."""
    found = []
    value = getattr(row, name)
    if value is not None and row.live_at is not None:
        found.append(Word(value, "affiliate", row.live_at, row.live_until or BEFORE_ALL))
    value = row.by_cbhours_show if name == "show" else row.by_cbhours_viewers if name == "viewers" else None
    if value is not None and row.by_cbhours_online_at is not None:
        found.append(Word(value, "cbhours", row.by_cbhours_online_at, row.cbhours_live_until or BEFORE_ALL))
    return found


def follower_words(row: PersonRow) -> list[Word]:
    """With the settled word where that is an older one: of somebody who has not said any since."""
    found = []
    if row.by_cbhours_followers is not None and row.by_cbhours_followers_at is not None:
        found.append(Word(row.by_cbhours_followers, "cbhours", row.by_cbhours_followers_at))
    if row.affiliate_followers is not None and row.affiliate_at is not None:
        found.append(Word(row.affiliate_followers, "affiliate", row.affiliate_at))
    if row.followers is not None and row.followers_source is not None and row.followers_at is not None and not any(
            word.source == row.followers_source and word.at >= row.followers_at for word in found):
        found.append(Word(row.followers, row.followers_source, row.followers_at))
    return found

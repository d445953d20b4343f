"""Rows as the pages show them: each value with a mark that says its source, its moment and whether it is fresh."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from server import display
from server.follows.queries import FollowRow
from server.people.rows import Freshness, PersonRow, Told, contrary, told
from server.people.values import Said
from server.priorities import Origin, Word
from server.queue.store import Entry
from server.time import owner_zone

NAMES = {"affiliate": "Affiliate API", "cbhours": "CBHours", "browser": "Read from the site's pages",
         "import": "From saved pages", "manual": "From a list of names", "events": "Events API", "stats": "Stats API"}
COLOURS = {"affiliate": "affiliate", "cbhours": "cbhours"}  # everything else is a cached word


class Mark(NamedTuple):
    """colour: affiliate, cbhours or cached; empty: nobody has said it yet."""

    colour: str
    fresh: bool
    title: str

    @property
    def css(self) -> str:
        return f"said from-{self.colour}{'' if self.fresh else ' stale'}" if self.colour else ""


NO_MARK = Mark("", False, "")


TITLES = {
    "role": "Role", "live": "Live", "last_seen_at": "Last seen online", "current_show": "Show", "viewers": "Viewers",
    "seconds_online": "Time online", "is_hd": "HD", "followers": "Followers", "rank": "Rank",
    "gender_rank": "Rank in gender", "snapshots": "Snapshots", "display_name": "Display name", "age": "Age",
    "gender": "Gender", "birthday": "Birthday", "country": "Country", "location": "Location",
    "spoken_languages": "Languages", "is_new": "New", "subject": "Subject", "tags": "Tags",
}
NOTES = {"rank": "CBHours only", "gender_rank": "CBHours only"}
APART = (("profile", "age"), ("numbers", "viewers"))  # single fields of groups that rows show
GENDERS = {"m": "male", "f": "female", "t": "trans", "c": "couple"}


class ShownValue(NamedTuple):
    """One line of the table of values.

    others  what lost, in words; note: what is to be known about the field beside, empty: nothing
    doubt   a source that is fresh, too, says otherwise
    """

    title: str
    words: str
    source: str
    at: datetime | None
    mark: Mark
    others: Sequence[str]
    note: str = ""
    doubt: bool = False


class Shown(NamedTuple):
    """One row.

    person   with the winners in it
    numbers  show and viewers are of now
    marks    by group of values (`server.people.rows.Told`), of age and viewers apart, and `newest`: the newest word of
             all
    doubt    in words: another source is fresh, too, and says the contrary of `live`
    """

    person: PersonRow
    follow: FollowRow | None
    live: bool
    live_at: Origin
    numbers: bool
    marks: Mapping[str, Mark]
    entry: Entry | None
    doubt: str = ""


class Marks:
    """Makes marks; many values share their origin, so each is put into words once."""

    def __init__(self, about: Freshness) -> None:
        self.about = about
        self.zone = owner_zone()
        self.made: dict[Origin, Mark] = {}

    def of(self, origin: Origin) -> Mark:
        if origin.source is None or origin.at is None:
            return NO_MARK
        mark = self.made.get(origin)
        if mark is None:
            mark = self.made[origin] = Mark(
                COLOURS.get(origin.source, "cached"), origin.fresh,
                f"{NAMES.get(origin.source, origin.source)}, as of {display.exact(origin.at, self.zone)} "
                f"({display.ago(origin.at, self.about.now)}), {'fresh' if origin.fresh else 'not fresh'}")
        return mark


def shown(rows: Iterable[PersonRow | FollowRow], about: Freshness, queue: Mapping[str, Entry]) -> Sequence[Shown]:
    marks = Marks(about)
    return [_shown(row, marks, queue) for row in rows]


def values_of(said: Iterable[Said], about: Freshness) -> Sequence[ShownValue]:
    """A person's values that are known, in words, with what other sources said."""
    marks = Marks(about)
    return [
        ShownValue(TITLES[one.name], _words(one.name, one.value), NAMES.get(one.origin.source or "", ""), one.origin.at,
                   marks.of(one.origin), [_said(one.name, other, about.now) for other in one.others],
                   NOTES.get(one.name, ""), one.contradicted)
        for one in said if one.name in TITLES and one.value is not None]


def _said(name: str, word: Word, now: datetime) -> str:
    """'CBHours said offline, 3 min ago'."""
    words = ("live" if word.value else "offline") if name == "live" else _words(name, word.value)
    return f"{NAMES.get(word.source, word.source)} said {words}, {display.ago(word.at, now)}"


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return display.exact(value, owner_zone())
    if isinstance(value, list):
        return " ".join(f"#{tag}" for tag in value) or "none"
    if name == "seconds_online":
        return display.duration(value * 1000)
    if name == "gender":
        return GENDERS.get(value, value)
    return display.number(value) if isinstance(value, int) else str(value) or "left empty"


def _shown(row: PersonRow | FollowRow, marks: Marks, queue: Mapping[str, Entry]) -> Shown:
    raw, follow = (row.person, row) if isinstance(row, FollowRow) else (row, None)
    now = told(raw, marks.about)
    made = {name: marks.of(origin) for name, origin in now.origins.items()}
    for group, name in APART:
        made[name] = marks.of(now.apart[name]) if name in now.apart else made[group]
    known = [origin for name, origin in now.origins.items() if name != "role" and origin.at is not None]
    newest = max(known, key=lambda origin: (origin.at, origin.fresh), default=None)
    made["newest"] = marks.of(newest) if newest else NO_MARK
    return Shown(now.person, follow, now.live, now.origins["live"], now.live and now.origins["numbers"].fresh, made,
                 queue.get(raw.username), _doubt(now, marks.about))


def _doubt(now: Told, about: Freshness) -> str:
    return "; ".join(_said("live", word, about.now) for word in contrary(now, about))

"""How single sightings become broadcasts. Pure: whole seconds in, decisions out.

A broadcast begins at `seen - seconds_online`, a value that moves by up to a minute between polls. It ends when two
polls that should have shown the room did not, or when a later start shows that a new one has begun. A poll that
did not see everyone proves nobody's absence; who is not seen for half a day by such polls has ended unproved.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

TOLERANCE = 5 * 60
MISSES = 2
SILENCE = 12 * 60 * 60


@dataclass(slots=True)
class Open:
    """A broadcast that goes on.

    misses, missed_at   how many polls in a row should have shown it and did not, and the first of them
    """

    started: int
    first_seen: int
    last_seen: int
    gender: str | None
    misses: int = 0
    missed_at: int | None = None


class End(NamedTuple):
    """first_seen, last_seen: its first and last proof; absent: first proved absence, None: nobody looked."""

    first_seen: int
    last_seen: int
    absent: int | None


@dataclass(frozen=True)
class Changes:
    """begin: person -> start; end: person -> its end (a person may be in both); miss: person -> (misses, first of
    them); heal: persons who were missed and are seen again."""

    begin: dict[int, int] = field(default_factory=dict)
    end: dict[int, End] = field(default_factory=dict)
    miss: dict[int, tuple[int, int]] = field(default_factory=dict)
    heal: list[int] = field(default_factory=list)


def changes(going_on: Mapping[int, Open], seen: Mapping[int, int | None], at: int, covers: frozenset[str], *,
            there: Container[int] = (), gone: Container[int] = ()) -> Changes:
    """What a poll changes.

    seen    person -> seconds_online, None if the API did not say it
    covers  the genders of which this poll saw everyone; empty if it did not
    there   who is online and was not kept, for too few followers, say
    gone    who was looked for by name and is surely not online
    """
    found = Changes()
    for person, seconds in seen.items():
        start = at if seconds is None else at - seconds
        known = going_on.get(person)
        if known is None:
            found.begin[person] = start
        elif seconds is not None and start > known.started + TOLERANCE and start > known.last_seen - TOLERANCE:
            found.end[person] = End(known.first_seen, known.last_seen, known.missed_at or max(start, known.last_seen))
            found.begin[person] = start
        elif known.misses:
            found.heal.append(person)
    for person, known in going_on.items():
        if person in seen:
            continue
        proved = person in gone or bool(covers and (known.gender is None or known.gender in covers))
        if proved and person not in there:
            misses, first = known.misses + 1, known.missed_at or at
            if misses >= MISSES:
                found.end[person] = End(known.first_seen, known.last_seen, first)
            else:
                found.miss[person] = (misses, first)
        elif at - known.last_seen > SILENCE:
            found.end[person] = End(known.first_seen, known.last_seen, known.missed_at)
        elif known.misses and person in there:
            found.heal.append(person)
    return found


def after(going_on: dict[int, Open], what: Changes, seen: Iterable[int], at: int,
          genders: Mapping[int, str | None]) -> dict[int, Open]:
    """The broadcasts that go on after these changes: those that went on before, brought up to date."""
    for person in what.end:
        del going_on[person]
    for person in seen:
        if person in going_on:
            going_on[person].last_seen = at
    for person in what.heal:
        going_on[person].misses, going_on[person].missed_at = 0, None
    for person, (misses, first) in what.miss.items():
        going_on[person].misses, going_on[person].missed_at = misses, first
    for person, start in what.begin.items():
        going_on[person] = Open(start, at, at, genders.get(person))
    return going_on


class Figures(NamedTuple):
    """What the snapshots of a broadcast add up to; None: the API never said it."""

    polls: int
    viewers_peak: int | None
    viewers_mean: float | None
    followers_first: int | None
    followers_last: int | None

    @property
    def followers_gained(self) -> int | None:
        if self.followers_first is None or self.followers_last is None:
            return None
        return self.followers_last - self.followers_first


def figures(points: Iterable[tuple[int | None, int | None]]) -> Figures:
    """points  (viewers, followers) of each snapshot, oldest first"""
    points = list(points)
    viewers = [one for one, _ in points if one is not None]
    followers = [one for _, one in points if one is not None]
    return Figures(len(points), max(viewers, default=None), sum(viewers) / len(viewers) if viewers else None,
                   followers[0] if followers else None, followers[-1] if followers else None)

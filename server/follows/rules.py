"""When a follow begins and ends: the one place where this is decided, whichever source brought the news. Pure.

A list is read again and again. From one reading of it and the follows that are open now, `changes` says
what is new:

    seen and not open            begins, between the last complete reading that did not show it and this one
    absent, complete reading     goes missing: first proved absence
    absent again, complete       ends, between the last proved presence and the first proved absence
    seen while missing           heals, as if nothing had been
    partial reading              may begin, heal and refresh, never takes away
    rejected reading             changes nothing
    too many would go missing    the reading is held for the owner; nothing is changed
    older than what is known     begins and ends nothing; `sharpened` may narrow the bounds of what is known

Exact news of one person (a follow or unfollow event) goes through `with_event`.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil
from typing import Literal, NamedTuple

HOLD_AT_LEAST = 20
HOLD_SHARE = 0.10


class OpenFollows(NamedTuple):
    """The follows of a list that have not ended: username -> id, apart by whether the last reading showed them.

    Two plain mappings, because a list may have 200,000 people and an object for each costs more than the rest.
    """

    present: Mapping[str, int]
    missing: Mapping[str, int]


class Span(NamedTuple):
    """A reading takes time: what it saw was true at some moment in it."""

    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True)
class Begin:
    username: str
    start_earliest: datetime | None
    start_latest: datetime
    returned: bool  # an earlier follow of this person has ended


@dataclass(frozen=True)
class Changes:
    """What one reading changes. Bounds that are the same for all rows are given once, by the reading's span."""

    held: bool = False
    late: bool = False
    begin: tuple[Begin, ...] = ()
    heal: tuple[int, ...] = ()  # missing no more; seen at `span.started_at`
    refresh: tuple[int, ...] = ()  # present; only partial readings need to say so
    go_missing: tuple[int, ...] = ()  # missing since `span.finished_at`
    end: tuple[int, ...] = ()  # missing before and absent again: ends with the bounds kept when it went missing
    would_begin: tuple[str, ...] = field(default=())  # of a held reading, for the owner to see
    would_leave: tuple[str, ...] = field(default=())


def hold_limit(present: int) -> int:
    """How many of the people present may be absent from one reading before the owner is asked."""
    return max(HOLD_AT_LEAST, ceil(present * HOLD_SHARE))


def is_late(reading: Span, last_complete: Span | None) -> bool:
    """Whether this reading is older than the newest complete one that was applied."""
    return last_complete is not None and reading.finished_at <= last_complete.finished_at


def changes(
    follows: OpenFollows,
    seen: frozenset[str] | set[str],
    verdict: Literal["complete", "partial", "rejected"],
    reading: Span,
    *,
    last_complete: Span | None,
    ended: Mapping[str, datetime],
    seen_later: Container[int] = frozenset(),
    accepted: bool = False,
) -> Changes:
    """What one reading of a list changes.

    ended       of the seen people without an open follow: when the last one ended (its latest bound)
    seen_later  open follows that are proved present after this reading began; they cannot be absent from it
    accepted    the owner has looked at a held reading and says that it is true
    """
    if verdict == "rejected":
        return Changes()
    if is_late(reading, last_complete):
        return Changes(late=True)
    present, missing = follows
    fresh = [name for name in seen if name not in present and name not in missing]
    absent: list[str] = []
    if verdict == "complete":
        absent = [name for name, id_ in present.items() if name not in seen and id_ not in seen_later]
    begin = tuple(_begins(sorted(fresh), reading, last_complete, ended))
    if len(absent) > hold_limit(len(present)) and not accepted:
        return Changes(held=True, would_begin=tuple(new.username for new in begin), would_leave=tuple(sorted(absent)))
    return Changes(
        begin=begin,
        heal=tuple(id_ for name, id_ in missing.items() if name in seen),
        refresh=tuple(id_ for name, id_ in present.items() if name in seen) if verdict == "partial" else (),
        go_missing=tuple(present[name] for name in absent),
        end=tuple(id_ for name, id_ in missing.items() if name not in seen and id_ not in seen_later)
        if verdict == "complete" else (),
    )


def _begins(names: Iterable[str], reading: Span, last_complete: Span | None,
            ended: Mapping[str, datetime]) -> Iterable[Begin]:
    """New follows. Who left while or after the list was read is not back because of it."""
    absent_at = last_complete.started_at if last_complete else None
    for name in names:
        ended_at = ended.get(name)
        if ended_at is not None and ended_at >= reading.started_at:
            continue
        known_absent = [moment for moment in (absent_at, ended_at) if moment is not None]
        yield Begin(name, max(known_absent, default=None), reading.finished_at, returned=ended_at is not None)


@dataclass(frozen=True)
class Interval:
    """One unbroken follow of one person in one direction, as stored; see `server.models.FollowInterval`."""

    start_earliest: datetime | None
    start_latest: datetime
    seen_at: datetime
    start_source: str = "browser"
    missing_since: datetime | None = None
    missing_seen_at: datetime | None = None
    end_earliest: datetime | None = None
    end_latest: datetime | None = None
    end_source: str | None = None
    id: int | None = None

    @property
    def is_open(self) -> bool:
        return self.end_latest is None

    @property
    def state(self) -> Literal["current", "missing", "ended"]:
        if not self.is_open:
            return "ended"
        return "missing" if self.missing_since else "current"

    @property
    def following_from(self) -> datetime | None:
        """The best single moment of the beginning; none while only "before …" is known."""
        return None if self.start_earliest is None else self.start_latest

    @property
    def left_at(self) -> datetime | None:
        """The best single moment of the end: the first proved absence; none while it goes on."""
        return self.end_latest


def sharpened(interval: Interval, *, present: bool, reading: Span, whole: bool) -> Interval:
    """The interval with bounds narrowed by an older reading; never widened, never ended or reopened.

    present  the person is in the reading
    whole    the reading is complete, so that an absence in it is proved
    """
    if present:
        if _between(interval.start_earliest, reading.finished_at, interval.start_latest):
            interval = replace(interval, start_latest=reading.finished_at,
                               seen_at=max(interval.seen_at, reading.finished_at))
        if interval.end_latest is not None and _between(interval.end_earliest, reading.started_at, interval.end_latest):
            interval = replace(interval, end_earliest=reading.started_at)
    elif whole:
        if _between(interval.start_earliest, reading.started_at, interval.start_latest):
            interval = replace(interval, start_earliest=reading.started_at)
        if interval.end_earliest is not None and _between(interval.end_earliest, reading.finished_at,
                                                          interval.end_latest):
            interval = replace(interval, end_latest=reading.finished_at)
    return interval


def _between(earliest: datetime | None, moment: datetime, latest: datetime | None) -> bool:
    return (earliest is None or earliest < moment) and (latest is None or moment < latest)


def with_event(intervals: Iterable[Interval], event: Literal["follow", "unfollow"], at: datetime, *,
               last_complete: Span | None = None) -> list[Interval]:
    """One person's intervals after an exact event, oldest first. Events may come late, twice or in any order.

    last_complete  the newest complete reading: whoever is open and not missing was present when it began
    """
    ordered = sorted(intervals, key=lambda interval: interval.start_latest)
    return _followed(ordered, at) if event == "follow" else _unfollowed(ordered, at, last_complete)


def _followed(ordered: list[Interval], at: datetime) -> list[Interval]:
    for index, interval in enumerate(ordered):
        if _within(interval.start_earliest, at, interval.start_latest):
            return _put(ordered, index, replace(interval, start_earliest=at, start_latest=at, start_source="events",
                                                seen_at=max(interval.seen_at, at)))
    newest = ordered[-1] if ordered else None
    fresh = Interval(start_earliest=at, start_latest=at, seen_at=at, start_source="events")
    if newest is None:
        return [fresh]
    if newest.end_latest is not None:
        return [*ordered, fresh] if at >= newest.end_latest else ordered
    if newest.missing_since is not None and at >= newest.missing_since:
        left = replace(newest, end_earliest=newest.missing_seen_at, end_latest=newest.missing_since,
                       end_source=newest.start_source, missing_since=None, missing_seen_at=None)
        return [*ordered[:-1], left, fresh]
    if at > newest.start_latest:  # already following: it proves presence, and that a later "missing" was premature
        return [*ordered[:-1], replace(newest, seen_at=max(newest.seen_at, at))]
    return ordered


def _unfollowed(ordered: list[Interval], at: datetime, last_complete: Span | None) -> list[Interval]:
    for index, interval in enumerate(ordered):
        if interval.end_latest is not None and _within(interval.end_earliest, at, interval.end_latest):
            return _put(ordered, index, replace(interval, end_earliest=at, end_latest=at, end_source="events"))
        if interval.end_latest is None and at >= interval.start_latest:
            return ordered[:index] + _ended_by_event(interval, at, _present_at(interval, last_complete))
        if at < interval.start_latest:
            previous_end = ordered[index - 1].end_latest if index else None
            if _between(interval.start_earliest, at, interval.start_latest) and (
                    previous_end is None or at > previous_end):
                return _put(ordered, index, replace(interval, start_earliest=at))
            return ordered
    return ordered


def _ended_by_event(interval: Interval, at: datetime, present_at: datetime) -> list[Interval]:
    ended = replace(interval, end_earliest=at, end_latest=at, end_source="events",
                    missing_since=None, missing_seen_at=None)
    if at >= present_at:
        return [ended]
    # Proved present after the event: the person left and came back before we looked again.
    back = Interval(start_earliest=at, start_latest=present_at, seen_at=present_at, start_source=interval.start_source,
                    missing_since=interval.missing_since, missing_seen_at=interval.missing_seen_at)
    return [ended, back]


def _present_at(interval: Interval, last_complete: Span | None) -> datetime:
    """The last moment at which the follow is proved to go on."""
    proofs = [interval.seen_at, interval.start_latest]
    if interval.missing_since is not None:
        proofs += [interval.missing_seen_at] if interval.missing_seen_at else []
    elif last_complete is not None and last_complete.finished_at >= interval.start_latest:
        proofs.append(last_complete.started_at)
    return max(proofs)


def _within(earliest: datetime | None, moment: datetime, latest: datetime) -> bool:
    return (earliest is None or earliest <= moment) and moment <= latest


def _put(ordered: list[Interval], index: int, interval: Interval) -> list[Interval]:
    return [*ordered[:index], interval, *ordered[index + 1:]]

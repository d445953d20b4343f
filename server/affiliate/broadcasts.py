"""What a poll changes in the broadcasts; what is decided about them stands in `server.affiliate.rules`.

The figures of a broadcast that goes on are counted in the current row of its person, which every poll writes anyway:
a broadcast that ends needs no look at its snapshots, however many the month has.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from common.clock import moment_of
from server.affiliate import rules, statements
from server.affiliate.rooms import Room
from server.models import Broadcast, PersonCurrent, PersonDetails, snapshots


def going_on(session: Session) -> dict[int, rules.Open]:
    """person -> broadcast that goes on, as the database has it."""
    query = (
        select(Broadcast.person_id, Broadcast.started_at, Broadcast.first_seen_at, PersonCurrent.affiliate_at,
               PersonDetails.gender, Broadcast.misses, Broadcast.missed_at)
        .join(PersonCurrent, PersonCurrent.person_id == Broadcast.person_id)
        .join(PersonDetails, PersonDetails.person_id == Broadcast.person_id).where(~Broadcast.closed)
    )
    return {person: rules.Open(_seconds(started), _seconds(first), _seconds(last or first), gender, misses,
                               None if missed is None else _seconds(missed))
            for person, started, first, last, gender, misses, missed in session.execute(query)}


def take(session: Session, known: dict[int, rules.Open], rooms: Mapping[int, Room], at: int, covers: frozenset[str],
         there: frozenset[str], gone: frozenset[str]) -> dict[int, rules.Open]:
    """Write what a poll changes; the broadcasts that go on after it. To be called before the numbers are written.

    known   those that went on before; it is used up
    covers  the genders of which the poll saw everyone
    there   usernames of those who are online and were not kept; gone: of those who surely are not online
    """
    seen = {person: room.seconds_online for person, room in rooms.items()}
    names: list[Any] = []
    if there or gone:
        names = statements.NAMES.of(session, [person for person in known if person not in seen])
    what = rules.changes(known, seen, at, covers, there={person for person, name in names if name in there},
                         gone={person for person, name in names if name in gone})
    _end(session, what.end)
    after = rules.after(known, what, seen, at, {person: rooms[person].gender for person in what.begin})
    _begin(session, what.begin, after, at)
    statements.NOT_LIVE.run(session, [sorted({*what.miss, *what.end}.difference(seen))])
    statements.MISSED.run(session, [
        [*what.miss, *what.heal], [misses for misses, _ in what.miss.values()] + [0] * len(what.heal),
        [moment_of(first) for _, first in what.miss.values()] + [None] * len(what.heal)])
    return after


def _end(session: Session, ends: Mapping[int, rules.End]) -> None:
    if not ends:
        return
    figures = {person: _counted(rest) for person, since, *rest in statements.SESSION.of(session, list(ends))
               if since == ends[person].first_seen}
    for person, end in ends.items():
        if person not in figures:  # a late poll came between, or the broadcast went on after it had ended
            figures[person] = _from_snapshots(session, person, end)
    found = [figures[person] for person in ends]
    statements.ENDED.run(session, [
        list(ends), [moment_of(end.last_seen) for end in ends.values()],
        [None if end.absent is None else moment_of(end.absent) for end in ends.values()],
        [one.polls for one in found], [one.viewers_peak for one in found], [one.viewers_mean for one in found],
        [one.followers_first for one in found], [one.followers_last for one in found]])


def _counted(row: Sequence[Any]) -> rules.Figures:
    polls, peak, viewers, viewed, first, last = row
    return rules.Figures(polls, peak, viewers / viewed if viewed else None, first, last)


def _from_snapshots(session: Session, person: int, end: rules.End) -> rules.Figures:
    query = (
        select(snapshots.c.viewers, snapshots.c.followers)
        .where(snapshots.c.person_id == person, snapshots.c.observed_at.between(end.first_seen, end.last_seen))
        .order_by(snapshots.c.observed_at)
    )
    return rules.figures((viewers, followers) for viewers, followers in session.execute(query))


def _begin(session: Session, begins: Mapping[int, int], after: dict[int, rules.Open], at: int) -> None:
    """Write what begins; one that was held to have ended and did not goes on, and stands so in `after`."""
    if not begins:
        return
    again: dict[int, tuple[int, int]] = {}
    low = moment_of(min(begins.values()) - rules.TOLERANCE)
    for person, started, first in statements.STARTED_BEFORE.of(session, list(begins), low=low):
        if abs((start := _seconds(started)) - begins[person]) <= rules.TOLERANCE:
            again[person] = start, _seconds(first)
    for person, (started, first) in again.items():
        after[person].started, after[person].first_seen = started, first
    statements.GOES_ON.run(session, [list(again), [moment_of(started) for started, _ in again.values()]])
    new = [person for person in begins if person not in again]
    statements.BEGUN.run(session, [new, [moment_of(begins[person]) for person in new]], moment=moment_of(at))


def _seconds(moment: datetime | str) -> int:
    """Of a moment, or of what SQLite keeps of it."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return round(moment.timestamp())

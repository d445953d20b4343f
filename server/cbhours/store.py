"""Answers of CBHours into the tables, inside the caller's transaction.

    live      a row a person and second, texts where they changed; what comes in late finds its place between
    activity  segment by segment: new ones are added, those that say something else are changed, none is taken away
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import starmap
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Date, SmallInteger, case, func, insert, literal, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server.cbhours import due, rules, statements
from server.cbhours.people import Desk, Record
from server.cbhours.statements import Row
from server.cbhours.tame import DAY, Room, Segment, first_second
from server.jobs import store as jobs
from server.jobs.kinds import KINDS
from server.models import CbhoursDay, CbhoursReading, CbhoursShow, CbhoursState, Moment
from server.models.rowset import rows_table

MOST_SHOWS = 1_000  # kinds of shows that are told apart; there are about ten


class Around(NamedTuple):
    """What is stored of somebody around a moment. texts: as `Room.texts`; None: there is none.

    is_there       an answer of this very second
    before         the texts in force
    next_at        the next answer that said Online; next: the texts that are written down for it
    """

    is_there: bool
    before: tuple[Any, ...] | None
    next_at: int | None
    next: tuple[Any, ...] | None


# ---- live answers

def keep_live(desk: Desk, rooms: Mapping[int, Room], at: int) -> set[int]:
    """Store what one answer says of these people (by number) at a second; those of whom that was not known yet."""
    around = _around(desk.session, list(rooms), at)
    new = {person: room for person, room in sorted(rooms.items()) if not around[person].is_there}
    shows = shows_of(desk.session, {room.show for room in new.values() if room.show is not None})
    statements.LIVE.run(desk.session, [
        list(new), *([getattr(room, name) for room in new.values()] for name in (
            "online", "followers", "rank", "grank", "viewers")),
        [None if room.show is None else shows.get(room.show) for room in new.values()]], at=at)
    _keep_texts(desk.session, {person: room for person, room in new.items() if room.online}, around, at)
    return set(new)


def _around(session: Session, people: Sequence[int], at: int) -> dict[int, Around]:
    found = {}
    for row in statements.AROUND.of(session, people, at=at):
        before, following = (_texts(row[start:start + 5]) for start in (2, 8))
        found[row[0]] = Around(row[1] is not None, before, row[7], following)
    return found


def _texts(columns: Sequence[Any]) -> tuple[Any, ...] | None:
    """since, gender, is_new, subject, tags of a row -> its texts; None: there is no such row."""
    since, gender, is_new, *rest = columns
    return None if since is None else (gender, None if is_new is None else bool(is_new), *rest)


def _keep_texts(session: Session, rooms: Mapping[int, Room], around: Mapping[int, Around], at: int) -> None:
    """Texts where they differ from those before; the answer after this one goes on saying what it said."""
    rows, gone = [], []
    for person, room in rooms.items():
        here, said = around[person], room.texts
        if said == here.before:
            continue
        rows.append((person, at, *said))
        if here.next_at is not None and here.next is None and here.before is not None:
            rows.append((person, here.next_at, *here.before))
        elif here.next == said:
            gone.append((person, here.next_at))
    if gone:
        statements.TEXTS_GONE.run(session, list(zip(*gone, strict=True)))
    if rows:
        statements.TEXTS.run(session, list(zip(*rows, strict=True)))


def shows_of(session: Session, names: Collection[str]) -> dict[str, int]:
    """Numbers of kinds of shows; a new word gets the next number, as long as there are not absurdly many."""
    known: dict[str, int] = {}
    if names:
        known = {name: number for number, name in session.execute(select(CbhoursShow.id, CbhoursShow.name))}
        for name in sorted(set(names) - known.keys())[:max(0, MOST_SHOWS - len(known))]:
            known[name] = max(known.values(), default=0) + 1
            session.execute(insert(CbhoursShow).values(id=known[name], name=name))
    return known


# ---- activity

class Stored(NamedTuple):
    """What became of the segments of an answer."""

    added: int
    changed: int


class Newer(NamedTuple):
    """Of the answers about somebody that are newer than this one. late: the days that they told of, as seconds of
    their beginnings; any: is there one at all, read or not?"""

    late: frozenset[int]
    any: bool


def newer_readings(session: Session, person: int, at: datetime) -> Newer:
    found = session.execute(
        select(CbhoursReading.start_day, CbhoursReading.end_day, CbhoursReading.problem)
        .where(CbhoursReading.person_id == person, CbhoursReading.observed_at > at)).all()
    return Newer(frozenset(second for start, end, problem in found if problem is None and start and end
                           for second in range(first_second(start), first_second(end) + 1, DAY)), bool(found))


def keep_segments(session: Session, person: int, segments: Sequence[Segment], start: date, end: date,
                  late: Collection[int]) -> tuple[Stored, dict[int, int]]:
    """Store segments of these days; on days of which something newer has been told, only what is missing there.

    What an answer leaves out of a segment does not take away what an earlier one said of it.
    returns  also how many segments there are of each day now, by its first second
    """
    shows = shows_of(session, {one[1] for one in segments if one[1] is not None})
    rows = statements.rows_of(segments, shows)
    there = _segments(session, person, first_second(start), first_second(end) + DAY)
    if rows == there:
        return Stored(0, 0), _counts(rows)
    known = {row[0]: row for row in there}
    added, changed = [], []
    for row in rows:
        before = known.get(row[0])
        if before is None:
            added.append(row)
        elif before != row:
            one, other = (before, row) if row[0] - row[0] % DAY in late else (row, before)
            merged = tuple(starmap(_either, zip(one, other, strict=True)))
            if merged != before:
                changed.append(merged)
    if added:
        statements.ADDED.run(session, statements.columns_of(added), person=person)
    if changed:
        statements.CHANGED.run(session, statements.columns_of(changed), person=person)
    return Stored(len(added), len(changed)), _counts([*there, *added])


def _either(one: Any, other: Any) -> Any:
    return other if one is None else one


def _counts(rows: Iterable[Row]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for row in rows:
        day = row[0] - row[0] % DAY
        counts[day] = counts.get(day, 0) + 1
    return counts


def _segments(session: Session, person: int, first: int, end: int) -> list[Row]:
    """The segments that are stored, in order. Read past the mapping: there may be tens of thousands."""
    connection = session.connection()
    names = ("person", "first", "end")
    style = "%({})s" if connection.dialect.name == "postgresql" else ":{}"
    text = statements.SEGMENTS.format_map({name: style.format(name) for name in names})
    result: Any = connection.exec_driver_sql(text, {"person": person, "first": first, "end": end})
    rows: list[Row] = result.cursor.fetchall()
    result.close()
    return rows


def keep_days(desk: Desk, person: int, minutes: Mapping[date, int | None], counts: Mapping[int, int],
              read_at: datetime) -> None:
    """What an answer says of whole days; where a newer one has told, only what that one left open."""
    rows = rows_table(desk.session, "days", {"day": Date(), "minutes": SmallInteger(), "segments": SmallInteger()}, (
        (day, told, min(counts.get(first_second(day), 0), 32_767)) for day, told in minutes.items()))
    new = desk.dialect.insert(CbhoursDay).from_select(
        ["person_id", "day", "minutes", "segments", "read_at"],
        select(literal(person), rows.c.day, rows.c.minutes, rows.c.segments, literal(read_at, Moment())).where(true()))
    told, newest = new.excluded, new.excluded.read_at >= CbhoursDay.read_at
    desk.session.execute(new.on_conflict_do_update(index_elements=["person_id", "day"], set_={
        "minutes": case((newest, func.coalesce(told.minutes, CbhoursDay.minutes)),
                        else_=func.coalesce(CbhoursDay.minutes, told.minutes)),
        "segments": told.segments, "read_at": case((newest, told.read_at), else_=CbhoursDay.read_at)}))


def note_reading(one: Record, at: datetime, run: UUID | None, problem: str | None, detail: str | None,
                 months: list[str] | None, interval: timedelta, *, newest: bool) -> None:
    """How an answer about somebody's activity went, into their state; newest: no later one is known."""
    asked = one.asked
    if problem is None:
        one.known = rules.after_hit(one.known, at)
        if asked["activity_read_at"] is None or at > asked["activity_read_at"]:
            asked["activity_read_at"] = at
    elif problem == rules.NOT_SET_UP:
        one.known = rules.after_miss(one.known, at, run)
    if newest:
        asked |= {"problem": problem, "detail": detail, "activity_due_at": rules.due_again(at, interval)}
    if months is not None and (asked["months_at"] is None or at >= asked["months_at"]):
        asked |= {"months": months, "months_at": at}


def fulfil(session: Session, person: int, at: datetime) -> None:
    """Whoever asked for this person by hand before this moment has been answered."""
    session.execute(update(CbhoursState).where(CbhoursState.person_id == person, CbhoursState.wanted_at <= at)
                    .values(wanted_at=None, wanted_by=None).execution_options(synchronize_session=False))


# ---- by hand

def want(session: Session, person: int, by: str, now: datetime) -> None:
    """Have this person's activity read before all others, also if CBHours did not know them: as soon as a worker is
    free, whether the job is on its schedule or not.

    raises  Refused 409 `disabled` if the job is switched off
    """
    jobs.refuse_if_disabled(jobs.job_of(session, KINDS[due.ACTIVITY], None))
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = {"wanted_at": now, "wanted_by": by[:80]}
    session.execute(dialect.insert(CbhoursState).values(person_id=person, misses=0, **fresh)
                    .on_conflict_do_update(index_elements=["person_id"], set_=fresh))

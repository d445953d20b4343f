"""What each day brought: polls, snapshots, distinct people. Days are the owner's, with 23 or 25 hours now and then."""

from datetime import date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from common.clock import moment_of
from server.database import reading, writing
from server.models import AffiliatePoll, PersonCurrent, StorageDay, snapshots
from server.time import owner_zone

BACK = 31  # days that are counted at most, before today


class Day(NamedTuple):
    """people: distinct ones; None: counted by the next run of the job `retention`."""

    day: date
    polls: int
    snapshots: int
    people: int | None


def count_next(now: datetime, cut: int | None) -> bool:
    """Count the next day that is over and not counted yet, and keep it; False: there is none left.

    cut  the first second whose snapshots are sure to be there; None: all are
    """
    zone = owner_zone()
    rows, left = [], False
    with reading() as session:
        for day in _missing(session, now, cut, zone):
            polls, brought = _polled(session, day, zone)
            people = _people(session, day, zone) if brought else 0
            rows.append({"day": day, "polls": polls, "snapshots": brought, "people": people})
            if brought:  # a day without is counted at once, and so is the next
                left = True
                break
    if rows:
        with writing() as session:
            insert: Any = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
            session.execute(insert(StorageDay).on_conflict_do_nothing(), rows)
    return left


def _missing(session: Session, now: datetime, cut: int | None, zone: tzinfo) -> list[date]:
    """Days that are over and not counted yet, as far as their snapshots are there, oldest first."""
    first = session.scalar(select(func.min(AffiliatePoll.observed_at)))
    today = now.astimezone(zone).date()
    counted = set(session.scalars(select(StorageDay.day).where(StorageDay.day >= today - timedelta(days=BACK))))
    return [] if first is None else [
        day for back in range(BACK, 0, -1) if (day := today - timedelta(days=back)) not in counted
        and second(day, zone) >= (cut or 0) and second(day + timedelta(days=1), zone) > first]


def newest(session: Session, now: datetime, count: int = 7, *, scan: bool = False) -> list[Day]:
    """The newest days, today first. What is not counted yet is taken from the polls, which is quick; of today the
    people are those whose current row says so.

    scan  count the people of the other days now, which reads all snapshots that there are
    """
    zone = owner_zone()
    today = now.astimezone(zone).date()
    kept = {row.day: row for row in session.scalars(
        select(StorageDay).where(StorageDay.day > today - timedelta(days=count)))}
    found = []
    for back in range(count):
        day = today - timedelta(days=back)
        if day in kept:
            found.append(Day(day, kept[day].polls, kept[day].snapshots, kept[day].people))
            continue
        polls, rows = _polled(session, day, zone)
        found.append(Day(day, polls, rows, _people_so_far(session, day, zone, rows, today=not back, scan=scan)))
    return found


def _people_so_far(session: Session, day: date, zone: tzinfo, rows: int, *, today: bool, scan: bool) -> int | None:
    if not rows:
        return 0
    if today:
        return _seen_since(session, second(day, zone))
    return _people(session, day, zone) if scan else None


def second(day: date, zone: tzinfo) -> int:
    """The first second of a day."""
    return int(datetime.combine(day, time_of_day(), zone).timestamp())


def _polled(session: Session, day: date, zone: tzinfo) -> tuple[int, int]:
    """How many polls there were, and how many snapshots they brought."""
    polls, rows = session.execute(
        select(func.count(), func.coalesce(func.sum(AffiliatePoll.rooms), 0))
        .where(AffiliatePoll.observed_at >= second(day, zone),
               AffiliatePoll.observed_at < second(day + timedelta(days=1), zone))).one()
    return polls, int(rows)


def _people(session: Session, day: date, zone: tzinfo) -> int:
    return session.scalar(
        select(func.count(snapshots.c.person_id.distinct()))
        .where(snapshots.c.observed_at >= second(day, zone),
               snapshots.c.observed_at < second(day + timedelta(days=1), zone))) or 0


def _seen_since(session: Session, at: int) -> int:
    return session.scalar(select(func.count()).select_from(PersonCurrent)
                          .where(PersonCurrent.affiliate_at >= moment_of(at))) or 0

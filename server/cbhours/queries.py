"""What pages and the API ask about CBHours; a constant number of statements each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.cbhours import rules
from server.cbhours.rules import sessions_of
from server.models import (
    CbhoursDay,
    CbhoursLive,
    CbhoursReading,
    CbhoursSegment,
    CbhoursShow,
    CbhoursState,
    CbhoursTexts,
)


class Segment(NamedTuple):
    """Three minutes of a broadcast. at: whole seconds since 1970; show: such as _public."""

    at: int
    show: str | None
    viewers: int | None
    followers: int | None
    rank: int | None
    grank: int | None
    gender: str | None = None


class Live(NamedTuple):
    """A live answer. at: whole seconds since 1970; somebody who is offline has no other values."""

    at: int
    online: bool
    show: str | None
    viewers: int | None
    followers: int | None
    rank: int | None
    grank: int | None


class Day(NamedTuple):
    """A day (UTC) as CBHours sums it up. minutes None: it does not say."""

    day: date
    minutes: int | None
    segments: int
    read_at: datetime


class Holding(NamedTuple):
    """What is kept of one kind about somebody. first, last: None: nothing is."""

    table: str
    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class State:
    """Where somebody stands with CBHours; the fields of `CbhoursState`."""

    has_trophy: bool | None
    proved_at: datetime | None
    misses: int
    missed_at: datetime | None
    ask_again_at: datetime | None
    live_asked_at: datetime | None
    activity_read_at: datetime | None
    activity_due_at: datetime | None
    wanted_at: datetime | None
    wanted_by: str | None
    problem: str | None
    detail: str | None
    months: list[str] | None
    months_at: datetime | None


NEVER_ASKED = State(None, None, 0, *[None] * 11)


def state_of(session: Session, person_id: int) -> State | None:
    """None: the person was never asked for, nor wanted."""
    names = tuple(State.__dataclass_fields__)
    row = session.execute(select(*(getattr(CbhoursState, name) for name in names))
                          .where(CbhoursState.person_id == person_id)).one_or_none()
    return None if row is None else State(*row)


def activity(session: Session, person_id: int, since_s: int | None = None,
             until_s: int | None = None) -> list[Segment]:
    """Segments that begin from one second to before another (None: no bound), in order."""
    query = (select(CbhoursSegment.at, CbhoursShow.name, CbhoursSegment.viewers, CbhoursSegment.followers,
                    CbhoursSegment.rank, CbhoursSegment.grank, CbhoursSegment.gender)
             .outerjoin(CbhoursShow, CbhoursShow.id == CbhoursSegment.show_id)
             .where(CbhoursSegment.person_id == person_id).order_by(CbhoursSegment.at))
    return [Segment(*row) for row in session.execute(_between(query, CbhoursSegment.at, since_s, until_s))]


def live(session: Session, person_id: int, since_s: int | None = None, until_s: int | None = None) -> list[Live]:
    """Live answers from one second to before another (None: no bound), in order."""
    query = (select(CbhoursLive.checked_at, CbhoursLive.online, CbhoursShow.name, CbhoursLive.viewers,
                    CbhoursLive.followers, CbhoursLive.rank, CbhoursLive.grank)
             .outerjoin(CbhoursShow, CbhoursShow.id == CbhoursLive.show_id)
             .where(CbhoursLive.person_id == person_id).order_by(CbhoursLive.checked_at))
    return [Live(*row) for row in session.execute(_between(query, CbhoursLive.checked_at, since_s, until_s))]


def days(session: Session, person_id: int, since: date | None = None, until: date | None = None) -> list[Day]:
    """Days from one to another, both in it (None: no bound), in order."""
    query = (select(CbhoursDay.day, CbhoursDay.minutes, CbhoursDay.segments, CbhoursDay.read_at)
             .where(CbhoursDay.person_id == person_id).order_by(CbhoursDay.day))
    if since is not None:
        query = query.where(CbhoursDay.day >= since)
    if until is not None:
        query = query.where(CbhoursDay.day <= until)
    return [Day(*row) for row in session.execute(query)]


def sessions(session: Session, person_id: int, since_s: int | None = None,
             until_s: int | None = None) -> list[rules.Session]:
    """Broadcasts as their segments in this stretch tell them, oldest first."""
    return sessions_of(activity(session, person_id, since_s, until_s))


def holdings(session: Session, person_id: int) -> list[Holding]:
    """What is kept about somebody: rows, first and last, of each kind."""
    kinds: Sequence[tuple[str, Any, Any]] = (
        ("cbhours_live_stats", CbhoursLive, CbhoursLive.checked_at),
        ("cbhours_texts", CbhoursTexts, CbhoursTexts.since),
        ("cbhours_activity", CbhoursSegment, CbhoursSegment.at), ("cbhours_days", CbhoursDay, CbhoursDay.day),
        ("cbhours_readings", CbhoursReading, CbhoursReading.observed_at))
    found = []
    for name, table, moment in kinds:
        rows, first, last = session.execute(select(func.count(), func.min(moment), func.max(moment))
                                            .select_from(table).where(table.person_id == person_id)).one()
        found.append(Holding(name, rows, _moment(first), _moment(last)))
    return found


def _between(query: Any, column: Any, since_s: int | None, until_s: int | None) -> Any:
    if since_s is not None:
        query = query.where(column >= since_s)
    return query if until_s is None else query.where(column < until_s)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value

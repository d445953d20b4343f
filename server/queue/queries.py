"""What the page and the API ask about the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from server.jobs.kinds import KINDS
from server.jobs.queries import JobView, job_views
from server.models import PLATFORM, Person, QueueEntry
from server.paging import decode_cursor, encode_cursor
from server.queue import rules


@dataclass(frozen=True)
class Row:
    """Somebody in the queue. known: there is a profile; waits: what for, in words; empty: for nothing."""

    entry: QueueEntry
    known: bool
    waits: str


@dataclass(frozen=True)
class Cut:
    """One page. total: all that the filter finds; previous and next: cursors of the pages beside it, where they are."""

    rows: Sequence[Row]
    total: int
    previous: str | None
    next: str | None


def poller(session: Session, now: datetime, zone: tzinfo, minimum_gap: timedelta) -> JobView | None:
    """The job that reads the queue, with its state; None before the first start made it."""
    names = [kind.name for kind in KINDS.values() if kind.reads_queue]
    views = job_views(session, now, zone, minimum_gap, name=names[0])
    return views[0] if views else None


def entries(session: Session, view: JobView | None, now: datetime, *, priority: int | None = None,
            state: str | None = None, limit: int = 50, after: str = "", before: str = "") -> Cut:
    """The queue, the newest wish first.

    view    the job that reads it
    raises  Refused 400 for a cursor that is not one of this list
    """
    where = [QueueEntry.platform == PLATFORM]
    if priority is not None:
        where.append(QueueEntry.priority == priority)
    if state is not None:
        where.append(QueueEntry.state == state)
    total = session.scalar(select(func.count()).select_from(QueueEntry).where(*where)) or 0
    query = select(QueueEntry, Person.id).outerjoin(
        Person, and_(Person.platform == QueueEntry.platform, Person.username == QueueEntry.username)).where(*where)
    backwards = bool(before)
    if before or after:
        at, number = decode_cursor(before or after, datetime, int)
        here, row = QueueEntry.requested_at, QueueEntry.id
        query = query.where(or_(here > at, and_(here == at, row > number)) if backwards else
                            or_(here < at, and_(here == at, row < number)))
    order = [QueueEntry.requested_at, QueueEntry.id] if backwards else \
        [QueueEntry.requested_at.desc(), QueueEntry.id.desc()]
    found = list(session.execute(query.order_by(*order).limit(limit + 1)).all())
    more = len(found) > limit
    found = found[:limit]
    if backwards:
        found.reverse()
    has_previous, has_next = (more, True) if backwards else (bool(after), more)
    return Cut([row_of(entry, person is not None, view, now) for entry, person in found], total,
               _edge(found[0][0]) if found and has_previous else None,
               _edge(found[-1][0]) if found and has_next else None)


def row_of(entry: QueueEntry, known: bool, view: JobView | None, now: datetime) -> Row:
    """A queue entry with what it waits for. view: the job that reads the queue."""
    reader = (view.state.state, view.state.reason) if view else ("disabled", "It is made at the first start.")
    return Row(entry, known, rules.why_waiting(entry.state, entry.due_at, reader, now))


def counts(session: Session) -> dict[str, int]:
    """How many there are in each state; `ended`: P1 of which it is known what came of it."""
    found = session.execute(select(QueueEntry.state, QueueEntry.priority, func.count())
                            .group_by(QueueEntry.state, QueueEntry.priority)).all()
    told = dict.fromkeys((*rules.STATES, "all", "ended"), 0)
    for state, priority, count in found:
        told[state] = told.get(state, 0) + count
        told["all"] += count
        if priority == 1 and state not in rules.OPEN:
            told["ended"] += count
    return told


def _edge(entry: QueueEntry) -> str:
    return encode_cursor(entry.requested_at, entry.id)

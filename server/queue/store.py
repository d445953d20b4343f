"""The queue in the database: who is put in and taken off, and what each poll does to it.

Every change is one conditional update or works on locked rows, so that several servers may do it at the same time.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scraper.observations import username as checked_username
from server.errors import Refused
from server.models import PLATFORM, AuditEntry, Person, PersonDetails, QueueEntry
from server.models.rowset import rows_table
from server.queue import rules

AUDIT = "queue:"  # how every action of the queue begins in the audit


@dataclass(frozen=True)
class Entry:
    """What a row of a list shows of a person in the queue."""

    username: str
    priority: int
    state: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    detail: str | None


# Who is in it

def checked(username: object) -> str:
    """The username in its one form.

    raises  Refused 400 naming the field
    """
    try:
        return checked_username(username)
    except ValueError as error:
        raise Refused(400, "invalid", "This cannot be a username: letters, digits and underscores, at most 50.",
                      field="username") from error


def checked_priority(priority: object) -> int:
    """raises  Refused 400 naming the field"""
    if isinstance(priority, bool) or priority not in rules.PRIORITIES:
        raise Refused(400, "invalid", "priority: must be 1 (read once, as soon as possible) or 2 (at every poll).",
                      field="priority")
    return int(priority)


def add(session: Session, username: str, priority: int, by: str, now: datetime) -> QueueEntry:
    """Put somebody in the queue, known to us or not. Whoever waits already, goes on waiting; a P1 whose end is known
    is read once more.

    raises  Refused 400 naming the field; 409 `queue_full`
    """
    name, priority = checked(username), checked_priority(priority)
    fresh = {"state": "queued", "requested_by": by[:80], "requested_at": now, "due_at": now if priority == 1 else None,
             "started_at": None, "ended_at": None, "tries": 0, "run_id": None, "detail": None}
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(QueueEntry)
    asks_again = and_(QueueEntry.priority == 1, or_(
        QueueEntry.state.in_(("complete", "not_found")),
        and_(QueueEntry.state == "queued", QueueEntry.due_at.is_(None))))
    changed = session.scalar(
        insert.values(platform=PLATFORM, username=name, priority=priority, **fresh)
        .on_conflict_do_update(index_elements=["platform", "username", "priority"], set_=fresh, where=asks_again)
        .returning(QueueEntry.id))
    if changed is not None:
        if session.scalar(select(func.count()).select_from(QueueEntry)) > rules.MOST:  # type: ignore[operator]
            raise Refused(409, "queue_full", f"There are {rules.MOST:,} people in the queue. Take some off first.")
        _audit(session, "add", priority, name, by, now)
    return session.scalars(
        select(QueueEntry).filter_by(platform=PLATFORM, username=name, priority=priority)
        .execution_options(populate_existing=True)).one()


def remove(session: Session, username: str, priority: int | None, by: str, now: datetime) -> int:
    """Take somebody off the queue, one of both priorities or both (None); how many entries that were.

    raises  Refused 400 naming the field
    """
    name = checked(username)
    query = delete(QueueEntry).where(QueueEntry.platform == PLATFORM, QueueEntry.username == name)
    if priority is not None:
        query = query.where(QueueEntry.priority == checked_priority(priority))
    gone = session.scalars(query.returning(QueueEntry.priority)).all()
    for one in gone:
        _audit(session, "remove", one, name, by, now)
    return len(gone)


def remove_ended(session: Session, by: str, now: datetime) -> int:
    """Take off every P1 of which it is known what came of it; how many those were."""
    gone = session.execute(delete(QueueEntry).where(
        QueueEntry.priority == 1, QueueEntry.state.in_(("complete", "not_found")))).rowcount  # type: ignore[attr-defined]
    if gone:
        session.add(AuditEntry(at=now, actor=by[:80], action=f"{AUDIT} remove what has ended", subject=str(gone)))
    return int(gone)


def forget(session: Session, name: str) -> int:
    """Nothing of the queue and of its audit names this person any more; how many entries that were."""
    gone = session.execute(delete(QueueEntry).where(
        QueueEntry.platform == PLATFORM, QueueEntry.username == name)).rowcount  # type: ignore[attr-defined]
    session.execute(update(AuditEntry).where(AuditEntry.action.startswith(AUDIT), AuditEntry.subject == name)
                    .values(subject="").execution_options(synchronize_session=False))
    return int(gone)


def _audit(session: Session, action: str, priority: int, name: str, by: str, now: datetime) -> None:
    session.add(AuditEntry(at=now, actor=by[:80], action=f"{AUDIT} {action} P{priority}", subject=name))


# Reading

def state_of(session: Session, usernames: Iterable[str]) -> dict[str, Entry]:
    """Who of these is in the queue. Of two entries the more telling one: an open P1, then P2, then a P1 that ended."""
    names = list(usernames)
    if not names:
        return {}
    entries = session.scalars(select(QueueEntry).where(QueueEntry.platform == PLATFORM, QueueEntry.username.in_(names)))
    return {row.username: Entry(row.username, row.priority, row.state, row.requested_by, row.requested_at,
                                row.ended_at, row.detail)
            for row in sorted(entries, key=lambda row: rules.telling(row.priority, row.state))}


def next_due(session: Session) -> datetime | None:
    """When a P1 makes a poll due by itself; None: none does."""
    return session.scalar(select(func.min(QueueEntry.due_at)))


# What a poll does to it

def take_up(session: Session, run_id: UUID, now: datetime) -> dict[str, str | None]:
    """Hand everybody who is to be looked for to a poll: username -> gender where looking there is enough, else None.

    For a P1, who is asked for once, nothing is taken on trust; a P2 is looked for at every poll, and mostly the same.
    """
    entries = session.scalars(_locked(or_(
        and_(QueueEntry.priority == 1, QueueEntry.state == "queued"), QueueEntry.priority == 2))).all()
    for entry in entries:
        entry.state, entry.run_id, entry.started_at, entry.due_at = "processing", run_id, now, None
    session.flush()
    once = {entry.username for entry in entries if entry.priority == 1}
    wanted: dict[str, str | None] = dict.fromkeys((entry.username for entry in entries), None)
    others = [name for name in wanted if name not in once]
    if others:
        rows = rows_table(session, "wanted", {"username": QueueEntry.username.type}, ((name,) for name in others))
        found = session.execute(
            select(Person.username, PersonDetails.gender).join(PersonDetails, PersonDetails.person_id == Person.id)
            .where(Person.platform == PLATFORM, Person.username.in_(select(rows.c.username))))
        wanted.update((row.username, row.gender) for row in found)
    return wanted


def settle(session: Session, run_id: UUID | None, seen: Collection[str], absent: Collection[str],
           observed_at: datetime, now: datetime) -> None:
    """What a poll that was taken in says of people in the queue; in the transaction that takes it in.

    seen    usernames of the rooms that were kept; absent: who was looked for and is surely not online
    """
    for entry in session.scalars(_locked(or_(QueueEntry.priority == 2, QueueEntry.state.in_(rules.OPEN)))):
        same_run = run_id is not None and entry.run_id == run_id and entry.state == "processing"
        if entry.username in seen:
            if rules.tells(entry.state, entry.priority, same_run=same_run, requested_at=entry.requested_at,
                           ended_at=entry.ended_at, observed_at=observed_at):
                _end(entry, "complete", rules.FOUND, now)
        elif same_run and entry.username in absent:
            _end(entry, "not_found", rules.ABSENT, now)
    session.flush()


def put_back(session: Session, run_id: UUID, now: datetime, *, cancelled: bool, trouble: str | None) -> None:
    """A run has ended: whoever it said nothing of waits again."""
    for entry in session.scalars(_locked(and_(QueueEntry.run_id == run_id, QueueEntry.state == "processing"))):
        what = rules.again(entry.priority, entry.tries, now, cancelled=cancelled, trouble=trouble)
        entry.state, entry.tries, entry.due_at, entry.detail = "queued", what.tries, what.due_at, what.detail
    session.flush()


def hold(session: Session) -> None:
    """The poller is stopped: nobody in the queue makes it begin again by itself."""
    for entry in session.scalars(_locked(QueueEntry.due_at.is_not(None))):
        entry.due_at = None
    session.flush()


def _end(entry: QueueEntry, state: rules.State, detail: str, now: datetime) -> None:
    entry.state, entry.detail, entry.ended_at, entry.due_at, entry.tries = state, detail, now, None, 0


def _locked(which: ColumnElement[bool]) -> Select[QueueEntry]:
    """These entries, locked in one order, so that two servers wait for each other instead of failing."""
    return (select(QueueEntry).where(QueueEntry.platform == PLATFORM, which).order_by(QueueEntry.id).with_for_update()
            .execution_options(populate_existing=True))

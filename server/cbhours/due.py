"""Who is to be read: what the jobs ask when they look for work, and what the worker is told when it has some."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from server.cbhours import rules
from server.jobs import rules as job_rules
from server.jobs.kinds import KINDS
from server.models import (
    PLATFORM,
    CbhoursReading,
    CbhoursState,
    FollowInterval,
    Job,
    Person,
    PersonCurrent,
    QueueEntry,
    Run,
)

LIVE, ACTIVITY = "cbhours-live", "cbhours-activity"
WANTED_FOR = timedelta(days=1)  # so long a wish brings about runs by itself; then it waits for the next one
SOON = timedelta(minutes=1)  # until the rest of a round, so that the live poll has its turn
_BROADCASTS = Person.role.in_(("model", "both"))


class Ask(NamedTuple):
    """Somebody to ask for; the days only for activity."""

    username: str
    days: rules.Days | None = None


def config(session: Session, job: str) -> dict[str, Any]:
    """What one of the two jobs is told."""
    kept = session.scalar(select(Job.config).where(Job.name == job, Job.account_id.is_(None)))
    return job_rules.present_config(KINDS[job], kept or {})


def interval(session: Session, job: str = LIVE) -> timedelta:
    """How often one of the two jobs asks."""
    return timedelta(minutes=config(session, job)["intervalMinutes"])


# ---- when the job that reads activity is due

def somebody_waits(now: datetime) -> list[ColumnElement[bool]]:
    """The job that reads activity, when somebody was asked for by hand and its last run is not too near."""
    failing = and_(Job.failures_in_row > 0, _ended_since(now - job_rules.FIRST_BACK_OFF))
    return [Job.name.in_([kind.name for kind in KINDS.values() if kind.reads_wanted]),
            exists().where(*_is_wanted(now)), ~_ended_since(now - job_rules.BETWEEN_PRIORITY_POLLS), ~failing]


def wanted_since(session: Session, now: datetime) -> datetime | None:
    """Since when somebody waits to be read; None: nobody does."""
    return session.scalar(select(func.min(CbhoursState.wanted_at)).where(*_is_wanted(now)))


def is_left_over(session: Session, run_id: UUID, now: datetime) -> bool:
    """Has a round that got somewhere left people over who are due?"""
    read = session.scalar(select(exists().where(CbhoursReading.run_id == run_id)))
    return bool(read and session.scalar(
        select(exists().where(CbhoursState.has_trophy.is_(True), _is_due(now, interval(session, ACTIVITY))))))


def hold(session: Session) -> None:
    """The job is stopped: nobody makes it begin again by itself."""
    session.execute(update(CbhoursState).where(CbhoursState.wanted_at.is_not(None)).values(wanted_at=None)
                    .execution_options(synchronize_session=False))


def _is_wanted(now: datetime) -> list[ColumnElement[bool]]:
    return [CbhoursState.wanted_at.is_not(None), CbhoursState.wanted_at > now - WANTED_FOR]


def _ended_since(moment: datetime) -> ColumnElement[bool]:
    return exists().where(Run.job_id == Job.id, Run.ended_at > moment)


# ---- who is asked for

def live(session: Session, now: datetime, limit: int) -> list[Ask]:
    """Whom to ask for now: those whom CBHours knows, least recently asked first; then of those of whom that is not
    known whoever is on the owner's lists or in the queue, and the others by their followers."""
    rested = or_(CbhoursState.ask_again_at.is_(None), CbhoursState.ask_again_at <= now)
    unknown = _people().where(_BROADCASTS, CbhoursState.has_trophy.is_not(True), rested)
    questions = [
        _people().where(CbhoursState.has_trophy.is_(True)).order_by(
            CbhoursState.live_asked_at.is_not(None), CbhoursState.live_asked_at, Person.id),
        unknown.where(_matters()).order_by(
            CbhoursState.live_asked_at.is_not(None), CbhoursState.live_asked_at, Person.id),
        unknown.join(PersonCurrent, PersonCurrent.person_id == Person.id).order_by(
            CbhoursState.live_asked_at.is_not(None), PersonCurrent.followers.desc().nulls_last(), Person.id),
        unknown.order_by(CbhoursState.live_asked_at.is_not(None), Person.id),
    ]
    return [Ask(row.username) for row in _first(session, questions, limit)]


def activity(session: Session, now: datetime, limit: int) -> list[Ask]:
    """Whose activity to read now: whoever was asked for by hand, also if CBHours did not know them; those whom it
    knows, who have waited longest first; and as far as there is room, of those of whom that is not known whoever is
    on the owner's lists or in the queue."""
    told = config(session, ACTIVITY)
    due = _is_due(now, timedelta(minutes=told["intervalMinutes"]))
    questions = [
        _people().where(CbhoursState.wanted_at.is_not(None)).order_by(CbhoursState.wanted_at, Person.id),
        _people().where(CbhoursState.has_trophy.is_(True), due).order_by(
            CbhoursState.activity_read_at.is_not(None), CbhoursState.activity_read_at, Person.id),
        _people().where(_BROADCASTS, CbhoursState.has_trophy.is_(None), _matters(), due).order_by(Person.id),
    ]
    return [Ask(row.username, rules.days_to_ask(now, row.activity_read_at, row.months_at, told["readDays"]))
            for row in _first(session, questions, limit)]


def _people() -> Any:
    return (select(Person.id, Person.username, CbhoursState.activity_read_at, CbhoursState.months_at)
            .outerjoin(CbhoursState, CbhoursState.person_id == Person.id).where(Person.platform == PLATFORM))


def _matters() -> ColumnElement[bool]:
    in_queue = exists().where(QueueEntry.platform == Person.platform, QueueEntry.username == Person.username,
                              or_(QueueEntry.priority == 2, QueueEntry.state.in_(("queued", "processing"))))
    on_a_list = exists().where(FollowInterval.person_id == Person.id, FollowInterval.end_latest.is_(None))
    return or_(in_queue, on_a_list)


def _is_due(now: datetime, every: timedelta) -> ColumnElement[bool]:
    return or_(CbhoursState.activity_due_at.is_(None), CbhoursState.activity_due_at <= now,
               and_(CbhoursState.problem.is_(None), CbhoursState.activity_read_at <= now - every * rules.ROUND))


def _first(session: Session, questions: list[Any], limit: int) -> list[Any]:
    found: dict[int, Any] = {}
    for question in questions:
        if len(found) < limit:
            for row in session.execute(question.limit(limit)):
                found.setdefault(row.id, row)
    return list(found.values())[:limit]

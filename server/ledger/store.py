"""Hearings and plans into the ledger, inside the caller's transaction.

An ordinary hearing lengthens the newest span, by one statement. No lock is needed: what is stored is a union, so two
writers at a time can at worst leave two spans that touch, and whoever reads puts them together again.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server.jobs.credentials import missing_credential
from server.jobs.kinds import KINDS
from server.jobs.rules import present_config
from server.ledger import rules
from server.models import HeardSpan, Job, JobPlan, Moment, Run

_spans: Any = HeardSpan.__table__
_jobs: Any = Job.__table__
_later = _spans.alias("later")
_at, _until = bindparam("heard", type_=Moment()), bindparam("believed", type_=Moment())
_run_job = select(Run.job_id).where(Run.id == bindparam("run")).scalar_subquery()
_JOB = select(_jobs.c.id).where(_jobs.c.name == bindparam("name"),
                                or_(_jobs.c.account_id.is_(None), _jobs.c.id == _run_job)).limit(1)
_job = _JOB.scalar_subquery()
_newest = select(func.max(_later.c.started_at)).where(_later.c.job_id == _job,
                                                      _later.c.started_at <= _at).scalar_subquery()
_LENGTHEN = update(_spans).where(
    _spans.c.job_id == _job, _spans.c.started_at == _newest, _spans.c.until >= _at,
    ~exists().where(_later.c.job_id == _job, _later.c.started_at > _at, _later.c.started_at <= _until),
).values(heard_at=case((_spans.c.heard_at < _at, _at), else_=_spans.c.heard_at),
         until=case((_spans.c.until < _until, _until), else_=_spans.c.until))


def hear(session: Session, run_id: UUID | None, job_name: str, at: datetime, interval: timedelta) -> None:
    """A job's source was heard at a moment; said in any order, and any number of times.

    run_id    tells which account's job it was; a job that belongs to no account needs none. A hearing of which it
              cannot be said whose it was is left out
    interval  at which the source is asked at present; zero: by hand only
    """
    heard = rules.hearing(at, interval)
    told = {"name": job_name, "run": run_id, "heard": heard.heard_at, "believed": heard.until}
    connection = session.connection()
    if connection.execute(_LENGTHEN, told).rowcount:
        return
    job_id = connection.scalar(_JOB, {"name": job_name, "run": run_id})
    if job_id is not None:
        put(session, job_id, [heard])


def hear_list(session: Session, account_id: int, list_name: str, at: datetime) -> None:
    """A list of an account was read. Where it is not read by itself, that is believed for minutes only."""
    job = session.scalar(select(Job).where(Job.name == list_name, Job.account_id == account_id))
    if job is not None:
        put(session, job.id, [rules.hearing(at, interval_of(job))])


def interval_of(job: Job) -> timedelta:
    """How often the source of a job is asked by itself at present; zero: by hand only."""
    minutes = present_config(KINDS[job.name], job.config)["intervalMinutes"]
    by_itself = job.scheduled and not job.paused
    return timedelta(minutes=minutes) if by_itself or not KINDS[job.name].per_account else timedelta(0)


def put(session: Session, job_id: int, stretches: list[rules.Heard]) -> None:
    """Unite stretches with what is there: two statements, however many they are."""
    connection = session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = rules.merged(stretches)
    # What is deleted is told as it was at that moment, also where another transaction has just lengthened it.
    touching = connection.execute(
        delete(_spans).where(_spans.c.job_id == job_id, _spans.c.started_at <= new[-1].until,
                             _spans.c.until >= new[0].started_at)
        .returning(_spans.c.started_at, _spans.c.heard_at, _spans.c.until)).all()
    whole = rules.merged([*new, *(rules.Heard(*row) for row in touching)])
    put: Any = dialect.insert(_spans)
    put = put.on_conflict_do_update(
        index_elements=[_spans.c.job_id, _spans.c.started_at],
        set_={name: case((_spans.c[name] < put.excluded[name], put.excluded[name]), else_=_spans.c[name])
              for name in ("heard_at", "until")})
    connection.execute(put, [{"job_id": job_id, **one._asdict()} for one in whole])


def plan(session: Session, job_id: int, now: datetime) -> None:
    """Note what a job is to do from now on, where that is something else than before."""
    job = session.scalar(select(Job).where(Job.id == job_id))
    if job is None or job.name not in KINDS:
        return
    state, quiet_hours = present_plan(job)
    before = session.execute(
        select(JobPlan.state, JobPlan.quiet_hours).where(JobPlan.job_id == job.id, JobPlan.since <= now)
        .order_by(JobPlan.since.desc()).limit(1)).one_or_none()
    if before is not None and tuple(before) == (state, quiet_hours):
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    told = {"state": state, "quiet_hours": quiet_hours}
    session.execute(dialect.insert(JobPlan).values(job_id=job.id, since=now, **told)
                    .on_conflict_do_update(index_elements=[JobPlan.job_id, JobPlan.since], set_=told))


def present_plan(job: Job) -> tuple[str, str]:
    """What a job is to do at present, and its quiet hours."""
    kind = KINDS[job.name]
    config = present_config(kind, job.config)
    state = ("off" if not config["enabled"] else "unable" if missing_credential(kind) else
             "stopped" if not job.scheduled else "paused" if job.paused else "scheduled")
    return state, config["quietHours"]

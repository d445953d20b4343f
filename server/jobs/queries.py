"""What the pages and the API ask about jobs and runs; a constant number of statements, however many there are."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from server.cbhours import due as wanted
from server.jobs import rules
from server.jobs.credentials import missing_credential
from server.jobs.kinds import GROUPS, KINDS
from server.jobs.store import WORKER_SEEN
from server.models import Account, CaptureRow, Job, KeyValue, Run, Scan
from server.paging import decode_cursor, encode_cursor, refused_cursor
from server.queue import store as queue


@dataclass(frozen=True)
class JobView:
    """A job with what is going on and what went on. account None: it belongs to none. recent: ended, newest first;
    source: how its source has answered."""

    job: Job
    account: Account | None
    state: rules.JobState
    active: Run | None = None
    recent: Sequence[Run] = field(default_factory=list)
    source: rules.Source = field(default_factory=rules.Source)


@dataclass(frozen=True)
class RunView:
    """A run with its job, its account and its scan (None: it has none) and the raw pages it left."""

    run: Run
    job: Job
    account: Account | None
    scan: Scan | None
    captures: Sequence[CaptureRow]


def job_views(session: Session, now: datetime, zone: tzinfo, minimum_gap: timedelta, *, name: str | None = None,
              account_id: int | None = None, job_id: int | None = None, recent: int = 1,
              failing: bool = False) -> list[JobView]:
    """Jobs with state and `recent` ended runs each: those of no account, then by account, in the order of the
    table of jobs."""
    query = select(Job, Account).outerjoin(Account, Account.id == Job.account_id).where(Job.name.in_(KINDS))
    if name is not None:
        query = query.where(Job.name == name)
    if account_id is not None:
        query = query.where(Account.id == account_id)
    if job_id is not None:
        query = query.where(Job.id == job_id)
    if failing:
        query = query.where(Job.failures_in_row > 0)
    order = list(KINDS)
    found = sorted(session.execute(query).all(),
                   key=lambda row: (row[1].username if row[1] else "", order.index(row[0].name)))
    ids = [job.id for job, _ in found]
    unended = session.execute(select(Run, Job.name).join(Job, Job.id == Run.job_id).where(
        Run.state != "ended", or_(Run.job_id.in_(ids), Job.name.in_([
            name for job, _ in found for name in GROUPS.get(KINDS[job.name].group, ())])))).all()
    active = {run.job_id: run for run, _ in unended if run.job_id in ids}
    running = {name for run, name in unended if run.state == "running"}
    ended = _newest_ended(session, ids, max(recent, 1))
    seen = worker_seen_at(session)
    waits = queue.next_due(session) if any(KINDS[job.name].reads_queue for job, _ in found) else None
    wishes = wanted.wanted_since(session, now) if any(KINDS[job.name].reads_wanted for job, _ in found) else None
    views = []
    for job, account in found:
        known = facts(job, account, active.get(job.id), ended[job.id], seen, minimum_gap,
                      waits if KINDS[job.name].reads_queue else wishes if KINDS[job.name].reads_wanted else None,
                      _other_turn(job.name, running))
        last = ended[job.id][0] if ended[job.id] else None
        source = rules.source_of(last.outcome, last.error_code, last.counters, job.rest_until, now) if last else \
            rules.source_of(None, None, {}, job.rest_until, now)
        views.append(JobView(job, account, rules.state_of(known, now, zone), active.get(job.id), ended[job.id], source))
    return views


def _newest_ended(session: Session, job_ids: Sequence[int], count: int) -> dict[int, list[Run]]:
    place = func.row_number().over(partition_by=Run.job_id, order_by=(Run.created_at.desc(), Run.id.desc()))
    ranked = select(Run, place.label("place")).where(Run.job_id.in_(job_ids), Run.state == "ended").subquery()
    newest = aliased(Run, ranked)
    runs: dict[int, list[Run]] = defaultdict(list)
    for run in session.scalars(select(newest).where(ranked.c.place <= count).order_by(ranked.c.place)):
        runs[run.job_id].append(run)
    return runs


def facts(job: Job, account: Account | None, active: Run | None, ended: Sequence[Run], worker_seen: datetime | None,
          minimum_gap: timedelta, queue_due_at: datetime | None = None, taking_turns: str = "") -> rules.JobFacts:
    """What the rules want to know of a job."""
    last = ended[0] if ended else None
    kind = KINDS[job.name]
    config = rules.present_config(kind, job.config)
    return rules.JobFacts(
        scheduled=job.scheduled, paused=job.paused, next_due_at=job.next_due_at, confirm_due_at=job.confirm_due_at,
        enabled=config["enabled"], missing=missing_credential(kind), quiet_hours=config["quietHours"],
        alert_after=config["alertAfter"], button=kind.button, begins=kind.begins, failures_in_row=job.failures_in_row,
        active=rules.ActiveRun(active.state, active.lease_until, active.cancel_requested, active.progress)
        if active else None,
        last=rules.LastRun(last.outcome, last.ended_at, last.error_code, last.error_message)
        if last and last.outcome and last.ended_at else None,
        session_state=account.session_state if account else "unknown", worker_seen_at=worker_seen,
        minimum_gap=timedelta(0) if kind.on_the_grid else minimum_gap, rest_until=job.rest_until,
        queue_due_at=queue_due_at, queue_words="Whoever was asked for is read next" if kind.reads_wanted
        else rules.JobFacts.queue_words, taking_turns=taking_turns)


def _other_turn(name: str, running: Collection[str]) -> str:
    """The title of the job of the same group that is going on; empty: none is."""
    others = [other for other in GROUPS.get(KINDS[name].group, ()) if other != name and other in running]
    return KINDS[others[0]].title if others else ""


def alerts(session: Session, now: datetime, zone: tzinfo, minimum_gap: timedelta) -> list[JobView]:
    """Jobs that have failed too often in a row. One statement while all is well."""
    failing = session.execute(select(Job.name, Job.config, Job.failures_in_row).where(Job.failures_in_row > 0)).all()
    if not any(name in KINDS and rules.is_alert(count, rules.present_config(KINDS[name], config)["alertAfter"])
               for name, config, count in failing):
        return []
    views = job_views(session, now, zone, minimum_gap, failing=True)
    return [view for view in views if view.state.alert]


def worker_seen_at(session: Session) -> datetime | None:
    """When any worker was last heard; None: never."""
    return session.scalar(select(KeyValue.at).where(KeyValue.name == WORKER_SEEN))


def runs_of(session: Session, job_id: int, *, limit: int, cursor: str | None) -> tuple[Sequence[Run], str | None]:
    """A job's runs, newest first, and the cursor of the next page."""
    query = select(Run).where(Run.job_id == job_id).order_by(Run.created_at.desc(), Run.id.desc()).limit(limit + 1)
    if cursor:
        at, run_id = decode_cursor(cursor, datetime, str)
        query = query.where(tuple_(Run.created_at, Run.id) < (at, _uuid(run_id)))
    runs = session.scalars(query).all()
    if len(runs) <= limit:
        return runs, None
    return runs[:limit], encode_cursor(runs[limit - 1].created_at, str(runs[limit - 1].id))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise refused_cursor() from error


def run_view(session: Session, run_id: UUID) -> RunView | None:
    """Everything about one run; None: there is no such run."""
    found = session.execute(select(Run, Job, Account).join(Job, Job.id == Run.job_id)
                            .outerjoin(Account, Account.id == Job.account_id).where(Run.id == run_id)).one_or_none()
    if found is None:
        return None
    run, job, account = found
    scan = session.scalar(select(Scan).where(Scan.run_id == run_id).order_by(Scan.started_at.desc()).limit(1))
    captures = session.scalars(select(CaptureRow).where(CaptureRow.run_id == run_id).order_by(CaptureRow.id)
                               .limit(500)).all()
    return RunView(run, job, account, scan, captures)

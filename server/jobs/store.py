"""Jobs and runs in the database: claims, leases, progress, ends, and what the owner wants of a job.

Whoever changes a job or its run locks the job's row first, so two changes of one job never interleave. A claim
is one conditional update that clears what made the job due; besides, an index lets a job have only one run that
has not ended. Jobs of one group take turns: whoever begins a run of one has all of them locked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from server.cbhours import due as wanted
from server.errors import Refused
from server.jobs import rules
from server.jobs.credentials import missing_credential
from server.jobs.kinds import GROUPS, KINDS, JobKind, fresh_config, fresh_stats
from server.jobs.quiet import quiet_until
from server.models import Account, Job, KeyValue, QueueEntry, Run
from server.queue import store as queue

WORKER_SEEN = "worker.seen"
WORKER_SEEN_EVERY = timedelta(seconds=5)
FIRST_RUN_AFTER = timedelta(hours=1)  # of a job that starts by itself, after it was made


@dataclass(frozen=True)
class End:
    """How a run ended, as its worker tells it. asked: the platform's own Retry-After; log: at, level, text."""

    outcome: str
    error_code: str | None = None
    error_message: str | None = None
    error_advice: str | None = None
    counters: dict[str, int] = field(default_factory=dict)
    waiting_ms: int = 0
    working_ms: int = 0
    asked: timedelta | None = None
    log: list[dict[str, str]] = field(default_factory=list)


LOST = End("lost", "lost", "The worker fell silent in the middle of the run.",
           "Nothing was taken away. See that `python -m scraper run` is up; the run is tried again by itself.")
CANCELLED = End("cancelled", "cancelled", "The run was stopped before it began.", "Nothing was changed.")


def ensure_jobs(session: Session, account: Account) -> None:
    """The jobs of an account, made where they are missing: known, but not on a schedule."""
    _ensure(session, [kind for kind in KINDS.values() if kind.per_account], account.id)


def ensure_jobs_without_account(session: Session, now: datetime) -> None:
    """The jobs that belong to no account, made where they are missing: known, and on a schedule only where they start
    by themselves."""
    _ensure(session, [kind for kind in KINDS.values() if not kind.per_account], None, now + FIRST_RUN_AFTER)


def _ensure(session: Session, kinds: Sequence[JobKind], account_id: int | None, due: datetime | None = None) -> None:
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    for kind in kinds:
        first = due if kind.self_starting else None
        session.execute(insert(Job).values(
            name=kind.name, account_id=account_id, config=fresh_config(kind), stats=fresh_stats(kind),
            scheduled=kind.self_starting, next_due_at=first, anchored_at=first, paused=False,
            failures_in_row=0).on_conflict_do_nothing())


def worker_seen(session: Session, worker: str, now: datetime) -> None:
    """A worker was heard just now; written every few seconds at most, and committed at once."""
    old = or_(KeyValue.at <= now - WORKER_SEEN_EVERY, KeyValue.at > now)
    done = session.execute(update(KeyValue).where(KeyValue.name == WORKER_SEEN, old).values(value=worker, at=now))
    if not done.rowcount:  # type: ignore[attr-defined]
        insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
        session.execute(insert(KeyValue).values(name=WORKER_SEEN, value=worker, at=now).on_conflict_do_nothing())
    session.commit()


# The worker's side

def claim(session: Session, *, worker: str, jobs: Sequence[str], now: datetime, minimum_gap: timedelta,
          zone: tzinfo = UTC) -> Run | None:
    """The run that this worker is to do now, running under a lease; None when nothing is due.

    By hand goes before somebody in the queue or asked for, that before a confirming reading, and that before the
    schedule.
    zone  the owner's, for quiet hours
    """
    release_lost(session, now, minimum_gap)
    grid = [kind.name for kind in KINDS.values() if kind.on_the_grid]
    may = [Job.config["enabled"].as_boolean().is_not(False), or_(Job.rest_until.is_(None), Job.rest_until <= now)]
    by_itself = [*may, Job.paused.is_(False),
                 or_(Job.name.in_(grid), ~exists().where(Run.job_id == Job.id, Run.ended_at > now - minimum_gap))]
    quiet = _quiet_jobs(session, jobs, now, zone)
    if quiet:
        by_itself.append(Job.id.not_in(quiet))
    at_once: dict[str, Any] = {"next_due_at": None}
    beside_it: dict[str, Any] = {"next_due_at": case((Job.next_due_at <= now, None), else_=Job.next_due_at)}
    may_wake = [*may, or_(Job.paused.is_(False), Job.scheduled.is_(False))]
    for trigger, due, values in (
        ("manual", [Job.requested_at.is_not(None)], at_once),
        ("priority", [*_somebody_waits(now), *may_wake], beside_it),
        ("priority", [*wanted.somebody_waits(now), *may_wake], beside_it),
        ("confirm", [Job.confirm_due_at <= now, *by_itself], at_once | {"confirm_due_at": None}),
        ("schedule", [Job.next_due_at <= now, *by_itself], at_once),
    ):
        run = _claim_due(session, trigger, [Job.name.in_(jobs), *due], values, worker, now)
        if run is not None:
            return run
    return None


def _quiet_jobs(session: Session, jobs: Sequence[str], now: datetime, zone: tzinfo) -> list[int]:
    """Jobs that would be due, but have their quiet hours."""
    due = session.execute(select(Job.id, Job.config["quietHours"].as_string()).where(
        Job.name.in_(jobs), or_(Job.next_due_at <= now, Job.confirm_due_at <= now)))
    return [job_id for job_id, hours in due if hours and quiet_until(hours, now, zone) is not None]


def _somebody_waits(now: datetime) -> list[ColumnElement[bool]]:
    """The job that reads the queue, when somebody in it is to be read now and the last poll is not too near."""
    return [Job.name.in_([kind.name for kind in KINDS.values() if kind.reads_queue]),
            exists().where(QueueEntry.priority == 1, QueueEntry.state == "queued", QueueEntry.due_at <= now),
            ~exists().where(Run.job_id == Job.id, Run.ended_at > now - rules.BETWEEN_PRIORITY_POLLS)]


def _claim_due(session: Session, trigger: str, due: Sequence[ColumnElement[bool]], values: dict[str, Any], worker: str,
               now: datetime) -> Run | None:
    free = (
        select(Job.id)
        .where(*due, ~exists().where(Run.job_id == Job.id, Run.state == "running"), *_no_turn_taken())
        .order_by(Job.requested_at, Job.next_due_at, Job.id)
        .limit(1)
        .with_for_update(of=Job, skip_locked=True)
    )
    with session.begin_nested() as attempt:
        job_id = session.scalar(
            update(Job).where(Job.id == free.scalar_subquery()).values(requested_at=None, **values)
            .returning(Job.id).execution_options(synchronize_session=False))
        if job_id is None:
            return None
        run = unended_run(session, job_id)
        if run is not None and run.state == "running":  # it began between our look at the runs and our lock
            attempt.rollback()
            return None
        if not _its_turn(session, job_id):
            attempt.rollback()
            return None
        return _begin(session, job_id, run, trigger, worker, now)


def _no_turn_taken() -> list[ColumnElement[bool]]:
    """No other job of the same group is going on."""
    other = aliased(Job)
    return [or_(Job.name.not_in(names), ~exists().where(
        Run.job_id == other.id, other.name.in_(names), Run.state == "running")) for names in GROUPS.values()]


def _its_turn(session: Session, job_id: int) -> bool:
    """Whether a job that was found free may begin, whose row we hold: the others of its group are held from here on,
    and none of them has begun since we looked. Who else looks just now holds one of them: then nobody waits."""
    names = GROUPS.get(KINDS[session.get_one(Job, job_id).name].group, ())
    others = select(Job.id).where(Job.name.in_(names), Job.id != job_id)
    there = set(session.scalars(others))
    held = set(session.scalars(others.with_for_update(skip_locked=True)))
    return there == held and not session.scalar(
        select(exists().where(Run.job_id.in_(there), Run.state == "running")))


def claim_now(session: Session, *, worker: str, job: Job, now: datetime, minimum_gap: timedelta) -> Run:
    """A run on the spot, for somebody at a terminal, whatever the schedule.

    raises  Refused 409 if one is running, or another one of its group, or the job is switched off
    """
    kind = KINDS[job.name]
    session.execute(select(Job.id).where(Job.name.in_(GROUPS.get(kind.group, ()))).order_by(Job.id).with_for_update())
    job = _locked(session, job.id)
    refuse_if_disabled(job)
    for other in session.scalars(select(Job).where(Job.name.in_(GROUPS.get(kind.group, ())), Job.id != job.id)).all():
        going_on = _unended_or_lost(session, other, now, minimum_gap)
        if going_on is not None and going_on.state == "running":
            raise Refused(409, "busy", f"A run of {other.name} is going on, and both ask {kind.group}. Wait for its "
                          "end, or cancel it on /admin/jobs.")
    run = _unended_or_lost(session, job, now, minimum_gap)
    if run is not None and run.state == "running":
        raise Refused(409, "busy", f"A run of {job.name} is going on. Wait for its end, or cancel it on /admin/jobs.")
    job.requested_at = job.next_due_at = None
    return _begin(session, job.id, run, "once", worker, now)


def _begin(session: Session, job_id: int, queued: Run | None, trigger: str, worker: str, now: datetime) -> Run:
    run = queued or Run(job_id=job_id, trigger=trigger, created_at=now)
    run.state, run.worker, run.started_at, run.lease_until = "running", worker, now, rules.lease_until(now)
    session.add(run)
    session.flush()
    return run


def progress(session: Session, run_id: UUID, said: dict[str, Any], now: datetime) -> Run:
    """Renew the lease and keep how far the run is.

    raises  Refused 409 `run_ended` if the run is not going on any more, 404 if it never was
    """
    run = _run(session, run_id, lock=True)
    if run.state != "running":
        raise Refused(409, "run_ended", "This run is not going on any more.")
    run.progress, run.lease_until = said, rules.lease_until(now)
    session.flush()
    return run


def finish(session: Session, run_id: UUID, end: End, now: datetime, minimum_gap: timedelta) -> Run:
    """The worker's word on how the run ended; said twice it changes nothing.

    raises  Refused 409 `run_ended` if the run was counted as lost, 404 if there is none
    """
    job = _locked(session, _run(session, run_id).job_id)
    run = _run(session, run_id, lock=True)
    if run.state == "running":
        _end(session, job, run, end, now, minimum_gap)
    elif run.state == "queued" or (run.outcome == "lost" and end.outcome != "lost"):
        raise Refused(409, "run_ended", "This run was counted as lost: its worker was silent for too long.")
    return run


def release_lost(session: Session, now: datetime, minimum_gap: timedelta) -> None:
    """Runs whose lease was not renewed are lost, and their jobs due again later."""
    expired = session.scalars(select(Run.job_id).where(Run.state == "running", Run.lease_until <= now)).all()
    for job_id in expired:
        job = _locked(session, job_id, skip=True)
        if job is not None:
            _unended_or_lost(session, job, now, minimum_gap)


def _unended_or_lost(session: Session, job: Job, now: datetime, minimum_gap: timedelta) -> Run | None:
    """The run of a locked job that has not ended; one whose lease ran out is ended here."""
    run = unended_run(session, job.id)
    if run is not None and run.state == "running" and run.lease_until is not None and run.lease_until <= now:
        _end(session, job, run, LOST, now, minimum_gap)
        return None
    return run


def _end(session: Session, job: Job, run: Run, end: End, now: datetime, minimum_gap: timedelta) -> None:
    kind = KINDS[job.name]
    config = rules.present_config(kind, job.config)
    failed = end.outcome in rules.FAILURES
    run.state, run.ended_at, run.outcome, run.lease_until = "ended", now, end.outcome, None
    run.error_code, run.error_message, run.error_advice = end.error_code, end.error_message, end.error_advice
    run.counters, run.waiting_ms, run.working_ms = end.counters, end.waiting_ms, end.working_ms
    if end.log:
        run.log = end.log
    job.stats = rules.stats_after(kind, job.stats, outcome=end.outcome, counters=end.counters, ended_at=now)
    failures_before = job.failures_in_row
    if run.cancel_requested and not job.scheduled:  # it was stopped: however its worker came out of it is no trouble
        job.failures_in_row = 0
    elif failed:
        job.failures_in_row += 1
    elif end.outcome != "cancelled":
        job.failures_in_row = 0
    job.rest_until = now + min(end.asked, rules.LONGEST_ASKED) if end.asked else None
    gap = _gap(kind, minimum_gap)
    due = rules.due_after(now, end.outcome, interval=timedelta(minutes=config["intervalMinutes"]), minimum_gap=gap,
                          failures_in_row=job.failures_in_row, code=end.error_code, asked=end.asked,
                          anchor=job.anchored_at if kind.on_the_grid else None)
    retried = rules.retried_when_lost(run.trigger, scheduled=job.scheduled, failures_in_row=job.failures_in_row)
    lost_again = end.outcome == "lost" and retried and not run.cancel_requested
    on_time = run.trigger == "priority" and not failed and not failures_before and job.next_due_at is not None
    if not on_time:  # a poll for the queue takes nothing from the schedule, also where it lasts into its next moment
        job.next_due_at = due if job.scheduled or lost_again else None
    session.flush()
    if kind.reads_wanted and job.scheduled and end.outcome in ("ok", "partial") and wanted.is_left_over(
            session, run.id, now):
        job.next_due_at = min(due, now + wanted.SOON)
    if kind.reads_queue:
        queue.put_back(session, run.id, now, cancelled=run.cancel_requested or end.outcome == "cancelled",
                       trouble=end.error_message)
    if job.confirm_asked_at is not None:
        asked_before = run.started_at is None or job.confirm_asked_at < run.started_at
        confirmed = end.outcome == "ok" and asked_before
        dropped = run.trigger == "confirm" and end.outcome in ("partial", "cancelled") and asked_before
        if confirmed or dropped or (failed and not retried):
            job.confirm_asked_at = job.confirm_due_at = None
        else:
            earliest = due if failed else now + gap
            job.confirm_due_at = max(job.confirm_due_at or earliest, earliest)
    session.flush()


# The owner's side

def request(session: Session, job: Job, *, by: str, now: datetime, minimum_gap: timedelta) -> Run:
    """A run by hand, queued until a worker takes it; the one that is queued or going on, if there is one.

    raises  Refused 409 `disabled` if the job is switched off
    """
    job = _locked(session, job.id)
    refuse_if_disabled(job)
    run = _unended_or_lost(session, job, now, minimum_gap)
    if run is None:
        run = Run(job_id=job.id, state="queued", trigger="manual", requested_by=by, created_at=now)
        session.add(run)
        job.requested_at = now
        session.flush()
    return run


def request_confirm(session: Session, account_id: int, job_name: str, now: datetime) -> None:
    """One confirming reading is due by itself, because a complete one left people missing; unless it is off."""
    job = session.scalars(select(Job).filter_by(account_id=account_id, name=job_name)
                          .with_for_update().execution_options(populate_existing=True)).one_or_none()
    if job is None:
        return
    config = rules.present_config(KINDS[job.name], job.config)
    if config["enabled"] and config["confirmMinutes"] > 0:
        job.confirm_asked_at = now
        job.confirm_due_at = now + timedelta(minutes=config["confirmMinutes"])
        session.flush()


def cancel(session: Session, run_id: UUID, now: datetime, minimum_gap: timedelta) -> Run:
    """Stop a run: at once while it is queued, else as soon as its worker hears of it.

    raises  Refused 404 if there is none, 409 if it has ended
    """
    job = _locked(session, _run(session, run_id).job_id)
    _unended_or_lost(session, job, now, minimum_gap)
    run = _run(session, run_id, lock=True)
    if run.state == "ended":
        raise Refused(409, "run_ended", "This run has already ended.")
    _cancel(session, job, run, now)
    return run


def _cancel(session: Session, job: Job, run: Run, now: datetime) -> None:
    if run.state == "queued":
        run.state, run.ended_at, run.outcome = "ended", now, CANCELLED.outcome
        run.error_code, run.error_message = CANCELLED.error_code, CANCELLED.error_message
        run.error_advice = CANCELLED.error_advice
        job.requested_at = None
    else:
        run.cancel_requested = True
    session.flush()


def start(session: Session, job: Job, now: datetime, minimum_gap: timedelta) -> None:
    """Put a job on its schedule, its first run as soon as the minimum gap allows.

    raises  Refused 409 `disabled` if it is switched off
    """
    job = _locked(session, job.id)
    refuse_if_disabled(job)
    if not job.scheduled:
        gap = _gap(KINDS[job.name], minimum_gap)
        job.next_due_at = job.anchored_at = rules.due_at_start(now, last_end(session, job.id), gap)
    job.scheduled, job.paused = True, False
    session.flush()


def stop(session: Session, job: Job, now: datetime, minimum_gap: timedelta) -> None:
    """Take a job off its schedule and end what it is doing."""
    job = _locked(session, job.id)
    run = _unended_or_lost(session, job, now, minimum_gap)
    if run is not None:
        _cancel(session, job, run, now)
    job.scheduled = job.paused = False
    job.next_due_at = job.anchored_at = job.confirm_asked_at = job.confirm_due_at = None
    job.failures_in_row = 0
    if KINDS[job.name].reads_queue:
        queue.hold(session)
    if KINDS[job.name].reads_wanted:
        wanted.hold(session)
    session.flush()


def pause(session: Session, job: Job) -> None:
    """Nothing starts by itself; the schedule is kept."""
    _locked(session, job.id).paused = True
    session.flush()


def resume(session: Session, job: Job) -> None:
    """The schedule goes on where it stands; what became due meanwhile is due now."""
    _locked(session, job.id).paused = False
    session.flush()


def reset_stats(session: Session, job: Job) -> None:
    """Every counter at zero. The runs themselves are kept."""
    _locked(session, job.id).stats = fresh_stats(KINDS[job.name])
    session.flush()


def configure(session: Session, job: Job, given: Any, now: datetime, minimum_gap: timedelta) -> None:
    """Change only what is given; a new interval counts from the last run's end and holds at once.

    raises  Refused 400 naming the field that is unknown or wrong
    """
    job, kind = _locked(session, job.id), KINDS[job.name]
    gap = _gap(kind, minimum_gap)
    before = rules.present_config(kind, job.config)
    try:
        job.config = rules.changed_config(kind, job.config, given, gap)
    except rules.WrongConfig as error:
        raise Refused(400, "invalid", error.message, field=error.field) from error
    if job.config["intervalMinutes"] != before["intervalMinutes"] and job.scheduled:
        _new_interval(session, job, kind, now, gap)
    if not job.config.get("confirmMinutes"):
        job.confirm_asked_at = job.confirm_due_at = None
    session.flush()


def _new_interval(session: Session, job: Job, kind: JobKind, now: datetime, gap: timedelta) -> None:
    last = last_run(session, job.id)
    counts_from = (last.started_at if kind.on_the_grid else last.ended_at) if last else None
    due = rules.due_after_change(counts_from, now, interval=timedelta(minutes=job.config["intervalMinutes"]),
                                 minimum_gap=gap)
    job.anchored_at = due
    if job.next_due_at is not None and not job.failures_in_row:
        job.next_due_at = due


def session_is_back(session: Session, account: Account, now: datetime, minimum_gap: timedelta) -> None:
    """The owner has signed in again: jobs that failed for the lack of it need not wait out their back-off."""
    for job_id in session.scalars(select(Job.id).where(Job.account_id == account.id, Job.failures_in_row > 0)).all():
        job = _locked(session, job_id)
        last = last_run(session, job_id)
        if last is not None and last.error_code in rules.SESSION_CODES:
            job.failures_in_row, job.rest_until = 0, None
            if job.next_due_at is not None:
                job.next_due_at = min(job.next_due_at, rules.due_at_start(now, last.ended_at, minimum_gap))
    session.flush()


def refuse_if_disabled(job: Job) -> None:
    """raises  Refused 409 `disabled`"""
    kind = KINDS[job.name]
    if not rules.present_config(kind, job.config)["enabled"]:
        raise Refused(409, "disabled", f"The job {job.name} is switched off in its configuration. Set `enabled` to "
                      "true first.")
    missing = missing_credential(kind)
    if missing:
        raise Refused(409, "disabled", f"The job {job.name} cannot run. {rules.missing_words(*missing)}")


def _gap(kind: JobKind, minimum_gap: timedelta) -> timedelta:
    """The gap that the setting asks for holds for lists, which are read with the owner's own browser session."""
    return timedelta(0) if kind.on_the_grid else minimum_gap


# Reading

def job_of(session: Session, kind: JobKind, account: Account | None) -> Job:
    """This account's job of this kind; account None for a kind that belongs to none."""
    return session.scalars(select(Job).filter_by(name=kind.name, account_id=account.id if account else None)).one()


def unended_run(session: Session, job_id: int) -> Run | None:
    """The run of a job that is queued or going on, locked like its job."""
    return session.scalar(select(Run).where(Run.job_id == job_id, Run.state != "ended").with_for_update()
                          .execution_options(populate_existing=True))


def last_run(session: Session, job_id: int) -> Run | None:
    """The newest run of a job that has ended."""
    return session.scalar(select(Run).where(Run.job_id == job_id, Run.state == "ended")
                          .order_by(Run.created_at.desc(), Run.id.desc()).limit(1))


def last_end(session: Session, job_id: int) -> datetime | None:
    run = last_run(session, job_id)
    return run.ended_at if run else None


def _run(session: Session, run_id: UUID, *, lock: bool = False) -> Run:
    query = select(Run).where(Run.id == run_id).execution_options(populate_existing=True)
    run = session.scalar(query.with_for_update() if lock else query)
    if run is None:
        raise Refused(404, "unknown_run", "There is no such run.")
    return run


def _locked(session: Session, job_id: int, *, skip: bool = False) -> Any:
    """The job's row, locked until the end of the transaction, with its present values."""
    return session.scalar(select(Job).where(Job.id == job_id).with_for_update(skip_locked=skip)
                          .execution_options(populate_existing=True))


def job_and_account(session: Session, run: Run) -> tuple[Job, Account | None]:
    """The job and the account of a run; None: it belongs to none."""
    job = session.scalars(select(Job).where(Job.id == run.job_id).execution_options(populate_existing=True)).one()
    return job, session.get(Account, job.account_id) if job.account_id is not None else None


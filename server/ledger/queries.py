"""When each source was heard, and why it was silent; a constant number of statements, however long the period and
however many the jobs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from server.jobs.kinds import KINDS
from server.jobs.rules import present_config
from server.ledger import rules
from server.ledger.rules import Heard, Span
from server.ledger.store import present_plan
from server.models import HeardSpan, Job, JobPlan, Run
from server.time import owner_zone

# Which jobs speak for a source. What CBHours tells of whole days in `cbhours-activity` does not make it heard.
SOURCES: dict[str, tuple[str, ...]] = {
    "affiliate": ("affiliate",), "cbhours": ("cbhours-live",), "browser": ("following", "followers"),
}
JOBS = ("affiliate", "cbhours-live", "cbhours-activity", "following", "followers")


def heard(session: Session, source: str, since: datetime, until: datetime, now: datetime, *,
          reasons: bool = True, account_id: int | None = None) -> list[Span]:
    """A period of one source as spans that cover it without overlap, oldest first.

    source      affiliate, cbhours or browser (any list of any account, or of this one)
    reasons     say why it was silent; left out, it costs three statements less
    """
    query = select(Job).where(Job.name.in_(SOURCES[source]))
    if account_id is not None:
        query = query.where(Job.account_id == account_id)
    jobs = session.scalars(query).all()
    stretches = _stretches(session, jobs, since, until)
    found = rules.silences([one for job in jobs for one in stretches[job.id]], since, until, now)
    if not reasons or not found:
        return rules.cover([(silence, "") for silence in found], since, until, now)
    told = _Told(session, jobs, found[0].heard_at or found[0].start, found[-1].end, now)
    return rules.cover([(silence, told.why(silence, jobs)) for silence in found], since, until, now)


def heard_by_job(session: Session, jobs: Sequence[Job], since: datetime, until: datetime,
                 now: datetime) -> dict[int, list[Span]]:
    """The same for each of these jobs, by its id."""
    stretches = _stretches(session, jobs, since, until)
    silences = {job.id: rules.silences(stretches[job.id], since, until, now) for job in jobs}
    first = min((found[0].heard_at or since for found in silences.values() if found), default=since)
    told = _Told(session, jobs, first, until, now)
    return {job.id: rules.cover([(silence, told.why(silence, [job])) for silence in silences[job.id]],
                                since, until, now) for job in jobs}


def _stretches(session: Session, jobs: Iterable[Job], since: datetime, until: datetime) -> dict[int, list[Heard]]:
    """What was heard in a period, and the newest stretch before it."""
    ids = [job.id for job in jobs]
    before = (select(HeardSpan.job_id, func.max(HeardSpan.started_at))
              .where(HeardSpan.job_id.in_(ids), HeardSpan.started_at < since).group_by(HeardSpan.job_id))
    rows = session.execute(
        select(HeardSpan.job_id, HeardSpan.started_at, HeardSpan.heard_at, HeardSpan.until)
        .where(HeardSpan.job_id.in_(ids), HeardSpan.started_at <= until,
               or_(HeardSpan.until >= since, tuple_(HeardSpan.job_id, HeardSpan.started_at).in_(before))))
    found: dict[int, list[Heard]] = defaultdict(list)
    for job_id, *stretch in rows:
        found[job_id].append(Heard(*stretch))
    return found


class _Told:
    """What runs and plans tell of the silences of a period."""

    def __init__(self, session: Session, jobs: Sequence[Job], first: datetime, last: datetime, now: datetime) -> None:
        self.zone = owner_zone()
        self.runs = _runs(session, jobs, first, last)
        self.plans: dict[int, list[rules.Plan]] = defaultdict(list)
        for row in session.scalars(select(JobPlan).where(JobPlan.job_id.in_([job.id for job in jobs]))
                                   .order_by(JobPlan.since)):
            self.plans[row.job_id].append(rules.Plan(row.since, row.state, row.quiet_hours))
        for job in jobs:
            if not self.plans[job.id]:
                self.plans[job.id].append(rules.Plan(first, *present_plan(job)))
        self.kept_since = _runs_kept_since(session, now)

    def why(self, silence: rules.Silence, jobs: Sequence[Job]) -> str:
        runs = sorted((run for job in jobs for run in self.runs[job.id]), key=lambda run: run.started_at)
        return rules.why(silence, runs, [self.plans[job.id] for job in jobs], self.zone,
                         unable=rules.UNABLE.get(jobs[0].name, rules.NO_CREDENTIAL) if jobs else "",
                         kept_since=self.kept_since)


def _runs(session: Session, jobs: Sequence[Job], first: datetime, last: datetime) -> dict[int, list[rules.RunFact]]:
    """Runs of a period. One that went well is the reason of a silence only where what it read can be refused."""
    lists = [job.id for job in jobs if KINDS[job.name].per_account]
    query = (select(Run.job_id, Run.started_at, Run.ended_at, Run.outcome, Run.error_message)
             .where(Run.job_id.in_([job.id for job in jobs]), Run.created_at <= last, Run.started_at > first,
                    or_(Run.job_id.in_(lists), Run.outcome.is_(None), Run.outcome != "ok")))
    found: dict[int, list[rules.RunFact]] = defaultdict(list)
    for job_id, began, ended, outcome, message in session.execute(query):
        if began is not None:
            found[job_id].append(rules.RunFact(began, ended, outcome, message))
    return found


def _runs_kept_since(session: Session, now: datetime) -> datetime | None:
    """Runs that are older have been deleted; None: all are kept."""
    config = session.scalar(select(Job.config).where(Job.name == "retention")) or {}
    days = present_config(KINDS["retention"], config)["runDays"]
    return now - timedelta(days=days) if days else None

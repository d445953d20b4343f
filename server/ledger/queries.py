"""When each source was heard, and why it was silent; a constant number of statements, however long the period."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
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
    reasons     say why it was silent; left out, it costs two statements less
    """
    query = select(Job).where(Job.name.in_(SOURCES[source]))
    if account_id is not None:
        query = query.where(Job.account_id == account_id)
    return of_jobs(session, session.scalars(query).all(), since, until, now, reasons=reasons)


def of_jobs(session: Session, jobs: Sequence[Job], since: datetime, until: datetime, now: datetime, *,
            reasons: bool = True) -> list[Span]:
    """A period of the source for which these jobs speak."""
    found = rules.silences(_stretches(session, [job.id for job in jobs], since, until), since, until, now)
    if not reasons or not found:
        return rules.cover([(silence, "") for silence in found], since, until, now)
    first = found[0].heard_at or found[0].start
    told = _Told(session, jobs, first, found[-1].end, now)
    return rules.cover([(silence, told.why(silence)) for silence in found], since, until, now)


def _stretches(session: Session, job_ids: Sequence[int], since: datetime, until: datetime) -> list[Heard]:
    """What was heard in a period, and the newest stretch before it."""
    before = (select(func.max(HeardSpan.started_at)).where(HeardSpan.job_id.in_(job_ids), HeardSpan.started_at < since)
              .scalar_subquery())
    rows = session.execute(
        select(HeardSpan.started_at, HeardSpan.heard_at, HeardSpan.until)
        .where(HeardSpan.job_id.in_(job_ids), HeardSpan.started_at <= until,
               (HeardSpan.until >= since) | (HeardSpan.started_at == before)))
    return [Heard(*row) for row in rows]


class _Told:
    """What runs and plans tell of the silences of a period."""

    def __init__(self, session: Session, jobs: Sequence[Job], first: datetime, last: datetime, now: datetime) -> None:
        ids = [job.id for job in jobs]
        self.zone = owner_zone()
        self.lists = {job.id for job in jobs if KINDS[job.name].per_account}
        query = select(Run.started_at, Run.ended_at, Run.outcome, Run.error_message).where(
            Run.job_id.in_(ids), Run.created_at <= last, Run.started_at > first)
        if not self.lists:  # a run that went well is no reason, except where what it read was not accepted
            query = query.where(func.coalesce(Run.outcome, "") != "ok")
        self.runs = [rules.RunFact(began, ended, outcome, message)
                     for began, ended, outcome, message in session.execute(query.order_by(Run.started_at))
                     if began is not None]
        plans: dict[int, list[rules.Plan]] = defaultdict(list)
        for row in session.scalars(select(JobPlan).where(JobPlan.job_id.in_(ids)).order_by(JobPlan.since)):
            plans[row.job_id].append(rules.Plan(row.since, row.state, row.quiet_hours))
        self.plans = [plans[job.id] or [rules.Plan(first, *present_plan(job))] for job in jobs]
        self.unable = rules.UNABLE.get(jobs[0].name, "a credential was missing") if jobs else ""
        self.kept_since = _runs_kept_since(session, now)

    def why(self, silence: rules.Silence) -> str:
        return rules.why(silence, self.runs, self.plans, self.zone, unable=self.unable, kept_since=self.kept_since)


def _runs_kept_since(session: Session, now: datetime) -> datetime | None:
    """Runs that are older have been deleted; None: all are kept."""
    config = session.scalar(select(Job.config).where(Job.name == "retention")) or {}
    days = present_config(KINDS["retention"], config)["runDays"]
    return now - timedelta(days=days) if days else None

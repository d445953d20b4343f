"""What the ledger needs when the server starts: the spans of what was heard before there was a ledger, and plans."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from server.jobs.kinds import KINDS
from server.ledger import rules, store
from server.models import AffiliatePoll, HeardSpan, Job, Scan

LISTS = ("following", "followers")


def fill(session: Session) -> None:
    """The spans of jobs that have none yet, from their polls and readings.

    Nobody else fills at the same time: `server.startup.prepare` lets one process in after the other.
    """
    without = ~exists().where(HeardSpan.job_id == Job.id)
    for job in session.scalars(select(Job).where(Job.name.in_(("affiliate", *LISTS)), without)):
        moments = _polls(session) if job.name == "affiliate" else _readings(session, job)
        if moments:
            store.put(session, job.id, rules.by_rhythm(moments, store.interval_of(job)))


def plan_all(session: Session, now: datetime) -> None:
    """What every job is to do: a credential may have come or gone since the last start."""
    for job_id in session.scalars(select(Job.id).where(Job.name.in_(KINDS))).all():
        store.plan(session, job_id, now)


def _polls(session: Session) -> list[datetime]:
    return [datetime.fromtimestamp(at, UTC) for at in session.scalars(
        select(AffiliatePoll.observed_at).where(AffiliatePoll.pages > 0).order_by(AffiliatePoll.observed_at))]


def _readings(session: Session, job: Job) -> Sequence[datetime]:
    query = (select(Scan.finished_at)
             .where(Scan.account_id == job.account_id, Scan.list == job.name, Scan.source == "browser",
                    Scan.state == "applied", Scan.finished_at.is_not(None)).order_by(Scan.finished_at))
    return [at for at in session.scalars(query) if at is not None]

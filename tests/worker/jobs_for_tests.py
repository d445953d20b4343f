"""Jobs that need no browser: each does one thing that a real job may do."""

import threading
from datetime import UTC, datetime
from uuid import uuid4

from scraper.errors import Challenged, ScraperError, SignedOut
from scraper.jobs import Job, JobContext, JobResult, Progress
from scraper.observations import PageFacts, PersonSeen, ScanEnd, ScanPage

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def reads_two_people(context: JobContext) -> JobResult:
    return _read(context, "ok")


def reads_half(context: JobContext) -> JobResult:
    return _read(context, "partial")


def finds_itself_signed_out(context: JobContext) -> JobResult:
    return _read(context, "signed_out", SignedOut("the site shows its login page"))


def meets_a_challenge(context: JobContext) -> JobResult:
    raise Challenged("the site asks for a human check")


def has_no_scan(context: JobContext) -> JobResult:
    return JobResult("ok")


def has_a_fault(context: JobContext) -> JobResult:
    raise ZeroDivisionError("a bug")


def goes_on_until_stopped(context: JobContext) -> JobResult:
    for number in range(10_000):
        context.report(Progress("reading", number, None))
        threading.Event().wait(0.02)
    return JobResult("ok")


def _read(context: JobContext, outcome: str, error: ScraperError | None = None) -> JobResult:
    scan_id = uuid4()
    context.report(Progress("online pages", 0, 1))
    context.outbox.put(ScanPage(
        run_id=context.run_id, observed_at=NOW, scan_id=scan_id, account=context.account, list="following",
        facts=PageFacts(part="online"), people=[PersonSeen(username="bob"), PersonSeen(username="carol")]))
    context.report(Progress("online pages", 1, 1, "2 people so far"))
    context.outbox.put(ScanEnd(run_id=context.run_id, observed_at=NOW, scan_id=scan_id, account=context.account,
                               started_at=NOW, finished_at=NOW, pages=1, list="following",
                               stopped_by=error.code if error else None))
    return JobResult(outcome, {"people": 2}, 30, 5, error, scan_id)


JOBS: dict[str, str | Job] = {"following": reads_two_people}

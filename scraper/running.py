"""One run, from the claim to the last word about it, the same for the worker and for `once`.

    record that we are at it ─► renew the lease, hand over the outbox in the background ─► the job
                             ─► the last word, through the outbox

A run whose worker was killed leaves its record behind without a living owner. Whoever starts next with the same data
folder tells the server, so that nobody has to wait for the lease to run out.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import random
from typing import Any
from uuid import UUID, uuid4

import structlog

from common.clock import Clock
from common.settings import Settings
from scraper.errors import Cancelled, CannotKeep, ScraperError, ServerRefused, ServerUnreachable
from scraper.jobs import JOBS, Job, JobContext, JobResult, Progress, find_job
from scraper.lease import Lease
from scraper.outbox import DeliveryReport, Outbox
from scraper.run_log import RunLog, listening
from scraper.schedule import back_off, site_asks
from scraper.server_client import ClaimedRun, ServerClient

log = structlog.get_logger(__name__)

BETWEEN_DELIVERIES = timedelta(seconds=1)
LONGEST_LAST_DELIVERY = timedelta(seconds=5)
_SUFFIX = ".run"


class Link:
    """Whether the server answers: says each change once, and how long to leave it alone."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._trouble: str | None = None
        self._lock = threading.Lock()

    @property
    def is_down(self) -> bool:
        return self._trouble is not None

    def up(self) -> None:
        with self._lock:
            if self._trouble:
                log.info("the server answers again")
            self._failures.clear()
            self._trouble = None

    def down(self, error: ScraperError, what: str) -> timedelta:
        """Note a failed attempt at something; answers the pause before its next attempt."""
        with self._lock:
            self._failures[what] = self._failures.get(what, 0) + 1
            if self._trouble != error.code:
                log.warning("the server cannot be used just now; what is seen waits in the outbox",
                            code=error.code, reason=str(error), advice=error.advice)
            self._trouble = error.code
            asked = getattr(error, "wait", None)
            return back_off(self._failures[what], jitter=random(), asked=asked)  # noqa: S311


@dataclass
class Desk:
    """What every run of this process works with.

    stopping  true once the process was told to end
    """

    settings: Settings
    client: ServerClient
    outbox: Outbox
    clock: Clock
    jobs: Mapping[str, str | Job]
    link: Link
    stopping: Callable[[], bool]

    @property
    def records(self) -> Path:
        return self.settings.data_folder / "runs"


def open_desk(settings: Settings, clock: Clock, stopping: Callable[[], bool], *, client: ServerClient | None = None,
              outbox: Outbox | None = None, jobs: Mapping[str, str | Job] = JOBS) -> Desk:
    """The desk for these settings.

    raises  CannotKeep when the data folder takes nothing
    """
    try:
        folder = settings.data_folder
    except OSError as error:
        raise CannotKeep(f"the data folder {settings.data_dir} cannot be used: {error.strerror}") from error
    return Desk(settings, client or ServerClient.of(settings, clock), outbox or Outbox.of(folder), clock, jobs, Link(),
                stopping)


def carry_out(desk: Desk, run: ClaimedRun, *, show: Callable[[Progress], None] = lambda _: None) -> JobResult:
    """Do a claimed run and put the last word about it into the outbox. What the job runs into is the run's outcome.

    show    sees each progress, too
    raises  only what is a fault of ours; the server has the run as failed then
    """
    with (listening(desk.clock) as lines, _recorded(desk.records, run.id), _delivering(desk),
          Lease(desk.client, run.id, timedelta(seconds=run.lease_seconds), desk.stopping) as lease):
        log.info("claimed", run=str(run.id), job=run.job, account=run.account, trigger=run.trigger)

        def report(progress: Progress) -> None:
            show(progress)
            lines.progress(progress)
            lease.report(progress)

        context = JobContext(desk.settings, run.account, run.config, run.id, desk.outbox, report, desk.clock,
                             run.priority)
        try:
            result = do_job(desk, run.job, context)
        except Exception as fault:
            if not lease.why_stop:
                _finish(desk, run.id, _failed(fault), lines)
                raise
            # Ctrl-C at a terminal reaches the browser as well, and pulls it from under the job.
            log.info("stopped in the middle", run=str(run.id), reason=repr(fault))
            result = JobResult("failed")
        if lease.why_stop and result.outcome not in ("ok", "cancelled"):
            # What the job ran into while it was stopped (a browser that is gone, say) is not the site's doing.
            result = JobResult("cancelled", result.counters, result.waiting_ms, result.working_ms,
                               Cancelled(lease.why_stop), result.scan_id, result.summary)
        _finish(desk, run.id, result, lines)
    log.info("finished", run=str(run.id), job=run.job, account=run.account, outcome=result.outcome,
             error=str(result.error) if result.error else None, waiting_ms=result.waiting_ms,
             working_ms=result.working_ms, counters=result.counters)
    return result


def do_job(desk: Desk, name: str, context: JobContext) -> JobResult:
    """The job itself; what it could not do is a result, not an exception."""
    try:
        return find_job(name, desk.jobs)(context)
    except ScraperError as error:
        return JobResult(error.outcome, error=error)


def hand_over(desk: Desk, stop: Callable[[], bool] | None = None) -> tuple[DeliveryReport, timedelta]:
    """Deliver what waits; answers how long to wait before the next delivery, too."""
    report = desk.outbox.deliver(desk.client, stop or desk.stopping)
    if report.stopped_by:
        return report, desk.link.down(report.stopped_by, "hand over")
    if report.delivered:
        desk.link.up()
    return report, BETWEEN_DELIVERIES


def report_the_dead(desk: Desk) -> None:
    """Tell the server of the runs whose process was killed, behind what they had put into the outbox."""
    for run_id in _abandoned(desk.records):
        log.warning("a run's process was killed in the middle of it", run=str(run_id))
        desk.outbox.put_request(f"/api/worker/runs/{run_id}/finish", {
            "outcome": "lost", "counters": {}, "waiting_ms": 0, "working_ms": 0, "retry_after_seconds": None,
            "error": {"code": "worker_died", "message": "The worker was ended suddenly in the middle of the run.",
                      "advice": "Nobody was taken away. The run is tried again by itself."},
        })


def _finish(desk: Desk, run_id: UUID, result: JobResult, lines: RunLog) -> None:
    path = f"/api/worker/runs/{run_id}/finish"
    error = result.error
    body: dict[str, Any] = {
        "outcome": result.outcome, "counters": result.counters, "waiting_ms": result.waiting_ms,
        "working_ms": result.working_ms, "retry_after_seconds": site_asks(error),
        "error": {"code": error.code, "message": str(error), "advice": error.advice} if error else None,
        "log": lines.lines,
    }
    try:
        desk.outbox.put_request(path, body)
    except CannotKeep as full:
        log.error("the run's end could not be kept", run=str(run_id), reason=str(full), advice=full.advice)
        try:  # at least the server should know
            desk.client.post(path, body)
        except (ServerUnreachable, ServerRefused) as away:
            log.error("the run's end could not be told", run=str(run_id), reason=str(away))


def _failed(fault: BaseException) -> JobResult:
    return JobResult("failed", error=ScraperError(f"a fault in the program: {type(fault).__name__}"))


@contextmanager
def _delivering(desk: Desk) -> Iterator[None]:
    """Hand over in the background, so that pages arrive while the next ones are read."""
    over = threading.Event()

    def deliver_until_over() -> None:
        pause = BETWEEN_DELIVERIES
        while not over.wait(pause.total_seconds()):
            try:
                _, pause = hand_over(desk, over.is_set)
            except CannotKeep as error:
                pause = desk.link.down(error, "hand over")

    thread = threading.Thread(target=deliver_until_over, name="delivery", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(LONGEST_LAST_DELIVERY.total_seconds())


@contextmanager
def _recorded(folder: Path, run_id: UUID) -> Iterator[None]:
    """While inside, a locked file says that this process is at the run; the lock dies with the process."""
    record = folder / f"{run_id}{_SUFFIX}"
    unfinished = folder / f".{run_id}.{uuid4().hex}"
    handle = None
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        unfinished.rename(record)
    except OSError as error:  # without a record a killed run waits for its lease to end, no more
        log.warning("the run could not be recorded", run=str(run_id), reason=str(error))
    try:
        yield
    finally:
        if handle is not None:
            record.unlink(missing_ok=True)
            os.close(handle)


def _abandoned(folder: Path) -> Iterator[UUID]:
    """Runs that are recorded without a living process; each is forgotten once the caller has dealt with it."""
    for record in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            handle = os.open(record, os.O_RDWR)
        except FileNotFoundError:
            continue  # its process has just come to its end
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if record.exists():
                yield UUID(record.stem)
                record.unlink(missing_ok=True)
        except BlockingIOError:
            continue  # its process lives
        except ValueError:
            log.warning("not a record of a run", file=record.name)
        finally:
            os.close(handle)

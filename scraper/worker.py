"""The worker's loop: ask for work, do it, hand over what was seen; until it is told to end.

    every few seconds   claim ─► the run (one at a time; Chromium lives only as long as the run)
    every second        hand over the outbox

What can be tried again is tried again with a growing pause. This loop is the outermost one of the process and the
only place where any exception is caught: a fault in one run costs that run, not the worker.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import uuid4

import schedule
import structlog

from common.clock import Clock, utc_now
from common.settings import Settings
from scraper.errors import CannotKeep, ServerRefused, ServerUnreachable
from scraper.jobs import JOBS, Job
from scraper.outbox import Outbox
from scraper.running import LONGEST_LAST_DELIVERY, carry_out, hand_over, open_desk, report_the_dead
from scraper.schedule import next_claim
from scraper.server_client import ServerClient

log = structlog.get_logger(__name__)

_NAP = timedelta(milliseconds=100)
_AFTER_A_FAULT = timedelta(seconds=5)
_OVERDUE = timedelta(seconds=3)


def worker_name() -> str:
    """Who we are to the server: one name a process, also when a process id comes again."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


class Worker:
    """Carries out runs until `stop` is called.

    jobs, client, outbox, clock  by default the real ones
    """

    def __init__(self, settings: Settings, *, jobs: Mapping[str, str | Job] = JOBS, client: ServerClient | None = None,
                 outbox: Outbox | None = None, clock: Clock = utc_now) -> None:
        self.name = worker_name()
        self._stopping = False
        self._desk = open_desk(settings, clock, lambda: self._stopping, client=client, outbox=outbox, jobs=jobs)
        self._steps: dict[str, Callable[[], timedelta]] = {"hand over": self._hand_over, "claim": self._claim}
        self._scheduler = schedule.Scheduler()
        self._due: dict[str, float] = {}  # of each step, by the clock that nobody can set

    def stop(self) -> None:
        """End as soon as the present run can be left; safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Work until told to end. The last delivery is short: what it does not manage waits in the outbox."""
        log.info("worker started", worker=self.name, server=self._desk.client.url, jobs=list(self._desk.jobs))
        for step in self._steps:
            self._take(step)
        while not self._stopping:
            self._scheduler.run_pending()
            self._mind_the_clock()
            time.sleep(_NAP.total_seconds())
        ends = time.monotonic() + LONGEST_LAST_DELIVERY.total_seconds()
        report, _ = hand_over(self._desk, lambda: time.monotonic() > ends)
        log.info("worker ended", worker=self.name, waiting_messages=report.left)

    def _take(self, step: str) -> type[schedule.CancelJob]:
        """Take one step and plan its next time, which the step itself decides."""
        was_down = self._desk.link.is_down
        try:
            pause = self._steps[step]()
        except Exception:
            log.exception("a fault in the program; the worker goes on", step=step)
            pause = _AFTER_A_FAULT
        self._plan(step, pause)
        if was_down and not self._desk.link.is_down:
            for waiting in self._steps.keys() - {step}:
                self._plan(waiting, timedelta(0))
        return schedule.CancelJob

    def _plan(self, step: str, pause: timedelta) -> None:
        seconds = max(1, round(pause.total_seconds()))
        self._due[step] = time.monotonic() + seconds
        self._scheduler.clear(step)
        self._scheduler.every(seconds).seconds.do(self._take, step).tag(step)

    def _claim(self) -> timedelta:
        if self._stopping:
            return _NAP
        try:
            report_the_dead(self._desk)
            claim = self._desk.client.claim(self.name, list(self._desk.jobs))
        except (ServerUnreachable, ServerRefused, CannotKeep) as error:
            return self._desk.link.down(error, "claim")
        self._desk.link.up()
        if claim.run is None:
            return next_claim(claim.retry_after)
        carry_out(self._desk, claim.run)
        self._hand_over()
        return next_claim(0)

    def _hand_over(self) -> timedelta:
        try:
            _, pause = hand_over(self._desk)
        except CannotKeep as error:
            return self._desk.link.down(error, "hand over")
        return pause

    def _mind_the_clock(self) -> None:
        """`schedule` reads the local wall clock: a step that is overdue although its time has come was planned
        before that clock was set back, as it is when summer time ends."""
        for step, due in list(self._due.items()):
            if time.monotonic() > due + _OVERDUE.total_seconds():
                log.info("the clock was set back", step=step)
                self._take(step)


def end_on_signals(stop: Callable[[], None]) -> None:
    """SIGTERM and Ctrl-C end the work cleanly; the second one ends the process at once."""

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)

"""The worker's time-limited right to carry out a run: renewed in the background, and how a run learns to stop."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog

from scraper.errors import Cancelled, RunEnded, ServerRefused, ServerUnreachable
from scraper.jobs import Progress
from scraper.schedule import beat
from scraper.server_client import ServerClient

log = structlog.get_logger(__name__)

# Progress goes to the server at once, but not more often than this.
BETWEEN_REPORTS = timedelta(milliseconds=500)
AFTER_A_FAILURE = timedelta(seconds=2)


class Lease:
    """Renews a run's lease from entering to leaving, on a thread of its own.

    The run calls `report` whenever it has come further; that is where it is stopped when a person cancelled it,
    the worker is to end, or the lease is lost. A lost lease ends the run here, too: another worker may have it.
    """

    def __init__(self, client: ServerClient, run_id: UUID, lease: timedelta, stopping: Callable[[], bool]) -> None:
        self._client = client
        self._run_id = run_id
        self._length = lease
        self._stopping = stopping
        self._progress = Progress("starting", 0, None)
        self._reported = threading.Event()
        self._over = threading.Event()
        self._ends_at = time.monotonic() + lease.total_seconds()
        self._why_stop: str | None = None
        self._thread = threading.Thread(target=self._renew_until_over, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._reported.set()

    def report(self, progress: Progress) -> None:
        """Say how far the run is.

        raises  Cancelled when the run is to stop
        """
        self._progress = progress
        self._reported.set()
        if why := self.why_stop:
            raise Cancelled(why)

    @property
    def why_stop(self) -> str | None:
        """Why the run has to stop, in words; None: it goes on."""
        if self._stopping():
            return "the worker was told to end"
        if self._why_stop is None and time.monotonic() > self._ends_at:
            self._why_stop = "the server could not be reached for so long that the run may be another worker's now"
        return self._why_stop

    def _renew_until_over(self) -> None:
        pause = timedelta(0)  # once at the start, so that the page shows at once that the run is under way
        while not self._over.is_set():
            self._reported.wait(pause.total_seconds())
            if self._over.is_set():
                return
            self._reported.clear()
            pause = self._renew()
            self._over.wait(BETWEEN_REPORTS.total_seconds())

    def _renew(self) -> timedelta:
        """Renew once; answers how long until the next time."""
        asked_at = time.monotonic()
        try:
            renewed = self._client.renew(self._run_id, self._progress)
        except RunEnded as error:
            self._why_stop = f"the server had ended the run: {error}"
            self._over.set()
        except (ServerUnreachable, ServerRefused) as error:
            log.debug("lease not renewed", run=str(self._run_id), reason=str(error))
            return min(AFTER_A_FAILURE, beat(self._length))
        else:
            self._ends_at = asked_at + self._length.total_seconds()
            if renewed.cancel:
                self._why_stop = "a person asked the run to stop"
        return beat(self._length)

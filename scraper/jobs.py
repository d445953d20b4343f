"""What a job is to the worker: where it is found, what it is given, what it hands back.

A job is a function `run(context: JobContext) -> JobResult` in `scraper/sources/<source>/`, imported
only when it is run, so that a worker that waits carries no browser library in its memory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol
from uuid import UUID

from common.clock import Clock
from common.settings import Settings
from scraper.errors import ScraperError, WrongUse
from scraper.observations import Message

JOBS: dict[str, str] = {
    "affiliate": "scraper.sources.affiliate.job:run",
    "cbhours-live": "scraper.sources.cbhours.live:run",
    "cbhours-activity": "scraper.sources.cbhours.activity:run",
    "following": "scraper.sources.followed.job:run",
    "followers": "scraper.sources.followers.job:run",
    "retention": "scraper.sources.retention.job:run",
    "images": "scraper.sources.images.job:run",
}
WITHOUT_ACCOUNT = frozenset({"affiliate", "cbhours-live", "cbhours-activity", "images", "retention"})


class Keeper(Protocol):
    """Where a job leaves what it saw; what is in it when `put` returns survives a power cut."""

    def put(self, message: Message) -> None: ...


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` (None: unknown) in the present phase, in words for the owner."""

    phase: str
    done: int
    total: int | None
    detail: str = ""


@dataclass
class JobContext:
    """All that a job may use.

    account whose list is read; None for a job that belongs to no account
    config  the job's configuration as the server keeps it, such as {"maxPasses": 3}
    run_id  the server's run; None when the list is read while the server is away
    report  says how far the run is; raises Cancelled when the run is to stop
    priority people of the queue who are to be looked for: username -> gender where looking there is enough, else None
    """

    settings: Settings
    account: str | None
    config: dict[str, Any]
    run_id: UUID | None
    outbox: Keeper
    report: Callable[[Progress], None]
    clock: Clock
    priority: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The account, for a job that reads somebody's list.

        raises  WrongUse where there is none
        """
        if not self.account:
            raise WrongUse("this job needs an account")
        return self.account


@dataclass(frozen=True)
class JobResult:
    """How a run ended.

    outcome  ok, partial, blocked, signed_out, failed or cancelled
    error    what stopped it, with its advice; None when nothing did
    summary  what came of it, for a person at a terminal; empty where the server's answer to a scan tells
    """

    outcome: str
    counters: dict[str, int] = field(default_factory=dict)
    waiting_ms: int = 0
    working_ms: int = 0
    error: ScraperError | None = None
    scan_id: UUID | None = None
    summary: str = ""


Job = Callable[[JobContext], JobResult]


def find_job(name: str, jobs: Mapping[str, str | Job] = JOBS) -> Job:
    """The function of this job, imported now.

    raises  KeyError for a job that is not in `jobs`
    """
    place = jobs[name]
    if not isinstance(place, str):
        return place
    module, _, function = place.partition(":")
    found: Job = getattr(import_module(module), function)
    return found

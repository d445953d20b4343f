"""The job `retention`: asks the server for one small batch after the other, until nothing is too old any more.

Each batch stands for itself. A run that is stopped between two leaves everything right, and the next one goes on.
"""

import time
from collections import Counter

from pydantic import BaseModel, ValidationError

from scraper.errors import ScraperError, ServerUnreachable
from scraper.jobs import JobContext, JobResult, Progress
from scraper.server_client import ServerClient

PATH = "/api/worker/retention"
TRIES = 4  # of a batch that the server does not answer; it may be starting anew
FIRST_PAUSE = 0.5  # seconds, doubled each time
LONGEST_WAIT = 5.0  # seconds between two batches, whatever the server says


class Batch(BaseModel):
    """What the server did, and where it goes on; wait: seconds until that is worth it."""

    more: bool
    cursor: str | None = None
    wait: float = 0
    doing: str = ""
    deleted: dict[str, int] = {}


def run(context: JobContext) -> JobResult:
    """Have everything cleaned up.

    raises  ServerUnreachable where there is no server to do it
    """
    if context.run_id is None:
        raise ServerUnreachable("the server does the work of this job, and it does not answer")
    client = ServerClient.of(context.settings, context.clock)
    try:
        return _clean_up(context, client)
    finally:
        client.close()


def _clean_up(context: JobContext, client: ServerClient) -> JobResult:
    began, counts = time.monotonic(), Counter[str]()
    stopped: ScraperError | None = None
    cursor: str | None = None
    doing, more = "looking for what is too old", True
    try:
        while more:
            context.report(Progress(doing, counts["deleted"], None))
            answer = _ask(client, {"run_id": str(context.run_id), "cursor": cursor})
            counts.update(answer.deleted)
            more, cursor, doing = answer.more, answer.cursor, answer.doing
            time.sleep(min(max(answer.wait, 0), LONGEST_WAIT) if more else 0)
    except ScraperError as error:
        stopped = error
    counters = {"deleted": counts["deleted"]} | {name: count for name, count in sorted(counts.items()) if count}
    return JobResult("ok" if stopped is None else stopped.outcome, counters, 0,
                     round((time.monotonic() - began) * 1000), stopped, summary=_summary(counters))


def _ask(client: ServerClient, body: dict[str, str | None]) -> Batch:
    for attempt in range(TRIES):
        try:
            return Batch.model_validate(client.post(PATH, body))
        except ValidationError as error:
            raise ServerUnreachable("an answer that we do not understand: are server and worker of the same version?"
                                    ) from error
        except ServerUnreachable:
            if attempt == TRIES - 1:
                raise
            time.sleep(FIRST_PAUSE * 2**attempt)
    raise AssertionError("every attempt has returned or raised")


def _summary(counters: dict[str, int]) -> str:
    """What came of it, for a person at a terminal."""
    kinds = [f"{count} {name.replace('_', ' ')}" for name, count in counters.items() if name != "deleted" and count]
    return f"{counters['deleted']} rows deleted" + (f" ({', '.join(kinds)})" if kinds else "") + "."

"""The job `images`: fetch the pictures that the server says are wanted, one after the other.

    ask what is wanted ─► fetch ─► look at the bytes ─► hand over ─► the next one … ─► ask once more

What fails is handed over as well, so that its address rests. A host that asks us to stop ends the run; so does a row
of answers that never came.
"""

import base64
import time
from collections import Counter
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.pictures import BadPicture, opened
from scraper.errors import NotLetIn, ScraperError, ServerUnreachable, Unavailable
from scraper.jobs import JobContext, JobResult, Progress
from scraper.observations import PictureSeen
from scraper.server_client import ServerClient
from scraper.sources.images.addresses import Allowed
from scraper.sources.images.client import BETWEEN_FETCHES, ImageClient, NoPicture

BETWEEN_AT_HOME = 0.05  # seconds: the imitation on this machine needs no rest
SITE_TROUBLES = 3  # in a row, and the run ends
MOST = 5_000  # of one run
PATH = "/api/worker/pictures/wanted"


class WantedPicture(BaseModel):
    model_config = ConfigDict(extra="ignore")

    username: str
    url: str


class Wanted(BaseModel):
    """What the server answers."""

    model_config = ConfigDict(extra="ignore")

    pictures: list[WantedPicture] = Field(max_length=MOST)


def run(context: JobContext) -> JobResult:
    """Fetch what is wanted, and hand it over."""
    allowed = Allowed.of(context.settings.image_hosts, context.settings.chaturbate_url)
    client = ImageClient(allowed, clock=context.clock,
                         between=BETWEEN_AT_HOME if allowed.is_at_home else BETWEEN_FETCHES)
    server = ServerClient.of(context.settings, context.clock)
    try:
        return Round(context, client).go(lambda limit: wanted(server, limit))
    finally:
        server.close()


def wanted(server: ServerClient, limit: int) -> list[WantedPicture]:
    """What is to be fetched, the most wanted first.

    raises  ServerUnreachable, ServerRefused
    """
    try:
        return Wanted.model_validate(server.post(PATH, {"limit": limit})).pictures
    except ValidationError as error:
        raise ServerUnreachable(f"an answer that we do not understand: {error.errors()[0]['msg']}") from error


class Round:
    """One round of fetching."""

    def __init__(self, context: JobContext, client: ImageClient, passing: Callable[[], float] = time.monotonic) -> None:
        self._context, self._client, self._passing = context, client, passing
        self._counters: Counter[str] = Counter()
        self._tried: set[str] = set()
        self._in_a_row = 0

    def go(self, ask: Callable[[int], list[WantedPicture]]) -> JobResult:
        began = self._passing()
        stopped: ScraperError | None = None
        try:
            limit = min(max(int(self._context.config.get("limit", 200)), 1), MOST)
            while len(self._tried) < limit and (pictures := self._new(ask, limit - len(self._tried))):
                for one in pictures:
                    self._context.report(Progress("fetching pictures", len(self._tried), self._counters["wanted"]))
                    self._tried.add(one.username)
                    self._fetch(one)
        except ScraperError as error:
            stopped = error
        return self._result(stopped, round((self._passing() - began) * 1000))

    def _new(self, ask: Callable[[int], list[WantedPicture]], limit: int) -> list[WantedPicture]:
        """What is wanted and has not been tried. What somebody asks for during the round is fetched in it, too; what
        the server has not yet been told of comes up again here and is left out."""
        self._context.report(Progress("asking which pictures are wanted", len(self._tried), None))
        pictures = [one for one in ask(limit) if one.username not in self._tried]
        self._counters["wanted"] += len(pictures)
        return pictures

    def _fetch(self, one: WantedPicture) -> None:
        """Fetch one picture and hand it over, or why there is none.

        raises  RateLimited, NotLetIn, ClosedToUs, Unavailable: the run is over; CannotKeep
        """
        try:
            body = self._client.fetch(one.url)
            picture = opened(body)
        except NoPicture as error:
            self._failed(one, error.code, str(error))
            self._in_a_row = self._in_a_row + 1 if error.of_the_site else 0
            if self._in_a_row >= SITE_TROUBLES:
                raise Unavailable(f"{self._in_a_row} pictures in a row could not be fetched: {error}") from error
        except BadPicture as error:
            self._failed(one, error.code, str(error))
            self._in_a_row = 0
        except NotLetIn as error:
            self._failed(one, error.code, str(error))  # it may be this address alone: the next round begins elsewhere
            raise
        else:
            self._hand_over(one, content_type=picture.content_type, body=base64.b64encode(body).decode("ascii"))
            self._counters["fetched"] += 1
            self._in_a_row = 0

    def _failed(self, one: WantedPicture, problem: str, detail: str) -> None:
        self._counters["failed"] += 1
        self._hand_over(one, problem=problem, detail=detail[:500])

    def _hand_over(self, one: WantedPicture, **said: str) -> None:
        self._context.outbox.put(PictureSeen(run_id=self._context.run_id, observed_at=self._context.clock(),
                                             username=one.username, url=one.url, **said))

    def _result(self, stopped: ScraperError | None, took_ms: int) -> JobResult:
        calls = self._client.calls
        waiting_ms = min(took_ms, calls.waiting_ms())
        fetched, failed = self._counters["fetched"], self._counters["failed"]
        outcome = "ok" if stopped is None else stopped.outcome
        if outcome == "failed" and fetched:
            outcome = "partial"
        counters = {
            "wanted": self._counters["wanted"], "fetched": fetched, "failed": failed, **calls.counters(),
        }
        return JobResult(outcome, counters, waiting_ms, took_ms - waiting_ms, stopped,
                         summary=f"{fetched} of {counters['wanted']} wanted pictures fetched, {failed} failed")

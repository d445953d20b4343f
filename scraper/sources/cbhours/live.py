"""The job `cbhours-live`: what CBHours says just now of the people that the server wants to know about.

    ask the server who ─► ask CBHours for fifty ─► read ─► hand over ─► the next fifty …

Each answer is handed over at once, so that a run that ends early has lost nothing. One that cannot be read costs its
fifty people this time; a row of them, or an answer that wants us to stop, ends the run.
"""

import time
from collections import Counter, deque
from collections.abc import Callable

from scraper.api_client import Answer
from scraper.errors import NotKnownHere, RateLimited, ScraperError, UnknownAnswer
from scraper.jobs import JobContext, JobResult, Progress
from scraper.observations import CbhoursLive
from scraper.scrub import capture_of_answer
from scraper.server_client import ServerClient
from scraper.sources.cbhours.client import MOST_NAMES, PAUSE, CbhoursClient
from scraper.sources.cbhours.parse import Live, SaidError, parse_live
from scraper.sources.cbhours.wanted import MOST, wanted_people

PEOPLE = 2_000  # of one run, unless told
TROUBLES = 3  # answers in a row that cannot be used, and the run ends
HALVINGS = 20  # calls of one run, at most, to find out who of fifty made an answer an error


def run(context: JobContext) -> JobResult:
    """Ask about everybody who is wanted, once."""
    client = CbhoursClient(context.settings.cbhours_url, clock=context.clock)
    server = ServerClient.of(context.settings, context.clock)
    try:
        return Poll(context, client).go(lambda limit: wanted_people(server, limit))
    finally:
        client.close()
        server.close()


class Poll:
    """One run."""

    def __init__(self, context: JobContext, client: CbhoursClient,
                 passing: Callable[[], float] = time.monotonic) -> None:
        self._context, self._client, self._passing = context, client, passing
        self._counters: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._in_a_row = 0
        self._halvings = HALVINGS
        self._trouble: ScraperError | None = None  # the newest answer that could not be used

    def go(self, ask: Callable[[int], list[str]]) -> JobResult:
        """ask: who is wanted, at most so many, as `wanted_people` says."""
        began = self._passing()
        stopped: ScraperError | None = None
        try:
            limit = min(max(int(self._context.config.get("limit", PEOPLE)), 1), MOST)
            self._context.report(Progress("asking whom to ask for", 0, None))
            names = ask(limit)
            self._counters["wanted"] = len(names)
            batches = deque(names[start:start + MOST_NAMES] for start in range(0, len(names), MOST_NAMES))
            while batches:
                self._report()
                self._batch(batches.popleft(), batches)
        except ScraperError as error:
            stopped = error
        return self._result(stopped, round((self._passing() - began) * 1000))

    def _report(self) -> None:
        self._context.report(Progress("asking CBHours who is online", self._counters["asked"],
                                      self._counters["wanted"], f"{len(self._client.calls.ms)} calls made"))

    def _batch(self, names: list[str], further: deque[list[str]]) -> None:
        """Ask for these people and hand over what is said of them.

        further  where halves of them go that are to be asked for by themselves
        raises   SourceError: the run is over; CannotKeep
        """
        answer = self._client.live(names)
        try:
            live = parse_live(answer.body, names)
        except SaidError as error:
            if error.asks_for_a_pause:
                self._client.leave_alone(PAUSE)
                raise RateLimited(f"CBHours asks us to slow down: {error}", PAUSE) from error
            if error.is_not_set_up and len(names) == 1:
                self._take(names, answer, Live(unknown=names))
            elif error.is_not_set_up and self._halvings > 1:
                self._halvings -= 2
                further.extendleft((names[len(names) // 2:], names[:len(names) // 2]))
            else:
                self._fail(names, answer, NotKnownHere(f"CBHours answers with an error: {error}"))
        except UnknownAnswer as error:
            self._fail(names, answer, error)
        else:
            self._take(names, answer, live)

    def _take(self, names: list[str], answer: Answer, live: Live) -> None:
        self._in_a_row = 0
        self._hand_over(names, answer, live)
        online = sum(room.online for room in live.rooms)
        self._counters.update(asked=len(names), online=online, offline=len(live.rooms) - online,
                              unknown=len(live.unknown))

    def _fail(self, names: list[str], answer: Answer, error: ScraperError) -> None:
        """Nothing is known of these people; the answer is kept as evidence.

        raises  the error, where it is one of a row
        """
        self._hand_over(names, answer, Live(problems=Counter(answer=1)))
        self._counters["asked"] += len(names)
        self._client.calls.failed += 1
        self._trouble = error
        self._in_a_row += 1
        if self._in_a_row >= TROUBLES:
            raise error

    def _hand_over(self, names: list[str], answer: Answer, live: Live) -> None:
        self._problems.update(live.problems)
        self._context.outbox.put(CbhoursLive(
            run_id=self._context.run_id, observed_at=answer.at, asked=names, rooms=live.rooms, unknown=live.unknown,
            problems=dict(live.problems), capture=capture_of_answer(answer.body, answer.content_type, answer.url)))

    def _result(self, stopped: ScraperError | None, took_ms: int) -> JobResult:
        calls, counted = self._client.calls, self._counters
        answered = counted["online"] + counted["offline"] + counted["unknown"]
        error = stopped or self._trouble
        outcome = "ok" if error is None else error.outcome
        if outcome == "failed" and answered:
            outcome = "partial"
        left = counted["asked" if outcome == "cancelled" else "wanted"] - answered
        counters = {name: counted[name] for name in ("wanted", "asked", "online", "offline", "unknown")} | {
            "failed": left, "problems": sum(self._problems.values()), **calls.counters()}
        waiting_ms = min(took_ms, calls.waiting_ms())
        return JobResult(outcome, counters, waiting_ms, took_ms - waiting_ms, error,
                         summary=self._summary(counters) if error is None or answered else "")

    def _summary(self, counters: dict[str, int]) -> str:
        """The run in a sentence, for a person at a terminal."""
        if not counters["wanted"]:
            return "nobody is to be asked for just now."
        calls = counters["calls"]
        said = (f"{counters['online']} of {counters['wanted']} people online, {counters['offline']} offline, "
                f"{counters['unknown']} not known at CBHours, in {calls} {'call' if calls == 1 else 'calls'}")
        return said + (f"; of {counters['failed']} nothing was learnt." if counters["failed"] else ".")

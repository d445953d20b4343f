"""The job `cbhours-activity`: broadcasts of the last 60 days, three minutes at a time, one person after the other.

    ask the server whose ─► ask CBHours for one person's days (and months) ─► read ─► hand over ─► the next person …
    ─► after every twenty-five ask the server anew

Each person's answer is handed over at once. The server is asked anew so that whoever is wanted by hand meanwhile comes
next and does not wait for the end of a long run. "Error Code:300" is news about that person; any other answer that
cannot be used is told of the person, too, and a row of them ends the run, as an answer does that wants us to stop.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog

from scraper.api_client import Answer
from scraper.errors import (
    NotKnownHere,
    RateLimited,
    ScraperError,
    ServerRefused,
    ServerUnreachable,
    SourceError,
    UnknownAnswer,
)
from scraper.jobs import JobContext, JobResult, Progress
from scraper.observations import CbhoursActivity
from scraper.scrub import capture_of_answer
from scraper.server_client import ServerClient
from scraper.sources.cbhours.client import PAUSE, CbhoursClient
from scraper.sources.cbhours.parse import SaidError, parse_activity, parse_months
from scraper.sources.cbhours.wanted import MOST, WantedDays, wanted_days

log = structlog.get_logger(__name__)

PEOPLE = 250  # of one run, unless told
AT_A_TIME = 25  # until the server is asked anew
TROUBLES = 3  # answers in a row that cannot be used, and the run ends


def run(context: JobContext) -> JobResult:
    """Read the activity of everybody who is wanted, once."""
    client = CbhoursClient(context.settings.cbhours_url, clock=context.clock)
    server = ServerClient.of(context.settings, context.clock)
    try:
        return Reading(context, client).go(lambda limit: wanted_days(server, limit))
    finally:
        client.close()
        server.close()


class Reading:
    """One run."""

    def __init__(self, context: JobContext, client: CbhoursClient,
                 passing: Callable[[], float] = time.monotonic) -> None:
        self._context, self._client, self._passing = context, client, passing
        self._counters: Counter[str] = Counter()
        self._tried: set[str] = set()
        self._in_a_row = 0
        self._trouble: ScraperError | None = None  # the newest answer that could not be used

    def go(self, ask: Callable[[int], list[WantedDays]]) -> JobResult:
        """ask: who is wanted, at most so many, as `wanted_days` says."""
        began = self._passing()
        stopped: ScraperError | None = None
        try:
            limit = min(max(int(self._context.config.get("limit", PEOPLE)), 1), MOST)
            self._context.report(Progress("asking whom to read", 0, None))
            people = self._new(ask(limit), limit)
            while people:
                for person in people[:AT_A_TIME]:
                    self._context.report(Progress("reading activity at CBHours", len(self._tried),
                                                  self._counters["wanted"], person.username))
                    self._tried.add(person.username)
                    self._read(person)
                people = people[AT_A_TIME:]
                if people:
                    people = self._anew(ask, people, limit)
        except ScraperError as error:
            stopped = error
        return self._result(stopped, round((self._passing() - began) * 1000))

    def _new(self, people: list[WantedDays], limit: int) -> list[WantedDays]:
        """Who of them has not been tried in this run. What the server has not been told of yet comes up again."""
        new = {one.username: one for one in people if one.username not in self._tried}
        left = list(new.values())[:limit - len(self._tried)]
        self._counters["wanted"] = len(self._tried) + len(left)
        return left

    def _anew(self, ask: Callable[[int], list[WantedDays]], people: list[WantedDays], limit: int) -> list[WantedDays]:
        """Who is wanted now; as long as the server is away those whom it named before."""
        try:
            return self._new(ask(limit), limit)
        except (ServerUnreachable, ServerRefused) as away:
            log.info("the server was not asked anew whom to read", reason=str(away))
            return people

    def _read(self, person: WantedDays) -> None:
        """Read one person and hand over what is said.

        raises  SourceError: the run is over; CannotKeep
        """
        answer = self._client.activity(person.username, person.start_day, person.end_day)
        try:
            activity = parse_activity(answer.body, person.username, person.start_day, person.end_day, answer.at)
        except SaidError as error:
            self._refused(person, answer, error)
            return
        except UnknownAnswer as error:
            self._failed(person, answer, "unknown_answer", error)
            return
        self._in_a_row = 0
        months, stopped = self._months(person, activity.problems) if person.months else (None, None)
        self._hand_over(person, answer, days=activity.days, total=activity.total, segments=activity.segments,
                        months=months, problems=dict(activity.problems))
        self._counters.update(people=1, segments=len(activity.segments), problems=activity.problems.total())
        if stopped is not None:
            raise stopped

    def _months(self, person: WantedDays, problems: Counter[str]) -> tuple[list[str] | None, SourceError | None]:
        """Which months there are, and what ends the run after this person."""
        try:
            months = parse_months(self._client.months(person.username).body)
        except (SaidError, UnknownAnswer) as error:
            problems["months"] += 1
            return None, self._wish_for_a_pause(error) if isinstance(error, SaidError) else None
        except SourceError as error:
            return None, error
        return months, None

    def _wish_for_a_pause(self, error: SaidError) -> RateLimited | None:
        if not error.asks_for_a_pause:
            return None
        self._client.leave_alone(PAUSE)
        return RateLimited(f"CBHours asks us to slow down: {error}", PAUSE)

    def _refused(self, person: WantedDays, answer: Answer, error: SaidError) -> None:
        pause = self._wish_for_a_pause(error)
        if pause is not None:
            raise pause from error
        if error.is_not_set_up:
            self._in_a_row = 0
            self._counters["not_set_up"] += 1
            self._hand_over(person, answer, problem="not_set_up", detail=str(error))
            return
        self._failed(person, answer, "refused", NotKnownHere(f"CBHours answers with an error: {error}"))

    def _failed(self, person: WantedDays, answer: Answer, problem: str, error: ScraperError) -> None:
        """raises  the error, where it is one of a row"""
        self._hand_over(person, answer, problem=problem, detail=str(error)[:500])
        self._client.calls.failed += 1
        self._trouble = error
        self._in_a_row += 1
        if self._in_a_row >= TROUBLES:
            raise error

    def _hand_over(self, person: WantedDays, answer: Answer, **said: Any) -> None:
        self._context.outbox.put(CbhoursActivity(
            run_id=self._context.run_id, observed_at=answer.at, username=person.username, start_day=person.start_day,
            end_day=person.end_day, capture=capture_of_answer(answer.body, answer.content_type, answer.url), **said))

    def _result(self, stopped: ScraperError | None, took_ms: int) -> JobResult:
        calls, counted = self._client.calls, self._counters
        told = counted["people"] + counted["not_set_up"]
        error = stopped or self._trouble
        outcome = "ok" if error is None else error.outcome
        if outcome == "failed" and told:
            outcome = "partial"
        names = ("wanted", "people", "segments", "not_set_up", "problems")
        left = (len(self._tried) if outcome == "cancelled" else counted["wanted"]) - told
        counters = {name: counted[name] for name in names} | {"failed": left, **calls.counters()}
        waiting_ms = min(took_ms, calls.waiting_ms())
        return JobResult(outcome, counters, waiting_ms, took_ms - waiting_ms, error,
                         summary=self._summary(counters) if error is None or told else "")

    def _summary(self, counters: dict[str, int]) -> str:
        """The run in a sentence, for a person at a terminal."""
        if not counters["wanted"]:
            return "nobody is to be read just now."
        said = f"{counters['people']} of {counters['wanted']} people read, {counters['segments']} times three minutes"
        if counters["not_set_up"]:
            said += f"; {counters['not_set_up']} not set up at CBHours"
        return said + (f"; of {counters['failed']} nothing was learnt." if counters["failed"] else ".")

"""The calls to CBHours: bytes out of it, and errors named by what happens next.

source   GET {site}/api.php?action=get_live&usernames=a,b,…                    at most 50 names
         GET {site}/api.php?action=get_activity&domain=cbhours&username=…&start_date=…&end_date=…&tzo=0&…
                                                                               at most 60 days, both ends in it
         GET {site}/api.php?action=get_months&domain=cbhours&username=…
limit    one call a second; who asks more often may be shut out for a while, which may look like 429, 403, an error in
         the answer, or a closed connection
assumed  that both ends of a range are in it; that `tzo=0` means UTC
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import requests
import structlog

from common.clock import Clock, utc_now
from scraper.api_client import TIME_OUT, Answer, ApiClient, Calls, Query, as_refusal, in_words
from scraper.errors import ClosedToUs, NotKnownHere, RateLimited, ShutOut, SourceError, Unavailable
from scraper.observations import USERNAME
from scraper.sources.cbhours.parse import is_said

log = structlog.get_logger(__name__)

PATH = "/api.php"
DOMAIN = "cbhours"
MOST_NAMES = 50
MOST_DAYS = 60
FLOOR = 1.0  # seconds between the arrivals of two calls, as CBHours sees them
MARGIN = 0.010  # seconds more, and so much of a call's time, for ways that take not always the same
MARGIN_OF_CALL = 0.05
ENOUGH_CALLS = 5  # of which the quickest tells how quick a call can be
KNOWN_CALLS = 50
ATTEMPTS = 3  # at one question, where CBHours stumbles without asking for a pause
FIRST_PAUSE = 2.0  # seconds before the second attempt; doubles
PAUSE = timedelta(minutes=5)  # after a closed door that does not say for how long


class Limiter:
    """Lets one call go at a time, and each so late that CBHours never sees two within a second.

    A call arrives somewhere between its start and its end, so that a second from the end of one to the start of the
    next is always enough. But on its way back and there again a call spends time as well, and this time is credited:
    as much as the quickest of the last calls took from start to end. Two arrivals lie

        FLOOR + margin + (there(next) + work(last) + back(last)) - (there(quickest) + work(quickest) + back(quickest))

    apart, which is a second at least as long as none of the three is shorter than in the quickest call. That one is the
    quickest of several, so that a way there that was long by chance is not credited (the first call of all is the
    likeliest to have one), and the margin is for what is left of chance. After a call without an answer nothing is
    credited.
    """

    def __init__(self, *, passing: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self._passing, self._sleep = passing, sleep
        self._due: float | None = None
        self._took: deque[float] = deque(maxlen=KNOWN_CALLS)  # seconds of the last calls that were answered
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """A run begins: another process may have made a call in this moment, of which nothing is known."""
        with self._lock:
            self._due = max(self._passing() + FLOOR + MARGIN, self._due or 0.0)

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Wait for one's turn, call while inside; gives the seconds that were waited."""
        with self._lock:
            rest = max(0.0, self._due - self._passing()) if self._due is not None else 0.0
            if rest:
                self._sleep(rest)
            began, credit = self._passing(), 0.0
            try:
                yield rest
                self._took.append(self._passing() - began)
                credit = self._credit()
            finally:
                self._due = self._passing() + FLOOR + MARGIN - credit

    def _credit(self) -> float:
        if len(self._took) < ENOUGH_CALLS:
            return 0.0
        return min(*self._took, FLOOR) * (1 - MARGIN_OF_CALL)

    def close(self, wait: timedelta) -> None:
        """CBHours wants to be left alone for so long, by every run of this process."""
        self._closed_until = max(self._closed_until, self._passing() + wait.total_seconds())

    @property
    def closed_for(self) -> timedelta:
        """For how long it still does."""
        return timedelta(seconds=max(0.0, self._closed_until - self._passing()))


LIMITER = Limiter()  # of this process: whatever is asked of CBHours, one limit holds for all of it


class CbhoursClient:
    """Asks CBHours on behalf of one run. For one thread."""

    def __init__(self, site: str, *, limiter: Limiter | None = None, clock: Clock = utc_now,
                 passing: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
                 chance: Callable[[], float] = random.random, time_out: float = TIME_OUT) -> None:
        self._api = ApiClient(site, "CBHours", "cbhours", clock=clock, passing=passing, time_out=time_out,
                              is_said=is_said, refusal=_refusal, unreachable=_unreachable)
        self._limiter = limiter or LIMITER
        self._sleep, self._chance = sleep, chance
        self._limiter.begin()

    @property
    def calls(self) -> Calls:
        return self._api.calls

    @property
    def last(self) -> Answer | None:
        """The newest answer, also where it is not what was asked for."""
        return self._api.last

    def live(self, names: Collection[str]) -> Answer:
        """What is so now of at most 50 people.

        raises  as `activity`
        """
        if not 1 <= len(names) <= MOST_NAMES or not all(USERNAME.fullmatch(name) for name in names):
            raise ValueError(f"1 to {MOST_NAMES} usernames can be asked for")
        return self._ask([("action", "get_live"), ("usernames", ",".join(names))])

    def activity(self, name: str, start: date, end: date) -> Answer:
        """One person's days from start to end, both in it, by UTC.

        raises  RateLimited, ShutOut, ClosedToUs, Unavailable, NotKnownHere, Redirected; ValueError for a range that
                CBHours does not take
        """
        if not 0 <= (end - start).days < MOST_DAYS:
            raise ValueError(f"1 to {MOST_DAYS} days can be asked for")
        return self._ask([("action", "get_activity"), *_person(name), ("start_date", start.isoformat()),
                          ("end_date", end.isoformat()), ("tzo", "0"), ("include_details", "true")])

    def months(self, name: str) -> Answer:
        """Which months CBHours holds of one person.

        raises  as `activity`
        """
        return self._ask([("action", "get_months"), *_person(name)])

    def close(self) -> None:
        self._api.close()

    def leave_alone(self, wait: timedelta) -> None:
        """An answer asked for it: no run of this process calls before."""
        self._limiter.close(wait)

    def _ask(self, query: Query) -> Answer:
        """Ask, and once more where CBHours only stumbles."""
        for attempt in range(1, ATTEMPTS + 1):
            left = self._limiter.closed_for
            if left:
                raise RateLimited(f"CBHours wants to be left alone for another {_minutes(left)}", left)
            try:
                with self._limiter.turn() as rested:
                    self.calls.paused += rested
                    return self._api.ask(PATH, query)
            except SourceError as error:
                if isinstance(error, RateLimited):
                    error.wait = error.wait or PAUSE
                if error.wait is not None or isinstance(error, ClosedToUs):
                    self._limiter.close(error.wait or PAUSE)
                if attempt == ATTEMPTS or error.wait is not None or not isinstance(error, Unavailable):
                    raise
                pause = FIRST_PAUSE * 2 ** (attempt - 1) * (1 + self._chance() / 2)
                log.info("CBHours is asked again", reason=str(error), pause=round(pause, 1))
                self.calls.paused += pause
                self._sleep(pause)
        raise AssertionError("unreachable")


def _person(name: str) -> Query:
    if not USERNAME.fullmatch(name):
        raise ValueError(f"not a username: {name!r:.80}")
    return [("domain", DOMAIN), ("username", name)]


def _minutes(wait: timedelta) -> str:
    minutes = max(1, round(wait.total_seconds() / 60))
    return "minute" if minutes == 1 else f"{minutes} minutes"


def _refusal(status: int, who: str) -> SourceError:
    if status in (401, 403):
        return ShutOut(f"{who} lets us not in ({status})", PAUSE)
    return NotKnownHere(str(as_refusal(status, who)))


def _unreachable(cause: requests.RequestException, who: str) -> SourceError:
    """A door that is shut in our face may be the answer to having asked too often: better wait than knock."""
    words = f"no answer from {who}: {in_words(cause)}"
    other = (requests.Timeout, requests.exceptions.SSLError, requests.exceptions.ProxyError)
    is_shut = isinstance(cause, requests.ConnectionError) and not isinstance(cause, other)
    return Unavailable(words, PAUSE if is_shut else None)

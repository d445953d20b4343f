"""Politeness towards the platforms, and the Stats API's number of followers."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests
import structlog

from common.logs import hide
from common.settings import Settings

log = structlog.get_logger(__name__)

SHORTEST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
TIME_OUT = (10, 30)  # seconds to connect, to answer
LONGEST_ANSWER = 1_000_000


class Pacer:
    """Keeps requests to a platform apart: a random time within a range lies between two starts.

    It is measured from start to start, so that "one page a second" means that, however long a page takes.
    """

    def __init__(self, pause: tuple[float, float], *, now: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep,
                 chance: Callable[[float, float], float] = random.uniform) -> None:
        self._pause, self._now, self._sleep, self._chance = pause, now, sleep, chance
        self._due: float | None = None

    def wait(self) -> float:
        """Wait until the next request is due; the seconds waited. The first one is due at once."""
        waited = 0.0
        if self._due is not None:
            waited = max(0.0, self._due - self._now())
            if waited:
                self._sleep(waited)
        self._due = self._now() + self._chance(*self._pause)
        return waited


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` header asks for, within our own bounds; None where it says nothing usable."""
    if not header:
        return None
    text = header.strip()
    try:
        wait = timedelta(seconds=int(text)) if text.lstrip("-").isdigit() else _moment(text) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def _moment(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def num_followers(settings: Settings, account: str) -> int | None:
    """How many followers the Stats API counts; None without a token, for another account, or on any failure.

    source   GET {site}/statsapi/?username=&token= -> {"username", "num_followers", …}; recomputed every 5 minutes
    The token stands in the address, so no part of an error of this call is ever logged but its kind.
    """
    if settings.stats_token is None:
        return None
    token = settings.stats_token.get_secret_value()
    hide(token)
    try:
        answer = requests.get(f"{settings.chaturbate_url}/statsapi/", params={"username": account, "token": token},
                              timeout=TIME_OUT, allow_redirects=False, headers={"Accept": "application/json"})
        if answer.status_code != 200 or len(answer.content) > LONGEST_ANSWER:
            log.warning("the Stats API gave no numbers", status=answer.status_code, account=account)
            return None
        numbers = answer.json()
    except (requests.RequestException, ValueError) as error:
        log.warning("the Stats API could not be read", kind=type(error).__name__, account=account)
        return None
    if not isinstance(numbers, dict) or str(numbers.get("username", "")).lower() != account.lower():
        log.warning("the Stats API's token belongs to another account", account=account)
        return None
    count = numbers.get("num_followers")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        log.warning("the Stats API counts no followers", account=account)
        return None
    return count

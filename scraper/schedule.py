"""When the worker does the next thing. Pure: numbers and errors in, durations out; chance is handed in."""

from datetime import timedelta

from scraper.errors import Challenged, ScraperError

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=15)
AFTER_CHALLENGE = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=24)
BEATS_PER_LEASE = 3


def back_off(failures: int, *, jitter: float, asked: timedelta | None = None) -> timedelta:
    """How long to leave a server alone after its n-th failure in a row: doubling, never past a ceiling.

    jitter  from 0 to 1; takes away up to half, so that many workers do not come back in the same moment
    asked   what the server wishes for; obeyed when it is longer
    """
    pause = min(FIRST_PAUSE * 2 ** min(max(failures, 1) - 1, 10), LONGEST_PAUSE) * (1 - jitter / 2)
    return max(pause, asked or timedelta(0))


def next_claim(retry_after: float) -> timedelta:
    """When to ask for work again, from what the server proposes (seconds), within 1 and 60 seconds."""
    return timedelta(seconds=min(max(retry_after, 1.0), 60.0))


def beat(lease: timedelta) -> timedelta:
    """How often a lease is renewed: often enough that two renewals may fail."""
    return max(lease / BEATS_PER_LEASE, timedelta(milliseconds=200))


def site_asks(error: ScraperError | None) -> int | None:
    """How many seconds the site wants to be left alone after this error; None: it did not say.

    A nonsensical wish is cut to a day; a human check means an hour at least.
    """
    wait: timedelta | None = getattr(error, "wait", None)
    if isinstance(error, Challenged):
        wait = max(wait or AFTER_CHALLENGE, AFTER_CHALLENGE)
    if wait is None:
        return None
    return int(min(max(wait, timedelta(0)), LONGEST_WAIT).total_seconds())

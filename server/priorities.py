"""Who wins: for each group of shown fields the sources in order, and how long a word is fresh. Pure.

An earlier source wins as long as its word is fresh; when none is fresh the newest word wins, whoever said it
("last known"). Profile fields do not age: the earliest source that has ever said them wins.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

ORDER: dict[str, tuple[str, ...]] = {
    "profile": ("affiliate", "cbhours", "browser", "import", "manual"),
    "live": ("affiliate", "cbhours", "browser"),
    "followers": ("cbhours", "affiliate"),
    "tags": ("affiliate", "cbhours", "browser", "import", "manual"),
    "rank": ("cbhours",),
}
AGELESS = frozenset({"profile"})
FRESH_AT_LEAST = timedelta(minutes=10)
FRESH_INTERVALS = 1.5


class Word(NamedTuple):
    """What one source said, and when."""

    value: Any
    source: str
    at: datetime


def fresh_for(interval: timedelta) -> timedelta:
    """How long a word of a source that is asked at this interval is fresh."""
    return max(FRESH_AT_LEAST, interval * FRESH_INTERVALS)


def is_fresh(at: datetime | None, interval: timedelta, now: datetime) -> bool:
    return at is not None and now - at <= fresh_for(interval)


def stronger(group: str, source: str) -> tuple[str, ...]:
    """The sources whose fresh word in this group is not replaced by one of `source`."""
    order = ORDER[group]
    return order[:order.index(source)] if source in order else order


def winner(group: str, words: Iterable[Word], intervals: dict[str, timedelta], now: datetime) -> Word | None:
    """The word to show; None: nobody has said anything.

    intervals  how often each source is asked; one that is not in it counts as fresh for `FRESH_AT_LEAST`
    """
    order = ORDER[group]
    said = [word for word in words if word.source in order and word.value is not None]
    known = sorted(said, key=lambda word: (order.index(word.source), -word.at.timestamp()))
    for word in known:
        if group in AGELESS or is_fresh(word.at, intervals.get(word.source, timedelta(0)), now):
            return word
    return max(known, key=lambda word: word.at, default=None)

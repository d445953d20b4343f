"""Who wins: for each group of shown fields the sources in order, and how long a word is fresh. Pure.

An earlier source wins as long as its word is fresh; when none is fresh the newest word wins, whoever said it
("last known"). Profile fields do not age: the earliest source that has ever said them wins.
"""

from collections.abc import Iterable, Mapping
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


# ---- what a shown value can say of itself


LIVE_BY_LISTS = timedelta(minutes=10)  # lists are read hours apart: their word on who is live is believed so long


class Origin(NamedTuple):
    """Who says a shown value, the newest moment at which it is proved, and whether that is recent enough."""

    source: str | None
    at: datetime | None
    fresh: bool


NO_ORIGIN = Origin(None, None, False)


def confirmed_at(source: str | None, since: datetime | None, *, polled_at: datetime | None,
                 listed_at: datetime | None) -> datetime | None:
    """The newest proof of a text that is stored only when it changes.

    since      since when it has been so
    polled_at  the newest poll of the affiliate API that showed the person
    listed_at  the newest complete reading of a list whose cards still show the person
    """
    proof = {"affiliate": polled_at, "browser": listed_at}.get(source or "")
    return proof if since is not None and proof is not None and proof > since else since


def origin(source: str | None, at: datetime | None, intervals: Mapping[str, timedelta], now: datetime) -> Origin:
    """The origin of a value that its source proved last at a moment; without a source or a moment there is none.

    intervals  how often each source is asked; one that is not in it counts as fresh for `FRESH_AT_LEAST`
    """
    if source is None or at is None:
        return NO_ORIGIN
    return Origin(source, at, is_fresh(at, intervals.get(source, timedelta(0)), now))


def is_live(live_until: datetime | None, last_seen_at: datetime | None, polled_at: datetime | None,
            now: datetime) -> bool:
    """Whether somebody may be shown as live: a poll said so and is still to be believed, or a list, minutes ago.

    last_seen_at  by whichever source; a list's word is newer than the newest poll that showed the person
    """
    if live_until is not None and live_until >= now:
        return True
    by_list = last_seen_at is not None and (polled_at is None or last_seen_at > polled_at)
    return by_list and last_seen_at is not None and now - last_seen_at <= LIVE_BY_LISTS

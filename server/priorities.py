"""Who wins: for each shown field the sources in order, and how long a word is fresh. Pure.

An earlier source wins as long as its word is fresh; when none is fresh the newest word wins, whoever said it ("last
known"). Profile fields do not age: the earliest source that has ever said one wins, field by field. What a source has
not said is no word: it never wins against one. CBHours' "Offline" is a word, a poll that does not show somebody is
none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

ORDER: dict[str, tuple[str, ...]] = {
    "profile": ("affiliate", "cbhours", "browser", "import", "manual"),
    "live": ("affiliate", "cbhours", "browser"),
    "numbers": ("affiliate", "cbhours"),
    "followers": ("cbhours", "affiliate"),
    "tags": ("affiliate", "cbhours"),
    "rank": ("cbhours",),
}
AGELESS = frozenset({"profile"})
LAST_KNOWN = frozenset({"tags"})  # words of sources beyond the order count too, when nobody's is fresh
PROFILE = ("display_name", "age", "gender", "birthday", "country", "location", "spoken_languages", "is_new",
           "image_url", "image_url_360x270")
NUMBERS = ("show", "viewers", "seconds_online", "is_hd")
FIELDS: dict[str, str] = {
    **dict.fromkeys(PROFILE, "profile"), "live": "live", **dict.fromkeys(NUMBERS, "numbers"), "followers": "followers",
    "subject": "tags", "tags": "tags", "rank": "rank", "gender_rank": "rank",
}
FRESH_AT_LEAST = timedelta(minutes=10)
FRESH_INTERVALS = 1.5


class Word(NamedTuple):
    """What one source said, and when. until: to be believed so long; None: as its source's interval says."""

    value: Any
    source: str
    at: datetime
    until: datetime | None = None

    def fresh(self, intervals: Mapping[str, timedelta], now: datetime) -> bool:
        if self.until is not None:
            return now <= self.until
        return is_fresh(self.at, intervals.get(self.source, timedelta(0)), now)


def fresh_for(interval: timedelta) -> timedelta:
    """How long a word of a source that is asked at this interval is fresh."""
    return max(FRESH_AT_LEAST, interval * FRESH_INTERVALS)


def is_fresh(at: datetime | None, interval: timedelta, now: datetime) -> bool:
    return at is not None and now - at <= fresh_for(interval)


def stronger(group: str, source: str) -> tuple[str, ...]:
    """The sources whose fresh word in this group is not replaced by one of `source`."""
    order = ORDER[group]
    return order[:order.index(source)] if source in order else order


def winner(group: str, words: Iterable[Word], intervals: Mapping[str, timedelta], now: datetime) -> Word | None:
    """The word to show; None: nobody has said anything.

    intervals  how often each source is asked; one that is not in it counts as fresh for `FRESH_AT_LEAST`
    """
    order = ORDER[group]
    said = [word for word in words if word.value is not None and (word.source in order or group in LAST_KNOWN)]
    for source in order:
        newest = max((word for word in said if word.source == source), key=lambda word: word.at, default=None)
        if newest is not None and (group in AGELESS or newest.fresh(intervals, now)):
            return newest
    return max(said, key=lambda word: word.at, default=None)


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
    proof = polled_at if source == "affiliate" else listed_at if source == "browser" else None
    return proof if since is not None and proof is not None and proof > since else since


def origin(source: str | None, at: datetime | None, intervals: Mapping[str, timedelta], now: datetime) -> Origin:
    """The origin of a value that its source proved last at a moment; without a source or a moment there is none.

    intervals  how often each source is asked; one that is not in it counts as fresh for `FRESH_AT_LEAST`
    """
    if source is None or at is None:
        return NO_ORIGIN
    return Origin(source, at, is_fresh(at, intervals.get(source, timedelta(0)), now))


def origin_of(word: Word | None, intervals: Mapping[str, timedelta], now: datetime) -> Origin:
    return NO_ORIGIN if word is None else Origin(word.source, word.at, word.fresh(intervals, now))


def live_words(*, polled_at: datetime | None, polled_until: datetime | None, asked_at: datetime | None,
               online_until: datetime | None, listed_at: datetime | None) -> list[Word]:
    """What each source said last on whether somebody is live.

    polled_at     the newest poll that showed the person; polled_until: it is believed so long, None: a complete poll
                  has not shown the person since
    asked_at      CBHours' newest answer; online_until: its "Online" is believed so long, None: it said "Offline"
    listed_at     the newest card of a list that said the person is online
    """
    words = []
    if polled_at is not None and polled_until is not None:
        words.append(Word(True, "affiliate", polled_at, polled_until))
    if asked_at is not None:
        words.append(Word(online_until is not None, "cbhours", asked_at, online_until))
    if listed_at is not None:
        words.append(Word(True, "browser", listed_at, listed_at + LIVE_BY_LISTS))
    return words


def live(words: Sequence[Word], intervals: Mapping[str, timedelta], now: datetime) -> tuple[bool, Origin]:
    """Whether somebody may be shown as live, and who says so; only a fresh word makes anybody live."""
    word = words[0] if len(words) == 1 else winner("live", words, intervals, now)
    said = origin_of(word, intervals, now)
    return word is not None and bool(word.value) and said.fresh, said

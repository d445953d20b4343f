"""A person's follows as bars on a line of time. Pure: intervals and the present in, places from 0 to 1,000 out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from server.models import FollowInterval

WIDTH = 1000
LEAST = 4  # so that a short follow can still be seen
SHORTEST = timedelta(hours=1)


class Bar(NamedTuple):
    """x and width of what is proved, and of what may have been before and after; `words` say the same."""

    sure_x: float
    sure_width: float
    before_x: float
    before_width: float
    after_x: float
    after_width: float


@dataclass(frozen=True)
class Line:
    """All follows of one direction with one account."""

    account: str
    direction: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Timeline:
    start: datetime
    end: datetime
    lines: Sequence[Line]


def timeline(follows: Sequence[tuple[str, FollowInterval, datetime]], now: datetime) -> Timeline | None:
    """Bars of every follow; None where there is none.

    follows  account, interval, last proved presence; ordered by account and direction
    """
    if not follows:
        return None
    first = min(interval.start_earliest or interval.start_latest for _, interval, _ in follows)
    start = first - max((now - first) * 0.05, SHORTEST)  # room for "it began before"
    lines: dict[tuple[str, str], list[Bar]] = {}
    for account, interval, seen_until in follows:
        bars = lines.setdefault((account, interval.direction), [])
        bars.append(_bar(interval, seen_until, start, now))
    return Timeline(start, now, [Line(*key, bars) for key, bars in lines.items()])


def _bar(interval: FollowInterval, seen_until: datetime, start: datetime, now: datetime) -> Bar:
    def place(at: datetime) -> float:
        share = (at - start) / (now - start)
        return round(min(max(share, 0), 1) * WIDTH, 1)

    before = place(interval.start_earliest) if interval.start_earliest else 0.0
    began = place(interval.start_latest)
    until = interval.end_earliest or seen_until
    ended = max(place(until), min(began + LEAST, WIDTH))
    after = place(interval.end_latest) if interval.end_latest else ended
    if interval.end_latest is None and interval.missing_since is None:
        ended = after = float(WIDTH)
    elif interval.missing_since is not None:
        after = float(WIDTH)
    return Bar(began, round(ended - began, 1), before, round(began - before, 1), ended,
               round(max(after - ended, 0), 1))

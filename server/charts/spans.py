"""Time on air and watched time, by weekday and hour and by day, in the owner's zone. Pure.

Spans are (first second, second after the last), by UTC. They are cut where the zone's offset changes, so an hour that
a day has twice counts twice, and one that it does not have counts not at all.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

HOUR, DAY, WEEK = 3600, 86_400, 604_800
MONDAY = 4 * DAY  # 1970 began on a Thursday: the first Monday
SEGMENT_LENGTH = 180

Span = tuple[int, int]


class Cell(NamedTuple):
    """Seconds on air, and seconds in which somebody watched."""

    on_air: int
    watched: int


def united(spans: Iterable[Span]) -> list[Span]:
    """The same time as spans that do not touch, oldest first."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def clipped(spans: Iterable[Span], low: int, high: int) -> list[Span]:
    return [(max(start, low), min(end, high)) for start, end in spans if start < high and end > low]


def seconds(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def offsets(zone: tzinfo, low: int, high: int) -> list[tuple[int, int]]:
    """(second from which it holds, seconds east of UTC) of a period, oldest first; the first one at `low`."""
    found = [(low, _offset(zone, low))]
    at = low
    while at < high:
        following = min(at + DAY, high)
        while found[-1][1] != _offset(zone, following):
            first, last = max(at, found[-1][0]), following  # two changes within a day are found one after the other
            before = found[-1][1]
            while last - first > 1:
                middle = (first + last) // 2
                first, last = (middle, last) if _offset(zone, middle) == before else (first, middle)
            found.append((last, _offset(zone, last)))
        at = following
    return found


def _offset(zone: tzinfo, at: int) -> int:
    return round((zone.utcoffset(datetime.fromtimestamp(at, UTC).astimezone(zone)) or timedelta(0)).total_seconds())


def by_weekday_and_hour(on_air: Sequence[Span], watched: Sequence[Span], zone: tzinfo) -> list[list[Cell]]:
    """[weekday, Monday first][hour of the wall clock] -> how long on air, how long watched; of united spans."""
    two = [_hours_of_weeks(spans, zone) for spans in (on_air, watched)]
    return [[Cell(two[0][day * 24 + hour], two[1][day * 24 + hour]) for hour in range(24)] for day in range(7)]


def by_day(on_air: Sequence[Span], watched: Sequence[Span], zone: tzinfo) -> dict[date, Cell]:
    """Days of the wall clock in which somebody watched; whoever is on air is watched."""
    two: list[dict[int, int]] = []
    for spans in (on_air, watched):
        days: dict[int, int] = {}
        for start, end in _local(spans, zone):
            while start < end:
                day = start // DAY
                until = min(end, (day + 1) * DAY)
                days[day] = days.get(day, 0) + until - start
                start = until
        two.append(days)
    return {date(1970, 1, 1) + timedelta(days=day): Cell(two[0].get(day, 0), two[1].get(day, 0))
            for day in sorted(two[0].keys() | two[1].keys())}


def _hours_of_weeks(spans: Sequence[Span], zone: tzinfo) -> list[int]:
    found = [0] * 168
    whole = 0
    for start, end in _local(spans, zone):
        weeks = (end - start) // WEEK
        whole += weeks * HOUR
        start += weeks * WEEK
        while start < end:
            until = min(end, (start // HOUR + 1) * HOUR)
            found[(start - MONDAY) % WEEK // HOUR] += until - start
            start = until
    return [one + whole for one in found]


def _local(spans: Sequence[Span], zone: tzinfo) -> Iterable[Span]:
    """The spans by the wall clock, as seconds since its 1970; cut where the clock is changed."""
    if not spans:
        return
    steps = offsets(zone, spans[0][0], spans[-1][1])
    moments = [at for at, _ in steps]
    for start, end in spans:
        place = bisect_right(moments, start) - 1
        while start < end:
            until = min(end, moments[place + 1]) if place + 1 < len(moments) else end
            yield start + steps[place][1], until + steps[place][1]
            start, place = until, place + 1


def told_days(days: Sequence[tuple[date, int | None, int, int]]) -> list[Span]:
    """Days that CBHours has told, as spans.

    days  (day by UTC, minutes, segments, second at which it was read). A day of which it does not say the minutes,
          or not when they were, is as good as not watched
    """
    found = []
    for day, minutes, segments, read_at in days:
        if minutes == 0 or segments:
            start = (day - date(1970, 1, 1)).days * DAY
            found.append((start, min(start + DAY, max(read_at, start))))
    return found

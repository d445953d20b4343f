"""Where the marks of an axis stand, and what they say. Pure."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from server.charts.spans import DAY, HOUR
from server.display import MONTHS

MOST = 9  # marks on the axis of time


def round_steps(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from below `low` to above `high`, at most about so many; whole ones."""
    span = max(high - low, 1)
    step: float = 10 ** math.floor(math.log10(span / most))
    step = max(next(step * times for times in (1, 2, 5, 10) if span / (step * times) <= most), 1)
    first = math.floor(low / step) * step
    return [first + step * number for number in range(round((math.ceil(high / step) * step - first) / step) + 1)]


def moments(low: int, high: int, zone: tzinfo) -> list[tuple[int, str]]:
    """(second, words) of round hours, days or months of the owner's wall clock within a period."""
    span = high - low
    hours = next((hours for hours in (1, 2, 3, 6, 12) if span <= hours * HOUR * MOST), None)
    if hours is not None:
        return [(at, f"{moment:%H:%M}" if moment.hour else day_words(moment))
                for at, moment in _days(low, high, zone, 1, range(0, 24, hours))]
    days = next((days for days in (1, 2, 4, 7, 14) if span <= days * DAY * MOST), None)
    if days is not None:
        return [(at, day_words(moment)) for at, moment in _days(low, high, zone, days, range(1))]
    months = next((months for months in (1, 2, 3, 6, 12, 24, 60) if span <= months * 31 * DAY * MOST), 120)
    return [(at, f"{MONTHS[moment.month - 1]} {moment.year}" if moment.month == 1 else MONTHS[moment.month - 1])
            for at, moment in _months(low, high, zone, months)]


def day_words(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1]}"


def _days(low: int, high: int, zone: tzinfo, every: int, hours: range) -> Iterator[tuple[int, datetime]]:
    day = datetime.fromtimestamp(low, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(high, UTC).astimezone(zone).date()
    while day <= last:
        if day.toordinal() % every == 0:
            for hour in hours:
                moment = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
                at = int(moment.timestamp())
                there = datetime.fromtimestamp(at, UTC).astimezone(zone).hour == hour  # the clocks may leave it out
                if low <= at <= high and there:
                    yield at, moment
        day += timedelta(days=1)


def _months(low: int, high: int, zone: tzinfo, every: int) -> Iterator[tuple[int, datetime]]:
    first = datetime.fromtimestamp(low, UTC).astimezone(zone)
    month = first.year * 12 + first.month - 1
    while True:
        moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=zone)
        at = int(moment.timestamp())
        if at > high:
            return
        if at >= low and month % every == 0:
            yield at, moment
        month += 1

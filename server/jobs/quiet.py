"""Quiet hours: the part of the owner's day in which nothing starts by itself. Pure.

They are times on the owner's clock, so the night in which that clock changes is an hour shorter or longer. A time
that comes twice in that night counts at its first coming as a beginning and at its last as an end; one that is left
out counts as the moment at which the clock jumps over it.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_FORM = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")


def quiet_hours(text: str) -> tuple[time, time] | None:
    """'22:30-06:00' as its two times; None for an empty text.

    raises  ValueError in words for anything else
    """
    if not text.strip():
        return None
    match = _FORM.fullmatch(text.strip())
    if not match or not text.isascii():
        raise ValueError("must be two times such as 02:00-06:00, or empty for no quiet hours")
    hours = [int(part) for part in match.groups()]
    begins, ends = time(hours[0], hours[1]), time(hours[2], hours[3])
    if begins == ends:
        raise ValueError("must begin and end at different times, or be empty for no quiet hours")
    return begins, ends


def quiet_until(text: str, moment: datetime, zone: tzinfo) -> datetime | None:
    """The end of the quiet hours in which this moment lies; None: it lies in none.

    moment, answer  aware UTC
    zone            the owner's
    """
    hours = quiet_hours(text)
    if hours is None:
        return None
    begins, ends = hours
    today = moment.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        last_day = day if begins < ends else day + timedelta(days=1)
        end = _moment(last_day, ends, zone, last=True)
        if _moment(day, begins, zone, last=False) <= moment < end:
            return end
    return None


def _moment(day: date, at: time, zone: tzinfo, *, last: bool) -> datetime:
    """When the owner's clock shows this time on this day: its first or its last coming."""
    local = datetime.combine(day, at, tzinfo=zone)
    one, other = local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if one <= other:
        return other if last else one
    # Left out: with `fold` the two readings lie on either side of the jump, the later one first.
    wall = local.replace(tzinfo=None)
    while other < one and other.astimezone(zone).replace(tzinfo=None) < wall:
        other += timedelta(minutes=1)
    return other

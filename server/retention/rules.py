"""Snapshots of an hour become one row; what is too old. Pure: values in, values out.

    snapshots of a person ─► roll_up ─► an Hour for each hour ─► merged ─► with what is already kept of that hour

Hours are those of UTC, 3,600 seconds each, whatever the clocks on the wall do.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

HOUR = 3600
MINUTE = 60
LONGEST_BACK = 24 * HOUR  # `seconds_online` proves no more than this much of a broadcast before the first snapshot
PUBLIC = "public"


class Snapshot(NamedTuple):
    """One sighting of a person. at: whole seconds since 1970."""

    at: int
    viewers: int | None
    followers: int | None
    seconds_online: int | None
    public: bool


class Hour(NamedTuple):
    """What the snapshots of an hour add up to; the columns of `affiliate_hourly`."""

    polls: int = 0
    viewers_min: int | None = None
    viewers_max: int | None = None
    viewers_sum: int = 0
    viewers_polls: int = 0
    followers: int | None = None
    followers_at: int | None = None
    on_air: int = 0
    public_polls: int = 0

    @property
    def viewers_mean(self) -> float | None:
        return self.viewers_sum / self.viewers_polls if self.viewers_polls else None

    @property
    def minutes(self) -> int:
        """Minutes in which the person was seen broadcasting."""
        return self.on_air.bit_count()


def cut(now: datetime, days: int) -> int | None:
    """The first second that is kept: the beginning of an hour. None: everything is (days is 0)."""
    return hour_of(int((now - timedelta(days=days)).timestamp())) if days > 0 else None


def hour_of(second: int) -> int:
    return second - second % HOUR


def roll_up(snapshots: Iterable[Snapshot]) -> dict[int, Hour]:
    """The hours of one person's snapshots, by first second.

    A snapshot that proves that the person was already online in an hour without snapshots gives that hour a row
    without polls, which holds the minutes on air alone.
    """
    hours: dict[int, Hour] = {}
    before: int | None = None
    for one in sorted(snapshots):
        hour = hour_of(one.at)
        hours[hour] = merged(hours.get(hour), _alone(one, hour))
        since = one.at - min(max(one.seconds_online or 0, 0), LONGEST_BACK)
        if before is not None:
            since = max(since, before)
        for first, bits in _on_air(since, one.at).items():
            known = hours.get(first, Hour())
            hours[first] = known._replace(on_air=known.on_air | bits)
        before = one.at
    return hours


def merged(one: Hour | None, other: Hour) -> Hour:
    """Two parts of the same hour together; in which order does not matter."""
    if one is None:
        return other
    late, early = (one, other) if (one.followers_at or -1) > (other.followers_at or -1) else (other, one)
    if late.followers is None:
        late = early
    return Hour(
        polls=one.polls + other.polls,
        viewers_min=_of(min, one.viewers_min, other.viewers_min),
        viewers_max=_of(max, one.viewers_max, other.viewers_max),
        viewers_sum=one.viewers_sum + other.viewers_sum,
        viewers_polls=one.viewers_polls + other.viewers_polls,
        followers=late.followers, followers_at=late.followers_at,
        on_air=one.on_air | other.on_air, public_polls=one.public_polls + other.public_polls)


def all_merged(hours: Mapping[int, Hour], others: Mapping[int, Hour]) -> dict[int, Hour]:
    """What is kept of these hours, with the others put to it."""
    return {hour: merged(hours.get(hour), told) for hour, told in others.items()}


def _alone(one: Snapshot, hour: int) -> Hour:
    told = one.viewers is not None
    return Hour(
        polls=1, viewers_min=one.viewers, viewers_max=one.viewers, viewers_sum=one.viewers or 0,
        viewers_polls=int(told), followers=one.followers,
        followers_at=None if one.followers is None else one.at - hour, public_polls=int(one.public))


def _on_air(since: int, until: int) -> dict[int, int]:
    """The minutes that `since` to `until` touch: first second of an hour -> its bits."""
    found = {}
    for hour in range(hour_of(since), until + 1, HOUR):
        first, last = max(since - hour, 0) // MINUTE, min(until - hour, HOUR - 1) // MINUTE
        found[hour] = ((1 << (last - first + 1)) - 1) << first
    return found


def _of(pick: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return pick(one, other)

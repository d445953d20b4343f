"""The course of a person's numbers, as polls of the affiliate API have shown them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from server.jobs.intervals import intervals
from server.models import (
    AffiliateHour,
    AffiliatePoll,
    KeyValue,
    snapshots,
)
from server.retention.hours import ROLLED_UP
from server.retention.rules import HOUR

FIELDS = ("followers", "viewers")
BREAK_INTERVALS = 1.5  # polls further apart than this many intervals leave a hole


class Point(NamedTuple):
    """at: whole seconds; values in the order of the fields asked for, None: not seen, or nobody looked.

    A point that stands for an hour whose snapshots were rolled up lies in the middle of it; its viewers are their
    mean, its followers those at the end. lowest, highest: of such a point, in the order of the fields.
    """

    at: int
    values: tuple[int | None, ...]
    lowest: tuple[int | None, ...] | None = None
    highest: tuple[int | None, ...] | None = None

    @property
    def is_hole(self) -> bool:
        return all(value is None for value in self.values)

    def least(self, column: int) -> int | None:
        return self.values[column] if self.lowest is None else self.lowest[column]

    def most(self, column: int) -> int | None:
        return self.values[column] if self.highest is None else self.highest[column]


def series(session: Session, person_id: int, fields: Sequence[str], since: datetime, until: datetime,
           points: int) -> list[Point]:
    """The numbers of a person over a period, a point for each poll, or for each hour where the snapshots have been
    rolled up; where the person was not seen, or polls are missing, a point without values. Thinned to about so many
    points: of each stretch the lowest and the highest value of every field stay.
    """
    columns = [snapshots.c[name] for name in fields]
    low, high = int(since.timestamp()), int(until.timestamp())
    query = (
        select(AffiliatePoll.observed_at, snapshots.c.person_id, *columns).select_from(AffiliatePoll)
        .outerjoin(snapshots, and_(snapshots.c.person_id == person_id,
                                   snapshots.c.observed_at == AffiliatePoll.observed_at))
        .where(AffiliatePoll.observed_at >= low, AffiliatePoll.observed_at <= high)
        .order_by(AffiliatePoll.observed_at)
    )
    rolled_up = _hours(session, person_id, fields, low, high)
    longest = round((intervals(session)["affiliate"] * BREAK_INTERVALS).total_seconds())
    found: list[Point] = []
    before: int | None = None
    told: set[int] = set()
    for at, seen, *values in session.execute(query):
        if before is not None and at - before > longest and not found[-1].is_hole:
            found.append(Point(max(before + longest, found[-1].at + 1), (None,) * len(fields)))
        before, hour = at, at - at % HOUR
        if seen is not None or hour not in rolled_up:
            found.append(Point(at, tuple(values)))
        elif hour not in told:
            told.add(hour)
            found.append(rolled_up[hour])
    found.sort(key=itemgetter(0))
    return thinned(_without_repeated_holes(found), points)


def _hours(session: Session, person_id: int, fields: Sequence[str], low: int, high: int) -> dict[int, Point]:
    """What is kept of the hours whose snapshots are gone, by their first second."""
    query = select(AffiliateHour).where(
        AffiliateHour.person_id == person_id, AffiliateHour.hour >= low - low % HOUR, AffiliateHour.hour <= high,
        AffiliateHour.polls > 0)
    found = {}
    for row in session.scalars(query):
        mean = round(row.viewers_sum / row.viewers_polls) if row.viewers_polls else None
        told = {"viewers": (mean, row.viewers_min, row.viewers_max), "followers": (row.followers,) * 3}
        middle = min(max(row.hour + HOUR // 2, low), high)
        found[row.hour] = Point(middle, *zip(*(told[name] for name in fields), strict=True))
    return found


def kept_since(session: Session) -> datetime | None:
    """The moment before which snapshots have been rolled up by hour; None: none have."""
    return session.scalar(select(KeyValue.at).where(KeyValue.name == ROLLED_UP))


def first_poll(session: Session) -> datetime | None:
    """The moment of the first poll there is."""
    at = session.scalar(select(func.min(AffiliatePoll.observed_at)))
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _without_repeated_holes(found: list[Point]) -> list[Point]:
    """A stretch without values needs only its first point to break a line."""
    return [point for number, point in enumerate(found)
            if not (point.is_hole and number and found[number - 1].is_hole)]


def thinned(found: list[Point], points: int) -> list[Point]:
    """At most about so many points, none of the peaks lost and every hole still there."""
    if len(found) <= points:
        return found
    width = len(found[0].values)
    stretch = max(1, len(found) * 2 * width // max(points, 1))
    kept: set[int] = {0, len(found) - 1}
    for start in range(0, len(found), stretch):
        numbers = range(start, min(start + stretch, len(found)))
        holes = [number for number in numbers if found[number].is_hole]
        kept.update(holes[:1])
        for column in range(width):
            least = [(value, number) for number in numbers if (value := found[number].least(column)) is not None]
            most = [(value, number) for number in numbers if (value := found[number].most(column)) is not None]
            kept |= {place for told, pick in ((least, min), (most, max)) if told for _, place in [pick(told)]}
    return [found[number] for number in sorted(kept)]

"""The course of somebody's numbers as the API tells it: points of all sources, each with its own."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy.orm import Session

from server.affiliate.queries import FIELDS as AFFILIATE_FIELDS
from server.affiliate.queries import Point, series, thinned
from server.charts import queries
from server.charts.queries import Stretch
from server.charts.spans import SEGMENT_LENGTH

# field -> its column at CBHours; the affiliate API tells some of them
FIELDS = {"followers": "followers", "viewers": "viewers", "rank": "rank", "gender_rank": "grank"}
TELLS: dict[str, tuple[str, ...]] = {"affiliate": AFFILIATE_FIELDS, "cbhours": tuple(FIELDS)}


class Told(NamedTuple):
    """A point, and which source told it."""

    point: Point
    source: str


def history(session: Session, person: int, fields: Sequence[str], sources: Sequence[str], since: datetime,
            until: datetime, points: int) -> list[Told]:
    """Points of these sources, oldest first; values in the order of the fields, None where the source does not tell
    the field. A point without any value breaks the line of its source. Thinned to about so many points in all."""
    found: dict[str, list[Point]] = {}
    if "affiliate" in sources:
        columns = [name for name in fields if name in AFFILIATE_FIELDS]
        found["affiliate"] = [_spread(point, columns, fields)
                              for point in series(session, person, columns, since, until, points)]
    if "cbhours" in sources:
        found["cbhours"] = _cbhours(session, person, fields, Stretch(int(since.timestamp()), int(until.timestamp())))
    told = {source: line for source, line in found.items() if line}
    share = points // max(len(told), 1)
    return sorted((Told(point, source) for source, line in told.items() for point in thinned(line, share)),
                  key=attrgetter("point.at", "source"))


def _spread(point: Point, columns: Sequence[str], fields: Sequence[str]) -> Point:
    def all_of(values: Sequence[int | None] | None) -> tuple[int | None, ...] | None:
        return None if values is None else tuple(
            values[columns.index(name)] if name in columns else None for name in fields)

    return Point(point.at, all_of(point.values) or (), all_of(point.lowest), all_of(point.highest))


def _cbhours(session: Session, person: int, fields: Sequence[str], over: Stretch) -> list[Point]:
    """Segments and live answers; a point without values where CBHours says offline, or nothing for too long."""
    rows, course = queries.cbhours_rows(session, person, [FIELDS[name] for name in fields], over)
    breaks, nothing = set(course.breaks), (None,) * len(fields)
    found: list[Point] = []
    for place, (at, row) in enumerate(course.points):
        if place in breaks:
            found.append(Point(min(found[-1].at + SEGMENT_LENGTH, at - 1), nothing))
        found.append(Point(at, rows[row]))
    return found

"""A chart's numbers as a CSV file: every stored point of a period."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from flask import Response

from common.clock import iso_ms
from server.charts import queries, spans, theme
from server.charts.drawing import Chart, Person
from server.charts.periods import Period
from server.charts.queries import Stretch
from server.exports import formats
from server.models import db


def answer(chart: Chart, people: Sequence[Person], period: Period, over: Stretch, zone: tzinfo,
           now: datetime) -> Response:
    columns: tuple[str, ...]
    if chart.name == "hours":
        columns, rows = ("weekday", "hour", "minutes_on_air", "minutes_watched", "average_minutes"), _hours(
            people[0], over, zone, now)
    elif chart.name == "calendar":
        columns, rows = ("day", "minutes_on_air", "minutes_watched"), _days(people[0], over, zone, now)
    else:
        columns = ("moment", "username", "source", chart.name.replace("-", "_"), "gap_before")
        rows = _points(chart, people, over, now)
    name = f"{people[0].username}-{chart.name}-{period.name or 'period'}.csv"
    return Response("".join(formats.csv_lines(columns, rows)), content_type=formats.MEDIA["csv"],
                    headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _points(chart: Chart, people: Sequence[Person], over: Stretch, now: datetime) -> Iterable[Mapping[str, Any]]:
    """gap_before: nobody looked, or the person was not seen, since the line before of the same source."""
    column = chart.name.replace("-", "_")
    for person in people:
        for source, field in chart.fields.items():
            course = queries.course(db.session(), person.id, source, field, over, now)
            breaks = set(course.breaks)
            for place, (at, value) in enumerate(course.points):
                yield {"moment": iso_ms(datetime.fromtimestamp(at, UTC)), "username": person.username,
                       "source": source, column: value, "gap_before": place in breaks}


def _hours(person: Person, over: Stretch, zone: tzinfo, now: datetime) -> Iterable[Mapping[str, Any]]:
    air, seen = queries.time_of(db.session(), person.id, over, now)
    for day, hours in enumerate(spans.by_weekday_and_hour(air, seen, zone)):
        for hour, cell in enumerate(hours):
            average = round(60 * cell.on_air / cell.watched, 1) if cell.watched else None
            yield {"weekday": theme.WEEKDAYS[day], "hour": hour, "minutes_on_air": round(cell.on_air / 60),
                   "minutes_watched": round(cell.watched / 60), "average_minutes": average}


def _days(person: Person, over: Stretch, zone: tzinfo, now: datetime) -> Iterable[Mapping[str, Any]]:
    """Days that nobody watched are left out."""
    air, seen = queries.time_of(db.session(), person.id, over, now)
    for day, cell in spans.by_day(air, seen, zone).items():
        yield {"day": day.isoformat(), "minutes_on_air": round(cell.on_air / 60),
               "minutes_watched": round(cell.watched / 60)}

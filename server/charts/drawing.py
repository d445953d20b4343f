"""What a chart of a person shows: gathered once, for the browser, the picture and the words beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from sqlalchemy.orm import Session

from server.charts import queries, series, spans, theme
from server.charts.figures import Stroke
from server.charts.periods import Period
from server.charts.queries import Stretch
from server.charts.series import Band, Course
from server.charts.spans import Cell
from server.display import MONTHS, number

BUCKETS = 500  # of a line; at least two points of each stay
MOST_LINES_IN_FULL = 2
BANDS = 400
FIRST_WEEK = timedelta(days=7)
SHORT, FLAT = 400, 50  # a stretch shorter than this part of the period, and of the values, is drawn as a point


class Chart(NamedTuple):
    """A kind of chart. fields: source -> its column; none: a grid of cells."""

    name: str
    title: str
    what: str  # as in "ranks of ann"
    fields: dict[str, str]
    explained: str

    @property
    def is_grid(self) -> bool:
        return not self.fields

    @property
    def upside_down(self) -> bool:
        return self.name in ("rank", "gender-rank")

    @property
    def from_zero(self) -> bool:
        return self.name == "viewers"


CHARTS = {chart.name: chart for chart in (
    Chart("followers", "Followers", "followers", {"affiliate": "followers", "cbhours": "followers"},
          "As each source tells them. A line breaks where nobody looked, or the person was not seen."),
    Chart("viewers", "Viewers", "viewers", {"affiliate": "viewers", "cbhours": "viewers"},
          "Heads in the room while on air. Shades show private, group, ticket and other shows; no shade: public."),
    Chart("rank", "Rank", "rank", {"cbhours": "rank"}, "Among all broadcasters, by CBHours; 1 is on top."),
    Chart("gender-rank", "Rank in gender", "rank in gender", {"cbhours": "grank"},
          "Among broadcasters of the same gender, by CBHours; 1 is on top."),
    Chart("hours", "When on air", "hours on air", {},
          "Minutes on air in each hour of the week, on average over the time in which somebody watched."),
    Chart("calendar", "Minutes per day", "minutes on air", {},
          "Minutes on air on each day. A day without a square: nobody watched, which is not the same as not on air."),
)}


class Person(NamedTuple):
    id: int
    username: str


class GridCell(NamedTuple):
    """A cell of a grid. share: of the strongest colour, from 0 to 1; when, what, rests: words."""

    x: int
    y: int
    share: float
    when: str
    what: str
    rests: str


@dataclass(frozen=True)
class Drawing:
    """Everything that is to be drawn. empty: why there is nothing, in words; else None.

    lines   each with its whole thinned course
    labels  of columns of a grid: (place, words)
    """

    chart: Chart
    over: Stretch
    zone: tzinfo
    words: str
    lines: Sequence[tuple[Stroke, Course]] = ()
    bands: Sequence[Band] = ()
    cells: Sequence[GridCell] = ()
    columns: int = 24
    labels: Sequence[tuple[int, str]] = ()
    empty: str | None = None
    notes: Sequence[str] = field(default=())


def stretch(session: Session, period: Period, people: Sequence[Person]) -> Stretch:
    """The period in whole seconds; "all" begins with the first thing that is known of any of these people."""
    high = int(period.until.timestamp())
    if period.since is not None:
        return Stretch(int(period.since.timestamp()), high)
    first = queries.first_told(session, [person.id for person in people])
    return Stretch(min(first if first is not None else high, high - spans.DAY), high)


def drawing(session: Session, chart: Chart, people: Sequence[Person], period: Period, over: Stretch, zone: tzinfo,
            now: datetime) -> Drawing:
    """A chart of one person, or of one with another laid over."""
    if chart.is_grid:
        return _grid(session, chart, people[0], period, over, zone, now)
    lines = []
    buckets = BUCKETS if len(people) * len(chart.fields) <= MOST_LINES_IN_FULL else BUCKETS // 2
    for place, person in enumerate(people):
        for source, column in chart.fields.items():
            whole = queries.course(session, person.id, source, column, over, now)
            if len(whole.at):
                words = theme.SOURCE_WORDS[source]
                stroke = Stroke(f"{person.username}, {words}" if len(people) > 1 else words, place, source)
                lines.append((stroke, series.thinned(whole, over.low, over.high, buckets)))
    if not lines:
        return Drawing(chart, over, zone, "", empty=_nothing(session, chart, people, period))
    bands = queries.bands(session, people[0].id, over, series.bucket_width(over.low, over.high, BANDS)) \
        if chart.name == "viewers" else []
    told = "; ".join(f"{stroke.words}: {figures_of(course)}" for stroke, course in lines)
    names = " and ".join(person.username for person in people)
    return Drawing(chart, over, zone, f"{chart.title} of {names}, {period.words}. {told}.", lines, bands)


def figures_of(course: Course) -> str:
    """'first 1,000, last 1,204, lowest 990, highest 1,210'."""
    told = series.summary(course)
    return "" if told is None else ", ".join(f"{name} {number(value)}" for name, value in told._asdict().items())


def _nothing(session: Session, chart: Chart, people: Sequence[Person], period: Period) -> str:
    name = " or ".join(person.username for person in people)
    known = set().union(*(queries.sources_of(session, person.id) for person in people))
    if not chart.fields.keys() & known:
        if chart.fields.keys() == {"cbhours"}:
            return f"Ranks come from CBHours; it does not know {name}." if queries.unknown_to_cbhours(
                session, [person.id for person in people]) else (
                f"Ranks come from CBHours; it has told nothing of {name} so far.")
        return f"Neither the affiliate API nor CBHours has told {chart.what} of {name} so far."
    return f"Nothing was told of {name} in {period.words}. A longer range may show something."


# ---- grids


def _grid(session: Session, chart: Chart, person: Person, period: Period, over: Stretch, zone: tzinfo,
          now: datetime) -> Drawing:
    air, seen = queries.time_of(session, person.id, over, now)
    if not seen:
        return Drawing(chart, over, zone, "", empty=(
            f"Nobody watched in {period.words}: neither the affiliate API nor CBHours was heard about "
            f"{person.username}."))
    watched = spans.seconds(seen)
    rests = f"{watched / spans.WEEK:.1f} weeks of watched time" if watched >= spans.WEEK else (
        f"{watched / spans.HOUR:.0f} hours of watched time")
    told = f"{chart.title} of {person.username}, {period.words}: {number(round(spans.seconds(air) / 60))} minutes on " \
           f"air in {rests}."
    if chart.name == "hours":
        cells = hour_cells(spans.by_weekday_and_hour(air, seen, zone))
        best = max(cells, key=lambda cell: cell.share)
        busiest = f" Most often {best.when}: {best.what}." if best.share > 0 else ""
        return Drawing(chart, over, zone, told + busiest, cells=cells, notes=[f"Rests on {rests}."])
    days = spans.by_day(air, seen, zone)
    cells, columns, labels = day_cells(days)
    longest = max(days, key=lambda day: days[day].on_air)
    most = f" Longest day: {say_day(longest)}, {minutes(days[longest].on_air)}."
    blank = (max(days) - min(days)).days + 1 - len(days)
    return Drawing(chart, over, zone, told + (most if days[longest].on_air else ""), cells=cells, columns=columns,
                   labels=labels, notes=[f"Rests on {rests}.", *([f"{blank} days nobody watched."] if blank else [])])


def hour_cells(week: Sequence[Sequence[Cell]]) -> list[GridCell]:
    """The hours of the week in which somebody watched."""
    strongest = max((cell.on_air / cell.watched for hours in week for cell in hours if cell.on_air), default=1.0)
    return [
        GridCell(hour, day, round(cell.on_air / cell.watched / strongest, 3),
                 f"{theme.WEEKDAYS[day]} {hour:02}:00–{hour + 1:02}:00",
                 f"{round(60 * cell.on_air / cell.watched)} min on average",
                 f"watched {cell.watched / spans.HOUR:.1f} h in all")
        for day, hours in enumerate(week) for hour, cell in enumerate(hours) if cell.watched]


def day_cells(days: dict[date, Cell]) -> tuple[list[GridCell], int, list[tuple[int, str]]]:
    """Days in which somebody watched, a column for each week from Monday on; how many columns; where months begin."""
    first = min(days) - timedelta(days=min(days).weekday())
    strongest = max(max(cell.on_air for cell in days.values()), 1)
    cells = [GridCell((day - first).days // 7, day.weekday(), round(cell.on_air / strongest, 3), say_day(day),
                      minutes(cell.on_air), f"watched {cell.watched / spans.HOUR:.1f} h of the day")
             for day, cell in days.items()]
    columns = (max(days) - first).days // 7 + 1
    labels = []
    for column in range(columns):
        monday = first + timedelta(days=7 * column)
        if column == 0 or monday.day <= FIRST_WEEK.days:
            year = f" {monday.year}" if column == 0 or monday.month == 1 else ""
            labels.append((column, f"{MONTHS[monday.month - 1]}{year}"))
    if len(labels) > 1 and labels[1][0] - labels[0][0] < 3:
        del labels[0]
    apart = -(-len(labels) // 14)
    return cells, columns, labels[::apart]


def minutes(seconds: int) -> str:
    return f"{number(round(seconds / 60))} min on air"


def say_day(day: date) -> str:
    return f"{theme.WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def local(second: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(second, UTC).astimezone(zone)

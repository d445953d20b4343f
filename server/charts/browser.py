"""Charts as the browser takes them: a figure of Bokeh's, and numbers to put into it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from server.charts import figures, series, spans, theme
from server.charts.drawing import Chart, Drawing, GridCell, Person
from server.charts.periods import Period
from server.charts.series import Summary
from server.display import number


def answer(drawn: Drawing, theme_name: str) -> str:
    """JSON text.

    item      what `embed_item` takes; null: there is nothing to draw, and `empty` says why
    names     of the lines, in their order
    lines     number -> seconds, values (both as differences) and breaks
    columns   name -> column -> values of the other sources of data
    set       name of a model -> attributes
    clock     [second, offset of the owner's zone from then on]
    """
    told: dict[str, Any] = {"title": drawn.chart.title, "words": drawn.words, "notes": list(drawn.notes),
                            "empty": drawn.empty, "names": [stroke.words for stroke, _ in drawn.lines], "clock": [],
                            "lines": {}, "columns": {}, "set": {}}
    item = "null"
    if drawn.cells:
        item = figures.grid_chart(drawn.chart.name, theme_name)
        told["columns"]["cells"] = {name: [getattr(cell, name) for cell in drawn.cells] for name in GridCell._fields}
        told["set"] = _columns(drawn) if drawn.chart.name == "calendar" else {}
    elif drawn.lines:
        shows = sorted({band.show for band in drawn.bands})
        item = figures.line_chart([stroke for stroke, _ in drawn.lines], shows, theme_name,
                                  upside_down=drawn.chart.upside_down, from_zero=drawn.chart.from_zero)
        told["lines"] = {str(place): series.packed(course) for place, (_, course) in enumerate(drawn.lines)}
        for place, show in enumerate(shows):
            told["columns"][f"band-{place}"] = {
                "start": [band.start * 1000 for band in drawn.bands if band.show == show],
                "end": [band.end * 1000 for band in drawn.bands if band.show == show]}
        told["set"] = {"time": {"start": drawn.over.low * 1000, "end": drawn.over.high * 1000}}
        told["clock"] = spans.offsets(drawn.zone, drawn.over.low, drawn.over.high)
    return f'{json.dumps(told, separators=(",", ":"))[:-1]},"item":{item}}}'


def _columns(drawn: Drawing) -> dict[str, Any]:
    least = max(drawn.columns, 12)  # so that squares stay squares
    return {
        "columns": {"start": -0.5, "end": least - 0.5},
        "ticks": {"ticks": [place for place, _ in drawn.labels]},
        "labels": {"major_label_overrides": {"type": "map", "entries": [list(label) for label in drawn.labels]}},
    }


def alt(chart: Chart, people: Sequence[Person], period: Period,
        told: Sequence[Mapping[tuple[str, str], Summary]]) -> str:
    """What the picture shows, for those who do not see it."""
    names = " and ".join(person.username for person in people[:1 if chart.is_grid else None])
    said = []
    for person, numbers in zip(people, told, strict=True):
        for source, column in chart.fields.items():
            if (source, column) in numbers:
                whose = f"{person.username}, " if len(people) > 1 else ""
                values = ", ".join(f"{name} {number(value)}" for name, value in
                                   numbers[source, column]._asdict().items())
                said.append(f"{whose}{theme.SOURCE_WORDS[source]}: {values}")
    return f"{chart.title} of {names}, {period.words}. {'; '.join(said)}{'.' if said else ''}".strip()

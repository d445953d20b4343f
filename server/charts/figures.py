"""Charts as Bokeh figures, without their numbers: the browser puts those in (`static/charts.js`).

Making a figure of models takes Bokeh longer than everything else together, so each kind of figure is made once and
kept. Bokeh itself is loaded when the first one is asked for: nothing else in the server needs it.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import Any, NamedTuple

from server.charts import theme
from server.charts.theme import Theme

_making = Lock()  # models of Bokeh are not made in two threads at once
MOMENT = "@wall{%a %d %b %Y %H:%M}"


class Stroke(NamedTuple):
    """A line to be: its words in the legend and beside the value, whose it is (0, 1) and who says it."""

    words: str
    person: int
    source: str


def line_chart(strokes: Sequence[Stroke], shows: Sequence[str], theme_name: str, *, upside_down: bool = False,
               from_zero: bool = False) -> str:
    """A figure as the JSON text that `embed_item` takes.

    Its sources of data are named `line-0` … and `dots-0` … with columns x, y, wall, and `band-0` … with start and
    end; its range of time `time`, its marks `time-ticks`, its legend `legend`.
    """
    with _making:
        return _line_chart(tuple(strokes), tuple(shows), theme_name, upside_down, from_zero)


def grid_chart(kind: str, theme_name: str) -> str:
    """A figure of cells, `hours` or `calendar`, as JSON text.

    Its source of data is named `cells` with columns x, y, share, when, what, rests; its range `columns`.
    """
    with _making:
        return _grid_chart(kind, theme_name)


def warm_up() -> None:
    """Load Bokeh, so that whoever asks for the first chart does not wait for it."""
    with _making:
        for name in ("bokeh.models", "bokeh.plotting", "bokeh.embed"):
            import_module(name)


@lru_cache(maxsize=128)
def _line_chart(strokes: tuple[Stroke, ...], shows: tuple[str, ...], theme_name: str, upside_down: bool,
                from_zero: bool) -> str:
    models, colours = import_module("bokeh.models"), theme.THEMES[theme_name]
    drag, wheel = models.BoxZoomTool(dimensions="width"), models.WheelZoomTool(dimensions="width")
    plot = import_module("bokeh.plotting").figure(
        height=320, sizing_mode="stretch_width", x_axis_type="datetime", toolbar_location="above",
        x_range=models.Range1d(start=0, end=1, name="time"),
        y_range=models.DataRange1d(flipped=upside_down, only_visible=True, **({"start": 0} if from_zero else {})),
        tools=[models.PanTool(dimensions="width"), drag, wheel, models.ResetTool()], active_drag=drag,
        active_scroll=None)
    lines, shades = [], []
    for place, show in enumerate(shows):
        source = models.ColumnDataSource({"start": [], "end": []}, name=f"band-{place}")
        drawn = plot.vstrip(x0="start", x1="end", source=source, fill_alpha=theme.BAND_ALPHA, line_color=None,
                            fill_color=theme.show_colour(show, colours), level="underlay")
        shades.append(models.LegendItem(label=show, renderers=[_plain(drawn)]))
    for place, stroke in enumerate(strokes):
        colour, dash = theme.stroke(stroke.source, stroke.person, colours)
        line, dots = (models.ColumnDataSource({"x": [], "y": [], "wall": []}, name=f"{name}-{place}")
                      for name in ("line", "dots"))
        renderers = [_plain(plot.line("x", "y", source=line, line_color=colour, line_width=2, line_dash=dash)),
                     _plain(plot.scatter("x", "y", source=dots, color=colour, size=4))]
        plot.add_tools(models.HoverTool(
            renderers=renderers, mode="vline", visible=False, line_policy="nearest",
            tooltips=[(stroke.words, "@y{0,0}"), ("", MOMENT)], formatters={"@wall": "datetime"}))
        lines.append(models.LegendItem(label=stroke.words, renderers=renderers))
    plot.add_layout(models.Legend(
        items=lines + shades, orientation="horizontal", click_policy="hide", location="left", name="legend",
        background_fill_color=None, border_line_color=None, label_text_color=colours.text,
        label_text_font=theme.FONT, label_text_font_size="12px", inactive_fill_color=colours.card,
        inactive_fill_alpha=0.7, padding=0, margin=4, spacing=14), "below")
    plot.xaxis.ticker.desired_num_ticks, plot.xaxis.ticker.name = 9, "time-ticks"
    plot.xaxis.formatter.days = "%d %b"
    for unit in ("seconds", "minsec", "minutes", "hourmin", "hours"):
        setattr(plot.xaxis.formatter.context, unit, "%d %b %Y")
    plot.yaxis.formatter = models.NumeralTickFormatter(format="0,0")
    plot.yaxis.ticker = models.BasicTicker(min_interval=1)
    return _item(plot, colours)


@lru_cache(maxsize=8)
def _grid_chart(kind: str, theme_name: str) -> str:
    models, colours = import_module("bokeh.models"), theme.THEMES[theme_name]
    plot = import_module("bokeh.plotting").figure(
        height=250 if kind == "hours" else 190, sizing_mode="stretch_width", toolbar_location=None, tools=[],
        x_range=models.Range1d(start=-0.5, end=23.5, name="columns"), y_range=models.Range1d(start=6.5, end=-0.5))
    source = models.ColumnDataSource({name: [] for name in ("x", "y", "share", "when", "what", "rests")}, name="cells")
    drawn = _plain(plot.rect("x", "y", width=0.92, height=0.9, source=source, fill_color=colours.accent,
                             fill_alpha="share", line_color=colours.grid, line_width=1))
    plot.add_tools(models.HoverTool(renderers=[drawn], visible=False,
                                    tooltips=[("", "@when"), ("", "@what"), ("", "@rests")]))
    plot.yaxis.ticker = models.FixedTicker(ticks=list(range(7)))
    plot.yaxis.major_label_overrides = dict(enumerate(theme.WEEKDAYS))
    plot.xaxis.ticker = models.FixedTicker(ticks=list(range(0, 24, 3)), name="ticks")
    plot.xaxis.major_label_overrides = {hour: f"{hour:02}:00" for hour in range(0, 24, 3)}
    plot.xaxis.name = "labels"
    plot.grid.visible = False
    return _item(plot, colours)


def _plain(drawn: Any) -> Any:
    """Nothing is ever selected or muted: the glyphs for that would take half of the text."""
    drawn.nonselection_glyph = drawn.muted_glyph = None
    return drawn


def _item(plot: Any, colours: Theme) -> str:
    plot.background_fill_color = plot.border_fill_color = None
    plot.outline_line_color = None
    plot.toolbar.logo = None
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = colours.grid
        axis.minor_tick_line_color = None
        axis.major_label_text_color = colours.text
        axis.major_label_text_font = theme.FONT
        axis.major_label_text_font_size = "12px"
    plot.grid.grid_line_color = colours.grid
    return json.dumps(import_module("bokeh.embed").json_item(plot), separators=(",", ":"))

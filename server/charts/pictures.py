"""Charts as pictures, drawn by Pillow: what stands there without scripts, and what can be taken away."""

import io
from functools import lru_cache
from itertools import pairwise
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from server.charts import theme, ticks
from server.charts.drawing import FLAT, SHORT, Drawing
from server.charts.theme import Theme

WIDTH, HEIGHT = 1200, 420
LEFT, RIGHT, TOP, BOTTOM = 86, 24, 62, 38
FINER = 2  # drawn so many times as large, then made smaller: Pillow's lines have hard edges
TEXT, SMALL = 15, 13
DASH, BETWEEN = 12, 7

Colour = tuple[int, int, int]
Place = tuple[float, float]


def png(drawn: Drawing, theme_name: str) -> bytes:
    """The picture of a chart, `WIDTH` by `HEIGHT`."""
    colours = theme.THEMES[theme_name]
    sheet = _Sheet(colours)
    sheet.words(LEFT, 12, drawn.chart.title, TEXT + 3)
    if drawn.empty is not None:
        sheet.words(LEFT, HEIGHT // 2 - 10, drawn.empty)
    elif drawn.cells:
        _grid(sheet, drawn, colours)
    else:
        _lines(sheet, drawn, colours)
    return sheet.png()


def rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mixed(colour: str, card: str, share: float) -> Colour:
    """A colour on a card, as if so much of it let the card through."""
    one, other = rgb(colour), rgb(card)
    return tuple(round(a * share + b * (1 - share)) for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


class _Sheet:
    """A picture in its own measures, whatever it is drawn in."""

    def __init__(self, colours: Theme) -> None:
        self.colours = colours
        self.image = Image.new("RGB", (WIDTH * FINER, HEIGHT * FINER), rgb(colours.card))
        self.pen = ImageDraw.Draw(self.image)

    def words(self, x: float, y: float, text: str, size: int = SMALL, anchor: str = "la") -> float:
        """Write; how wide it came out."""
        font = _font(size * FINER)
        self.pen.text((x * FINER, y * FINER), text, rgb(self.colours.text), font=font, anchor=anchor)
        return float(self.pen.textlength(text, font=font)) / FINER

    def line(self, points: list[Place], colour: Colour, width: float = 2, *, dashed: bool = False) -> None:
        there = [(x * FINER, y * FINER) for x, y in points]
        if not dashed:
            self.pen.line(there, colour, round(width * FINER), joint="curve")
            return
        for piece in _dashes(there):
            self.pen.line(piece, colour, round(width * FINER))

    def dot(self, x: float, y: float, colour: Colour) -> None:
        self.pen.circle((x * FINER, y * FINER), 2.5 * FINER, colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour,
            outline: Colour | None = None) -> None:
        self.pen.rectangle((left * FINER, top * FINER, right * FINER, bottom * FINER), colour, outline)

    def png(self) -> bytes:
        held = io.BytesIO()
        self.image.reduce(FINER).save(held, "PNG", compress_level=3)
        return held.getvalue()


def _lines(sheet: _Sheet, drawn: Drawing, colours: Theme) -> None:
    values = [value for _, course in drawn.lines for _, value in course.points]
    marks = ticks.round_steps(0 if drawn.chart.from_zero else min(values), max(values))
    if drawn.chart.upside_down:
        marks = [max(mark, 1) for mark in marks] if marks[0] <= 0 else marks
    low, high = drawn.over
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def across(at: float) -> float:
        return LEFT + (at - low) / max(high - low, 1) * (right - LEFT)

    def down(value: float) -> float:
        share = (value - marks[0]) / max(marks[-1] - marks[0], 1)
        return TOP + share * (bottom - TOP) if drawn.chart.upside_down else bottom - share * (bottom - TOP)

    for band in drawn.bands:
        shade = mixed(theme.show_colour(band.show, colours), colours.card, theme.BAND_ALPHA)
        start, end = across(max(band.start, low)), across(min(band.end, high))
        sheet.box(start, TOP, max(end, start + 1), bottom, shade)
    grid = rgb(colours.grid)
    for mark in marks:
        sheet.line([(LEFT, down(mark)), (right, down(mark))], grid, 1)
        sheet.words(LEFT - 8, down(mark), f"{mark:,.0f}", anchor="rm")
    for at, words in ticks.moments(low, high, drawn.zone):
        sheet.line([(across(at), TOP), (across(at), bottom)], grid, 1)
        sheet.words(across(at), bottom + 8, words, anchor="ma")
    x = float(LEFT)
    for stroke, course in drawn.lines:
        name, dash = theme.stroke(stroke.source, stroke.person, colours)
        colour = rgb(name)
        for run in course.runs:
            path = [(across(at), down(value)) for at, value in run]
            wide, tall = path[-1][0] - path[0][0], max(y for _, y in path) - min(y for _, y in path)
            if wide < (right - LEFT) / SHORT and tall <= (bottom - TOP) / FLAT:
                sheet.dot(*path[-1], colour)
            else:
                sheet.line(path, colour, dashed=dash == "dashed")
        sheet.line([(x, 48), (x + 30, 48)], colour, 3, dashed=dash == "dashed")
        x += 38 + sheet.words(x + 38, 48, stroke.words, anchor="lm") + 24
    for show in sorted({band.show for band in drawn.bands}):
        sheet.box(x, 42, x + 18, 54, mixed(theme.show_colour(show, colours), colours.card, theme.BAND_ALPHA))
        x += 26 + sheet.words(x + 26, 48, show, anchor="lm") + 24


def _grid(sheet: _Sheet, drawn: Drawing, colours: Theme) -> None:
    columns = max(drawn.columns, 12)
    wide, tall = (WIDTH - RIGHT - LEFT) / columns, (HEIGHT - BOTTOM - TOP) / 7
    for day, words in enumerate(theme.WEEKDAYS):
        sheet.words(LEFT - 8, TOP + (day + 0.5) * tall, words, anchor="rm")
    labels = drawn.labels or [(hour, f"{hour:02}:00") for hour in range(0, 24, 3)]
    for column, words in labels:
        sheet.words(LEFT + (column + 0.5) * wide, HEIGHT - BOTTOM + 8, words, anchor="ma")
    for cell in drawn.cells:
        left, top = LEFT + cell.x * wide, TOP + cell.y * tall
        sheet.box(left + 1, top + 1, left + wide - 1, top + tall - 1, mixed(colours.accent, colours.card, cell.share),
                  rgb(colours.grid))
    sheet.words(LEFT, 40, " ".join(drawn.notes))


def _dashes(points: list[Place]) -> list[list[Place]]:
    """A path as the pieces of a dashed line."""
    pieces, piece, left, drawing = [], [points[0]], float(DASH * FINER), True
    for (x, y), (to_x, to_y) in pairwise(points):
        length = ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5
        gone = 0.0
        while length - gone > left:
            gone += left
            there = (x + (to_x - x) * gone / length, y + (to_y - y) * gone / length)
            if drawing:
                pieces.append([*piece, there])
            piece, drawing = [there], not drawing
            left = float((DASH if drawing else BETWEEN) * FINER)
        left -= length - gone
        piece.append((to_x, to_y))
    if drawing and len(piece) > 1:
        pieces.append(piece)
    return pieces


@lru_cache(maxsize=8)
def _font(size: int) -> Any:
    return ImageFont.load_default(size)

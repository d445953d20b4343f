"""A person's broadcasts as several sources tell them, put together, and their viewers as a small curve. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

SOURCES = ("affiliate", "cbhours")
WIDTH, HEIGHT = 200, 40  # of a curve, in its own units


class Part(NamedTuple):
    """One broadcast as one source tells it.

    start         first moment; the affiliate API states the time online, so it may lie before any poll
    end           last proof; ended_latest: first proved absence, None: nobody looked, or it goes on
    minutes       proved ones
    sightings     how often it was seen, or how many segments it has
    """

    source: str
    start: datetime
    end: datetime
    ended_latest: datetime | None
    going_on: bool
    minutes: int
    sightings: int
    peak: int | None
    mean: float | None
    followers_first: int | None
    followers_last: int | None


class Figures(NamedTuple):
    """What all parts of one source in a row add up to."""

    source: str
    parts: int
    start: datetime
    end: datetime
    minutes: int
    sightings: int
    peak: int | None
    mean: float | None
    gained: int | None


@dataclass(frozen=True)
class Row:
    """One broadcast: every part of it, oldest first."""

    parts: Sequence[Part]

    @property
    def start(self) -> datetime:
        return self.parts[0].start

    @property
    def end(self) -> datetime:
        return max(part.end for part in self.parts)

    @property
    def going_on(self) -> bool:
        return any(part.going_on for part in self.parts)

    @property
    def ended_latest(self) -> datetime | None:
        """The first proved absence behind its last proof; None: it goes on, or nobody looked in time."""
        known = [part.ended_latest for part in self.parts if part.ended_latest is not None]
        behind = [at for at in known if at >= self.end]
        return None if self.going_on else min(behind, default=None)

    @cached_property
    def sources(self) -> list[str]:
        return [source for source in SOURCES if any(part.source == source for part in self.parts)]

    @cached_property
    def figures(self) -> list[Figures]:
        """Of each source that knows of it, in the order of `SOURCES`."""
        return [_figures(source, [part for part in self.parts if part.source == source]) for source in self.sources]

    @property
    def minutes(self) -> int:
        """The most that a source has proved."""
        return max(figures.minutes for figures in self.figures)


def _figures(source: str, parts: Sequence[Part]) -> Figures:
    said = [part for part in parts if part.mean is not None]
    weight = sum(part.sightings for part in said)
    mean = sum(part.mean * part.sightings for part in said if part.mean is not None) / weight if weight else None
    firsts = [part.followers_first for part in parts if part.followers_first is not None]
    lasts = [part.followers_last for part in parts if part.followers_last is not None]
    return Figures(
        source, len(parts), parts[0].start, max(part.end for part in parts), sum(part.minutes for part in parts),
        sum(part.sightings for part in parts),
        max((part.peak for part in parts if part.peak is not None), default=None), mean,
        lasts[-1] - firsts[0] if firsts and lasts else None)


def merged(parts: Iterable[Part]) -> list[Row]:
    """Broadcasts, oldest first: parts of different sources that overlap are one.

    Two parts of one source are apart, as that source says, unless a part of another spans both.
    """
    rows: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: (part.start, part.end, part.source)):
        if rows and any(known.source != part.source and known.end >= part.start for known in rows[-1]):
            rows[-1].append(part)
        else:
            rows.append([part])
    return [Row(found) for found in rows]


# ---- curves


class Point(NamedTuple):
    """at: whole seconds; viewers: heads in the room."""

    at: int
    viewers: int


class Line(NamedTuple):
    """The curve of one source. paths: the corners of each unbroken piece; dots: pieces of a single point."""

    source: str
    paths: Sequence[str]
    dots: Sequence[tuple[int, float]]


class Curve(NamedTuple):
    """lowest, highest: of all points; highest_at: its first moment, in whole seconds."""

    lines: Sequence[Line]
    lowest: int
    highest: int
    highest_at: int


def curve(points: Sequence[tuple[str, Sequence[Point]]], start: int, end: int,
          breaks: Sequence[tuple[int, int]], longest: dict[str, int]) -> Curve | None:
    """The viewers of one broadcast, drawn to one scale from zero to the peak; None where nobody told any.

    points   of each source, oldest first
    breaks   spans in which nobody looked, oldest first: a line of the affiliate API does not cross them
    longest  by source the longest step, in seconds, that a line may take
    """
    known = [point for _, told in points for point in told]
    if not known:
        return None
    top = max(known, key=lambda point: (point.viewers, -point.at))
    scale = _Scale(start, max(end, start + 1), max(top.viewers, 1))
    lines = []
    for source, told in points:
        pieces = _pieces(told, breaks if source == "affiliate" else (), longest.get(source))
        drawn = [_thinned([scale.place(point) for point in piece]) for piece in pieces]
        lines.append(Line(source, [" ".join(f"{x},{y:g}" for x, y in piece) for piece in drawn if len(piece) > 1],
                          [piece[0] for piece in drawn if len(piece) == 1]))
    return Curve(lines, min(point.viewers for point in known), top.viewers, top.at)


class _Scale(NamedTuple):
    start: int
    end: int
    top: int

    def place(self, point: Point) -> tuple[int, float]:
        share = (point.at - self.start) / (self.end - self.start)
        return (round(min(max(share, 0), 1) * WIDTH), round(HEIGHT - point.viewers / self.top * (HEIGHT - 2) - 1, 1))


def _pieces(points: Sequence[Point], breaks: Sequence[tuple[int, int]], longest: int | None) -> list[list[Point]]:
    pieces: list[list[Point]] = []
    gaps = iter(breaks)
    gap = next(gaps, None)
    for point in points:
        last = pieces[-1][-1] if pieces else None
        while gap is not None and last is not None and gap[1] <= last.at:
            gap = next(gaps, None)
        unseen = last is not None and gap is not None and gap[0] < point.at
        if last is None or unseen or (longest is not None and point.at - last.at > longest):
            pieces.append([])
        pieces[-1].append(point)
    return pieces


def _thinned(places: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Of each column of the picture the first, the lowest, the highest and the last place: more is not to be seen."""
    if len(places) <= WIDTH:
        return places
    columns: dict[int, list[tuple[int, float]]] = {}
    for place in places:
        columns.setdefault(place[0], []).append(place)
    kept = []
    for column in columns.values():
        chosen = {0, len(column) - 1, min(range(len(column)), key=lambda n: column[n][1]),
                  max(range(len(column)), key=lambda n: column[n][1])}
        kept += [column[number] for number in sorted(chosen)]
    return kept

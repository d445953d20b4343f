"""Lines made of stored points: where they break, and fewer points that keep every extreme. Pure.

Nothing is ever drawn between two points that do not belong together, and no point is made up: what a chart shows
are stored numbers at the moments at which they were told.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import sub
from typing import NamedTuple

SEGMENT_GAP = 600  # seconds; CBHours tells a segment every three minutes, one or two may be missing

Point = tuple[int, int]


class Course(NamedTuple):
    """One number of one person as one source told it.

    points  (second since 1970, value), oldest first
    breaks  places in `points`, ascending: nothing leads to this point from the one before it
    """

    points: Sequence[Point]
    breaks: Sequence[int]

    @property
    def runs(self) -> list[Sequence[Point]]:
        """The stretches between the breaks."""
        return [self.points[first:end] for first, end in pairwise([0, *self.breaks, len(self.points)]) if end > first]


class Seen(NamedTuple):
    """A value of the affiliate API. first, last: the seconds in which it was told, an hour where it was rolled up."""

    at: int
    value: int
    first: int
    last: int


class Summary(NamedTuple):
    """What a line comes down to, in words beside it."""

    first: int
    last: int
    lowest: int
    highest: int


def of_cbhours(segments: Sequence[Point], live: Iterable[tuple[int, int | None]], longest: int) -> Course:
    """Segments of activity and live answers as one course.

    segments  (second, value), oldest first
    live      the same in any order; without a value: offline, which breaks the line
    longest   seconds between two live answers that belong together
    """
    answers = list(live)
    if not answers:
        return Course(segments, [place for place, apart in _steps(segments) if apart > SEGMENT_GAP])
    alive = {(at, value) for at, value in answers if value is not None}
    points = sorted([*segments, *alive])
    breaks = {place for place, apart in _steps(points) if apart > SEGMENT_GAP and (
        apart > longest or (points[place] not in alive and points[place - 1] not in alive))}
    breaks.update(bisect_left(points, (at,)) for at, value in answers if value is None)
    return Course(points, sorted(breaks - {0, len(points)}))


def _steps(points: Sequence[Point]) -> Iterator[tuple[int, int]]:
    """(place, seconds since the point before it)."""
    moments = [at for at, _ in points]
    return enumerate(map(sub, moments[1:], moments), 1)


def of_affiliate(seen: Sequence[Seen], polls: Sequence[int], longest: int,
                 heard: Sequence[tuple[float, float]]) -> Course:
    """Snapshots and hours as one course: it breaks where a poll did not show the person, or nobody polled.

    seen     oldest first
    polls    seconds of all polls of the period, oldest first
    longest  seconds between two polls that belong together, by the present interval
    heard    stretches in which the source was heard without a hole, oldest first: what was asked at a longer interval
             in its day belongs together all the same
    """
    starts = [start for start, _ in heard]
    breaks = []
    for place, (one, other) in enumerate(pairwise(seen), 1):
        if other.first <= one.last:
            continue
        missed = bisect_right(polls, one.last)
        if missed < len(polls) and polls[missed] < other.first:
            breaks.append(place)
        elif other.first - one.last > longest:
            stretch = bisect_right(starts, one.last) - 1
            if stretch < 0 or heard[stretch][1] < other.first:
                breaks.append(place)
    return Course([(one.at, one.value) for one in seen], breaks)


def thinned(course: Course, low: int, high: int, buckets: int) -> Course:
    """A course of few points: of each bucket of time the lowest and the highest point, and both ends of the whole.

    low, high  seconds of the period; it is cut into so many buckets of the same width
    Where there is room for them, the ends of every stretch stay as well, so that it is seen to its full length.
    """
    points, breaks = course.points, course.breaks
    if len(points) <= 2 * buckets:
        return course
    width = bucket_width(low, high, buckets)
    kept = {0, len(points) - 1}
    end = -1 << 62
    least = most = least_at = most_at = 0
    for place, (at, value) in enumerate(points):
        if at >= end:
            kept.add(least_at)
            kept.add(most_at)
            end = low + ((at - low) // width + 1) * width
            least = most = value
            least_at = most_at = place
        elif value < least:
            least, least_at = value, place
        elif value > most:
            most, most_at = value, place
    kept.add(least_at)
    kept.add(most_at)
    if 2 * len(breaks) <= buckets:
        kept.update(breaks)
        kept.update(place - 1 for place in breaks)
    places = sorted(kept)
    return Course([points[place] for place in places],
                  sorted({bisect_left(places, place) for place in breaks} - {0, len(places)}))


def bucket_width(low: int, high: int, buckets: int) -> int:
    """Seconds of a bucket; at least one."""
    return max(1, -(-(high - low + 1) // buckets))


def summary(course: Course) -> Summary | None:
    """None: there is nothing."""
    if not course.points:
        return None
    values = [value for _, value in course.points]
    return Summary(values[0], values[-1], min(values), max(values))


def packed(course: Course) -> dict[str, list[int]]:
    """A course for the browser: seconds and values as differences to the one before, and the places of the breaks."""
    return {"at": _differences([at for at, _ in course.points]),
            "value": _differences([value for _, value in course.points]), "breaks": list(course.breaks)}


def _differences(numbers: Sequence[int]) -> list[int]:
    return [*numbers[:1], *(other - one for one, other in pairwise(numbers))]


class Band(NamedTuple):
    """A stretch of one kind of show."""

    show: str
    start: int
    end: int


def bands(told: Iterable[tuple[str, int, int]], apart: int) -> list[Band]:
    """Stretches of shows, each put together of parts that are at most so many seconds apart.

    told   (kind of show, first second, last second)
    """
    found: list[Band] = []
    for show, start, end in sorted(told):
        if found and found[-1].show == show and start - found[-1].end <= apart:
            found[-1] = found[-1]._replace(end=max(found[-1].end, end))
        else:
            found.append(Band(show, start, end))
    return sorted(found, key=lambda band: band.start)


def show_name(word: str) -> str:
    """CBHours writes `_private` in one place for what is `private` elsewhere."""
    return word.lstrip("_").strip().lower()[:20] or "unknown"

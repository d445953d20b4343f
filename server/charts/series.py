"""Lines made of stored points: where they break, and fewer points that keep every extreme. Pure.

Nothing is ever drawn between two points that do not belong together, and no point is made up: what a chart shows
are stored numbers at the moments at which they were told.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

SEGMENT_GAP = 600  # seconds; CBHours tells a segment every three minutes, one or two may be missing

Point = tuple[int, int]


class Course(NamedTuple):
    """One number of one person as one source told it.

    at, value  arrays of whole numbers, as long as each other, oldest first: seconds since 1970, and what was told
    breaks     places in them, ascending: nothing leads to this point from the one before it
    """

    at: "Numbers"
    value: "Numbers"
    breaks: Sequence[int]

    @classmethod
    def of(cls, points: Sequence[Point], breaks: Sequence[int]) -> "Course":
        return cls(numbers([at for at, _ in points]), numbers([value for _, value in points]), breaks)

    @property
    def points(self) -> list[Point]:
        """(second since 1970, value)."""
        return list(zip(self.at.tolist(), self.value.tolist(), strict=True))

    @property
    def runs(self) -> list[Sequence[Point]]:
        """The stretches between the breaks."""
        points = self.points
        return [points[first:end] for first, end in pairwise([0, *self.breaks, len(points)]) if end > first]


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


def numbers(given: Iterable[int]) -> "Numbers":
    """Whole numbers as an array, which is quick where there are many."""
    import numpy as np  # loaded with the first chart: the server starts without it

    return np.asarray(given, dtype=np.int64)


def of_cbhours(segments: "tuple[Numbers, Numbers]", live: Iterable[tuple[int, int | None]], longest: int) -> Course:
    """Segments of activity and live answers as one course.

    segments  seconds and values, oldest first
    live      (second, value) in any order; without a value: offline, which breaks the line
    longest   seconds between two live answers that belong together
    """
    import numpy as np

    answers = list(live)
    at, value = segments
    if not answers:
        return Course(at, value, apart(at, SEGMENT_GAP))
    alive = {(moment, told) for moment, told in answers if told is not None}
    more = Course.of(sorted(alive), [])
    at, value = np.concatenate([at, more.at]), np.concatenate([value, more.value])
    order = np.lexsort((value, at))
    at, value = at[order], value[order]

    def is_alive(place: int) -> bool:
        return (int(at[place]), int(value[place])) in alive

    breaks = {place for place in apart(at, SEGMENT_GAP)
              if at[place] - at[place - 1] > longest or not (is_alive(place) or is_alive(place - 1))}
    breaks.update(np.searchsorted(at, [moment for moment, told in answers if told is None]).tolist())
    return Course(at, value, sorted(breaks - {0, len(at)}))


def apart(at: "Numbers", longest: int) -> list[int]:
    """Places of moments, oldest first, that are further than `longest` from the one before them."""
    found: list[int] = ((at[1:] - at[:-1] > longest).nonzero()[0] + 1).tolist()
    return found


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
    return Course.of([(one.at, one.value) for one in seen], breaks)


def thinned(course: Course, low: int, high: int, buckets: int) -> Course:
    """A course of few points: of each bucket of time the lowest and the highest point, and both ends of the whole.

    low, high  seconds of the period; it is cut into so many buckets of the same width
    Where there is room for them, the ends of every stretch stay as well, so that it is seen to its full length.
    """
    import numpy as np

    at, value, breaks = course
    if len(at) <= 2 * buckets:
        return course
    bucket = (at - low) // bucket_width(low, high, buckets)
    starts = np.concatenate([[0], (bucket[1:] != bucket[:-1]).nonzero()[0] + 1])
    lengths = np.diff(np.append(starts, len(at)))
    kept = [np.array([0, len(at) - 1])]
    for extreme in (np.minimum, np.maximum):
        places = (value == np.repeat(extreme.reduceat(value, starts), lengths)).nonzero()[0]
        kept.append(places[np.unique(bucket[places], return_index=True)[1]])  # the first of each bucket
    if 2 * len(breaks) <= buckets:
        kept.append(np.array([place - before for place in breaks for before in (0, 1)], dtype=np.int64))
    places = np.unique(np.concatenate(kept))
    after = set(np.searchsorted(places, list(breaks)).tolist())
    return Course(at[places], value[places], sorted(after - {0, len(places)}))


def bucket_width(low: int, high: int, buckets: int) -> int:
    """Seconds of a bucket; at least one."""
    return max(1, -(-(high - low + 1) // buckets))


def summary(course: Course) -> Summary | None:
    """None: there is nothing."""
    if not len(course.at):
        return None
    value = course.value
    return Summary(int(value[0]), int(value[-1]), int(value.min()), int(value.max()))


def packed(course: Course) -> dict[str, list[int]]:
    """A course for the browser: seconds and values as differences to the one before, and the places of the breaks."""
    return {"at": _differences(course.at.tolist()), "value": _differences(course.value.tolist()),
            "breaks": list(course.breaks)}


def _differences(values: Sequence[int]) -> list[int]:
    return [*values[:1], *(other - one for one, other in pairwise(values))]


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

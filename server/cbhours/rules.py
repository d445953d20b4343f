"""Who is asked for at CBHours and when, what an answer is worth, what segments add up to. Pure: values in, values out.

    asked ──► in the answer ──────────────────────────► known (TRUE)
          └─► not in it ─► a miss ─► known: two in a row ─► FALSE ─► asked again after 7, 14, 28 … days, or by hand
                                  └─ never known: one ────► FALSE
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

FIRST_PAUSE = timedelta(days=7)
LONGEST_PAUSE = timedelta(days=365)
MISSES_OF_KNOWN = 2  # in a row, in different runs, until somebody who was known counts as unknown
MONTHS_EVERY = timedelta(days=7)
MOST_DAYS = 60  # that one question may span, the first and the last in it
ROUND = 0.75  # of the interval: who was read longer ago than this is read in the round that begins now
SEGMENT = 180  # seconds
LONGEST_BREAK = 600  # seconds between the beginnings of two segments of one broadcast, at most
NOT_SET_UP = "not_set_up"


class Known(NamedTuple):
    """What is known of whether CBHours knows somebody; the columns of `cbhours_states`."""

    has_trophy: bool | None = None
    proved_at: datetime | None = None
    misses: int = 0
    missed_at: datetime | None = None
    missed_run: UUID | None = None
    ask_again_at: datetime | None = None


NEVER_ASKED = Known()


def after_hit(known: Known, at: datetime) -> Known:
    """An answer has shown the person."""
    proved = at if known.proved_at is None else max(at, known.proved_at)
    if known.missed_at is None or at > known.missed_at:
        return Known(True, proved)
    if known.proved_at is None and known.misses < MISSES_OF_KNOWN:  # it comes in late: known then, missed once since
        return known._replace(has_trophy=True, proved_at=proved, ask_again_at=None)
    return known._replace(proved_at=proved)


def after_miss(known: Known, at: datetime, run: UUID | None) -> Known:
    """An answer that is to be believed was asked for the person and did not know them.

    A run says it once, however often it asked. In a pause it is no news: whoever asks by hand does not lengthen it.
    """
    if known.proved_at is not None and at <= known.proved_at:
        return known
    if known.misses and run is not None and run == known.missed_run:
        return known
    if known.ask_again_at is not None and at < known.ask_again_at:
        return known
    newest = known.missed_at is None or at > known.missed_at
    missed_at, missed_run = (at, run) if newest else (known.missed_at or at, known.missed_run)
    misses = known.misses + 1
    counted = misses - (MISSES_OF_KNOWN - 1 if known.proved_at is not None else 0)
    if counted < 1:
        return known._replace(misses=misses, missed_at=missed_at, missed_run=missed_run)
    return Known(False, known.proved_at, misses, missed_at, missed_run, missed_at + pause(counted))


def pause(misses: int) -> timedelta:
    """How long an unknown name is left alone after so many misses: a week, then twice as long each time."""
    return min(FIRST_PAUSE * 2 ** min(max(misses - 1, 0), 10), LONGEST_PAUSE)


def is_trusted(known: Collection[Any], found: Collection[Any]) -> bool:
    """May the gaps of an answer be believed? Not if it knows none of its names although some are known there.

    known  those asked for who are known there; found: those whom the answer shows
    """
    return bool(found) or not known


# ---- which days

class Days(NamedTuple):
    """Which days to ask for, both in it, and whether for the list of months, too."""

    start: date
    end: date
    months: bool


def days_to_ask(now: datetime, read_at: datetime | None, months_at: datetime | None, first_days: int) -> Days:
    """From the day before the newest one that was over when it was read; at first so many days.

    read_at, months_at  when activity and months were read last
    """
    today = now.astimezone(UTC).date()
    earliest = today - timedelta(days=(first_days if read_at is None else MOST_DAYS) - 1)
    start = earliest if read_at is None else max(earliest, read_at.astimezone(UTC).date() - timedelta(days=2))
    return Days(min(start, today), today, months_at is None or now - months_at >= MONTHS_EVERY)


def due_again(read_at: datetime, interval: timedelta) -> datetime:
    """When somebody is to be read again at the earliest: in the next round, also where this one took long."""
    return read_at + interval * ROUND


def next_reading(state: Any, now: datetime, next_run: datetime | None, job: str) -> tuple[datetime | None, str]:
    """When somebody's activity is read next by itself (None: it is not), and what it waits for, in words.

    state     with has_trophy, ask_again_at, activity_due_at, wanted_at
    next_run  when the job runs next, None: not by itself; job: why, in words
    """
    if state.wanted_at is not None:
        return (None if next_run is None else max(next_run, now)), f"Asked for by hand. {job}"
    if state.has_trophy:
        due = state.activity_due_at
        return (None if next_run is None else max(next_run, due) if due is not None else next_run), job
    if state.has_trophy is None:
        return None, "Whether CBHours knows this name is not known yet: its live poll finds out."
    return None, ("CBHours does not know this name. It knows people who show its trophy or calendar in their bio and "
                  "were looked up once with its studio tool.")


def minutes_of_days(start: date, end: date, said: Mapping[date, int], total: int | None) -> dict[date, int | None]:
    """Minutes on air of each day of an answer; None: it does not say.

    A day that is left out was without a minute only if the days that are there add up to the total that is stated.
    """
    left_out = 0 if total is not None and total == sum(said.values()) else None
    days = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return {day: said.get(day, left_out) for day in days}


# ---- what segments add up to

class Session(NamedTuple):
    """A broadcast, as its segments tell it. start: its first second; end: that after its last segment.

    minutes  of its segments; mean, peak: of those that say the viewers, None: none does
    """

    start: int
    end: int
    minutes: int
    peak: int | None
    mean: float | None
    followers_first: int | None
    followers_last: int | None


def sessions_of(segments: Iterable[Any]) -> list[Session]:
    """Broadcasts: runs of segments with no long break. segments: with `at`, `viewers`, `followers`, in order."""
    return [_session(run) for run in _runs(segments)]


def _runs(segments: Iterable[Any]) -> Iterator[list[Any]]:
    run: list[Any] = []
    for one in segments:
        if run and one.at - run[-1].at > LONGEST_BREAK:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _session(run: Sequence[Any]) -> Session:
    viewers = [one.viewers for one in run if one.viewers is not None]
    followers = [one.followers for one in run if one.followers is not None]
    # A segment that begins before the one before it is over counts only as far as it is new.
    seconds = sum(min(SEGMENT, after.at - one.at) for one, after in pairwise(run)) + SEGMENT
    return Session(run[0].at, run[-1].at + SEGMENT, round(seconds / 60), max(viewers, default=None),
                   sum(viewers) / len(viewers) if viewers else None,
                   followers[0] if followers else None, followers[-1] if followers else None)

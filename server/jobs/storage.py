"""How much storage polling takes: from the configuration, and from what was really polled; how it goes on, and what
to do about it. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

MINUTES_A_DAY = 24 * 60
DAYS_A_MONTH = 30
MONTHS_A_YEAR = 12
RETENTION_DAYS = 90
BYTES_A_WIDE_ROW = 1_000  # the rule of thumb: every field written at every poll
BYTES_A_SNAPSHOT = {"sqlite": 62, "postgresql": 125}  # texts kept once a change, indexes included; at most


@dataclass(frozen=True)
class Estimate:
    """What polling writes. Bytes are counted in thousands (1 KB = 1,000), a month as 30 days, a year as 12 months."""

    polls_a_day: float
    rooms: float
    bytes_a_row: float

    @property
    def rows_a_day(self) -> float:
        return self.polls_a_day * self.rooms

    @property
    def bytes_a_day(self) -> float:
        return self.rows_a_day * self.bytes_a_row

    @property
    def bytes_a_month(self) -> float:
        return self.bytes_a_day * DAYS_A_MONTH

    @property
    def bytes_a_year(self) -> float:
        return self.bytes_a_month * MONTHS_A_YEAR

    def bytes_kept(self, days: int = RETENTION_DAYS) -> float:
        """What is there at any time when older snapshots are deleted."""
        return self.bytes_a_day * days


def polls_a_day(interval_minutes: float) -> float:
    """48 for every 30 minutes."""
    return MINUTES_A_DAY / max(interval_minutes, 1)


def estimate(interval_minutes: float, rooms: float, bytes_a_row: float = BYTES_A_WIDE_ROW) -> Estimate:
    """What a poll of this many rooms, every so many minutes, writes."""
    return Estimate(polls_a_day(interval_minutes), max(rooms, 0), bytes_a_row)


class Kind(NamedTuple):
    """One kind of rows that come in every day. days: how long they have come in; keep: days they are kept, 0: for
    ever."""

    bytes_a_day: float
    days: float = 0
    keep: int = 0

    def grown(self, ahead: float) -> float:
        """How much more there is of it after so many days: nothing, once as much goes as comes."""
        if not self.keep:
            return self.bytes_a_day * ahead
        return self.bytes_a_day * (min(self.days + ahead, self.keep) - min(self.days, self.keep))

    def gone(self, ahead: float) -> float:
        """How many days' worth of it goes within so many days."""
        return 0 if not self.keep else max(self.days + ahead - self.keep, 0) - max(self.days - self.keep, 0)


@dataclass(frozen=True)
class Growth:
    """What comes in every day. hours_a_day: bytes of hourly figures that a day of snapshots leaves when it goes."""

    snapshots: Kind
    texts: Kind
    hours_a_day: float
    others_a_day: float

    def after(self, present: float, ahead: float) -> float:
        """Bytes of the database after so many days."""
        return (present + self.snapshots.grown(ahead) + self.texts.grown(ahead)
                + self.hours_a_day * self.snapshots.gone(ahead) + self.others_a_day * ahead)

    def today(self) -> float:
        """Bytes that the next day adds."""
        return self.after(0, 1)

    def days_until(self, present: float, limit: float) -> int | None:
        """After how many days the database is larger than this; None: not within ten years."""
        low, high = 0, 3_650
        if self.after(present, high) <= limit:
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.after(present, middle) <= limit else (low, middle)
        return low


class Cycle(NamedTuple):
    """A poll, on average over the last ones, in seconds: all of it, waiting for the API, reading the answers, storing
    them (None: not known yet)."""

    polls: int
    whole: float
    api: float
    reading: float
    database: float | None


@dataclass(frozen=True)
class Facts:
    """What advice is given from. full_in: days until the disk is full; None: not known or not soon."""

    interval_minutes: int
    limit: int
    snapshot_days: int
    cycle: Cycle | None
    bytes_a_day: float | None
    full_in: int | None
    unused_share: float
    on_sqlite: bool
    not_cleaned_up: str | None


SLOW_SHARE = 0.5  # of the interval
SLOW_API, SLOW_DATABASE = 60, 5  # seconds
FAST_GROWTH = 50_000_000  # bytes a day
FULL_SOON = 180  # days


def advice(facts: Facts) -> list[str]:
    """What to do about slow cycles and growing storage, in words; empty: nothing."""
    said, cycle, minutes = [], facts.cycle, facts.interval_minutes
    fewer = "lower the limit of rooms a poll" if facts.limit != 0 else "set a limit of rooms a poll (0 asks for all)"
    if facts.not_cleaned_up:
        said.append(f"Nothing is cleaned up: {facts.not_cleaned_up} What is too old stays, and nothing is measured.")
    if cycle and cycle.whole > minutes * 60 * SLOW_SHARE:
        said.append(f"A poll takes {_seconds(cycle.whole)} of the {minutes} minutes between two. Lengthen the "
                    f"interval, or {fewer}.")
    if cycle and cycle.api > SLOW_API and cycle.api >= cycle.whole / 2:
        said.append(f"Most of a poll is waiting for the API: {_seconds(cycle.api)}. Every 500 rooms are one more call, "
                    f"at least a second after the last: {fewer}, or lengthen the interval.")
    if cycle and cycle.database is not None and cycle.database > SLOW_DATABASE:
        said.append(f"Storing a poll takes {_seconds(cycle.database)}: {fewer}"
                    + (", or move to PostgreSQL." if facts.on_sqlite else "; see that the database's disk keeps up."))
    if facts.full_in is not None and facts.full_in < FULL_SOON:
        said.append(f"At this growth the disk is full in {facts.full_in} days. Lengthen the interval, {fewer}, or keep "
                    "snapshots for fewer days.")
    elif facts.bytes_a_day is not None and facts.bytes_a_day > FAST_GROWTH:
        said.append(f"It grows by {round(facts.bytes_a_day / 1e6)} MB a day. A poll every {2 * minutes} minutes "
                    f"instead of {minutes} halves that; keeping snapshots for fewer days ends it sooner.")
    if not facts.snapshot_days:
        said.append(f"Every snapshot is kept for ever. With {RETENTION_DAYS} days, older ones become one row an hour, "
                    "and the database stops growing so fast.")
    if facts.unused_share > 0.25:
        said.append(f"{round(facts.unused_share * 100)} % of the file stand empty since rows were deleted. New rows go "
                    "there first, so it does not grow meanwhile; the file itself shrinks only by `VACUUM`.")
    return said


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"

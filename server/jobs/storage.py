"""How much storage polling takes: from the configuration, and from what was really polled. Pure."""

from dataclasses import dataclass

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

"""What holds for every history, however odd: found by letting hypothesis try to break it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.follows.rules import Interval, OpenFollows, Span, changes, sharpened, with_event

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ["ann", "bob", "cal", "dee", "eve"]


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


@dataclass
class Book:
    """The smallest thing that can keep what the rules say; the real one is tested on both databases."""

    intervals: dict[int, tuple[str, Interval]] = field(default_factory=dict)
    last_complete: Span | None = None

    def read(self, seen: set[str], verdict: str, span: Span) -> None:
        open_rows = {key: row for key, row in self.intervals.items() if row[1].is_open}
        ended = {}
        for name, interval in self.intervals.values():
            if interval.end_latest and name in seen:
                ended[name] = max(interval.end_latest, ended.get(name, interval.end_latest))
        later = {key for key, (_, row) in open_rows.items() if max(row.seen_at, row.start_latest) >= span.started_at}
        result = changes(
            OpenFollows({name: key for key, (name, row) in open_rows.items() if row.missing_since is None},
                        {name: key for key, (name, row) in open_rows.items() if row.missing_since is not None}),
            seen, verdict, span, last_complete=self.last_complete, ended=ended, seen_later=later)
        if result.late:
            for key, (name, row) in self.intervals.items():
                self.intervals[key] = (name, sharpened(row, present=name in seen, reading=span,
                                                       whole=verdict == "complete"))
            return
        for key in (*result.heal, *result.refresh):
            self._change(key, missing_since=None, missing_seen_at=None, seen_at=span.started_at)
        for key in result.go_missing:
            row = self.intervals[key][1]
            proofs = [row.seen_at] + ([self.last_complete.started_at] if self.last_complete else [])
            self._change(key, missing_since=span.finished_at, missing_seen_at=max(proofs))
        for key in result.end:
            row = self.intervals[key][1]
            self._change(key, end_earliest=row.missing_seen_at, end_latest=row.missing_since, end_source="browser")
        for new in result.begin:
            self.intervals[len(self.intervals)] = (new.username, Interval(
                new.start_earliest, new.start_latest, seen_at=span.started_at))
        if verdict == "complete" and not result.held:
            self.last_complete = span

    def _change(self, key: int, **fields: object) -> None:
        name, row = self.intervals[key]
        self.intervals[key] = (name, replace(row, **fields))

    def of(self, name: str) -> list[Interval]:
        return sorted((row for owner, row in self.intervals.values() if owner == name),
                      key=lambda row: row.start_latest)


reading = st.tuples(st.integers(0, 500), st.integers(0, 5), st.sets(st.sampled_from(NAMES)))


@given(first=st.sets(st.sampled_from(NAMES)),
       later=st.lists(st.tuples(reading, st.sampled_from(["partial", "rejected"])), max_size=12))
def test_no_sequence_of_partial_and_rejected_readings_ever_closes_an_interval(first, later):
    book = Book()
    book.read(first, "complete", Span(minute(0), minute(1)))
    for (begin, length, seen), verdict in later:
        book.read(seen, verdict, Span(minute(begin), minute(begin + length)))
    assert all(row.is_open and row.missing_since is None for _, row in book.intervals.values())
    assert first <= {name for name, _ in book.intervals.values()}


@given(st.lists(st.tuples(reading, st.sampled_from(["complete", "complete", "partial", "rejected"])), max_size=15))
def test_bounds_are_ordered_and_intervals_never_overlap(readings):
    book = Book()
    for (begin, length, seen), verdict in readings:
        book.read(seen, verdict, Span(minute(begin), minute(begin + length)))
    for name in NAMES:
        rows = book.of(name)
        assert sum(row.is_open for row in rows) <= 1
        for row in rows:
            assert row.start_earliest is None or row.start_earliest <= row.start_latest
            assert row.end_latest is None or row.end_earliest <= row.end_latest
        for earlier, following in pairwise(rows):
            assert earlier.end_latest is not None
            assert following.start_earliest is not None
            assert earlier.end_latest <= following.start_earliest


@st.composite
def true_history(draw):
    """When one person really followed: ascending minutes, at which following turns on, off, on …"""
    return sorted(draw(st.sets(st.integers(1, 1000), max_size=6)))


def follows_at(history: list[int], when: float) -> bool:
    return sum(moment <= when for moment in history) % 2 == 1


@given(histories=st.tuples(*[true_history() for _ in NAMES]),
       scans=st.lists(st.integers(0, 1100), min_size=2, max_size=12, unique=True))
def test_true_readings_give_bounds_that_hold_the_truth(histories, scans):
    """Complete readings in order, each at one moment: every stored beginning and end really lies in its bounds."""
    book = Book()
    truth = dict(zip(NAMES, histories, strict=True))
    for moment in sorted(scans):
        seen = {name for name in NAMES if follows_at(truth[name], moment)}
        book.read(seen, "complete", Span(minute(moment), minute(moment)))
    for name in NAMES:
        starts, ends = truth[name][0::2], truth[name][1::2]
        for row in book.of(name):
            low = -1 if row.start_earliest is None else (row.start_earliest - START).total_seconds() / 60
            high = (row.start_latest - START).total_seconds() / 60
            assert any(low <= start <= high for start in starts)
            if row.end_latest is not None:
                low = (row.end_earliest - START).total_seconds() / 60
                high = (row.end_latest - START).total_seconds() / 60
                assert any(low <= end <= high for end in ends)


events = st.lists(st.tuples(st.sampled_from(["follow", "unfollow"]), st.integers(0, 300)), max_size=10)


@given(events)
def test_events_in_any_order_keep_one_persons_intervals_apart(happenings):
    intervals: list[Interval] = []
    for event, moment in happenings:
        intervals = with_event(intervals, event, minute(moment))
        assert sum(interval.is_open for interval in intervals) <= 1
        for interval in intervals:
            assert interval.start_earliest is None or interval.start_earliest <= interval.start_latest
            assert interval.end_latest is None or interval.end_earliest <= interval.end_latest
        for earlier, following in pairwise(intervals):
            assert earlier.end_latest is not None
            assert earlier.end_latest <= following.start_latest


@given(true_history())
def test_events_in_order_tell_the_whole_truth(history):
    intervals: list[Interval] = []
    for number, moment in enumerate(history):
        intervals = with_event(intervals, "unfollow" if number % 2 else "follow", minute(moment))
    assert [row.start_latest for row in intervals] == [minute(moment) for moment in history[0::2]]
    assert [row.end_latest for row in intervals if not row.is_open] == [minute(moment) for moment in history[1::2]]

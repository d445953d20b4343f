"""Broadcasts of several sources become one, and curves break where nobody looked."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.profiles.session_rules import HEIGHT, WIDTH, Part, Point, curve, merged

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def at(minute):
    return NOON + timedelta(minutes=minute)


def part(source, start, end, *, absent=None, going_on=False, peak=10, mean=5.0, weight=1, first=100, last=110):
    return Part(source, at(start), at(end), None if absent is None else at(absent), going_on, end - start, weight, peak,
                mean, first, last)


def told(*parts):
    return [[(one.source, (one.start - NOON) // timedelta(minutes=1)) for one in row.parts] for row in merged(parts)]


def test_parts_that_overlap_are_one_broadcast_with_the_figures_of_both():
    (row,) = merged([part("cbhours", 1, 118, peak=90, mean=50.0), part("affiliate", 0, 110, absent=120, peak=80)])
    assert (row.start, row.end, row.minutes, row.sources) == (at(0), at(118), 117, ["affiliate", "cbhours"])
    assert row.ended_latest == at(120)
    assert [(one.source, one.peak, one.mean, one.gained) for one in row.figures] == [
        ("affiliate", 80, 5.0, 10), ("cbhours", 90, 50.0, 10)]


def test_parts_that_do_not_overlap_stay_apart():
    assert told(part("affiliate", 0, 10), part("cbhours", 11, 20)) == [[("affiliate", 0)], [("cbhours", 11)]]
    assert told(part("affiliate", 0, 10), part("cbhours", 10, 20)) == [[("affiliate", 0), ("cbhours", 10)]]


def test_two_of_one_source_stay_apart_unless_the_other_spans_both():
    two = part("affiliate", 0, 10), part("affiliate", 9, 11)  # starts are told to the minute, so they may touch
    assert told(*two) == [[("affiliate", 0)], [("affiliate", 9)]]
    two = part("affiliate", 0, 10), part("affiliate", 12, 20)
    assert told(*two, part("cbhours", 3, 15)) == [[("affiliate", 0), ("cbhours", 3), ("affiliate", 12)]]


def test_an_absence_that_another_source_refutes_is_none():
    (row,) = merged([part("affiliate", 0, 60, absent=70), part("cbhours", 0, 100)])
    assert row.ended_latest is None
    (row,) = merged([part("affiliate", 0, 60, going_on=True), part("cbhours", 0, 50)])
    assert row.going_on
    assert row.ended_latest is None


def test_figures_weigh_parts_by_their_sightings_and_leave_out_what_was_not_told():
    (row,) = merged([part("affiliate", 0, 10, mean=10.0, weight=1, last=None),
                     part("cbhours", 0, 30, mean=None, peak=None),
                     part("affiliate", 20, 30, mean=40.0, weight=2, first=None, last=130)])
    affiliate, cbhours = row.figures
    assert (affiliate.parts, affiliate.minutes, affiliate.mean, affiliate.gained) == (2, 20, 30.0, 30)
    assert (cbhours.peak, cbhours.mean) == (None, None)


spans = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 40)), max_size=12)


@given(spans, spans)
def test_no_part_is_lost_or_told_twice_and_rows_follow_each_other(mine, theirs):
    parts = [part(source, start, start + length) for source, told in (("affiliate", mine), ("cbhours", theirs))
             for start, length in told]
    rows = merged(parts)
    assert sorted(one for row in rows for one in row.parts) == sorted(parts)
    assert [row.start for row in rows] == sorted(row.start for row in rows)
    for row in rows:
        assert row.minutes <= (row.end - row.start) / timedelta(minutes=1) * len(row.parts)


def points(*values, step=60):
    return [Point(number * step, value) for number, value in enumerate(values) if value is not None]


def drawn(found):
    return [(line.source, len(line.paths), len(line.dots)) for line in found.lines]


def test_a_curve_reaches_from_edge_to_edge_and_from_zero_to_the_peak():
    found = curve([("affiliate", points(0, 50, 100))], 0, 120, [], {})
    assert found.lines[0].paths == [f"0,{HEIGHT - 1} {WIDTH // 2},{HEIGHT / 2:g} {WIDTH},1"]
    assert (found.lowest, found.highest, found.highest_at) == (0, 100, 120)


def test_nobody_told_means_no_curve_and_nobody_there_is_a_line_at_the_bottom():
    assert curve([("affiliate", [])], 0, 100, [], {}) is None
    flat = curve([("affiliate", points(0, 0))], 0, 60, [], {})
    assert flat.lines[0].paths == [f"0,{HEIGHT - 1} {WIDTH},{HEIGHT - 1}"]


def test_a_line_does_not_cross_a_span_in_which_nobody_looked():
    found = curve([("affiliate", points(1, 2, 3, 4, 5)), ("cbhours", points(1, 2, 3))], 0, 300, [(70, 110)], {})
    assert drawn(found) == [("affiliate", 2, 0), ("cbhours", 1, 0)]
    found = curve([("affiliate", points(1, 2, 3))], 0, 300, [(-50, -10), (0, 30), (70, 80), (500, 600)], {})
    assert drawn(found) == [("affiliate", 0, 3)]


def test_a_line_does_not_take_a_step_that_is_too_long_for_its_source():
    assert drawn(curve([("cbhours", points(1, 2, None, None, 3))], 0, 300, [], {"cbhours": 120})) == [("cbhours", 1, 1)]
    assert drawn(curve([("cbhours", points(1, 2, None, 3))], 0, 300, [], {"cbhours": 120})) == [("cbhours", 1, 0)]


def test_many_points_are_thinned_and_no_peak_is_lost():
    many = points(*(5000 if number == 7777 else 0 if number == 3333 else 100 + number % 7 for number in range(10_000)))
    (line,) = curve([("affiliate", many)], 0, 10_000 * 60, [], {}).lines
    corners = [tuple(map(float, corner.split(","))) for corner in line.paths[0].split()]
    assert len(corners) <= 4 * (WIDTH + 1)
    assert min(y for _, y in corners) == 1.0
    assert max(y for _, y in corners) == HEIGHT - 1
    assert [x for x, _ in corners] == sorted(x for x, _ in corners)


def test_points_outside_and_a_broadcast_of_no_length_do_no_harm():
    assert drawn(curve([("affiliate", points(5))], 0, 0, [], {})) == [("affiliate", 0, 1)]
    assert curve([("affiliate", [Point(-50, 1), Point(900, 2)])], 0, 100, [], {}).lines[0].paths[0].startswith("0,")

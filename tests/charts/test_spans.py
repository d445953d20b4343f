"""Time on air by weekday and hour, and by day, over changes of the clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from server.charts import spans

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
HOUR = 3600


def at(*moment: int, zone=UTC, fold: int = 0) -> int:
    return int(datetime(*moment, tzinfo=zone, fold=fold).timestamp())


def test_the_hour_that_a_day_has_twice_counts_twice():
    night = [(at(2026, 10, 24, 22), at(2026, 10, 25, 23))]  # Sunday in Berlin has 25 hours
    sunday = spans.by_weekday_and_hour([], night, BERLIN)[6]
    assert [cell.watched // HOUR for cell in sunday] == [1, 1, 2, *[1] * 21]
    assert spans.by_day([], night, BERLIN)[date(2026, 10, 25)].watched == 25 * HOUR


def test_the_hour_that_a_day_does_not_have_counts_not_at_all():
    night = [(at(2026, 3, 28, 23), at(2026, 3, 29, 22))]
    sunday = spans.by_weekday_and_hour(night, night, BERLIN)[6]
    assert [cell.watched // HOUR for cell in sunday] == [1, 1, 0, *[1] * 21]
    assert spans.by_day([], night, BERLIN)[date(2026, 3, 29)].watched == 23 * HOUR


def test_a_broadcast_over_the_doubled_hour_keeps_its_average():
    on_air = [(at(2026, 10, 25, 0), at(2026, 10, 25, 1))]  # the first of the two hours from two to three
    watched = [(at(2026, 10, 24, 22), at(2026, 10, 25, 23))]
    cell = spans.by_weekday_and_hour(on_air, watched, BERLIN)[6][2]
    assert cell == (HOUR, 2 * HOUR)


def test_half_an_hour_is_left_out_or_doubled_on_lord_howe():
    spring = [(at(2026, 10, 3, zone=LORD_HOWE), at(2026, 10, 6, zone=LORD_HOWE))]
    assert spans.by_day([], spring, LORD_HOWE)[date(2026, 10, 4)].watched == 23.5 * HOUR
    assert spans.by_weekday_and_hour([], spring, LORD_HOWE)[6][2].watched == HOUR // 2
    autumn = [(at(2026, 4, 4, zone=LORD_HOWE), at(2026, 4, 7, zone=LORD_HOWE))]
    assert spans.by_day([], autumn, LORD_HOWE)[date(2026, 4, 5)].watched == 24.5 * HOUR
    assert spans.by_weekday_and_hour([], autumn, LORD_HOWE)[6][1].watched == 1.5 * HOUR


def test_offsets_change_at_the_very_second():
    steps = spans.offsets(BERLIN, at(2026, 1, 1), at(2026, 12, 31))
    assert steps == [(at(2026, 1, 1), 3600), (at(2026, 3, 29, 1), 7200), (at(2026, 10, 25, 1), 3600)]


moments = st.integers(min_value=at(2024, 1, 1), max_value=at(2027, 1, 1))
pairs = st.lists(st.tuples(moments, st.integers(0, 40 * 86_400)), max_size=12).map(
    lambda told: spans.united((start, start + length) for start, length in told))


@given(pairs, st.sampled_from([BERLIN, LORD_HOWE, ZoneInfo("Asia/Kathmandu"), UTC]))
def test_no_second_is_lost_or_counted_twice(watched, zone):
    total = spans.seconds(watched)
    assert sum(cell.watched for hours in spans.by_weekday_and_hour([], watched, zone) for cell in hours) == total
    assert sum(cell.watched for cell in spans.by_day([], watched, zone).values()) == total


@given(pairs)
def test_each_second_falls_into_the_hour_that_the_clock_shows(watched):
    one = spans.by_weekday_and_hour([], watched, LORD_HOWE)
    wanted: dict[tuple[int, int], int] = {}
    for start, end in watched:
        step = start
        while step < end:  # by pieces of at most ten minutes: no clock changes within one
            until = min(end, step - step % 600 + 600)
            there = datetime.fromtimestamp(step, UTC).astimezone(LORD_HOWE)
            key = there.weekday(), there.hour
            wanted[key] = wanted.get(key, 0) + until - step
            step = until
    assert {(day, hour): cell.watched for day, hours in enumerate(one) for hour, cell in enumerate(hours)
            if cell.watched} == wanted


def test_united_spans_do_not_touch_and_clipped_ones_stay_within():
    assert spans.united([(5, 9), (0, 5), (20, 20), (30, 40), (31, 35)]) == [(0, 9), (30, 40)]
    assert spans.clipped([(0, 9), (30, 40)], 5, 35) == [(5, 9), (30, 35)]


def test_a_day_of_which_cbhours_does_not_say_when_is_not_watched_and_one_without_a_minute_is():
    first = date(2026, 11, 1)
    days = [(first + timedelta(days=number), *told, at(2026, 11, 20))
            for number, told in enumerate(((None, 0), (30, 10), (30, 0), (0, 0)))]
    start = at(2026, 11, 1)
    assert spans.told_days(days) == [(start + day * 86_400, start + (day + 1) * 86_400) for day in (1, 3)]


def test_a_day_that_was_read_before_its_end_is_watched_up_to_then():
    assert spans.told_days([(date(2026, 11, 1), 6, 2, at(2026, 11, 1, 10))]) == [(at(2026, 11, 1), at(2026, 11, 1, 10))]

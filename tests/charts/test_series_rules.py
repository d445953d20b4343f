"""Lines made of stored points: no extreme is lost, nothing is made up, nothing bridges a hole."""

from bisect import bisect_right
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.charts import series
from server.charts.series import Band, Course, Seen

MINUTE, HOUR = 60, 3600


def of_cbhours(segments, live, longest) -> Course:
    told = Course.of(segments, [])
    return series.of_cbhours((told.at, told.value), live, longest)


values = st.integers(min_value=0, max_value=2**53 - 1)


@st.composite
def courses(draw) -> Course:
    told = draw(st.lists(st.tuples(st.integers(1, 5_000), st.integers(0, 9) | values), min_size=2, max_size=300))
    moments = accumulate((step for step, _ in told), initial=draw(st.integers(0, 10**9)))
    points = [(at, value) for at, (_, value) in zip(moments, told, strict=False)]
    places = st.integers(min_value=1, max_value=len(points) - 1)
    return Course.of(points, sorted(draw(st.sets(places, max_size=40))))


@given(courses(), st.integers(min_value=1, max_value=12))
def test_a_thinned_course_has_the_extremes_of_every_bucket_and_both_ends_and_stored_points_alone(course, buckets):
    low, high = course.points[0][0], course.points[-1][0]
    thin = series.thinned(course, low, high, buckets)
    assert set(thin.points) <= set(course.points)
    assert (thin.points[0], thin.points[-1]) == (course.points[0], course.points[-1])
    width = series.bucket_width(low, high, buckets)
    for bucket in range(buckets):
        def inside(points, first=low + bucket * width):
            return [value for at, value in points if first <= at < first + width]

        stored, drawn = inside(course.points), inside(thin.points)
        assert bool(stored) == bool(drawn)
        if stored:
            assert (min(drawn), max(drawn)) == (min(stored), max(stored))
    assert len(thin.points) <= max(2 * buckets, 2 * buckets + 2 + min(2 * len(course.breaks), buckets))


@given(courses(), st.integers(min_value=1, max_value=12))
def test_a_thinned_line_joins_two_points_only_where_no_hole_lies_between_them(course, buckets):
    thin = series.thinned(course, course.points[0][0], course.points[-1][0], buckets)
    places = {point: place for place, point in enumerate(course.points)}
    for run in thin.runs:
        for one, other in pairwise(run):
            first, last = places[one], places[other]
            assert bisect_right(course.breaks, first) == bisect_right(course.breaks, last)
    assert sum(len(run) for run in thin.runs) == len(thin.points)


@given(courses())
def test_what_the_browser_gets_adds_up_to_the_stored_numbers(course):
    told = series.packed(course)
    assert list(zip(accumulate(told["at"]), accumulate(told["value"]), strict=True)) == list(course.points)
    assert told["breaks"] == course.breaks


def test_a_course_that_is_short_enough_is_left_as_it_is():
    course = Course.of([(0, 5), (10, 5), (20, 5)], [2])
    assert series.thinned(course, 0, 20, 2) is course


def test_the_ends_of_every_stretch_are_kept_where_there_is_room():
    course = Course.of([(at, 7) for at in (*range(100), *range(500, 600))], [100])
    thin = series.thinned(course, 0, 600, 20)
    assert [(run[0], run[-1]) for run in thin.runs] == [((0, 7), (99, 7)), ((500, 7), (599, 7))]


# ---- CBHours


def test_segments_more_than_ten_minutes_apart_are_two_broadcasts():
    at = [0, 3, 6, 16, 30]
    assert of_cbhours([(minute * MINUTE, 1) for minute in at], [], HOUR).breaks == [4]


def test_live_answers_belong_together_as_far_apart_as_they_are_asked_for():
    live = [(0, 5), (900, 6), (1801, 7)]
    assert of_cbhours([], live, 900).breaks == [2]


def test_an_offline_answer_breaks_the_line_and_is_no_point():
    course = of_cbhours([(0, 5), (360, 6)], [(180, None), (999, None)], 900)
    assert (course.points, course.breaks) == ([(0, 5), (360, 6)], [1])


def test_segments_are_not_joined_over_the_longer_pause_that_live_answers_may_have():
    course = of_cbhours([(0, 5), (20 * MINUTE, 6)], [(3 * HOUR, 9)], HOUR)
    assert course.breaks == [1, 2]


def test_a_live_answer_between_two_segments_joins_them():
    course = of_cbhours([(0, 5), (20 * MINUTE, 6)], [(10 * MINUTE, 9)], HOUR)
    assert (course.points, course.breaks) == ([(0, 5), (600, 9), (1200, 6)], [])


# ---- the affiliate API


def seen(*moments: int) -> list[Seen]:
    return [Seen(at, 1, at, at) for at in moments]


def test_a_poll_that_did_not_show_the_person_breaks_the_line():
    assert series.of_affiliate(seen(0, 1800, 3600), [0, 900, 1800, 3600], 5400, []).breaks == [1]


def test_a_time_without_polls_breaks_the_line():
    assert series.of_affiliate(seen(0, 1800, 9000), [0, 1800, 9000], 2700, []).breaks == [2]


def test_polls_of_a_longer_interval_in_their_day_still_belong_together():
    points, polls = seen(0, 3600, 7200), [0, 3600, 7200]
    assert series.of_affiliate(points, polls, 900, []).breaks == [1, 2]
    assert series.of_affiliate(points, polls, 900, [(0, 9000)]).breaks == []
    assert series.of_affiliate(points, polls, 900, [(0, 5000), (6000, 9000)]).breaks == [2]


def test_hours_that_follow_each_other_are_one_line_whatever_was_polled_within_them():
    hours = [Seen(1800, 3, 0, 3599), Seen(1800, 9, 0, 3599), Seen(5400, 4, 3600, 7199), Seen(12600, 4, 10800, 14399)]
    assert series.of_affiliate(hours, [0, 900, 1800, 4000, 9000, 11000], 2700, []).breaks == [3]


# ---- shows


def test_shows_closer_than_a_bucket_are_one_band_and_public_ones_of_either_source_have_one_name():
    told = [("private", 0, 100), ("private", 150, 200), ("private", 900, 950), ("away", 120, 140)]
    assert series.bands(told, 60) == [Band("private", 0, 200), Band("away", 120, 140), Band("private", 900, 950)]
    assert series.show_name("_public") == series.show_name("Public") == "public"
    assert series.show_name("__") == "unknown"

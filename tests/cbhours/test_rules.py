"""Who counts as known, how long an unknown name rests, which days are asked for, what segments add up to."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import pytest

from server.cbhours import rules
from server.cbhours.rules import NEVER_ASKED, Session, after_hit, after_miss, days_to_ask, minutes_of_days, sessions_of

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RUNS = [uuid4() for _ in range(12)]


def missed(known, *days, runs=RUNS):
    for day, run in zip(days, runs, strict=False):
        known = after_miss(known, NOON + day * DAY, run)
    return known


def test_somebody_never_known_is_unknown_after_one_miss_and_rests_longer_each_time():
    known, at, pauses = NEVER_ASKED, NOON, []
    for run in RUNS:
        known = after_miss(known, at, run)
        assert known.has_trophy is False
        pauses.append((known.ask_again_at - at).days)
        at = known.ask_again_at
    assert pauses == [7, 14, 28, 56, 112, 224, 365, 365, 365, 365, 365, 365]


def test_somebody_known_is_unknown_only_after_two_misses_in_a_row_from_different_runs():
    known = after_hit(NEVER_ASKED, NOON)
    once = missed(known, 1)
    assert (once.has_trophy, once.misses, once.ask_again_at) == (True, 1, None)
    assert missed(known, 1, 2, runs=[RUNS[0], RUNS[0]]) == once, "the same run says it once"
    twice = missed(known, 1, 2)
    assert (twice.has_trophy, twice.ask_again_at) == (False, NOON + 9 * DAY)
    assert missed(twice, 9).ask_again_at == NOON + 23 * DAY


def test_an_answer_that_shows_the_person_begins_all_over_again():
    known = after_hit(missed(NEVER_ASKED, 0, 7, 21), NOON + 49 * DAY)
    assert known == rules.Known(True, NOON + 49 * DAY)
    assert missed(known, 50).has_trophy is True, "one miss is none, for the name was known"
    assert after_hit(missed(known, 50), NOON + 51 * DAY).misses == 0, "two misses that are not in a row"


def test_asking_by_hand_in_a_pause_does_not_lengthen_it():
    known = missed(NEVER_ASKED, 0)
    assert missed(known, 3, runs=RUNS[1:]) == known
    assert missed(known, 7, runs=RUNS[1:]).ask_again_at == NOON + 21 * DAY


def test_what_comes_in_late_takes_nothing_newer_back():
    known = after_hit(NEVER_ASKED, NOON)
    assert after_miss(known, NOON - DAY, RUNS[0]) == known
    assert after_hit(known, NOON - DAY) == known
    late_hit = after_hit(missed(NEVER_ASKED, 1), NOON)
    assert late_hit == missed(known, 1), "as if they had come in order"
    gone = missed(known, 1, 2)
    assert after_hit(gone, NOON + DAY / 2).has_trophy is False
    late_miss = after_miss(missed(known, 2, runs=RUNS[1:]), NOON + DAY, RUNS[0])
    assert (late_miss.has_trophy, late_miss.ask_again_at) == (gone.has_trophy, gone.ask_again_at)


@pytest.mark.parametrize("known, found, trusted", [
    ((), (), True), ((), ("new",), True), (("ann",), ("ann",), True), (("ann",), ("bob",), True), (("ann",), (), False),
])
def test_an_answer_that_knows_nobody_is_not_believed_where_somebody_is_known(known, found, trusted):
    assert rules.is_trusted(known, found) is trusted


def test_sixty_days_are_asked_for_at_first_and_then_only_what_is_new():
    assert days_to_ask(NOON, None, None, 60) == (date(2026, 9, 22), date(2026, 11, 20), True)
    assert days_to_ask(NOON, None, None, 7)[0] == date(2026, 11, 14)
    # read yesterday: the day before that was over then, and the one before is asked for once more
    assert days_to_ask(NOON, NOON - DAY, NOON - DAY, 60) == (date(2026, 11, 17), date(2026, 11, 20), False)
    assert days_to_ask(NOON, NOON - 300 * DAY, NOON - 7 * DAY, 7) == (date(2026, 9, 22), date(2026, 11, 20), True)
    assert (days_to_ask(NOON, None, None, 60).end - days_to_ask(NOON, None, None, 60).start).days == 59


@pytest.mark.parametrize("said, total, minutes", [
    ({1: 12, 3: 84}, 96, [12, 0, 84]),
    ({1: 12, 3: 84}, 99, [12, None, 84]),
    ({1: 12, 3: 84}, None, [12, None, 84]),
    ({}, 0, [0, 0, 0]),
    ({}, None, [None, None, None]),
    ({1: 0, 2: 0, 3: 0}, 7, [0, 0, 0]),
])
def test_a_day_that_is_left_out_is_zero_only_if_the_total_says_so(said, total, minutes):
    days = {date(2026, 11, day): count for day, count in said.items()}
    assert list(minutes_of_days(date(2026, 11, 1), date(2026, 11, 3), days, total).values()) == minutes


class Seen(NamedTuple):
    at: int
    viewers: int | None = 10
    followers: int | None = 100


def test_segments_with_no_long_break_are_one_broadcast():
    segments = [Seen(0, 4, 100), Seen(180, None, None), Seen(780, 8, 103), Seen(1381, 1, 104), Seen(1561, 5, None)]
    assert sessions_of(segments) == [
        Session(0, 960, 9, 8, 6.0, 100, 103), Session(1381, 1741, 6, 5, 3.0, 104, 104)]
    assert sessions_of([]) == []


def test_what_nobody_said_is_not_made_up_and_segments_that_overlap_count_once():
    assert sessions_of([Seen(0, None, None)]) == [Session(0, 180, 3, None, None, None, None)]
    assert sessions_of([Seen(0), Seen(60), Seen(120)])[0].minutes == 5

"""Spans, silences and their reasons, held to a model that counts minute by minute."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from server.ledger import rules
from server.ledger.rules import Heard, Plan, RunFact, Silence, Span

T = datetime(2026, 11, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LISBON = ZoneInfo("Europe/Lisbon")
FAR = T - timedelta(days=900)
SCHEDULED = [[Plan(FAR, "scheduled")]]

minutes = some.integers(0, 400)
hearings = some.lists(some.tuples(minutes, some.sampled_from([0, 5, 20, 60])), max_size=14)


def at(minute: float) -> datetime:
    return T + minute * MINUTE


def heard(pairs):
    return [rules.hearing(at(minute), interval * MINUTE) for minute, interval in pairs]


def minutes_heard(stretches):
    """Minute by minute: in which of them somebody's word was believed."""
    return {minute for one in stretches for minute in range(1000) if one.started_at <= at(minute) < one.until}


def test_a_word_is_believed_for_one_and_a_half_intervals_and_ten_minutes_at_least():
    assert rules.hearing(T, timedelta(hours=6)).until - T == timedelta(hours=9)
    assert rules.hearing(T, timedelta(0)).until - T == timedelta(minutes=10)


@given(hearings)
def test_merged_says_the_same_in_as_few_stretches_as_can_be(pairs):
    found = rules.merged(heard(pairs))
    assert minutes_heard(found) == minutes_heard(heard(pairs))
    assert all(one.until < later.started_at for one, later in pairwise(found))
    assert {one.heard_at for one in found} <= {at(minute) for minute, _ in pairs}


@given(hearings, some.randoms())
def test_the_order_of_arrival_does_not_matter(pairs, dice):
    stretches: list[Heard] = []
    shuffled = list(pairs)
    dice.shuffle(shuffled)
    for one in heard(shuffled):
        stretches = rules.merged([*stretches, one])
    assert stretches == rules.merged(heard(pairs))


@given(hearings, some.data())
def test_the_same_again_changes_nothing(pairs, data):
    found = rules.merged(heard(pairs))
    if pairs:
        again = data.draw(some.lists(some.sampled_from(pairs)))
        assert rules.merged([*found, *heard(again)]) == found


@given(hearings, minutes, minutes, minutes)
def test_spans_cover_a_period_and_say_what_the_minutes_say(pairs, first, last, today):
    since, until = at(min(first, last)), at(max(first, last))
    silences = rules.silences(heard(pairs), since, until, at(today))
    spans = rules.cover([(one, "because") for one in silences], since, until, at(today))
    assert [since, *(one.end for one in spans)] == [*(one.start for one in spans), until]
    assert all(one.start < one.end for one in spans)
    assert all(one.heard != bool(one.why) for one in spans)
    told = {minute for one in spans if one.heard for minute in range(401) if one.start <= at(minute) < one.end}
    believed = minutes_heard(heard(pairs))
    assert told == {minute for minute in range(401)
                    if minute in believed and since <= at(minute) < until and at(minute) < at(today)}


@given(hearings, minutes)
def test_a_silence_knows_the_last_hearing_before_it(pairs, first):
    for silence in rules.silences(heard(pairs), at(0), at(500), at(500)):
        before = [at(minute) for minute, _ in pairs if at(minute) < silence.start]
        assert silence.heard_at == max(before, default=None)


def test_the_share_counts_only_what_has_passed():
    spans = [Span(at(0), at(30), True), Span(at(30), at(40), False, "paused"), Span(at(40), at(90), False,
                                                                                   rules.NOT_YET)]
    assert rules.share(spans) == pytest.approx(0.75)
    assert rules.share(spans[2:]) is None


def test_what_was_heard_before_the_ledger_goes_by_its_own_rhythm():
    quarter_hours = [at(15 * number) for number in range(20)]
    two_hours = [at(600 + 120 * number) for number in range(10)]
    found = rules.by_rhythm(quarter_hours + two_hours, 30 * MINUTE)
    assert [(one.started_at, one.heard_at) for one in found] == [
        (at(0), at(285)), (at(600), at(600 + 9 * 120))]
    assert found[1].until == at(600 + 9 * 120 + 180)


def test_without_a_rhythm_the_interval_of_today_counts():
    found = rules.by_rhythm([at(0), at(500), at(520), at(3000), at(9000)], 30 * MINUTE)
    assert [(one.started_at, one.until) for one in found] == [
        (at(0), at(45)), (at(500), at(565)), (at(3000), at(3045)), (at(9000), at(9045))]


# ---- why

HOLE = Silence(at(45), at(240), at(0))


def why(runs=(), plans=SCHEDULED, hole=HOLE, **more):
    return rules.why(hole, list(runs), plans, LISBON, **more)


def failed(minute, message="The site answered 503."):
    return RunFact(at(minute), at(minute + 1), "failed", message)


def test_a_run_that_failed_is_the_reason_also_where_it_came_while_the_last_word_was_believed():
    assert why([failed(30)]) == "failed: The site answered 503"


def test_several_alike_are_counted():
    assert why([failed(30), failed(60), failed(90, "No answer")]) == (
        "failed: The site answered 503 (2 runs); failed: No answer")


def test_a_run_before_the_last_word_is_no_reason():
    assert why([failed(-10)]) == "the worker was away"


def test_a_run_whose_worker_fell_silent():
    assert why([RunFact(at(40), at(60), "lost")]) == "the worker fell silent in the middle of a run"


def test_a_run_that_goes_on():
    assert why([RunFact(at(40), None, None)]) == "a run is going on"


def test_a_reading_that_was_not_accepted():
    assert why([RunFact(at(40), at(50), "ok")]) == "what was read could not be used"


@pytest.mark.parametrize(("state", "words"), [
    ("paused", "paused"), ("stopped", "stopped"), ("off", "switched off"), ("unable", "no campaign code")])
def test_what_the_job_was_to_do(state, words):
    assert why(plans=[[Plan(FAR, "scheduled"), Plan(at(20), state)]], unable="no campaign code") == words


def test_what_the_job_was_to_do_before_and_after_does_not_matter():
    plans = [[Plan(FAR, "paused"), Plan(at(-5), "scheduled"), Plan(at(240), "stopped")]]
    assert why(plans=plans) == "the worker was away"


def test_reasons_stand_in_the_order_in_which_they_came_up():
    assert why([failed(60)], plans=[[Plan(FAR, "scheduled"), Plan(at(100), "paused")]]) == (
        "failed: The site answered 503; paused")


def test_of_several_jobs_one_that_was_to_be_run_says_why():
    assert why(plans=[[Plan(FAR, "stopped")], [Plan(FAR, "scheduled")]]) == "the worker was away"
    assert why(plans=[[Plan(FAR, "stopped")], [Plan(FAR, "paused")]]) == "paused; stopped"


def test_a_long_rest_after_a_failure_is_the_workers_absence():
    hole = Silence(at(45), at(45 + 20 * 60), at(0))
    assert why([failed(60)], hole=hole) == "failed: The site answered 503; the worker was away"


def test_quiet_hours():
    night = Silence(datetime(2026, 11, 20, 2, 30, tzinfo=UTC), datetime(2026, 11, 20, 6, 1, tzinfo=UTC),
                    datetime(2026, 11, 20, 1, 45, tzinfo=UTC))
    plans = [[Plan(FAR, "scheduled", "02:00-06:00")]]
    assert why(plans=plans, hole=night) == "quiet hours 02:00-06:00"
    assert why([RunFact(at(120), at(121), "failed", "No answer")], plans=plans, hole=night) == "failed: No answer"
    assert why(plans=plans, hole=night._replace(end=night.end + timedelta(days=3))) == "the worker was away"


def test_what_nothing_is_known_of():
    assert why(plans=[[]]) == "nothing was run"
    assert why(plans=[[]], kept_since=at(300)) == "no reading"
    assert why(plans=[[]], kept_since=at(200)) == "nothing was run"


def test_what_was_never_heard_before_is_no_failure_of_anybody():
    new = HOLE._replace(heard_at=None)
    assert why(plans=[[]], hole=new) == "before it was heard first"
    assert why([failed(60)], plans=[[]], hole=new) == "failed: The site answered 503"
    assert why(hole=new) == "the worker was away"

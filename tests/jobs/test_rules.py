"""When a job is due, what state it is in, what it may be told. No database, no clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.jobs import rules
from server.jobs.kinds import KINDS, fresh_config, fresh_stats
from server.jobs.rules import ActiveRun, JobFacts, LastRun

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GAP = timedelta(minutes=15)
HOURS_6 = timedelta(hours=6)
FOLLOWING = KINDS["following"]


def state(**facts: object) -> rules.JobState:
    return rules.state_of(JobFacts(**{"worker_seen_at": NOW} | facts), NOW, UTC)  # type: ignore[arg-type]


def due_in(outcome: str, failures: int = 0, **more: object) -> timedelta:
    due = rules.due_after(NOW, outcome, interval=HOURS_6, minimum_gap=GAP, failures_in_row=failures, **more)  # type: ignore[arg-type]
    return due - NOW


# When

def test_the_interval_counts_from_the_end_of_the_run():
    assert due_in("ok") == HOURS_6
    assert due_in("partial") == HOURS_6
    assert due_in("cancelled") == HOURS_6


def test_no_interval_is_shorter_than_the_minimum_gap():
    due = rules.due_after(NOW, "ok", interval=timedelta(minutes=1), minimum_gap=GAP, failures_in_row=0)
    assert due - NOW == GAP


@pytest.mark.parametrize("outcome", sorted(rules.FAILURES))
def test_a_failed_run_is_never_due_at_once(outcome):
    for failures in range(60):
        assert rules.due_after(NOW, outcome, interval=HOURS_6, minimum_gap=timedelta(0),
                               failures_in_row=failures) >= NOW + rules.FIRST_BACK_OFF


def test_the_back_off_doubles_up_to_a_ceiling():
    waits = [rules.back_off(n) for n in range(1, 60)]
    assert waits[:4] == [timedelta(minutes=minutes) for minutes in (5, 10, 20, 40)]
    assert waits == sorted(waits)
    assert waits[-1] == rules.LONGEST_BACK_OFF


def test_a_site_that_asks_for_a_pause_gets_it():
    assert due_in("blocked", 1, asked=timedelta(hours=2)) == timedelta(hours=2)


def test_an_absurd_wish_of_a_site_is_bounded():
    assert due_in("blocked", 1, asked=timedelta(days=900)) == rules.LONGEST_ASKED
    assert due_in("blocked", 1, asked=timedelta(seconds=-5)) == GAP


def test_a_challenge_rests_for_an_hour_at_least():
    assert due_in("blocked", 1, code="challenge") == timedelta(hours=1)
    assert due_in("blocked", 7, code="challenge") > timedelta(hours=1)


def test_a_started_job_runs_at_once_unless_it_ran_just_now():
    assert rules.due_at_start(NOW, None, GAP) == NOW
    assert rules.due_at_start(NOW, NOW - timedelta(days=1), GAP) == NOW
    assert rules.due_at_start(NOW, NOW - timedelta(minutes=5), GAP) == NOW + timedelta(minutes=10)


def test_a_changed_interval_counts_from_the_last_end():
    ended = NOW - timedelta(minutes=50)
    hour, half = timedelta(hours=1), timedelta(minutes=30)
    assert rules.due_after_change(ended, NOW, interval=hour, minimum_gap=GAP) == NOW + timedelta(minutes=10)
    assert rules.due_after_change(ended, NOW, interval=half, minimum_gap=GAP) == NOW


def test_a_lost_run_is_tried_again_unless_somebody_sat_at_the_terminal():
    assert rules.retried_when_lost("schedule", scheduled=True, failures_in_row=50)
    assert rules.retried_when_lost("manual", scheduled=False, failures_in_row=1)
    assert not rules.retried_when_lost("manual", scheduled=False, failures_in_row=4)
    assert not rules.retried_when_lost("once", scheduled=False, failures_in_row=1)


# In what state

def test_a_job_at_first_is_stopped():
    assert state().state == "stopped"
    assert "press Update" in state().reason
    assert state().next_run is None


def test_a_scheduled_job_waits_for_its_time():
    waiting = state(scheduled=True, next_due_at=NOW + HOURS_6)
    assert (waiting.state, waiting.reason, waiting.next_run) == ("waiting", "Next run at 18:00 UTC.", NOW + HOURS_6)


def test_the_next_run_never_comes_before_the_minimum_gap():
    ended = NOW - timedelta(minutes=5)
    waiting = state(scheduled=True, next_due_at=NOW, minimum_gap=GAP, last=LastRun("ok", ended))
    assert waiting.next_run == ended + GAP


def test_a_confirming_reading_is_announced():
    waiting = state(confirm_due_at=NOW + GAP)
    assert (waiting.state, waiting.reason) == ("waiting", "A confirming reading is due at 12:15 UTC.")


def test_a_paused_job_says_so_and_has_no_next_run():
    paused = state(scheduled=True, paused=True, next_due_at=NOW)
    assert (paused.state, paused.next_run) == ("paused", None)


def test_a_disabled_job_says_so():
    assert state(enabled=False, scheduled=True, next_due_at=NOW).state == "disabled"


def test_a_queued_run_is_starting():
    assert state(active=ActiveRun("queued")).reason == "Waiting for the worker to take it."


def test_a_queued_run_without_a_worker_says_since_when():
    starting = state(active=ActiveRun("queued"), worker_seen_at=NOW - timedelta(hours=2))
    assert starting.state == "starting"
    assert starting.reason.startswith("No worker has been seen since 10:00 UTC")
    assert "yet" in state(active=ActiveRun("queued"), worker_seen_at=None).reason


def test_a_due_job_without_a_worker_says_why_nothing_happens():
    waiting = state(scheduled=True, next_due_at=NOW - GAP, worker_seen_at=NOW - timedelta(days=2))
    assert waiting.reason.startswith("Due, but no worker has been seen since 18 Nov 12:00 UTC")


def test_a_run_with_progress_is_processing():
    running = ActiveRun("running", NOW + rules.LEASE, progress={"phase": "Online pages", "done": 3, "total": 15})
    assert (state(active=running).state, state(active=running).reason) == ("processing", "Online pages: 3 of 15")


def test_a_claimed_run_without_progress_is_starting():
    assert state(active=ActiveRun("running", NOW + rules.LEASE)).state == "starting"


def test_a_run_whose_lease_ran_out_is_failing():
    failing = state(active=ActiveRun("running", NOW - timedelta(minutes=3)))
    assert failing.state == "failing"
    assert "fell silent at 11:56 UTC" in failing.reason


def test_a_signed_out_job_is_failing_and_says_what_to_do():
    last = LastRun("signed_out", NOW - GAP, "signed_out", "The site led us to its login page.")
    failing = state(last=last, failures_in_row=1)
    assert failing.state == "failing"
    assert failing.reason.startswith("Signed out: run python -m scraper login")


def test_an_account_that_is_known_to_be_signed_out_makes_its_jobs_fail():
    assert state(session_state="signed_out").reason.startswith("Signed out")


def test_a_failing_job_says_how_often_and_when_next():
    last = LastRun("failed", NOW, "unavailable", "The site could not be reached.")
    failing = state(scheduled=True, last=last, failures_in_row=3, next_due_at=NOW + timedelta(minutes=20))
    assert failing.reason == ("The site could not be reached (3 runs in a row failed). Next try at 12:20 UTC.")


def test_a_try_that_is_due_but_has_no_worker_says_so():
    facts = {"scheduled": True, "last": LastRun("lost", NOW - GAP), "failures_in_row": 1, "next_due_at": NOW - GAP}
    assert state(**facts).reason.endswith("The next try is due now.")
    assert "No worker has been seen since" in state(**facts, worker_seen_at=NOW - timedelta(hours=1)).reason


def test_moments_are_said_in_the_owners_zone():
    told = rules.state_of(JobFacts(scheduled=True, next_due_at=NOW + HOURS_6), NOW, ZoneInfo("Europe/Paris"))
    assert told.reason == "Next run at 19:00 CET."


# What is said of its source

@pytest.mark.parametrize("outcome, code, reachable", [
    (None, None, None), ("ok", None, True), ("partial", "unavailable", True), ("blocked", "rate_limited", True),
    ("signed_out", "signed_out", True), ("failed", "unavailable", False), ("lost", "lost", None),
    ("cancelled", "cancelled", None), ("failed", "wrong_use", None)])
def test_whether_the_source_is_there(outcome, code, reachable):
    assert rules.source_of(outcome, code, {}, None, NOW).reachable is reachable


def test_how_the_source_answered():
    told = rules.source_of("ok", None, {"calls": 4, "failed_calls": 1, "mean_response_ms": 850}, NOW + GAP, NOW)
    assert told == rules.Source(True, 0.75, 850, NOW + GAP)
    assert rules.source_of("ok", None, {"calls": 0}, NOW - GAP, NOW) == rules.Source(True)


def test_a_wish_for_rest_is_named_as_the_reason():
    waiting = state(scheduled=True, next_due_at=NOW, rest_until=NOW + GAP)
    assert waiting.reason == "The source asked to be left alone: next run at 12:15 UTC."


# What it may be told

def test_a_partial_change_changes_only_what_is_given():
    config = rules.changed_config(FOLLOWING, {"intervalMinutes": 360, "maxPasses": 5}, {"intervalMinutes": 60}, GAP)
    assert config == {"intervalMinutes": 60, "enabled": True, "confirmMinutes": 15, "maxPasses": 5, "quietHours": "",
                      "alertAfter": 3}


@pytest.mark.parametrize("given, field", [
    ({"intervall": 5}, "intervall"),
    ({"intervalMinutes": "60"}, "intervalMinutes"),
    ({"intervalMinutes": 60.5}, "intervalMinutes"),
    ({"intervalMinutes": True}, "intervalMinutes"),
    ({"intervalMinutes": None}, "intervalMinutes"),
    ({"intervalMinutes": 0}, "intervalMinutes"),
    ({"intervalMinutes": 14}, "intervalMinutes"),
    ({"intervalMinutes": 10**9}, "intervalMinutes"),
    ({"enabled": 1}, "enabled"),
    ({"confirmMinutes": -1}, "confirmMinutes"),
    ({"maxPasses": 0}, "maxPasses"),
    ({"maxPasses": {"a": 1}}, "maxPasses"),
    ([1], None),
    ("x", None),
])
def test_what_is_unknown_or_wrong_is_named(given, field):
    with pytest.raises(rules.WrongConfig) as wrong:
        rules.changed_config(FOLLOWING, fresh_config(FOLLOWING), given, GAP)
    assert wrong.value.field == field


def test_the_minimum_gap_itself_is_allowed():
    assert rules.changed_config(FOLLOWING, {}, {"intervalMinutes": 15}, GAP)["intervalMinutes"] == 15


def test_a_stored_setting_that_is_no_longer_known_does_no_harm():
    assert "old" not in rules.present_config(FOLLOWING, {"old": 1})


# What it counts

def test_the_statistics_count_runs_and_failures():
    stats = fresh_stats(FOLLOWING)
    for outcome, found in (("ok", 90), ("failed", 0), ("partial", 40)):
        stats = rules.stats_after(FOLLOWING, stats, outcome=outcome, counters={"found": found}, ended_at=NOW)
    assert stats == {"lastRun": "2026-11-20T12:00:00.000Z", "lastOutcome": "partial", "totalRuns": 3, "totalFailed": 1,
                     "totalFound": 130, "lastRunFound": 40}

"""What becomes of somebody in the queue. No database, no clock."""

from datetime import UTC, datetime, timedelta

import pytest

from server.jobs import rules as jobs
from server.jobs.rules import ActiveRun, JobFacts, LastRun
from server.queue import rules

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def again(priority=1, tries=0, **more):
    return rules.again(priority, tries, NOW, **{"cancelled": False, "trouble": "The site is away"} | more)


def test_a_p1_whose_poll_failed_is_tried_again_after_a_growing_pause():
    assert [(again(tries=tries).due_at - NOW) / MINUTE for tries in range(4)] == [5, 10, 20, 40]


def test_after_some_tries_it_brings_about_no_more_polls():
    last = again(tries=rules.MOST_TRIES - 1)
    assert last.due_at is None and last.detail.startswith("The site is away. 5 polls")


def test_a_poll_that_was_ended_by_hand_begins_no_other():
    assert again(cancelled=True).due_at is None


def test_a_p2_never_makes_a_poll_due():
    assert again(priority=2).due_at is None


@pytest.mark.parametrize("state, priority, same_run, asked, ended, tells", [
    ("queued", 1, False, -1, None, True),  # another poll found them
    ("queued", 1, False, +1, None, False),  # asked for after that poll had begun
    ("processing", 1, True, -1, None, True),
    ("processing", 1, False, -1, None, True),  # late news of a run that was held to be lost
    ("complete", 1, False, -9, -8, False),  # what has ended stays
    ("complete", 2, False, -9, -1, True),
    ("complete", 2, False, -9, +1, False),  # older than what is known
    ("processing", 2, False, -9, -8, False),  # the run that looks for them tells itself
    ("processing", 2, True, -9, -8, True),
])
def test_which_polls_tell_of_an_entry(state, priority, same_run, asked, ended, tells):
    assert rules.tells(state, priority, same_run=same_run, requested_at=NOW + asked * MINUTE,
                       ended_at=None if ended is None else NOW + ended * MINUTE, observed_at=NOW) is tells


def test_a_list_shows_an_open_p1_before_a_p2_before_one_that_ended():
    entries = sorted([(2, "complete"), (1, "queued"), (1, "not_found")], key=lambda entry: rules.telling(*entry))
    assert entries == [(1, "not_found"), (2, "complete"), (1, "queued")]


@pytest.mark.parametrize("state, due, poller, words", [
    ("complete", None, ("waiting", "Next run at 12:30."), ""),
    ("queued", NOW, ("disabled", "Switched off."), "The affiliate poller cannot look: switched off."),
    ("queued", NOW, ("paused", "Paused."), "The affiliate poller cannot look: paused."),
    ("queued", NOW, ("processing", "Rooms."), "Looked for after the poll that is going on."),
    ("queued", None, ("waiting", "Next run at 12:30."), "Looked for at the next poll. Next run at 12:30."),
    ("queued", NOW, ("waiting", "Due, but no worker."), "Due, but no worker."),
    ("queued", NOW + 5 * MINUTE, ("failing", "Away."), "Looked for again after a pause."),
])
def test_what_is_waited_for_is_said(state, due, poller, words):
    assert rules.why_waiting(state, due, poller, NOW) == words


# The poller's own state

def state(**facts):
    return jobs.state_of(JobFacts(**{"worker_seen_at": NOW, "queue_due_at": NOW} | facts), NOW, UTC)


def test_somebody_in_the_queue_makes_a_job_run_that_has_no_schedule():
    told = state()
    assert (told.state, told.next_run) == ("waiting", NOW)
    assert told.reason == "The queue is read next, now."


def test_a_minute_lies_between_a_poll_and_one_for_the_queue():
    assert state(last=LastRun("ok", NOW)).next_run == NOW + MINUTE


def test_a_site_that_asks_for_a_rest_gets_it_from_the_queue_too():
    assert state(rest_until=NOW + 90 * MINUTE).next_run == NOW + 90 * MINUTE
    assert state(queue_due_at=None, scheduled=True, next_due_at=NOW, rest_until=NOW + MINUTE).next_run == NOW + MINUTE


def test_quiet_hours_do_not_keep_back_what_a_person_asked_for():
    assert state(quiet_hours="11:00-13:00", scheduled=True, next_due_at=NOW).next_run == NOW


@pytest.mark.parametrize("facts", [{"enabled": False}, {"paused": True, "scheduled": True}, {"missing": ("A", "b")}])
def test_a_job_that_may_not_run_is_not_made_due_by_the_queue(facts):
    assert state(**facts).next_run is None


def test_what_is_going_on_is_told_first():
    assert state(active=ActiveRun("queued")).state == "starting"

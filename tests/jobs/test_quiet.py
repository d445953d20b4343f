"""Quiet hours on the owner's clock, also in the nights in which it changes. No database, no clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.jobs import rules
from server.jobs.quiet import quiet_hours, quiet_until
from server.jobs.rules import JobFacts, LastRun

LISBON = ZoneInfo("Europe/Lisbon")
NIGHT = "02:00-06:00"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_ordinary_night():
    assert quiet_until(NIGHT, utc("2026-11-20T01:59"), LISBON) is None
    assert quiet_until(NIGHT, utc("2026-11-20T02:00"), LISBON) == utc("2026-11-20T06:00")
    assert quiet_until(NIGHT, utc("2026-11-20T05:59:59"), LISBON) == utc("2026-11-20T06:00")
    assert quiet_until(NIGHT, utc("2026-11-20T06:00"), LISBON) is None


def test_in_summer_they_follow_the_owners_clock():
    assert quiet_until(NIGHT, utc("2026-07-01T01:00"), LISBON) == utc("2026-07-01T05:00")
    assert quiet_until(NIGHT, utc("2026-07-01T05:00"), LISBON) is None


def test_the_night_in_which_summer_time_begins():
    """At 01:00 the clock in Lisbon jumps to 02:00."""
    assert quiet_until(NIGHT, utc("2026-03-29T00:59"), LISBON) is None
    assert quiet_until(NIGHT, utc("2026-03-29T01:00"), LISBON) == utc("2026-03-29T05:00")
    assert quiet_until(NIGHT, utc("2026-03-29T05:00"), LISBON) is None


def test_the_night_in_which_summer_time_ends():
    """At 02:00 summer time the clock in Lisbon goes back to 01:00."""
    assert quiet_until(NIGHT, utc("2026-10-25T01:00"), LISBON) is None
    assert quiet_until(NIGHT, utc("2026-10-25T01:59"), LISBON) is None
    assert quiet_until(NIGHT, utc("2026-10-25T02:00"), LISBON) == utc("2026-10-25T06:00")
    assert quiet_until(NIGHT, utc("2026-10-25T06:00"), LISBON) is None


@pytest.mark.parametrize("hours, day, first, last", [
    ("01:30-06:00", "2026-03-29", "29 01:00", "29 04:59"),  # 01:30 is left out: from the jump
    ("23:00-01:30", "2026-03-29", "28 23:00", "29 00:59"),  # until the jump
    ("01:30-06:00", "2026-10-25", "25 00:30", "25 05:59"),  # 01:30 comes twice: from the first
    ("23:00-01:30", "2026-10-25", "24 22:00", "25 01:29"),  # until the second
])
def test_times_that_are_left_out_or_come_twice(hours, day, first, last):
    moment, found = utc(f"{day}T00:00") - timedelta(hours=3), []
    for number in range(10 * 60):
        at = moment + timedelta(minutes=number)
        if quiet_until(hours, at, LISBON):
            found.append(at)
    assert (f"{found[0]:%d %H:%M}", f"{found[-1]:%d %H:%M}") == (first, last)
    assert len(found) == (found[-1] - found[0]) // timedelta(minutes=1) + 1, "they are one piece"


def test_they_may_go_over_midnight():
    assert quiet_until("22:30-06:00", utc("2026-11-20T22:30"), LISBON) == utc("2026-11-21T06:00")
    assert quiet_until("22:30-06:00", utc("2026-11-21T03:00"), LISBON) == utc("2026-11-21T06:00")
    assert quiet_until("22:30-06:00", utc("2026-11-21T12:00"), LISBON) is None


def test_none_are_none():
    assert quiet_hours("") is None
    assert quiet_until("", utc("2026-11-20T03:00"), LISBON) is None


@pytest.mark.parametrize("text", ["2-6", "02:00", "25:00-06:00", "02:60-06:00", "02:00-02:00", "02:00-06:00-07:00", "x",
                                  "٠٢:٠٠-٠٦:٠٠"])
def test_what_cannot_be_read_is_refused_in_words(text):
    with pytest.raises(ValueError, match="must"):
        quiet_hours(text)


# What they do to a job

def state(now: str, **facts: object) -> rules.JobState:
    moment = utc(now)
    return rules.state_of(JobFacts(**{"scheduled": True, "worker_seen_at": moment, "quiet_hours": NIGHT} | facts),  # type: ignore[arg-type]
                          moment, LISBON)


def test_a_job_in_its_quiet_hours_says_so():
    waiting = state("2026-11-20T03:00", next_due_at=utc("2026-11-20T02:10"))
    assert waiting.state == "waiting"
    assert waiting.reason == "Quiet hours (02:00-06:00): next run at 06:00 WET."
    assert waiting.next_run == utc("2026-11-20T06:00")


def test_the_next_run_skips_the_quiet_hours_to_come():
    assert state("2026-11-20T01:45", next_due_at=utc("2026-11-20T02:10")).next_run == utc("2026-11-20T06:00")
    assert state("2026-10-24T23:00", next_due_at=utc("2026-10-25T01:30")).next_run == utc("2026-10-25T01:30")


def test_what_is_due_after_the_quiet_hours_is_not_their_doing():
    assert state("2026-11-20T03:00", next_due_at=utc("2026-11-20T09:00")).reason == "Next run at 09:00 WET."


def test_a_failing_job_waits_for_the_morning():
    failing = state("2026-11-20T03:00", next_due_at=utc("2026-11-20T03:05"), failures_in_row=1,
                    last=LastRun("failed", utc("2026-11-20T01:59"), "unavailable", "No answer"))
    assert failing.reason == "No answer. Next try at 06:00 WET."

"""How moments, bounds, sizes and lights are said."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from server import display, frame
from server.profiles.timeline import WIDTH, timeline

LISBON = ZoneInfo("Europe/Lisbon")
KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("before", "words"), [
    (timedelta(seconds=3), "just now"), (timedelta(minutes=5), "5 min ago"), (timedelta(minutes=59), "59 min ago"),
    (timedelta(hours=3), "3 h ago"), (timedelta(hours=47), "47 h ago"), (timedelta(days=12), "12 days ago"),
    (timedelta(days=1500), "4 years ago"), (-timedelta(hours=2), "in 2 h"), (-timedelta(seconds=5), "in a moment")])
def test_relative_moments(before, words):
    assert display.ago(NOW - before, NOW) == words


@pytest.mark.parametrize(("earliest", "latest", "words"), [
    (None, NOW - timedelta(days=1), "before 19 Nov 12:00"),
    (NOW - timedelta(seconds=20), NOW, "20 Nov 12:00"),
    (NOW - timedelta(hours=3), NOW, "between 09:00 and 12:00"),
    (NOW - timedelta(days=3, hours=2), NOW - timedelta(days=3), "17 Nov between 10:00 and 12:00"),
    (NOW - timedelta(days=400), NOW - timedelta(days=399), "between 16 Oct 2025 13:00 and 17 Oct 2025 13:00"),
    (None, None, ""), (NOW, None, "after 20 Nov 12:00")])
def test_bounds(earliest, latest, words):
    assert display.bounds(earliest, latest, NOW, LISBON) == words


def test_bounds_around_midnight_are_told_in_the_owners_zone():
    late = datetime(2026, 11, 19, 18, 0, tzinfo=UTC)  # 23:30 in Kolkata
    assert display.bounds(late, late + timedelta(hours=1), NOW, KOLKATA) == "between 19 Nov 23:30 and 20 Nov 00:30"
    assert display.zone_label(KOLKATA, NOW) == "Asia/Kolkata (UTC+5:30)"
    assert display.zone_label(UTC, NOW) == "UTC"


def test_the_hour_that_comes_twice_is_told_by_its_offset():
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert display.clock_time(first, LISBON) == display.clock_time(second, LISBON) == "01:30"
    assert display.exact(first, LISBON) != display.exact(second, LISBON)


def test_sizes_durations_and_numbers():
    assert [display.size(n) for n in (0, 999, 12_400_000)] == ["0 bytes", "999 bytes", "12.4 MB"]
    assert [display.duration(n) for n in (640, 12_300, 245_000)] == ["640 ms", "12.3 s", "4 min 5 s"]
    assert display.duration(7_380_000) == "2 h 3 min"
    assert [display.number(n) for n in (0, 12_345, 10.25)] == ["0", "12,345", "10.2"]


def test_text_of_strangers_loses_what_turns_or_breaks_it():
    assert frame.clean("a\x00b\u202ec\ud800d\u2066e\x1bf") == "abcdef"
    assert frame.clean(None) == ""
    assert "الموسيقى" in frame.clean("الموسيقى")


def test_marked_commands_become_code_and_nothing_else_does():
    assert frame.code_words("run `a <b>` now <i>") == "run <code>a &lt;b&gt;</code> now &lt;i&gt;"
    assert frame.code_words("a lone ` mark <") == "a lone ` mark &lt;"


def interval(**more):
    values = {"direction": "follower", "start_earliest": None, "start_latest": NOW - timedelta(days=10),
              "end_earliest": None, "end_latest": None, "missing_since": None}
    return SimpleNamespace(**values | more)


def test_the_line_of_time_shows_what_is_proved_and_what_may_be():
    ended = interval(start_earliest=NOW - timedelta(days=11), end_earliest=NOW - timedelta(days=3),
                     end_latest=NOW - timedelta(days=2))
    bar = timeline([("me", ended, NOW)], NOW).lines[0].bars[0]
    assert 0 < bar.before_x < bar.sure_x < bar.sure_x + bar.sure_width <= bar.after_x < WIDTH
    assert bar.before_width > 0
    assert bar.after_width > 0


def test_a_follow_that_goes_on_reaches_the_present_and_an_open_start_the_left_edge():
    bar = timeline([("me", interval(), NOW)], NOW).lines[0].bars[0]
    assert bar.before_x == 0
    assert bar.sure_x + bar.sure_width == WIDTH


def test_a_follow_of_a_moment_ago_can_be_drawn():
    bar = timeline([("me", interval(start_latest=NOW), NOW)], NOW).lines[0].bars[0]
    assert bar.sure_x + bar.sure_width <= WIDTH
    assert timeline([], NOW) is None

"""Where a shown value comes from, when it was proved last, and whether that is recent enough. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from server.priorities import NO_ORIGIN, Origin, confirmed_at, is_live, origin

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
INTERVALS = {"affiliate": timedelta(minutes=30), "browser": timedelta(hours=6)}


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.mark.parametrize(("source", "since", "polled", "listed", "proved"), [
    ("affiliate", ago(900), ago(5), None, ago(5)),
    ("affiliate", ago(900), None, ago(5), ago(900)),  # a list does not confirm what the API said
    ("affiliate", ago(5), ago(900), None, ago(5)),  # an older poll takes nothing back
    ("browser", ago(900), ago(5), ago(60), ago(60)),  # nor does a poll confirm what a list said
    ("browser", ago(900), ago(5), None, ago(900)),
    ("import", ago(900), ago(5), ago(5), ago(900)),  # nobody reads handed over pages again
    ("affiliate", None, ago(5), None, None),
    (None, None, ago(5), ago(5), None),
])
def test_a_text_is_confirmed_by_its_own_source_only(source, since, polled, listed, proved):
    assert confirmed_at(source, since, polled_at=polled, listed_at=listed) == proved


@pytest.mark.parametrize(("source", "at", "fresh"), [
    ("affiliate", ago(45), True), ("affiliate", ago(45.1), False),  # 1.5 times its own interval
    ("browser", ago(540), True), ("browser", ago(541), False),
    ("import", ago(10), True), ("import", ago(10.1), False),  # not asked regularly: ten minutes
])
def test_fresh_is_measured_by_the_interval_of_the_source(source, at, fresh):
    assert origin(source, at, INTERVALS, NOW) == Origin(source, at, fresh)


@pytest.mark.parametrize(("source", "at"), [(None, ago(1)), ("affiliate", None), (None, None)])
def test_without_a_source_and_a_moment_there_is_no_origin(source, at):
    assert origin(source, at, INTERVALS, NOW) == NO_ORIGIN


@pytest.mark.parametrize(("until", "seen", "polled", "live"), [
    (NOW, ago(45), ago(45), True),
    (ago(0.1), ago(45), ago(45), False),  # stale: nobody has looked since
    (ago(0.1), ago(9), ago(9), False),  # the poll that saw them is no longer to be believed, so neither is its moment
    (None, ago(10), None, True),  # a list saw them
    (None, ago(10.1), None, False),
    (ago(60), ago(10), ago(90), True),  # a list saw them after the newest poll did
    (None, None, None, False), (None, None, ago(1), False),
])
def test_nobody_is_live_on_stale_evidence(until, seen, polled, live):
    assert is_live(until, seen, polled, NOW) is live

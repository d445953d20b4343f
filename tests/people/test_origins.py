"""Where a shown value comes from, when it was proved last, and whether that is recent enough. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from server.priorities import NO_ORIGIN, Origin, confirmed_at, live, live_words, origin

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
INTERVALS = {"affiliate": timedelta(minutes=30), "browser": timedelta(hours=6),
             "cbhours": timedelta(minutes=10)}


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


SAID = {"polled_at": None, "polled_until": None, "asked_at": None, "online_until": None, "listed_at": None}


@pytest.mark.parametrize(("said", "shown", "source", "fresh"), [
    ({"polled_at": ago(45), "polled_until": NOW}, True, "affiliate", True),
    ({"polled_at": ago(45), "polled_until": ago(0.1)}, False, "affiliate", False),  # nobody has looked since
    ({"polled_at": ago(5)}, False, None, False),  # a complete poll no longer showed them
    ({"listed_at": ago(10)}, True, "browser", True),
    ({"listed_at": ago(10.1)}, False, "browser", False),
    ({"polled_at": ago(90), "polled_until": ago(45), "listed_at": ago(9)}, True, "browser", True),
    ({"asked_at": ago(3), "online_until": NOW}, True, "cbhours", True),
    ({"asked_at": ago(16), "online_until": ago(1)}, False, "cbhours", False),
    ({"asked_at": ago(3)}, False, "cbhours", True),  # it said Offline
    ({"asked_at": ago(3), "polled_at": ago(20), "polled_until": NOW}, True, "affiliate", True),
    ({"asked_at": ago(3), "polled_at": ago(60), "polled_until": ago(1)}, False, "cbhours", True),
    ({"asked_at": ago(3), "listed_at": ago(1)}, False, "cbhours", True),  # its Offline is fresh: a card counts less
    ({"asked_at": ago(16), "listed_at": ago(1)}, True, "browser", True),
    ({}, False, None, False),
])
def test_nobody_is_live_on_stale_evidence(said, shown, source, fresh):
    live_now, origin_of_it = live(live_words(**SAID | said), INTERVALS, NOW)
    assert (live_now, origin_of_it.source, origin_of_it.fresh) == (shown, source, fresh)

"""When the worker does the next thing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import Challenged, RateLimited, SignedOut
from scraper.schedule import FIRST_PAUSE, LONGEST_PAUSE, back_off, beat, next_claim, site_asks


def test_the_pause_doubles_up_to_a_ceiling() -> None:
    assert [back_off(n, jitter=0).total_seconds() for n in (1, 2, 3, 4, 5, 6, 1000)] == [1, 2, 4, 8, 15, 15, 15]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_chance_never_makes_a_pause_longer_than_the_ceiling_or_nothing(failures: int, jitter: float) -> None:
    assert FIRST_PAUSE / 2 <= back_off(failures, jitter=jitter) <= LONGEST_PAUSE


def test_a_longer_wish_of_the_server_is_obeyed() -> None:
    assert back_off(1, jitter=0, asked=timedelta(seconds=90)) == timedelta(seconds=90)
    assert back_off(9, jitter=0, asked=timedelta(seconds=3)) == LONGEST_PAUSE


def test_two_renewals_may_fail_before_a_lease_ends() -> None:
    assert beat(timedelta(seconds=60)) == timedelta(seconds=20)
    assert beat(timedelta(0)) > timedelta(0)


@pytest.mark.parametrize(("said", "pause"), [(2, 2), (0, 1), (-9, 1), (5000, 60)])
def test_work_is_asked_for_within_bounds(said: float, pause: float) -> None:
    assert next_claim(said) == timedelta(seconds=pause)


def test_the_sites_wish_goes_to_the_server_within_a_day() -> None:
    assert site_asks(RateLimited("slow down", timedelta(minutes=3))) == 180
    assert site_asks(RateLimited("slow down", timedelta(days=400))) == 86_400
    assert site_asks(RateLimited("slow down", timedelta(seconds=-1))) == 0
    assert site_asks(Challenged("prove it")) == 3600
    assert site_asks(SignedOut("gone")) is None
    assert site_asks(None) is None

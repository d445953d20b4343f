"""What the snapshots of an hour add up to. No database."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from server.retention.rules import HOUR, Hour, Snapshot, all_merged, cut, hour_of, merged, roll_up

NOON = int(datetime(2026, 10, 25, 12, 0, tzinfo=UTC).timestamp())  # clocks go back in Europe on this day


def some(generator: random.Random, count: int = 60) -> list[Snapshot]:
    """Sightings of one person over some hours, none two at the same second."""
    return [Snapshot(at, generator.choice((None, generator.randrange(500))),
                     generator.choice((None, generator.randrange(10**12))),
                     generator.choice((None, 0, generator.randrange(20_000))), generator.random() < 0.7)
            for at in generator.sample(range(NOON, NOON + 9 * HOUR), count)]


@pytest.mark.parametrize("seed", range(40))
def test_an_hour_says_what_its_snapshots_say(seed):
    told = some(random.Random(seed))
    hours = roll_up(told)
    for hour, figures in hours.items():
        those = [one for one in sorted(told) if hour <= one.at < hour + HOUR]
        viewers = [one.viewers for one in those if one.viewers is not None]
        followers = [one.followers for one in those if one.followers is not None]
        assert figures.polls == len(those)
        assert (figures.viewers_min, figures.viewers_max) == (min(viewers, default=None), max(viewers, default=None))
        assert figures.viewers_mean == (sum(viewers) / len(viewers) if viewers else None)
        assert figures.followers == (followers[-1] if followers else None)
        assert figures.public_polls == sum(one.public for one in those)
    assert {hour_of(one.at) for one in told} <= hours.keys()


@pytest.mark.parametrize("seed", range(40))
def test_in_parts_and_in_any_order_the_same_figures_come_out(seed):
    generator = random.Random(seed)
    told = some(generator)
    whole = roll_up(told)
    generator.shuffle(told)
    kept: dict[int, Hour] = {}
    while told:
        part = [told.pop() for _ in range(min(len(told), generator.randrange(1, 9)))]
        kept |= all_merged(kept, roll_up(part))
    for hour, figures in kept.items():
        assert figures._replace(on_air=0) == whole.get(hour, Hour())._replace(on_air=0)
        assert figures.on_air | whole.get(hour, Hour()).on_air == figures.on_air, "no minute is lost"


def minutes(*told: Snapshot) -> dict[int, int]:
    return {(hour - NOON) // HOUR: figures.minutes for hour, figures in roll_up(told).items()}


def seen(after: int, seconds_online: int | None) -> Snapshot:
    return Snapshot(NOON + after, None, None, seconds_online, True)


def test_minutes_on_air_are_those_that_are_proved():
    assert minutes(seen(1800, 600)) == {0: 11}
    assert minutes(seen(1800, None)) == {0: 1}
    assert minutes(seen(600, 600), seen(2400, 2400)) == {0: 41}
    assert minutes(seen(600, 600), seen(2400, 60)) == {0: 13}, "a break of which the second start tells"
    assert minutes(seen(3600 + 300, 1200)) == {0: 15, 1: 6}, "an hour without a poll, but on air at its end"


def test_a_claim_to_have_been_online_for_a_month_proves_no_more_than_a_day():
    assert sum(minutes(seen(0, 31 * 24 * HOUR)).values()) == 24 * 60 + 1


def test_the_followers_at_the_end_are_the_last_that_were_told():
    first = Hour(polls=1, followers=10, followers_at=600)
    later = Hour(polls=1, followers=None, followers_at=None)
    assert merged(first, later).followers == merged(later, first).followers == 10
    last = Hour(polls=1, followers=7, followers_at=3599)
    assert merged(first, last).followers == merged(last, first).followers == 7


def test_what_is_kept_begins_with_a_whole_hour():
    now = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
    assert cut(now, 90) == int((now - timedelta(days=90)).timestamp()) // HOUR * HOUR
    assert cut(now, 0) is None


def test_an_hour_that_is_twice_on_the_clock_is_two_hours():
    """25 October 2026 in Europe: 02:00 to 03:00 comes twice."""
    before = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())
    assert len(roll_up([Snapshot(before, 1, 1, 0, True), Snapshot(before + HOUR, 2, 2, 0, True)])) == 2

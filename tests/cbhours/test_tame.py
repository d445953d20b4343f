"""An answer in which everything is as it should be is read at once; the result is the same as segment by segment."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.observations import CbhoursActivity
from server.cbhours import tame
from tests.cbhours.answers import NOON, TODAY, activity, segment

START = TODAY - timedelta(days=59)


def both_ways(message):
    """The segments of a message read at once (None: it needs a closer look) and one by one."""
    told = tame.tame_activity(json.dumps(message | {"kind": "cbhours-activity"}).encode())
    good, rejected = tame.check_segments(message["segments"])
    frame = CbhoursActivity.model_validate(message | {"segments": good})
    slowly, more = tame.segments_of(frame.segments, START, TODAY, NOON)
    quickly = tame.segments_of(told.segments, START, TODAY, NOON) if told else None
    return quickly, (slowly, rejected + more)


number = st.one_of(st.none(), st.integers(0, 2**31 - 1))
moments = st.integers(-100_000, 6_000_000).map(lambda seconds: NOON - timedelta(seconds=seconds))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.builds(
    lambda at, show, gender, rank, viewers, followers: segment(
        at, show=show, gender=gender, rank=rank, viewers=viewers, followers=followers),
    moments, st.sampled_from([None, "", "_public", "_private", "new word"]),
    st.sampled_from([None, "m", "f", "c", "t"]),
    number, number, st.one_of(number, st.just(2**63 - 1))), max_size=20))
def test_at_once_and_one_by_one_agree(segments):
    quickly, slowly = both_ways(activity("ann", *segments))
    assert quickly == slowly


@pytest.mark.parametrize("wrong", [
    {"rank": -1}, {"rank": 2**31}, {"followers": 2**63}, {"viewers": "three"}, {"show": "x" * 41}, {"show": "a\x00b"},
    {"gender": "x"}, {"at": "2026-02-30T12:00:00+00:00"}, {"at": "2026-11-20T25:00:00Z"}, {"at": "2026-11-20T11:00"},
    {"at": "2026-11-20T13:00:00+02:00"}, {"at": 1_795_170_000}, {"more": 1},
])
def test_whatever_is_not_as_it_should_be_is_looked_at_closely(wrong):
    quickly, slowly = both_ways(activity("ann", segment(NOON - timedelta(minutes=3)), segment(NOON) | wrong))
    assert quickly is None
    assert len(slowly[0]) + len(slowly[1]) >= 1


@pytest.mark.parametrize("at", ["2026-11-20T11:00:00Z", "2026-11-20T11:00:00+00:00", "2026-11-20T11:00:00.500+00:00"])
def test_a_moment_may_be_written_in_several_ways(at):
    quickly, slowly = both_ways(activity("ann", segment(NOON) | {"at": at}))
    assert quickly == slowly
    assert quickly[0][0][0] == int(NOON.timestamp()) - 3600

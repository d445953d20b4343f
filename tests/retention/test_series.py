"""The course of somebody's numbers, read on over the hours that were rolled up."""

from datetime import timedelta

import pytest

from server.models import db
from server.retention import hours
from server.retention.hours import Cuts
from tests.affiliate.rooms import NOON, room, take


@pytest.fixture
def said(app, api_as, clock):
    """Two hours of polls every half hour and a hole, of which the first hour was rolled up."""
    clock.now = NOON + timedelta(hours=12)
    with app.app_context():
        for minutes, viewers in ((0, 10), (20, 90), (40, 21), (60, 5), (90, 6)):
            take(room("ann", num_users=viewers, num_followers=100 + minutes, seconds_online=60 + 60 * minutes),
                 at=NOON + timedelta(minutes=minutes))
        for minutes in (120, 150):
            take(at=NOON + timedelta(minutes=minutes))
        take(room("ann", num_users=7, num_followers=300, seconds_online=60), at=NOON + timedelta(minutes=400))
        db.session.execute(db.text("UPDATE broadcasts SET closed = true, last_seen_at = first_seen_at"))
        db.session.commit()
        hours.roll_up_some(db.session(), Cuts(int(NOON.timestamp()) + 3600, None))
        db.session.commit()
    return lambda **query: api_as("viewer").get("/api/persons/ann/history", query_string=query).json


def test_an_hour_is_one_point_with_its_lowest_and_highest_and_later_polls_are_points_of_their_own(said):
    told = said()
    assert told["moments"][:2] == ["2026-11-20T12:30:00.000Z", "2026-11-20T13:00:00.000Z"]
    assert told["values"]["viewers"] == [40, 5, 6, None, 7]
    assert told["lowest"]["viewers"] == [10, 5, 6, None, 7]
    assert told["highest"]["viewers"] == [90, 5, 6, None, 7]
    assert told["values"]["followers"] == told["lowest"]["followers"] == [140, 160, 190, None, 300]
    assert told["hourly_before"] == "2026-11-20T13:00:00.000Z"


def test_no_moment_lies_outside_of_what_was_asked_for(said):
    told = said(**{"from": "2026-11-20T12:35:00Z", "to": "2026-11-20T13:10:00Z"})
    assert told["moments"] == ["2026-11-20T12:35:00.000Z", "2026-11-20T13:00:00.000Z"]
    later = said(**{"from": "2026-11-20T13:05:00Z", "to": "2026-11-20T14:10:00Z"})
    assert (later["values"]["viewers"], later["hourly_before"]) == ([6, None], None)

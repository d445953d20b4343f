from datetime import timedelta

import pytest

from server.affiliate.queries import Point, thinned
from tests.affiliate.rooms import NOON, room, take


@pytest.fixture
def reader(api_as):
    return api_as("viewer")


def _at(minutes):
    return NOON + timedelta(minutes=minutes)


def test_sessions_come_with_their_figures_newest_first(app, reader, clock):
    with app.app_context():
        take(room("ann", seconds_online=600, num_users=10, num_followers=100, room_subject="one", tags=["a"]))
        take(room("ann", seconds_online=2400, num_users=30, num_followers=105, room_subject="two", tags=["a", "b"]),
             at=_at(30))
        take(at=_at(60))
        take(at=_at(90))
        take(room("ann", seconds_online=60, num_users=5, num_followers=None, room_subject="three"), at=_at(120))
    answer = reader.get("/api/persons/ann/sessions?limit=1").json
    assert [one["going_on"] for one in answer["sessions"]] == [True]
    assert answer["sessions"][0]["subjects"] == ["three"]
    older = reader.get(f"/api/persons/ann/sessions?limit=1&cursor={answer['next_cursor']}").json
    assert older == {"next_cursor": None, "sessions": [{
        "start": "2026-11-20T11:50:00.000Z", "end": "2026-11-20T12:30:00.000Z",
        "end_latest": "2026-11-20T13:00:00.000Z", "last_seen_at": "2026-11-20T12:30:00.000Z", "going_on": False,
        "minutes": 40, "polls": 2, "peak_viewers": 30, "mean_viewers": 20.0, "followers_gained": 5,
        "subjects": ["one", "two"], "tags": ["a", "b"], "source": "affiliate"}]}


def test_history_breaks_where_nobody_was_seen_and_where_nobody_looked(app, reader, clock):
    clock.now = _at(600)
    with app.app_context():
        take(room("ann", num_users=1))
        take(at=_at(30))
        take(at=_at(60))
        take(room("ann", num_users=2), at=_at(90))
        take(room("ann", num_users=3), at=_at(300))
    said = reader.get("/api/persons/ann/history?fields=viewers").json
    assert said["values"] == {"viewers": [1, None, 2, None, 3]}
    assert said["moments"][3] == "2026-11-20T14:15:00.000Z"
    assert reader.get("/api/persons/ann/history?fields=viewers&from=2026-11-20T13:00:00Z&to=2026-11-20T14:00:00Z"
                      ).json["values"] == {"viewers": [None, 2]}


@pytest.mark.parametrize("query", ["fields=age", "fields=viewers,viewers", "points=1", "from=yesterday",
                                   "from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z"])
def test_what_cannot_be_asked_is_refused(reader, query, app):
    with app.app_context():
        take(room("ann"))
    assert reader.get(f"/api/persons/ann/history?{query}").status_code == 400


def test_nobody_is_found_by_a_name_that_is_not_known(reader):
    for path in ("sessions", "history"):
        assert reader.get(f"/api/persons/nobody/{path}").status_code == 404


def test_thinning_keeps_the_peaks_and_the_holes():
    points = [Point(number, (number % 7,)) for number in range(1000)]
    points[500] = Point(500, (99_999,))
    points[700] = Point(700, (None,))
    left = thinned(points, 50)
    assert len(left) <= 60
    assert points[500] in left
    assert points[700] in left

"""How many people each source covers, and how old its newest word is."""

from datetime import timedelta

import pytest

from server.models import db
from tests.affiliate.rooms import NOON, room, take
from tests.pages_ui import seed


@pytest.fixture
def sources(app, api_as, clock):
    """sources(minutes after noon) -> source -> what is told of it"""
    reader = api_as("viewer")

    def ask(minutes: int):
        clock.now = NOON + timedelta(minutes=minutes)
        told = reader.get("/api/sources").json
        return told["everybody"], {one.pop("source"): one for one in told["sources"]}

    return ask


def test_before_anything_was_heard_nothing_is_covered(sources):
    nothing = {"people": 0, "fresh": 0, "live": 0, "newest": None, "age_seconds": None, "heard": False}
    assert sources(0) == (0, {"affiliate": nothing | {"interval_minutes": 30.0},
                              "cbhours": nothing | {"interval_minutes": 10.0},
                              "browser": nothing | {"interval_minutes": None}})


def test_a_poll_covers_its_rooms_as_long_as_its_words_are_fresh(app, sources):
    with app.app_context():
        take(room("ann"), room("bob"), at=NOON - timedelta(hours=2))
        take(room("ann"))
    everybody, told = sources(45)
    assert (everybody, told["affiliate"]) == (2, {
        "people": 2, "fresh": 1, "live": 1, "newest": "2026-11-20T12:00:00.000Z", "age_seconds": 2700,
        "interval_minutes": 30.0, "heard": True})
    _, told = sources(46)
    assert {name: told["affiliate"][name] for name in ("people", "fresh", "live", "heard")} == {
        "people": 2, "fresh": 0, "live": 0, "heard": False}


def test_lists_cover_whom_they_name_and_only_present_members_are_fresh(app, sources):
    with app.app_context():
        session = db.session()
        owner = seed.account(session, NOON)
        here, gone = (seed.person(session, name, NOON) for name in ("carol", "dave"))
        seed.follow(session, owner, here, "follower", since=NOON - timedelta(days=3))
        seed.follow(session, owner, gone, "follower", since=NOON - timedelta(days=3),
                    end_earliest=NOON - timedelta(days=2), end_latest=NOON - timedelta(days=1))
        seed.follow_list(session, owner, "follower", NOON)
        seed.scan(session, owner, "followers", NOON)
        session.commit()
    _, told = sources(9)
    assert {name: told["browser"][name] for name in ("people", "fresh", "heard", "interval_minutes")} == {
        "people": 2, "fresh": 1, "heard": True, "interval_minutes": None}
    _, told = sources(11)
    assert (told["browser"]["fresh"], told["browser"]["heard"]) == (0, False)


def test_the_system_page_tells_the_same(app, client_as):
    with app.app_context():
        take(room("ann"))
    page = client_as("viewer").get("/admin/system").text
    assert "1 people are known" in page and "every 30 min" in page and "not heard yet" in page

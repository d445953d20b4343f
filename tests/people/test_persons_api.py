"""`/api/persons`: values with their origin, and what the losers said."""

from datetime import timedelta

import pytest

from tests.affiliate.rooms import NOON, room, take
from tests.pages_ui import seed
from tests.pages_ui.conftest import session  # noqa: F401  a fixture


@pytest.fixture
def api(api_as):
    return api_as("viewer")


def test_the_directory_tells_numbers_and_live_with_their_origins(app, api):
    with app.app_context():
        take(room("ann", num_followers=2**33, tags=["c++", "a&b"]))
    (ann,) = api.get("/api/persons").json["persons"]
    assert (ann["followers"], ann["snapshots"], ann["live"], ann["viewers"], ann["current_show"]) == (
        2**33, 1, True, 40, "public")
    assert ann["tags"] == ["c++", "a&b"] and ann["image"] is None
    said = {"source": "affiliate", "observed_at": "2026-11-20T12:00:00.000Z", "fresh": True}
    assert {name: ann["origins"][name] for name in ("followers", "tags", "live", "profile")} == dict.fromkeys(
        ("followers", "tags", "live", "profile"), said)
    found = [len(api.get(f"/api/persons?tag={tag}").json["persons"]) for tag in ("C%2B%2B", "%23a%26b", "c")]
    assert found == [1, 1, 0]


def test_nobody_stays_live_when_polls_stop(app, api, clock):
    with app.app_context():
        take(room("ann"))
    clock.now = NOON + timedelta(minutes=45)
    assert api.get("/api/persons?live=true").json["total"] == 1
    clock.advance(seconds=1)
    assert api.get("/api/persons?live=true").json["persons"] == []
    (ann,) = api.get("/api/persons?live=false").json["persons"]
    assert (ann["live"], ann["viewers"], ann["current_show"], ann["followers"]) == (False, None, None, 1000)
    assert [ann["origins"][name]["fresh"] for name in ("live", "followers", "tags")] == [False, False, False]
    told = api.get("/api/persons/ann").json
    assert told["live"]["value"] is False and told["viewers"] == {
        "value": 40, "source": "affiliate", "observed_at": "2026-11-20T12:00:00.000Z", "fresh": False, "others": []}


def test_a_poll_confirms_what_it_did_not_change(app, api):
    with app.app_context():
        take(room("ann"))
        take(room("ann"), at=NOON + timedelta(minutes=30))
    told = api.get("/api/persons/ann").json
    assert {told[name]["observed_at"] for name in ("age", "tags", "birthday", "followers")} == {
        "2026-11-20T12:30:00.000Z"}


def test_the_losers_are_told_each_with_its_moment(app, api, session, clock):  # noqa: F811
    seed.person(session, "ann", clock.now - timedelta(days=1), "both", age=30, location="Porto", tags=["chess"])
    session.commit()
    with app.app_context():
        take(room("ann", age=31, location="Porto"))
    told = api.get("/api/persons/ANN").json
    assert (told["age"]["value"], told["age"]["source"]) == (31, "affiliate")
    assert told["age"]["others"] == [{"value": 30, "source": "browser", "observed_at": "2026-11-19T12:00:00.000Z"}]
    assert told["location"]["others"] == []  # they agree
    assert told["tags"]["value"] == ["puzzle", "music"] and told["tags"]["others"][0]["value"] == ["chess"]


def test_a_value_that_nobody_has_said_has_no_origin(session, api, clock):  # noqa: F811
    seed.person(session, "ann", clock.now, "unknown")
    session.commit()
    told = api.get("/api/persons/ann").json
    for name in ("age", "followers", "tags", "last_seen_at", "viewers", "rank"):
        assert told[name] == {"value": None, "source": None, "observed_at": None, "fresh": False, "others": []}, name
    assert told["live"]["value"] is False and told["snapshots"]["value"] == 0


@pytest.mark.parametrize("query", ["sort=rank;drop", "sort=-live", "limit=501", "role=king", "live=perhaps",
                                   "cursor=x", "format=exe"])
def test_what_cannot_be_asked_is_refused(api, query):
    assert api.get(f"/api/persons?{query}").status_code == 400


def test_a_search_is_a_text_and_not_a_pattern(session, api, clock):  # noqa: F811
    for name in ("ann", "a_n", "bob"):
        seed.person(session, name, clock.now)
    session.commit()

    def found(text):
        return [row["username"] for row in api.get("/api/persons", query_string={"q": text}).json["persons"]]

    assert found("a_n") == ["a_n"] and found("%") == [] and found("' OR 1=1") == [] and found("ANN") == ["ann"]

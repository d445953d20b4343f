"""Whom the worker is to ask for: who is known first, unknown names after growing pauses, by hand at any time."""

from datetime import timedelta

import pytest

from server.cbhours import due
from server.models import Person, db
from server.queue import store as queue
from tests.cbhours.answers import NOON, activity, add, entry, live, run_id, state, take
from tests.pages_ui import seed

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def wanted(worker_client):
    """wanted(action, limit) -> the people, as the worker is told of them"""
    def ask(action="live", limit=50):
        answer = worker_client.post("/api/worker/cbhours/wanted", json={"action": action, "limit": limit})
        assert answer.status_code == 200, answer.text
        return answer.json["people"]
    return ask


def known(name):
    return db.session.query(Person).filter_by(username=name).one()


def names(people):
    return [one["username"] for one in people]




def test_known_people_come_first_least_recently_asked_then_lists_and_queue_then_the_most_followed(app, wanted, clock):
    with app.app_context():
        session = db.session()
        add("known_late", "known_early", "listed", "queued", "small", "large", "never_polled", "resting")
        add("fan", role="viewer")
        add("stranger", role="unknown")
        take(live(entry("known_early"), entry("known_late"), at=NOON - 2 * DAY))
        take(live(entry("known_late"), at=NOON - DAY))
        take(live(entry("known_late"), asked=["known_late", "resting"], at=NOON - DAY + MINUTE))
        owner = seed.account(session, NOON)
        for name in ("listed", "fan"):
            seed.follow(session, owner, known(name), "follower", since=NOON - DAY)
        queue.add(session, "queued", 2, "somebody", NOON)
        session.commit()
        for name, count in (("small", 5), ("large", 500)):
            session.execute(db.text(
                "INSERT INTO person_current (person_id, snapshots, followers) "
                "SELECT id, 0, :count FROM persons WHERE username = :name"), {"name": name, "count": count})
        session.commit()
    clock.now = NOON
    assert names(wanted()) == ["known_early", "known_late", "listed", "queued", "large", "small", "never_polled"]
    assert names(wanted(limit=3)) == ["known_early", "known_late", "listed"]


def test_an_unknown_name_is_asked_for_again_after_7_14_28_days(app, wanted, clock):
    with app.app_context():
        add("ghost", "ann")
        take(live(entry("ann")))
    asked = []
    for day in range(130):
        clock.now = NOON + day * DAY
        if "ghost" in names(wanted()):
            asked.append(day)
            with app.app_context():
                take(live(entry("ann"), asked=["ann", "ghost"], at=clock.now, run_id=str(run_id())))
    assert asked == [0, 7, 21, 49, 105]


def test_a_name_that_turns_up_after_a_pause_is_known_from_then_on(app, wanted, clock):
    with app.app_context():
        add("late_comer", "ann")
        take(live(entry("ann"), asked=["ann", "late_comer"]))
        clock.now = NOON + 7 * DAY
        take(live(entry("ann"), entry("late_comer"), at=clock.now))
        assert state("late_comer").has_trophy is True
    clock.now += MINUTE
    assert sorted(names(wanted())) == ["ann", "late_comer"]


def test_activity_is_read_of_whom_is_known_and_longest_unread_first(app, wanted, clock):
    with app.app_context():
        add("ann", "bob", "carol", "unknown")
        take(live(entry("ann"), entry("bob"), entry("carol"), at=NOON - 5 * DAY))
        take(activity("ann", at=NOON - 2 * DAY, months=["2026-10"]))
        take(activity("bob", at=NOON - 3 * DAY))
    clock.now = NOON
    people = wanted("activity")
    assert [(one["username"], one["start_day"], one["end_day"], one["months"]) for one in people] == [
        ("carol", "2026-09-22", "2026-11-20", True), ("bob", "2026-11-15", "2026-11-20", True),
        ("ann", "2026-11-16", "2026-11-20", False)]


def test_whoever_was_read_is_due_in_the_next_round_and_not_before(app, wanted, clock):
    with app.app_context():
        add("ann")
        take(live(entry("ann")))
        take(activity("ann", at=NOON + 20 * MINUTE), now=NOON + 21 * MINUTE)
    clock.now = NOON + 2 * timedelta(hours=1)
    assert wanted("activity") == []
    clock.now = NOON + DAY
    assert names(wanted("activity")) == ["ann"], "also if the round before took twenty minutes to come to them"


def test_room_is_left_for_people_of_the_lists_who_were_never_asked_for(app, wanted, clock):
    with app.app_context():
        session = db.session()
        add("listed", "elsewhere", "ann")
        take(live(entry("ann")))
        owner = seed.account(session, NOON)
        seed.follow(session, owner, known("listed"), "follower", since=NOON - DAY)
        session.commit()
    clock.now = NOON
    assert names(wanted("activity")) == ["ann", "listed"]
    assert names(wanted("activity", 1)) == ["ann"]


def test_by_hand_goes_first_and_also_for_a_name_in_its_pause(app, wanted, clock, api_as):
    with app.app_context():
        add("ann", "ghost")
        take(live(entry("ann"), asked=["ann", "ghost"]))
        pause = state("ghost").ask_again_at
    assert names(wanted("activity")) == ["ann"]
    asked = api_as("subscriber").post("/api/persons/Ghost/cbhours")
    assert (asked.status_code, asked.json["has_trophy"], asked.json["wanted_by"]) == (202, False, "token subscriber")
    assert names(wanted("activity")) == ["ghost", "ann"]
    clock.advance(minutes=5)
    with app.app_context():
        take(activity("ghost", at=clock.now, problem="not_set_up", run_id=str(run_id())))
        assert state("ghost").wanted_at is None, "that was the answer"
        assert state("ghost").ask_again_at == pause, "impatience does not lengthen a pause"
    assert names(wanted("activity")) == ["ann"]


def test_an_answer_that_is_older_than_the_wish_does_not_fulfil_it(app, clock, api_as):
    with app.app_context():
        add("ann")
    api_as("subscriber").post("/api/persons/ann/cbhours")
    with app.app_context():
        take(activity("ann", at=clock.now - MINUTE), now=clock.now + MINUTE)
        assert state("ann").wanted_at == clock.now
        take(activity("ann", at=clock.now + MINUTE), now=clock.now + 2 * MINUTE)
        assert (state("ann").wanted_at, state("ann").wanted_by) == (None, None)


@pytest.mark.parametrize("body", [{}, {"action": "all"}, {"action": "live", "limit": 0},
                                  {"action": "live", "limit": 1e6}])
def test_a_wrong_question_is_refused(worker_client, body):
    assert worker_client.post("/api/worker/cbhours/wanted", json=body).status_code == 400


def test_only_the_worker_is_told_whom_to_ask_for(client, client_as, api_as):
    assert client.post("/api/worker/cbhours/wanted", json={"action": "live"}).status_code == 401
    assert api_as("admin").post("/api/worker/cbhours/wanted", json={"action": "live"}).status_code == 403
    assert due.LIVE == "cbhours-live" and due.ACTIVITY == "cbhours-activity"

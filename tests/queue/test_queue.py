"""Somebody in the queue, from the wish to what came of it, as the owner, the worker and the pages meet it."""

from uuid import uuid4

import pytest

from common.settings import load_settings
from server.models import AuditEntry, PictureState, db
from server.people.erase import erase
from server.people.seen import add_persons
from tests.affiliate.rooms import room
from tests.helpers import WORKER
from tests.jobs.helpers import claim, finish, statements

JOBS = ["affiliate"]


@pytest.fixture
def settings(database, tmp_path):
    return load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER,
                         timezone="Europe/Lisbon", page_pause="0", affiliate_code="abc12")


@pytest.fixture
def owner(app, api_as):
    return api_as("subscriber")


def ask(owner, name, priority=1):
    answered = owner.post(f"/api/persons/{name}/queue", json={"priority": priority})
    assert answered.status_code == 200, answered.get_json()
    return answered.get_json()


def queue(owner, **asked):
    return owner.get("/api/queue", query_string=asked).get_json()["queue"]


def state(owner, name="ann", priority=1):
    return next(entry["state"] for entry in queue(owner, priority=priority) if entry["username"] == name)


def job(owner, action="status", **body):
    if action == "status":
        return owner.get("/api/job/affiliate/status").get_json()
    return owner.post(f"/api/job/affiliate/{action}", json=body or None).get_json()


def polled(worker, clock, run, *rooms, absent=()):
    """What the worker saw in this run reaches the server, and then its end."""
    at = clock.now.isoformat()
    answered = worker.post("/api/ingest/affiliate-rooms", headers={"X-MHC-Sent-At": at}, json={
        "batch_id": str(uuid4()), "run_id": run["id"], "observed_at": at, "finished_at": at, "genders": ["m"],
        "limit": 500, "said_count": len(rooms), "rooms": list(rooms), "absent": list(absent)})
    assert answered.status_code == 200, answered.get_json()
    finish(worker, run)


def test_a_p1_makes_a_poll_due_at_once_and_is_complete_when_found(owner, worker_client, clock):
    told = ask(owner, "Ann ")
    assert (told["username"], told["state"], told["requested_by"]) == ("ann", "queued", "token subscriber")
    assert "no worker has been seen" in told["waits_for"]
    run = claim(worker_client, jobs=JOBS)
    assert (run["trigger"], run["priority"]) == ("priority", {"ann": None})
    assert state(owner) == "processing"
    polled(worker_client, clock, run, room("ann"), room("bob"))
    told = queue(owner)[0]
    assert (told["state"], told["run_id"], told["waits_for"]) == ("complete", run["id"], None)
    clock.advance(hours=1)
    assert claim(worker_client, jobs=JOBS) is None
    job(owner, "run")
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), room("ann"))
    assert queue(owner)[0] == told  # what has ended stays as it ended


def test_who_is_not_online_is_not_found_and_may_be_asked_for_again(owner, worker_client, clock):
    ask(owner, "ann")
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), room("bob"), absent=["ann"])
    assert state(owner) == "not_found"
    clock.advance(minutes=2)
    assert ask(owner, "ann")["state"] == "queued"
    assert claim(worker_client, jobs=JOBS)["priority"] == {"ann": None}


def test_asking_twice_changes_nothing(app, owner):
    first = ask(owner, "ann")
    assert ask(owner, "ann") == first
    with app.app_context():
        assert db.session.query(AuditEntry).filter(AuditEntry.action == "queue: add P1").count() == 1


def test_a_minute_lies_between_two_polls_for_the_queue(owner, worker_client, clock):
    ask(owner, "ann")
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), room("ann"))
    ask(owner, "bob")
    assert claim(worker_client, jobs=JOBS) is None
    clock.advance(seconds=61)
    assert claim(worker_client, jobs=JOBS)["priority"] == {"bob": None}


def test_a_poll_for_the_queue_does_not_move_the_schedule(owner, worker_client, clock):
    job(owner, "start")
    polled(worker_client, clock, claim(worker_client, jobs=JOBS))
    clock.advance(minutes=29)
    ask(owner, "ann")
    run = claim(worker_client, jobs=JOBS)
    assert run["trigger"] == "priority"
    clock.advance(seconds=45)
    finish(worker_client, run)
    assert job(owner)["nextRun"] == "2026-11-20T12:30:00.000Z"
    clock.advance(seconds=15)
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), room("ann"))
    clock.advance(minutes=29, seconds=30)
    ask(owner, "bob")
    run = claim(worker_client, jobs=JOBS)
    assert run["trigger"] == "priority"
    clock.advance(seconds=45)  # into the next half-hour
    polled(worker_client, clock, run, room("bob"))
    assert claim(worker_client, jobs=JOBS)["trigger"] == "schedule"


def test_a_poll_for_the_queue_that_goes_well_ends_a_back_off(owner, worker_client, clock):
    job(owner, "start")
    finish(worker_client, claim(worker_client, jobs=JOBS), outcome="failed", code="unavailable")
    clock.advance(minutes=2)
    ask(owner, "ann")
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), room("ann"))
    assert job(owner)["nextRun"] == "2026-11-20T12:30:00.000Z"


def test_a_p2_is_looked_for_at_every_poll_until_it_is_taken_off(app, owner, worker_client, clock):
    with app.app_context():
        add_persons(db.session(), ["ann"], "model", clock.now)
        db.session.commit()
    assert ask(owner, "ann", 2)["state"] == "queued"
    assert claim(worker_client, jobs=JOBS) is None
    job(owner, "start")
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), room("ann"))
    assert state(owner, priority=2) == "complete"
    clock.advance(minutes=30)
    run = claim(worker_client, jobs=JOBS)
    assert run["priority"] == {"ann": "m"}  # where she was found, looking there is enough
    polled(worker_client, clock, run, absent=["ann"])
    assert state(owner, priority=2) == "not_found"
    assert owner.delete("/api/persons/ann/queue").get_json() == {"username": "ann", "removed": 1}
    assert owner.delete("/api/persons/ann/queue").get_json()["removed"] == 0
    clock.advance(minutes=30)
    assert claim(worker_client, jobs=JOBS)["priority"] == {}


def test_a_poll_that_would_have_run_anyway_may_find_somebody(owner, worker_client, clock):
    job(owner, "run")
    ask(owner, "ann")
    clock.advance(seconds=1)
    run = claim(worker_client, jobs=JOBS)
    assert (run["trigger"], run["priority"]) == ("manual", {"ann": None})
    ask(owner, "bob")
    polled(worker_client, clock, run, room("ann"), room("bob"))
    assert (state(owner), state(owner, "bob")) == ("complete", "complete")


@pytest.mark.parametrize("end", [{"outcome": "failed", "code": "unavailable"}, None])
def test_after_a_poll_that_failed_or_was_lost_they_wait_again(owner, worker_client, clock, end):
    ask(owner, "ann")
    run = claim(worker_client, jobs=JOBS)
    if end:
        finish(worker_client, run, **end)
    else:
        clock.advance(minutes=2)
        assert claim(worker_client, jobs=JOBS) is None
    told = queue(owner)[0]
    assert (told["state"], told["tries"]) == ("queued", 1)
    assert told["detail"] and told["waits_for"] == "Looked for again after a pause."
    clock.advance(minutes=6)
    assert claim(worker_client, jobs=JOBS)["priority"] == {"ann": None}


def test_what_a_run_saw_counts_although_it_was_held_to_be_lost(owner, worker_client, clock):
    ask(owner, "ann")
    run = claim(worker_client, jobs=JOBS)
    clock.advance(minutes=2)
    assert claim(worker_client, jobs=JOBS) is None
    at = clock.now.isoformat()
    worker_client.post("/api/ingest/affiliate-rooms", headers={"X-MHC-Sent-At": at}, json={
        "batch_id": str(uuid4()), "run_id": run["id"], "observed_at": at, "finished_at": at, "genders": ["m"],
        "limit": 500, "rooms": [room("ann")]})
    assert state(owner) == "complete"


def test_a_site_that_asks_for_a_rest_is_not_asked_for_anybody(owner, worker_client, clock):
    job(owner, "start")
    finish(worker_client, claim(worker_client, jobs=JOBS), outcome="blocked", code="rate_limited",
           retry_after_seconds=7200)
    ask(owner, "ann")
    clock.advance(minutes=119)
    assert claim(worker_client, jobs=JOBS) is None
    clock.advance(minutes=1)
    assert claim(worker_client, jobs=JOBS)["priority"] == {"ann": None}


def test_a_site_that_asks_for_a_rest_after_half_a_poll_gets_it(owner, worker_client, clock):
    job(owner, "start")
    finish(worker_client, claim(worker_client, jobs=JOBS), outcome="partial", code="unavailable",
           retry_after_seconds=3600)
    assert job(owner)["nextRun"] == "2026-11-20T13:00:00.000Z"
    clock.advance(minutes=31)
    assert claim(worker_client, jobs=JOBS) is None


@pytest.mark.parametrize("prepare, words", [
    (lambda owner: job(owner, "config", enabled=False), "switched off"),
    (lambda owner: (job(owner, "start"), job(owner, "pause")), "paused"),
])
def test_while_the_poller_may_not_run_the_entry_says_so(owner, worker_client, prepare, words):
    prepare(owner)
    assert words in ask(owner, "ann")["waits_for"]
    assert claim(worker_client, jobs=JOBS) is None


@pytest.mark.parametrize("worker_hears", [True, False])
def test_stop_ends_what_the_queue_began_and_leaves_it_ended(owner, worker_client, clock, worker_hears):
    ask(owner, "ann")
    ask(owner, "bob", 2)
    run = claim(worker_client, jobs=JOBS)
    ask(owner, "cid")
    job(owner, "stop")
    if worker_hears:
        finish(worker_client, run, outcome="cancelled", code="cancelled")
    clock.advance(hours=1)
    assert claim(worker_client, jobs=JOBS) is None
    told = job(owner)
    assert (told["state"], told["isRunning"], told["nextRun"]) == ("stopped", False, None)
    assert {entry["state"] for entry in queue(owner)} == {"queued"}


def test_what_cannot_be_a_name_is_a_400_that_names_the_field(owner):
    for name in ("a b", "ann<script>", "é", "a" * 51, "ann'--", "👻"):
        for answered in (owner.post(f"/api/persons/{name}/queue", json={"priority": 1}),
                         owner.delete(f"/api/persons/{name}/queue")):
            assert (answered.status_code, answered.get_json()["error"]["field"]) == (400, "username"), name
    assert queue(owner) == []


def test_what_is_no_priority_is_a_400_that_names_the_field(owner):
    for body in ({}, *({"priority": wrong} for wrong in (3, "1", True, None, [1], 1.5))):
        answered = owner.post("/api/persons/ann/queue", json=body)
        assert (answered.status_code, answered.get_json()["error"]["field"]) == (400, "priority"), body


def test_pages_and_filters_of_the_queue(owner, clock):
    for number in range(5):
        clock.advance(seconds=1)
        ask(owner, f"person_{number}", 1 + number % 2)
    first = owner.get("/api/queue?limit=3").get_json()
    rest = owner.get("/api/queue", query_string={"limit": 3, "cursor": first["next_cursor"]}).get_json()
    assert [entry["username"][-1] for entry in first["queue"] + rest["queue"]] == list("43210")
    assert (first["total"], rest["next_cursor"]) == (5, None)
    assert [entry["username"] for entry in queue(owner, priority=2)] == ["person_3", "person_1"]
    assert queue(owner, state="complete") == []


def test_an_erased_person_is_nowhere_in_the_queue_nor_in_its_audit(app, owner, clock):
    ask(owner, "ann")
    ask(owner, "ann", 2)
    with app.app_context():
        receipt = erase(db.session(), "ann", now=clock.now, actor="somebody")
        db.session.commit()
        assert receipt["queue"] == 2
        assert db.session.query(AuditEntry).filter(AuditEntry.subject == "ann").count() == 0
    assert queue(owner) == []


def test_a_p1_of_somebody_who_is_known_asks_for_a_new_picture(app, owner, clock):
    with app.app_context():
        add_persons(db.session(), ["ann"], "model", clock.now)
        db.session.commit()
    ask(owner, "ann", 2)
    with app.app_context():
        assert db.session.query(PictureState).filter(PictureState.wanted_at.is_not(None)).count() == 0
    ask(owner, "ann", 1)
    with app.app_context():
        assert db.session.query(PictureState).filter(PictureState.wanted_at.is_not(None)).count() == 1


# The page

def test_the_page_asks_the_database_no_more_however_many_there_are(app, owner, client_as):
    browser = client_as("viewer")
    ask(owner, "person_0")
    one = statements(app, lambda: browser.get("/admin/queue"))
    for number in range(1, 10):
        ask(owner, f"person_{number}", 1 + number % 2)
    assert statements(app, lambda: browser.get("/admin/queue")) == one < 20


def test_the_page_from_empty_to_full_and_back(owner, worker_client, client_as, clock):
    browser = client_as("subscriber")
    assert "Nobody is in the queue." in browser.get("/admin/queue").get_data(as_text=True)
    page = browser.post("/admin/queue/add", data={"username": " Ann", "priority": "1"}, follow_redirects=True)
    assert "ann is in the queue (P1)" in page.get_data(as_text=True)
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), absent=["ann"])
    page = browser.get("/admin/queue?state=not_found").get_data(as_text=True)
    assert "Not online at that poll" in page and "Try again" in page and "never seen yet" in page
    for bad in ({"username": "a b", "priority": "1"}, {"username": "ann", "priority": "9"}, {}):
        page = browser.post("/admin/queue/add", data=bad, follow_redirects=True).get_data(as_text=True)
        assert "alert-danger" in page
    away = browser.post("/admin/queue/remove", data={"username": "ann", "priority": "1", "next": "//evil.example/x"})
    assert away.location == "/"
    assert "Nobody is in the queue." in browser.get("/admin/queue").get_data(as_text=True)


def test_whoever_looks_on_sees_the_queue_and_changes_nothing(owner, client_as):
    ask(owner, "ann")
    viewer = client_as("viewer")
    page = viewer.get("/admin/queue").get_data(as_text=True)
    assert "ann" in page and "/admin/queue/add" not in page
    assert viewer.post("/admin/queue/add", data={"username": "bob"}).status_code == 403


def test_clearing_takes_off_only_what_has_ended(owner, worker_client, client_as, clock):
    ask(owner, "ann")
    ask(owner, "bob", 2)
    polled(worker_client, clock, claim(worker_client, jobs=JOBS), room("ann"), room("bob"))
    clock.advance(minutes=2)
    ask(owner, "cid")
    client_as("subscriber").post("/admin/queue/clear")
    assert sorted(entry["username"] for entry in queue(owner)) == ["bob", "cid"]

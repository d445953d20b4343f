"""The two jobs take turns, come again soon while people are left, and begin when somebody is asked for."""

from datetime import timedelta

import pytest

from server.cbhours import store as cbhours
from server.models import Job, Run, db
from tests.cbhours.answers import activity, add, entry, live, take
from tests.jobs.helpers import finish

BOTH = ["cbhours-live", "cbhours-activity"]
MINUTE = timedelta(minutes=1)


def claim(worker, *jobs, force=None):
    answer = worker.post("/api/worker/claim", json={"worker": "test:1:a", "jobs": list(jobs) or BOTH} | (
        {"force": {"job": force, "account": None}} if force else {}))
    return answer.json["run"] if answer.status_code == 200 else answer


def post(client, name, what, **body):
    answer = client.post(f"/api/job/{name}/{what}", json=body or None)
    assert answer.status_code in (200, 202), answer.text
    return answer.json


@pytest.fixture
def owner(api_as):
    return api_as("subscriber")


def status(owner, name):
    return owner.get(f"/api/job/{name}/status").json


def test_they_are_there_with_what_they_are_told(owner):
    assert status(owner, "cbhours-live")["config"] == {"intervalMinutes": 10, "limit": 2000, "enabled": True}
    assert status(owner, "cbhours-activity")["config"] == {
        "intervalMinutes": 1440, "limit": 250, "readDays": 60, "readPriority": False, "enabled": True}
    for name, minutes in (("cbhours-live", 4), ("cbhours-activity", 59)):
        answer = owner.post(f"/api/job/{name}/config", json={"intervalMinutes": minutes})
        assert (answer.status_code, answer.json["error"]["field"]) == (400, "intervalMinutes")
    post(owner, "cbhours-live", "config", intervalMinutes=5)
    assert status(owner, "cbhours-live")["config"]["intervalMinutes"] == 5


def test_both_due_run_one_after_the_other(owner, worker_client, clock):
    for name in BOTH:
        post(owner, name, "start")
    first = claim(worker_client)
    assert claim(worker_client) is None
    other, = set(BOTH) - {first["job"]}
    clock.advance(seconds=10)
    worker_client.post(f"/api/worker/runs/{first['id']}/progress", json={"phase": "asking"})
    told = status(owner, other)
    assert told["state"] == "waiting" and "they take turns" in told["reason"], told["reason"]
    finish(worker_client, first)
    assert claim(worker_client)["job"] == other


@pytest.mark.parametrize("going_on, wanted", [BOTH, BOTH[::-1]])
def test_a_run_by_hand_waits_for_the_other_job(owner, worker_client, going_on, wanted):
    post(owner, going_on, "start")
    run = claim(worker_client)
    assert run["job"] == going_on
    post(owner, wanted, "run")
    assert claim(worker_client) is None
    assert "to end: they take turns" in status(owner, wanted)["reason"]
    finish(worker_client, run)
    assert (claim(worker_client) or {})["trigger"] == "manual"


@pytest.mark.parametrize("going_on, wanted", [BOTH, BOTH[::-1]])
def test_a_run_from_a_terminal_is_refused_while_the_other_job_goes_on(owner, worker_client, clock, going_on, wanted):
    run = claim(worker_client, force=going_on)
    refused = claim(worker_client, force=wanted)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "busy")
    assert going_on in refused.json["error"]["message"]
    clock.advance(minutes=2)
    assert claim(worker_client, force=wanted)["job"] == wanted, "the other one's worker fell silent"
    assert owner.get(f"/api/runs/{run['id']}").json["outcome"] == "lost"


def test_other_jobs_go_on_meanwhile(owner, worker_client):
    post(owner, "cbhours-live", "start")
    post(owner, "images", "start")
    got = {claim(worker_client, *BOTH, "images")["job"] for _ in range(2)}
    assert got == {"cbhours-live", "images"}


def test_whoever_is_left_is_read_soon_and_then_not_until_tomorrow(app, owner, worker_client, clock):
    post(owner, "cbhours-activity", "start")
    began = clock.now
    with app.app_context():
        add("ann", "bob")
        take(live(entry("ann"), entry("bob"), at=clock.now))
    run = claim(worker_client)
    with app.app_context():
        take(activity("ann", at=clock.now, run_id=run["id"]))
    finish(worker_client, run)
    assert status(owner, "cbhours-activity")["nextRun"] == "2026-11-20T12:01:00.000Z"
    clock.advance(minutes=1)
    run = claim(worker_client)
    with app.app_context():
        take(activity("bob", at=clock.now, run_id=run["id"]))
    finish(worker_client, run)
    with app.app_context():
        job = db.session.query(Job).filter_by(name="cbhours-activity").one()
        assert job.next_due_at == began + timedelta(days=1)


def test_a_round_that_got_nowhere_does_not_come_again_soon(app, owner, worker_client, clock):
    post(owner, "cbhours-activity", "start")
    with app.app_context():
        add("ann")
        take(live(entry("ann"), at=clock.now))
    finish(worker_client, claim(worker_client))
    assert status(owner, "cbhours-activity")["nextRun"] == "2026-11-21T12:00:00.000Z"


def want(app, clock, name="ann"):
    with app.app_context():
        cbhours.want(db.session(), db.session.execute(db.text(
            "SELECT id FROM persons WHERE username = :name"), {"name": name}).scalar_one(), "somebody", clock.now)
        db.session.commit()


def test_asking_by_hand_begins_a_run_and_takes_nothing_from_the_schedule(app, owner, worker_client, clock):
    with app.app_context():
        add("ann")
    post(owner, "cbhours-activity", "start")
    finish(worker_client, claim(worker_client))
    due = status(owner, "cbhours-activity")["nextRun"]
    clock.advance(minutes=30)
    want(app, clock)
    assert "Whoever was asked for is read next" not in status(owner, "cbhours-live")["reason"]
    run = claim(worker_client)
    assert (run["job"], run["trigger"]) == ("cbhours-activity", "priority")
    with app.app_context():
        take(activity("ann", at=clock.now + MINUTE, run_id=run["id"]), now=clock.now + MINUTE)
    clock.advance(minutes=1)
    finish(worker_client, run)
    assert claim(worker_client) is None
    assert status(owner, "cbhours-activity")["nextRun"] == due


def test_a_wish_that_is_not_fulfilled_is_tried_again_but_not_at_once_and_not_for_ever(app, worker_client, clock):
    with app.app_context():
        add("ann")
    want(app, clock)
    finish(worker_client, claim(worker_client))
    assert claim(worker_client) is None
    clock.advance(minutes=1)
    finish(worker_client, claim(worker_client), outcome="failed", code="unavailable")
    clock.advance(minutes=2)
    assert claim(worker_client) is None, "it rests after a failure"
    clock.advance(minutes=4)
    finish(worker_client, claim(worker_client), outcome="failed", code="unavailable")
    clock.advance(minutes=60 * 24)
    assert claim(worker_client) is None


@pytest.mark.parametrize("how", ["stop", "pause"])
def test_nobody_wakes_a_job_that_was_stopped_or_paused(app, owner, worker_client, clock, how):
    with app.app_context():
        add("ann")
    post(owner, "cbhours-activity", "start")
    finish(worker_client, claim(worker_client))
    clock.advance(minutes=10)
    want(app, clock)
    post(owner, "cbhours-activity", how)
    assert claim(worker_client) is None


def test_the_source_is_left_alone_when_it_asked_for_it(app, worker_client, clock):
    with app.app_context():
        add("ann")
    run = claim(worker_client, force="cbhours-activity")
    finish(worker_client, run, outcome="blocked", code="rate_limited", retry_after_seconds=1800)
    want(app, clock)
    clock.advance(minutes=29)
    assert claim(worker_client) is None
    clock.advance(minutes=2)
    assert claim(worker_client)["trigger"] == "priority"


def test_its_runs_are_told_with_their_counters(app, owner, worker_client, client_as):
    post(owner, "cbhours-live", "start")
    finish(worker_client, claim(worker_client), counters={"online": 3, "asked": 9, "failed": 1, "calls": 1})
    stats = status(owner, "cbhours-live")["stats"]
    assert {name: stats[name] for name in ("totalRuns", "totalFailed", "totalOnline", "lastRunOnline")} == {
        "totalRuns": 1, "totalFailed": 1, "totalOnline": 3, "lastRunOnline": 3}
    with app.app_context():
        run = db.session.query(Run).one()
        assert run.counters["asked"] == 9
    page = client_as("viewer").get(f"/admin/runs/{run.id}").text
    assert "Asked for" in page and "People of whom nothing was learnt" in page and "Rooms" not in page
    assert "3 at the last run; of 1 nothing was learnt; 3 in all" in client_as("viewer").get("/admin/jobs").text


def test_their_pages_and_documents_are_there(client_as, owner):
    page = client_as("subscriber").get("/admin/jobs").text
    assert "CBHours live" in page and "CBHours activity" in page
    paths = owner.get("/api/openapi.json").json["paths"]
    names = paths["/api/job/{job}/status"]["get"]["parameters"][0]["schema"]["enum"]
    assert set(BOTH) <= set(names)
    assert {"/api/persons/{username}/cbhours", "/api/worker/cbhours/wanted"} <= set(paths)

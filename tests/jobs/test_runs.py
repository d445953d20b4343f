"""Work is handed out once, under a lease; what falls silent is lost and due again later."""

from datetime import datetime, timedelta

import pytest

from server.jobs import rules, store
from server.models import Job, Run, db
from tests.helpers import with_token
from tests.jobs.helpers import add_account, claim, finish, report


@pytest.fixture
def owner(app, api_as):
    add_account(app, "demo_owner")
    return api_as("admin")


def status(owner, job="following"):
    return owner.get(f"/api/job/{job}/status").get_json()


def confirm_wanted(app, clock):
    with app.app_context():
        job = db.session.query(Job).filter_by(name="following").one()
        store.request_confirm(db.session(), job.account_id, "following", clock.now)
        db.session.commit()


def test_nothing_is_due_at_first(owner, worker_client):
    answered = worker_client.post("/api/worker/claim", json={"worker": "w", "jobs": ["following"]})
    assert answered.get_json() == {"run": None, "retry_after": 2}


def test_a_claim_tells_everything_the_work_needs(owner, worker_client):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    assert {key: run[key] for key in ("job", "account", "trigger", "lease_seconds")} == {
        "job": "following", "account": "demo_owner", "trigger": "manual", "lease_seconds": 60}
    assert run["config"]["maxPasses"] == 3


def test_a_run_is_handed_out_once(owner, worker_client):
    owner.post("/api/job/following/run")
    assert claim(worker_client) is not None
    assert claim(worker_client) is None


def test_a_worker_gets_only_what_it_can_do(owner, worker_client):
    owner.post("/api/job/following/run")
    assert claim(worker_client, jobs=["followers"]) is None
    assert claim(worker_client, jobs=[]) is None


def test_the_schedule_counts_from_the_end_of_a_run(owner, worker_client, clock):
    owner.post("/api/job/following/start")
    run = claim(worker_client)
    clock.advance(minutes=20)
    assert finish(worker_client, run).status_code == 200
    assert status(owner)["nextRun"] == "2026-11-20T18:20:00.000Z"
    clock.advance(hours=5, minutes=59)
    assert claim(worker_client) is None
    clock.advance(minutes=1)
    assert claim(worker_client)["trigger"] == "schedule"


def test_a_lease_that_is_renewed_holds(owner, worker_client, clock):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    for _ in range(5):
        clock.advance(seconds=50)
        renewed = report(worker_client, run)
        assert renewed.status_code == 200
        assert claim(worker_client) is None
    assert renewed.get_json()["lease_until"] == "2026-11-20T12:05:10.000Z"


def test_a_lease_that_is_not_renewed_makes_the_run_lost_and_the_job_due_again_later(owner, worker_client, clock):
    owner.post("/api/job/following/start")
    run = claim(worker_client)
    clock.advance(seconds=61)
    assert claim(worker_client) is None
    assert owner.get(f"/api/runs/{run['id']}").get_json()["outcome"] == "lost"
    assert status(owner)["state"] == "failing"
    clock.advance(minutes=16)
    again = claim(worker_client)
    assert again["id"] != run["id"]


def test_a_run_by_hand_that_was_lost_is_tried_again_a_few_times(owner, worker_client, clock):
    owner.post("/api/job/following/run")
    runs = 0
    for _ in range(200):
        runs += claim(worker_client) is not None
        clock.advance(minutes=5)
    assert runs == 1 + rules.LOST_RETRIES


def test_who_was_counted_as_lost_hears_it(owner, worker_client, clock):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    clock.advance(seconds=61)
    claim(worker_client)
    for late in (report(worker_client, run), finish(worker_client, run)):
        assert (late.status_code, late.get_json()["error"]["code"]) == (409, "run_ended")
    assert owner.get(f"/api/runs/{run['id']}").get_json()["outcome"] == "lost"


def test_a_late_finish_counts_while_nobody_has_missed_it(owner, worker_client, clock):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    clock.advance(minutes=10)
    assert finish(worker_client, run).get_json() == {"ok": True}
    assert owner.get(f"/api/runs/{run['id']}").get_json()["outcome"] == "ok"


def test_finishing_twice_is_answered_the_same_and_counts_once(owner, worker_client):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    told = [finish(worker_client, run, counters={"found": 5}, waiting_ms=900, working_ms=100) for _ in range(3)]
    assert {answer.status_code for answer in told} == {200}
    assert status(owner)["stats"] == {"lastRun": "2026-11-20T12:00:00.000Z", "lastOutcome": "ok", "totalRuns": 1,
                                      "totalFailed": 0, "totalFound": 5, "lastRunFound": 5}
    kept = owner.get(f"/api/runs/{run['id']}").get_json()
    assert (kept["waiting_ms"], kept["working_ms"], kept["counters"]) == (900, 100, {"found": 5})


def test_an_error_is_kept_in_words(owner, worker_client):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    finish(worker_client, run, outcome="signed_out", code="signed_out")
    kept = owner.get(f"/api/runs/{run['id']}").get_json()
    assert kept["error"] == {"code": "signed_out", "message": "What happened.", "advice": "What to do."}
    assert status(owner)["reason"].startswith("Signed out: run python -m scraper login")


def test_hostile_text_from_a_page_can_be_kept(owner, worker_client):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    assert report(worker_client, run, detail="a\x00b\x1bc" + "x" * 1000).status_code == 200
    finish(worker_client, run, outcome="failed", code="bad\x00code", counters={"a\x00": 2**40})
    kept = owner.get(f"/api/runs/{run['id']}").get_json()
    assert kept["error"]["code"] == "badcode"
    assert kept["counters"] == {"a": 2**31 - 1}


def test_failures_push_the_job_back_further_and_further(owner, worker_client, clock):
    owner.post("/api/job/following/start")
    waits = []
    for _ in range(8):
        finish(worker_client, claim(worker_client), outcome="failed", code="unavailable")
        wait = datetime.fromisoformat(status(owner)["nextRun"]) - clock.now
        waits.append(wait / timedelta(minutes=1))
        clock.advance(seconds=wait.total_seconds())
    assert waits == [15, 15, 20, 40, 80, 160, 320, 360]


def test_a_good_run_ends_the_back_off(owner, worker_client, clock):
    owner.post("/api/job/following/start")
    finish(worker_client, claim(worker_client), outcome="failed", code="unavailable")
    clock.advance(minutes=15)
    finish(worker_client, claim(worker_client))
    assert status(owner)["nextRun"] == "2026-11-20T18:15:00.000Z"


def test_the_wish_of_the_site_is_kept(owner, worker_client):
    owner.post("/api/job/following/start")
    finish(worker_client, claim(worker_client), outcome="blocked", code="rate_limited", retry_after_seconds=7200)
    assert status(owner)["nextRun"] == "2026-11-20T14:00:00.000Z"


def test_an_absurd_wish_is_not_kept(owner, worker_client):
    owner.post("/api/job/following/start")
    finish(worker_client, claim(worker_client), outcome="blocked", code="rate_limited", retry_after_seconds=1e300)
    assert status(owner)["nextRun"] == "2026-11-21T12:00:00.000Z"


def test_after_a_challenge_an_hour_passes(owner, worker_client):
    owner.post("/api/job/following/start")
    finish(worker_client, claim(worker_client), outcome="blocked", code="challenge")
    assert status(owner)["nextRun"] == "2026-11-20T13:00:00.000Z"


def test_by_hand_is_not_held_back_by_gap_or_back_off(owner, worker_client):
    for _ in range(2):
        owner.post("/api/job/following/run")
        finish(worker_client, claim(worker_client), outcome="failed", code="unavailable")
    owner.post("/api/job/following/run")
    assert claim(worker_client)["trigger"] == "manual"


def test_a_start_shortly_after_a_run_waits_for_the_gap(owner, worker_client, clock):
    owner.post("/api/job/following/run")
    finish(worker_client, claim(worker_client))
    clock.advance(minutes=5)
    assert owner.post("/api/job/following/start").get_json()["nextRun"] == "2026-11-20T12:15:00.000Z"
    assert claim(worker_client) is None
    clock.advance(minutes=10)
    assert claim(worker_client) is not None


def test_once_makes_a_run_on_the_spot(owner, worker_client):
    run = claim(worker_client, force={"job": "followers", "account": "demo_owner"})
    assert (run["job"], run["trigger"]) == ("followers", "once")


def test_once_takes_over_the_run_that_waits(owner, worker_client):
    queued = owner.post("/api/job/following/run").get_json()
    assert claim(worker_client, force={"job": "following", "account": None})["id"] == queued["id"]


def test_once_is_refused_while_a_run_goes_on(owner, worker_client):
    force = {"job": "following", "account": "demo_owner"}
    claim(worker_client, force=force)
    refused = worker_client.post("/api/worker/claim", json={"worker": "w", "jobs": [], "force": force})
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "busy")


def test_once_goes_ahead_when_the_other_worker_has_died(owner, worker_client, clock):
    force = {"job": "following", "account": "demo_owner"}
    lost = claim(worker_client, force=force)
    clock.advance(minutes=2)
    assert claim(worker_client, force=force)["id"] != lost["id"]
    assert owner.get(f"/api/runs/{lost['id']}").get_json()["outcome"] == "lost"


def test_once_names_an_unknown_account(owner, worker_client):
    refused = worker_client.post("/api/worker/claim", json={
        "worker": "w", "jobs": [], "force": {"job": "following", "account": "stranger"}})
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (404, "unknown_account")


# Confirming readings

def test_a_confirming_reading_is_due_by_itself_once(app, owner, worker_client, clock):
    confirm_wanted(app, clock)
    clock.advance(minutes=14)
    assert claim(worker_client) is None
    clock.advance(minutes=1)
    run = claim(worker_client)
    assert run["trigger"] == "confirm"
    finish(worker_client, run)
    clock.advance(days=3)
    assert claim(worker_client) is None


def test_a_confirming_reading_keeps_the_minimum_gap_after_the_run_that_wanted_it(app, owner, worker_client, clock):
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    clock.advance(seconds=30)
    confirm_wanted(app, clock)
    clock.advance(seconds=25)
    finish(worker_client, run)
    assert status(owner)["nextRun"] == "2026-11-20T12:15:55.000Z"
    clock.advance(minutes=14, seconds=59)
    assert claim(worker_client) is None
    clock.advance(seconds=1)
    assert claim(worker_client)["trigger"] == "confirm"


def test_a_good_run_by_hand_makes_the_confirming_reading_needless(app, owner, worker_client, clock):
    confirm_wanted(app, clock)
    clock.advance(minutes=1)
    owner.post("/api/job/following/run")
    run = claim(worker_client)
    clock.advance(seconds=5)
    finish(worker_client, run)
    assert status(owner)["nextRun"] is None


def test_a_failed_run_leaves_the_confirming_reading_owed(app, owner, worker_client, clock):
    confirm_wanted(app, clock)
    clock.advance(minutes=15)
    finish(worker_client, claim(worker_client), outcome="failed", code="unavailable")
    assert status(owner)["nextRun"] == "2026-11-20T12:30:00.000Z"
    clock.advance(minutes=15)
    assert claim(worker_client)["trigger"] == "confirm"


def test_confirming_readings_can_be_switched_off(app, owner, clock):
    owner.post("/api/job/following/config", json={"confirmMinutes": 0})
    confirm_wanted(app, clock)
    assert status(owner)["nextRun"] is None


def test_stop_forgets_the_confirming_reading(app, owner, clock):
    confirm_wanted(app, clock)
    assert status(owner)["nextRun"] is not None
    assert owner.post("/api/job/following/stop").get_json()["nextRun"] is None


# The worker

def test_when_a_worker_was_last_seen_is_kept(owner, worker_client, clock):
    owner.post("/api/job/following/run")
    assert "No worker has been seen yet" in status(owner)["reason"]
    claim(worker_client, jobs=[])
    assert status(owner)["reason"] == "Waiting for the worker to take it."
    clock.advance(minutes=3)
    assert "No worker has been seen since 12:00 WET" in status(owner)["reason"]


def test_a_clock_that_was_set_back_does_not_hide_the_worker(owner, worker_client, clock):
    claim(worker_client)
    clock.advance(hours=-2)
    claim(worker_client)
    clock.advance(minutes=3)
    owner.post("/api/job/following/run")
    assert "since 10:00 WET" in status(owner)["reason"]


@pytest.mark.parametrize("path", ["/api/worker/claim", "/api/worker/runs/00000000-0000-0000-0000-000000000000/progress",
                                  "/api/worker/runs/00000000-0000-0000-0000-000000000000/finish"])
def test_only_the_workers_token_gets_in(app, api_as, path):
    assert app.test_client().post(path, json={}).status_code == 401
    assert with_token(app, "wrong-token-0123456789").post(path, json={}).status_code == 401
    assert api_as("admin").post(path, json={}).status_code == 403


def test_a_run_that_never_was_is_unknown(worker_client):
    run = {"id": "00000000-0000-0000-0000-000000000000"}
    assert report(worker_client, run).status_code == 404
    assert finish(worker_client, run).status_code == 404


def test_signing_in_again_ends_the_wait(app, owner, worker_client, clock):
    owner.post("/api/job/following/start")
    for _ in range(6):
        finish(worker_client, claim(worker_client), outcome="signed_out", code="signed_out")
        clock.advance(hours=6)
    finish(worker_client, claim(worker_client), outcome="signed_out", code="signed_out")
    clock.advance(minutes=20)
    assert claim(worker_client) is None
    worker_client.post("/api/ingest/session", json={
        "batch_id": "00000000-0000-0000-0000-00000000000a", "observed_at": clock.now.isoformat(),
        "account": "demo_owner", "state": "signed_in"})
    assert claim(worker_client)["trigger"] == "schedule"


def test_a_job_has_one_run_at_a_time_by_the_database_itself(app, owner, clock):
    from sqlalchemy.exc import IntegrityError

    with app.app_context():
        job = db.session.query(Job).filter_by(name="following").one()
        db.session.add_all([Run(job_id=job.id, state=state, trigger="manual", created_at=clock.now)
                            for state in ("queued", "running")])
        with pytest.raises(IntegrityError):
            db.session.commit()
        db.session.rollback()

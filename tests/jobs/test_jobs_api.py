"""What the owner sees and changes of jobs: /api/job and /api/runs."""

import threading

import pytest

from server import create_app
from server.jobs.kinds import KINDS
from server.models import Job, db
from tests.helpers import WORKER, with_token
from tests.jobs.helpers import add_account, claim, finish, report, statements


@pytest.fixture
def owner(app, api_as):
    add_account(app, "demo_owner")
    return api_as("subscriber")


def post(client, path, **body):
    return client.post(path, json=body) if body else client.post(path)


def status(client, job="following"):
    return client.get(f"/api/job/{job}/status").get_json()


def test_the_status_of_a_fresh_job(owner):
    told = status(owner)
    assert told["isRunning"] is False and told["isPaused"] is False
    assert told["config"] == {"intervalMinutes": 360, "enabled": True, "confirmMinutes": 15, "maxPasses": 3}
    assert told["options"] == {"quietHours": "", "alertAfter": 3}
    assert told["stats"] == {"lastRun": None, "lastOutcome": None, "totalRuns": 0, "totalFailed": 0, "totalFound": 0,
                             "lastRunFound": 0}
    assert (told["state"], told["nextRun"], told["run"]) == ("stopped", None, None)


def test_all_jobs_are_listed(owner):
    assert sorted(job["job"] for job in owner.get("/api/job").get_json()["jobs"]) == sorted(KINDS)


def test_without_an_account_the_jobs_say_what_to_do(app, api_as):
    jobs = api_as("viewer").get("/api/job").get_json()["jobs"]
    assert {job["reason"] for job in jobs if job["job"] in ("following", "followers")} == {
        "No account yet: run python -m scraper login"}
    assert sorted(job["job"] for job in jobs) == sorted(KINDS)
    assert status(api_as("viewer"))["state"] == "disabled"
    assert api_as("admin").post("/api/job/following/run").status_code == 404


def test_an_unknown_job_is_not_there(owner):
    assert owner.get("/api/job/nonsense/status").status_code == 404
    assert owner.post("/api/job/nonsense/start").get_json()["error"]["code"] == "unknown_job"


def test_starting_puts_a_job_on_its_schedule_and_stopping_takes_it_off(owner, clock):
    started = post(owner, "/api/job/following/start").get_json()
    assert (started["isRunning"], started["state"], started["nextRun"]) == (True, "waiting", "2026-11-20T12:00:00.000Z")
    stopped = post(owner, "/api/job/following/stop").get_json()
    assert (stopped["isRunning"], stopped["state"], stopped["nextRun"]) == (False, "stopped", None)


def test_a_paused_job_starts_nothing_and_goes_on_where_it_stood(owner, worker_client, clock):
    post(owner, "/api/job/following/start")
    assert post(owner, "/api/job/following/pause").get_json()["state"] == "paused"
    assert claim(worker_client) is None
    resumed = post(owner, "/api/job/following/resume").get_json()
    assert (resumed["state"], resumed["isPaused"]) == ("waiting", False)
    assert claim(worker_client)["trigger"] == "schedule"


def test_a_disabled_job_refuses_to_start_and_says_why(owner):
    post(owner, "/api/job/following/config", enabled=False)
    for action in ("start", "run"):
        refused = post(owner, f"/api/job/following/{action}")
        assert refused.status_code == 409
        assert refused.get_json()["error"]["code"] == "disabled"
    assert status(owner)["state"] == "disabled"


def test_a_disabled_job_is_not_claimed(owner, worker_client):
    post(owner, "/api/job/following/start")
    post(owner, "/api/job/following/config", enabled=False)
    assert claim(worker_client) is None


def test_a_partial_change_of_the_configuration_survives_a_restart(owner, settings, clock):
    changed = post(owner, "/api/job/following/config", intervalMinutes=60).get_json()
    assert changed["config"] == {"intervalMinutes": 60, "enabled": True, "confirmMinutes": 15, "maxPasses": 3}
    again = create_app(settings, clock=clock)
    assert status(with_token(again, owner.token))["config"]["intervalMinutes"] == 60
    with again.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("body, field", [
    ({"intervall": 1}, "intervall"), ({"intervalMinutes": "60"}, "intervalMinutes"),
    ({"intervalMinutes": 5}, "intervalMinutes"), ({"enabled": "yes"}, "enabled")])
def test_a_wrong_configuration_is_a_400_that_names_the_field(owner, body, field):
    refused = owner.post("/api/job/following/config", json=body)
    assert refused.status_code == 400
    assert refused.get_json()["error"]["field"] == field
    assert status(owner)["config"]["intervalMinutes"] == 360


def test_a_configuration_must_be_an_object(owner):
    for body in ("[1]", '"x"', "null", "{"):
        refused = owner.post("/api/job/following/config", data=body, content_type="application/json")
        assert refused.status_code == 400, body


def test_a_new_interval_holds_at_once(owner, worker_client, clock):
    post(owner, "/api/job/following/start")
    finish(worker_client, claim(worker_client))
    assert status(owner)["nextRun"] == "2026-11-20T18:00:00.000Z"
    changed = post(owner, "/api/job/following/config", intervalMinutes=60).get_json()
    assert changed["nextRun"] == "2026-11-20T13:00:00.000Z"


def test_a_run_by_hand_is_to_be_seen_at_once(owner):
    answered = post(owner, "/api/job/following/run")
    run = answered.get_json()
    assert (answered.status_code, run["state"], run["trigger"]) == (202, "queued", "manual")
    assert run["requested_by"] == "token subscriber"
    told = status(owner)
    assert (told["state"], told["run"]["id"]) == ("starting", run["id"])
    assert owner.get(f"/api/runs/{run['id']}").get_json()["job"] == "following"


def test_pressing_twice_asks_for_one_run(owner):
    first, second = (post(owner, "/api/job/following/run").get_json()["id"] for _ in range(2))
    assert first == second


def test_run_waits_for_the_end(owner, app, worker_client):
    done = threading.Event()

    def work() -> None:
        while (run := claim(with_token(app, WORKER))) is None and not done.is_set():
            pass
        finish(with_token(app, WORKER), run, counters={"found": 12})

    worker = threading.Thread(target=work)
    worker.start()
    try:
        answered = owner.post("/api/job/following/run?wait=30")
    finally:
        done.set()
        worker.join()
    assert (answered.status_code, answered.get_json()["outcome"]) == (200, "ok")
    assert answered.get_json()["counters"] == {"found": 12}


def test_a_wait_that_is_over_answers_the_run_as_it_is(owner):
    answered = owner.post("/api/job/following/run?wait=0.01")
    assert (answered.status_code, answered.get_json()["state"]) == (202, "queued")


@pytest.mark.parametrize("wait", ["301", "-1", "x", "nan", "inf"])
def test_a_wait_is_bounded(owner, wait):
    assert owner.post(f"/api/job/following/run?wait={wait}").status_code == 400


def test_a_queued_run_is_cancelled_at_once(owner, worker_client):
    run = post(owner, "/api/job/following/run").get_json()
    cancelled = post(owner, f"/api/runs/{run['id']}/cancel").get_json()
    assert (cancelled["state"], cancelled["outcome"]) == ("ended", "cancelled")
    assert claim(worker_client) is None
    assert post(owner, f"/api/runs/{run['id']}/cancel").status_code == 409


def test_a_running_run_hears_of_its_cancelling(owner, worker_client):
    post(owner, "/api/job/following/run")
    run = claim(worker_client)
    assert report(worker_client, run).get_json()["cancel"] is False
    assert post(owner, f"/api/runs/{run['id']}/cancel").get_json()["cancel_requested"] is True
    assert report(worker_client, run).get_json()["cancel"] is True
    finish(worker_client, run, outcome="cancelled")
    told = status(owner)
    assert (told["state"], told["stats"]["totalFailed"]) == ("stopped", 0)


def test_stop_ends_what_is_going_on(owner, worker_client):
    post(owner, "/api/job/following/start")
    run = claim(worker_client)
    post(owner, "/api/job/following/stop")
    assert report(worker_client, run).get_json()["cancel"] is True


def test_progress_is_told_in_words(owner, worker_client):
    post(owner, "/api/job/following/run")
    report(worker_client, claim(worker_client), phase="Online pages", done=3, total=15)
    told = status(owner)
    assert (told["state"], told["reason"]) == ("processing", "Online pages: 3 of 15")
    assert told["run"]["progress"] == {"phase": "Online pages", "done": 3, "total": 15, "detail": ""}


def test_the_history_is_newest_first_and_comes_in_pages(owner, worker_client, clock):
    ids = []
    for _ in range(5):
        post(owner, "/api/job/following/run")
        run = claim(worker_client)
        finish(worker_client, run)
        ids.insert(0, run["id"])
        clock.advance(minutes=1)
    first = owner.get("/api/job/following/runs?limit=2").get_json()
    second = owner.get(f"/api/job/following/runs?limit=3&cursor={first['next_cursor']}").get_json()
    assert [run["id"] for run in first["runs"] + second["runs"]] == ids
    assert second["next_cursor"] is None
    assert owner.get("/api/job/following/runs?cursor=nonsense").status_code == 400


def test_an_unknown_run_is_not_there(owner):
    assert owner.get("/api/runs/00000000-0000-0000-0000-000000000000").status_code == 404
    assert owner.get("/api/runs/nonsense").status_code in (400, 404)
    assert owner.post("/api/runs/00000000-0000-0000-0000-000000000000/cancel").status_code == 404


def test_resetting_sets_every_counter_to_zero_and_keeps_the_runs(owner, worker_client):
    post(owner, "/api/job/following/run")
    finish(worker_client, claim(worker_client), counters={"found": 7})
    assert status(owner)["stats"]["totalFound"] == 7
    reset = post(owner, "/api/job/following/reset-stats").get_json()
    assert set(reset["stats"].values()) == {0, None}
    assert len(owner.get("/api/job/following/runs").get_json()["runs"]) == 1


def test_with_several_accounts_a_call_says_which(app, owner):
    add_account(app, "second_owner")
    refused = owner.get("/api/job/following/status")
    assert (refused.status_code, refused.get_json()["error"]["field"]) == (400, "account")
    assert owner.post("/api/job/following/start?account=second_owner").get_json()["account"] == "second_owner"
    assert status_of(owner, "demo_owner")["isRunning"] is False
    assert owner.get("/api/job/following/status?account=stranger").status_code == 404


def status_of(client, account):
    return client.get(f"/api/job/following/status?account={account}").get_json()


def test_who_only_looks_on_changes_nothing(app, owner, api_as, worker_client):
    viewer = api_as("viewer")
    assert viewer.get("/api/job").status_code == 200
    for action in ("config", "start", "stop", "pause", "resume", "reset-stats", "run"):
        assert viewer.post(f"/api/job/following/{action}", json={}).status_code == 403
    assert worker_client.get("/api/job").status_code == 403
    assert app.test_client().get("/api/job").status_code == 401


def test_the_list_of_jobs_asks_the_database_as_often_however_many_there_are(app, owner, worker_client):
    owner.get("/api/job")  # notes that the token was used
    few = statements(app, lambda: owner.get("/api/job"))
    for number in range(5):
        add_account(app, f"more_{number}")
    assert statements(app, lambda: owner.get("/api/job")) == few


def test_a_signed_out_account_is_named_as_the_reason(app, owner):
    with app.app_context():
        job = db.session.query(Job).filter_by(name="following").one()
        from server.models import Account

        db.session.get(Account, job.account_id).session_state = "signed_out"
        db.session.commit()
    assert status(owner)["reason"].startswith("Signed out: run python -m scraper login")

"""The affiliate poller as the owner and the worker meet it: it belongs to no account."""

import pytest

from common.settings import load_settings
from server import create_app
from server.models import Job, Run, db
from server.startup import prepare
from tests.helpers import WORKER, with_token
from tests.jobs.helpers import add_account, claim, finish, report

CONFIG = {"intervalMinutes": 30, "gender": "m", "limit": 500, "enabled": True}
OPTIONS = {"minFollowers": 0, "quietHours": "", "alertAfter": 3}
STATS = {"lastRun": None, "totalRuns": 0, "totalEnriched": 0, "totalFailed": 0, "lastRunEnriched": 0,
         "lastRunFailed": 0}
JOBS = ["affiliate", "following", "followers"]


@pytest.fixture
def settings(database, tmp_path):
    return load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER,
                         timezone="Europe/Lisbon", page_pause="0", affiliate_code="abc12")


@pytest.fixture
def owner(app, api_as):
    return api_as("subscriber")


def status(owner):
    return owner.get("/api/job/affiliate/status").get_json()


def post(owner, action, **body):
    return owner.post(f"/api/job/affiliate/{action}", json=body) if body else owner.post(f"/api/job/affiliate/{action}")


def poll(worker, **more):
    """One poll, from the claim to its end."""
    run = claim(worker, jobs=JOBS)
    assert run is not None and run["job"] == "affiliate"
    assert finish(worker, run, **more).status_code == 200
    return run


def test_the_status_at_first(owner):
    told = status(owner)
    assert (told["isRunning"], told["isPaused"], told["state"], told["account"]) == (False, False, "stopped", None)
    assert told["config"] == CONFIG
    assert told["stats"] == STATS
    assert told["options"] == OPTIONS


def test_there_is_one_however_many_accounts_there_are(app, owner):
    for name in ("alice_example", "bob_example"):
        add_account(app, name)
    with app.app_context():
        prepare()
        assert db.session.query(Job).filter_by(name="affiliate").count() == 1
    assert [job["account"] for job in owner.get("/api/job").get_json()["jobs"] if job["job"] in JOBS] == [
        None, "alice_example", "alice_example", "bob_example", "bob_example"]


def test_the_database_itself_keeps_it_single(app):
    from sqlalchemy.exc import IntegrityError

    with app.app_context():
        db.session.add(Job(name="affiliate", account_id=None))
        with pytest.raises(IntegrityError):
            db.session.commit()
        db.session.rollback()


def test_no_account_needs_to_be_named(app, owner):
    for name in ("alice_example", "bob_example"):
        add_account(app, name)
    assert status(owner)["state"] == "stopped"
    assert owner.get("/api/job/following/status").status_code == 400
    assert owner.post("/api/job/affiliate/start?account=alice_example").get_json()["isRunning"] is True


def test_a_claim_says_that_it_has_no_account(owner, worker_client):
    post(owner, "run")
    run = claim(worker_client, jobs=JOBS)
    assert (run["job"], run["account"], run["config"]["gender"]) == ("affiliate", None, "m")
    report(worker_client, run, phase="Rooms", done=500, total=900)
    assert status(owner)["reason"] == "Rooms: 500 of 900"
    told = owner.get(f"/api/runs/{run['id']}").get_json()
    assert (told["account"], told["captures"]) == (None, [])


def test_from_a_terminal_whatever_account_is_named(owner, worker_client):
    run = claim(worker_client, jobs=JOBS, force={"job": "affiliate", "account": None})
    assert run["trigger"] == "once"
    finish(worker_client, run)
    assert claim(worker_client, jobs=JOBS, force={"job": "affiliate", "account": "stranger"})["account"] is None


def test_the_statistics_count_rooms(owner, worker_client, clock):
    post(owner, "start")
    poll(worker_client, counters={"enriched": 480, "failed": 2})
    clock.advance(minutes=30)
    poll(worker_client, counters={"enriched": 300, "failed": 1})
    assert status(owner)["stats"] == {
        "lastRun": "2026-11-20T12:30:00.000Z", "totalRuns": 2, "totalEnriched": 780, "totalFailed": 3,
        "lastRunEnriched": 300, "lastRunFailed": 1}
    assert post(owner, "reset-stats").get_json()["stats"] == STATS


def test_a_poll_that_failed_as_a_whole_shows_among_the_failures(owner, worker_client):
    post(owner, "start")
    poll(worker_client, outcome="failed", code="unavailable")
    stats = status(owner)["stats"]
    assert (stats["totalRuns"], stats["totalFailed"], stats["lastRunFailed"]) == (1, 1, 1)


# Configuration

@pytest.mark.parametrize("gender", ["m", "f", "t", "c", "m,f", "m,f,t,c"])
def test_any_combination_of_genders_is_taken(owner, gender):
    assert post(owner, "config", gender=gender).get_json()["config"]["gender"] == gender


@pytest.mark.parametrize("field, value", [
    ("gender", "x"), ("gender", ""), ("gender", "m,"), ("gender", "m f"), ("gender", "M"), ("gender", "m,m"),
    ("gender", ["m"]), ("gender", None), ("limit", -1), ("limit", "500"), ("limit", 1.5), ("limit", True),
    ("intervalMinutes", 0), ("intervalMinutes", "30"), ("enabled", 1), ("minFollowers", -1), ("quietHours", "2 to 6"),
    ("quietHours", None), ("alertAfter", -1), ("interval", 30), ("confirmMinutes", 15)])
def test_a_wrong_value_is_a_400_that_names_the_field(owner, field, value):
    refused = post(owner, "config", **{field: value})
    assert (refused.status_code, refused.get_json()["error"]["field"]) == (400, field)
    assert status(owner)["config"] == CONFIG


def test_what_is_wrong_is_said_in_words(owner):
    told = post(owner, "config", gender="x").get_json()["error"]["message"]
    assert told == "gender: must be m, f, t or c, or several of them separated by commas, such as m,f."


def test_a_part_changes_only_that_part_and_survives_a_restart(owner, settings, clock):
    changed = post(owner, "config", intervalMinutes=60).get_json()["config"]
    assert changed == CONFIG | {"intervalMinutes": 60}
    again = create_app(settings, clock=clock)
    with again.app_context():
        prepare()
    assert status(with_token(again, owner.token))["config"]["intervalMinutes"] == 60
    with again.app_context():
        db.engine.dispose()


def test_intervals_shorter_than_the_gap_between_readings_of_a_list_are_fine(owner, worker_client, clock):
    post(owner, "config", intervalMinutes=5)
    post(owner, "start")
    poll(worker_client)
    clock.advance(minutes=5)
    poll(worker_client)


def test_switched_off_it_refuses_to_start_and_says_so(owner):
    post(owner, "config", enabled=False)
    for action in ("start", "run"):
        refused = post(owner, action)
        assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "disabled")
        assert "switched off" in refused.get_json()["error"]["message"]
    assert status(owner)["state"] == "disabled"


# Without the campaign code

@pytest.fixture
def without_code(database, tmp_path, clock):
    app = create_app(load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER,
                                   timezone="Europe/Lisbon"), clock=clock)
    app.testing = True
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_without_its_campaign_code_it_is_disabled_and_says_what_is_missing(owner, without_code):
    poor = with_token(without_code, owner.token)
    told = status(poor)
    assert (told["state"], told["nextRun"]) == ("disabled", None)
    assert "MHC_AFFILIATE_CODE is not set" in told["reason"]
    for action in ("start", "run"):
        refused = post(poor, action)
        assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "disabled")
        assert "MHC_AFFILIATE_CODE" in refused.get_json()["error"]["message"]
    assert post(poor, "config", intervalMinutes=60).status_code == 200


def test_a_schedule_rests_while_the_campaign_code_is_missing(owner, worker_client, without_code):
    post(owner, "start")
    poor_worker = with_token(without_code, WORKER)
    assert claim(poor_worker, jobs=JOBS) is None
    forced = poor_worker.post("/api/worker/claim", json={
        "worker": "w", "jobs": JOBS, "force": {"job": "affiliate", "account": None}})
    assert forced.status_code == 409
    assert claim(worker_client, jobs=JOBS)["job"] == "affiliate"


# When

def test_intervals_do_not_drift(owner, worker_client, clock):
    """However late a poll begins and however long it takes, the next one is due on the half-hour."""
    post(owner, "start")
    began = []
    for late, takes in ((0, 90), (2, 600), (7, 30), (1, 1799 - 1), (0, 5)):
        clock.advance(seconds=late)
        run = claim(worker_client, jobs=JOBS)
        began.append(f"{clock.now:%H:%M:%S}")
        for _ in range(takes // 50):
            clock.advance(seconds=50)
            assert report(worker_client, run).status_code == 200
        clock.advance(seconds=takes % 50)
        finish(worker_client, run)
        due = status(owner)["nextRun"]
        assert due[14:] in ("00:00.000Z", "30:00.000Z")
        clock.now = clock.now.fromisoformat(due)
    assert began == ["12:00:00", "12:30:02", "13:00:07", "13:30:01", "14:00:00"]


def test_a_poll_that_takes_longer_than_the_interval_leaves_one_out(owner, worker_client, clock):
    post(owner, "start")
    run = claim(worker_client, jobs=JOBS)
    for _ in range(50):
        clock.advance(seconds=50)
        report(worker_client, run)
    finish(worker_client, run)
    assert status(owner)["nextRun"] == "2026-11-20T13:00:00.000Z"


def test_a_poll_by_hand_does_not_shift_the_schedule(owner, worker_client, clock):
    post(owner, "start")
    poll(worker_client)
    clock.advance(minutes=10)
    post(owner, "run")
    poll(worker_client)
    assert status(owner)["nextRun"] == "2026-11-20T12:30:00.000Z"


def test_a_failed_poll_is_due_again_later_and_then_back_on_the_half_hour(owner, worker_client, clock):
    post(owner, "start")
    poll(worker_client, outcome="failed", code="unavailable")
    assert status(owner)["nextRun"] == "2026-11-20T12:05:00.000Z"
    clock.advance(minutes=5)
    poll(worker_client)
    assert status(owner)["nextRun"] == "2026-11-20T12:30:00.000Z"


def test_what_the_platform_asks_for_is_kept(owner, worker_client):
    post(owner, "start")
    poll(worker_client, outcome="blocked", code="rate_limited", retry_after_seconds=5400)
    told = status(owner)
    assert told["nextRun"] == told["source"]["restUntil"] == "2026-11-20T13:30:00.000Z"
    assert (told["source"]["reachable"], told["lastError"]["code"]) == (True, "rate_limited")


def test_a_new_interval_counts_from_the_last_poll_and_holds_at_once(owner, worker_client, clock):
    post(owner, "start")
    poll(worker_client)
    clock.advance(minutes=10)
    assert post(owner, "config", intervalMinutes=60).get_json()["nextRun"] == "2026-11-20T13:00:00.000Z"
    assert post(owner, "config", intervalMinutes=15).get_json()["nextRun"] == "2026-11-20T12:15:00.000Z"
    clock.advance(minutes=5)
    poll(worker_client)
    assert status(owner)["nextRun"] == "2026-11-20T12:30:00.000Z"


def test_in_quiet_hours_nothing_starts_by_itself(owner, worker_client, clock):
    post(owner, "config", quietHours="02:00-06:00")
    post(owner, "start")
    clock.advance(hours=14, minutes=30)  # half past two in Lisbon
    assert claim(worker_client, jobs=JOBS) is None
    assert status(owner)["reason"] == "Quiet hours (02:00-06:00): next run at 06:00 WET."
    post(owner, "run")
    assert claim(worker_client, jobs=JOBS)["trigger"] == "manual"


def test_after_the_quiet_hours_it_goes_on(owner, worker_client, clock):
    post(owner, "config", quietHours="02:00-06:00")
    post(owner, "start")
    clock.advance(hours=17, minutes=59)
    assert claim(worker_client, jobs=JOBS) is None
    clock.advance(minutes=1)
    assert claim(worker_client, jobs=JOBS)["trigger"] == "schedule"


# Alerts

def test_after_some_failures_in_a_row_every_page_says_so(owner, worker_client, client_as, clock):
    post(owner, "start")
    viewer = client_as("viewer")
    for count in (1, 2):
        poll(worker_client, outcome="failed", code="unavailable")
        assert (status(owner)["alert"], status(owner)["failuresInRow"]) == (None, count)
        assert 'role="alert"' not in viewer.get("/users/following").get_data(as_text=True)
        clock.advance(hours=1)
    poll(worker_client, outcome="failed", code="unavailable")
    assert status(owner)["alert"] == "What happened (3 runs in a row failed)"
    for address in ("/users/following", "/events", "/admin/jobs"):
        page = viewer.get(address).get_data(as_text=True)
        assert "What happened (3 runs in a row failed)" in page
        assert "/admin/jobs#job-" in page
    clock.advance(hours=1)
    poll(worker_client)
    assert status(owner)["alert"] is None
    assert 'role="alert"' not in viewer.get("/users/following").get_data(as_text=True)


def test_the_alert_is_not_for_strangers(owner, worker_client, client, clock):
    post(owner, "config", alertAfter=1)
    post(owner, "start")
    poll(worker_client, outcome="failed", code="unavailable")
    assert status(owner)["alert"]
    assert "What happened" not in client.get("/login", follow_redirects=True).get_data(as_text=True)


def test_alerts_can_be_switched_off(owner, worker_client, clock):
    post(owner, "config", alertAfter=0)
    post(owner, "start")
    for _ in range(5):
        poll(worker_client, outcome="failed", code="unavailable")
        clock.advance(hours=6)
    assert status(owner)["alert"] is None


# Pages

def test_the_card_has_the_guidance_and_the_calculator(owner, client_as):
    page = client_as("subscriber").get("/admin/jobs").get_data(as_text=True)
    for words in ("15 = frequent/high storage", "30 = recommended default",
                  "60 = less storage, may miss short sessions", "120+ = minimal storage, large gaps",
                  "100-200 = quick cycles on top rooms", "500 = maximum per API call",
                  "48 polls a day × 500 rooms = 24,000 snapshots a day", "24.0 MB"):
        assert words in page
    assert "Nothing has been measured yet" in page


def test_the_form_keeps_several_genders_and_quiet_hours(app, owner, client_as):
    browser = client_as("subscriber")
    with app.app_context():
        job_id = db.session.query(Job).filter_by(name="affiliate").one().id
    fields = {"intervalMinutes": "60", "gender": ["m", "c"], "limit": "0", "enabled": "1", "minFollowers": "100",
              "quietHours": "02:00-06:00", "alertAfter": "5"}
    page = browser.post(f"/admin/jobs/{job_id}/config", data=fields, follow_redirects=True).get_data(as_text=True)
    assert "Kept." in page
    assert status(owner)["config"] == {"intervalMinutes": 60, "gender": "m,c", "limit": 0, "enabled": True}
    assert status(owner)["options"] == {"minFollowers": 100, "quietHours": "02:00-06:00", "alertAfter": 5}
    nobody = {name: value for name, value in fields.items() if name != "gender"}
    page = browser.post(f"/admin/jobs/{job_id}/config", data=nobody, follow_redirects=True).get_data(as_text=True)
    assert "gender: must be" in page


def test_the_page_of_a_run_tells_of_its_calls(owner, worker_client, client_as):
    post(owner, "run")
    run = poll(worker_client, waiting_ms=4_000, working_ms=300, counters={
        "enriched": 900, "failed": 1, "calls": 4, "failed_calls": 1, "mean_response_ms": 850,
        "slowest_response_ms": 2100, "bytes": 1_400_000, "saw_everyone": 1},
        log=[{"at": "2026-11-20T12:00:01.250Z", "level": "warning", "text": "asked again <b>\x00"}])
    page = client_as("viewer").get(f"/admin/runs/{run['id']}").get_data(as_text=True)
    for words in ("Calls made", "75 %", "1 without a usable answer", "850 ms on average, 2.1 s at most", "1.4 MB",
                  "yes", "4.0 s", "300 ms", "12:00:01.250", "asked again &lt;b&gt;"):
        assert words in page
    assert owner.get(f"/api/runs/{run['id']}").get_json()["log"][0]["text"] == "asked again <b>"
    assert "rooms as measured" in client_as("subscriber").get("/admin/jobs").get_data(as_text=True)


# The day's work

def test_the_typical_workflow(owner, worker_client, clock):
    """Configure, start, look every five minutes, lengthen the interval, pause in high load, resume, stop."""
    def pass_time(minutes):
        polls = 0
        for _ in range(minutes // 5):
            clock.advance(minutes=5)
            run = claim(worker_client, jobs=JOBS)
            if run is not None:
                finish(worker_client, run, counters={"enriched": 400, "failed": 0})
                polls += 1
            status(owner)
        return polls

    told = post(owner, "config", intervalMinutes=30, gender="m", limit=500, enabled=True).get_json()
    assert told["config"] == CONFIG
    assert post(owner, "start").get_json()["isRunning"] is True
    poll(worker_client, counters={"enriched": 400, "failed": 0})
    assert status(owner)["stats"]["lastRunEnriched"] == 400
    assert pass_time(120) == 4
    assert post(owner, "config", intervalMinutes=60).get_json()["config"]["intervalMinutes"] == 60
    assert pass_time(120) == 2
    paused = post(owner, "pause").get_json()
    assert (paused["isRunning"], paused["isPaused"], paused["state"]) == (True, True, "paused")
    assert pass_time(180) == 0
    resumed = post(owner, "resume").get_json()
    assert (resumed["isPaused"], resumed["state"]) == (False, "waiting")
    assert pass_time(65) == 2  # what became due in the pause, and the next one in its time
    assert status(owner)["stats"]["totalRuns"] == 9
    assert status(owner)["stats"]["totalEnriched"] == 9 * 400
    stopped = post(owner, "stop").get_json()
    assert (stopped["isRunning"], stopped["state"], stopped["nextRun"]) == (False, "stopped", None)
    assert pass_time(120) == 0
    assert len(owner.get("/api/job/affiliate/runs").get_json()["runs"]) == 9


def test_its_runs_are_kept_with_the_job(app, owner, worker_client):
    post(owner, "run")
    poll(worker_client)
    with app.app_context():
        assert db.session.query(Run).count() == 1

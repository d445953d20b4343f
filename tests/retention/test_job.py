"""The job as a worker does it, and what the page, the calls and the commands tell."""

from datetime import timedelta

import pytest

from scraper.errors import Cancelled, ServerUnreachable
from scraper.jobs import JobContext
from scraper.sources.retention import job as retention_job
from server.models import AffiliateHour, CaptureRow, Job, StorageSample, db
from tests.affiliate.rooms import NOON, room, rows, take
from tests.helpers import WORKER
from tests.jobs.helpers import claim, finish


def old_polls(days=100):
    """Polls that are too old, one that is not, and none that goes on."""
    for minutes in (0, 30):
        take(room("ann"), room("bob"), at=NOON - timedelta(days=days) + timedelta(minutes=minutes))
    for hours in (1, 2):
        take(at=NOON - timedelta(days=days) + timedelta(hours=hours))
    take(room("ann"), at=NOON)


def ask(worker, run, cursor=None):
    return worker.post("/api/worker/retention", json={"run_id": run["id"], "cursor": cursor})


def test_it_is_on_its_schedule_from_the_first_start_and_the_others_are_not(app, worker_client, clock):
    with app.app_context():
        on_schedule = {job.name: job.scheduled for job in db.session.query(Job)}
    assert [name for name, scheduled in on_schedule.items() if scheduled] == ["retention"]
    assert claim(worker_client, jobs=["retention"]) is None
    clock.advance(minutes=61)
    run = claim(worker_client, jobs=["retention"])
    assert run["config"]["snapshotDays"] == 90
    finish(worker_client, run)
    clock.advance(hours=22)
    assert claim(worker_client, jobs=["retention"]) is None
    clock.advance(hours=2)
    assert claim(worker_client, jobs=["retention"])


def test_batch_after_batch_until_nothing_is_too_old_and_only_while_the_run_goes_on(app, worker_client, clock):
    clock.now = NOON
    with app.app_context():
        old_polls()
    run = claim(worker_client, force={"job": "retention", "account": None})
    first = ask(worker_client, run).json
    assert (first["more"], first["deleted"]["snapshots"], first["deleted"]["hours"]) == (True, 4, 2)
    again = ask(worker_client, run).json
    assert again["deleted"]["snapshots"] == 0, "the same batch again finds what is left"
    cursor, answers = again["cursor"], 0
    while cursor:
        answer = ask(worker_client, run, cursor).json
        cursor, answers = answer["cursor"], answers + 1
    assert answers < 12
    assert ask(worker_client, run, "bm9uZQ").status_code == 400
    finish(worker_client, run, counters={"deleted": 4})
    late = ask(worker_client, run)
    assert (late.status_code, late.json["error"]["code"]) == (409, "run_ended")
    with app.app_context():
        assert rows("SELECT count(*) FROM affiliate_api_snapshots") == [(1,)]
        assert db.session.query(AffiliateHour).count() == 2
        assert db.session.query(StorageSample).count() > 20


def context(live_server, tmp_path, run_id, report=lambda _: None):
    from common.clock import utc_now
    from common.settings import load_settings

    settings = load_settings(data_dir=tmp_path / "worker", server_url=live_server, worker_token=WORKER)
    return JobContext(settings, None, {}, run_id, None, report, utc_now)


def test_the_worker_has_it_all_done_and_counts(app, live_server, worker_client, clock, tmp_path):
    clock.now = NOON
    with app.app_context():
        old_polls()
    run = claim(worker_client, force={"job": "retention", "account": None})
    said = []
    result = retention_job.run(context(live_server, tmp_path, run["id"], said.append))
    assert result.outcome == "ok"
    assert (result.counters["deleted"], result.counters["snapshots"], result.counters["receipts"]) == (8, 4, 4)
    assert said[0].phase == "looking for what is too old"
    assert "4 receipts, 4 snapshots" in result.summary


def test_somebody_who_stops_it_stops_it_between_two_batches(app, live_server, worker_client, clock, tmp_path):
    clock.now = NOON
    with app.app_context():
        old_polls()
    run = claim(worker_client, force={"job": "retention", "account": None})
    calls = []

    def report(progress):
        calls.append(progress)
        if len(calls) > 1:
            raise Cancelled("stopped by hand")

    result = retention_job.run(context(live_server, tmp_path, run["id"], report))
    assert (result.outcome, result.counters["deleted"]) == ("cancelled", 4)


def test_without_a_server_there_is_nothing_to_do(tmp_path):
    with pytest.raises(ServerUnreachable):
        retention_job.run(context("http://127.0.0.1:9", tmp_path, None))


def test_a_dry_run_says_what_would_go_and_touches_nothing(app, client_as, api_as, clock):
    clock.now = NOON
    with app.app_context():
        old_polls()
        before = rows("SELECT count(*) FROM affiliate_api_snapshots")
    planned = {one["kind"]: one for one in api_as("viewer").get("/api/retention/dry-run").json["kinds"]}
    assert (planned["snapshots"]["would_go"], planned["snapshots"]["days"]) == (4, 90)
    page = client_as("viewer").get("/admin/storage?dry_run=1").text
    assert "Would go now" in page
    said = app.test_cli_runner().invoke(args=["retention", "--dry-run"]).output
    assert "4 snapshots older than 90 days would go." in said
    assert "broadcasts are kept for ever." in said
    with app.app_context():
        assert rows("SELECT count(*) FROM affiliate_api_snapshots") == before
    assert "4 snapshots, 2 hours" in app.test_cli_runner().invoke(args=["retention"]).output
    with app.app_context():
        assert rows("SELECT count(*) FROM affiliate_api_snapshots") == [(before[0][0] - 4,)]


def test_the_storage_page_tells_rows_sizes_days_and_log_lines_and_every_recipe_is_a_command(app, client_as, api_as,
                                                                                              clock):
    clock.now = NOON + timedelta(hours=8)
    with app.app_context():
        for step in range(16):
            take(*(room(f"person_{number}", num_users=step) for number in range(70)),
                 at=NOON + timedelta(minutes=30 * step))
    browser = client_as("admin")
    assert "All is well" not in browser.get("/admin/storage").text, "nothing is known of polls yet"
    browser.post("/admin/storage/measure")
    told = api_as("viewer").get("/api/storage").json
    tables = {table["name"]: table for table in told["tables"]}
    assert tables["affiliate_api_snapshots"]["rows"] == 16 * 70
    assert tables["affiliate_api_snapshots"]["bytes"] > 16 * 70 * 20
    assert told["measured_at"] == "2026-11-20T20:00:00.000Z"
    assert told["measured"]["snapshots_a_day"] == 16 * 70 * 3
    assert told["measured"]["bytes_a_snapshot"] > 20
    assert told["days"][0] == {"day": "2026-11-20", "polls": 16, "snapshots": 16 * 70, "people": 70}
    assert [one["days"] for one in told["ahead"]] == [30, 90, 365]
    page = browser.get("/admin/storage?interval=30&rooms=312").text
    assert "14,976 snapshots a day" in page
    assert "15.0 MB" in page, "48 polls a day, 1 KB a snapshot, as the product's own document reckons"
    run = app.test_cli_runner().invoke
    assert "retention: waiting" in run(args=["stats", "jobs"]).output
    assert f"snapshots {16 * 70}\n" in run(args=["stats", "rows"]).output
    assert "2026-11-20     16       1120       70" in run(args=["stats", "days"]).output
    assert "affiliate_api_snapshots" in run(args=["stats", "sizes"]).output
    assert run(args=["stats", "log", "retention"]).exit_code == 0


def test_the_time_of_a_poll_is_split_and_log_lines_are_text(app, client_as, api_as, worker_client, clock):
    clock.now = NOON
    with app.app_context():
        app.extensions["mhc_settings"].affiliate_code = "x"
    run = claim(worker_client, force={"job": "affiliate", "account": None})
    with app.app_context():
        take(room("ann"), at=NOON, run_id=run["id"])
        db.session.execute(db.text("UPDATE ingest_batches SET took_ms = 250"))
        db.session.commit()
    clock.advance(seconds=90)
    finish(worker_client, run, waiting_ms=80_000, working_ms=1_500, log=[
        {"at": "2026-11-20T12:00:01+00:00", "level": "warning", "text": "<script>alert(1)</script>"}])
    told = api_as("viewer").get("/api/storage").json
    assert told["cycle"] == {"polls": 1, "whole": 90.0, "api": 80.0, "reading": 1.5, "database": 0.25}
    assert any("waiting for the API: 80.0 s" in line for line in told["advice"])
    page = client_as("viewer").get("/admin/storage?job=affiliate").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_raw_pages_that_were_rolled_up_with_their_poll_go_by_their_own_days(app, clock):
    clock.now = NOON
    with app.app_context():
        db.session.add(CaptureRow(sha256="0" * 64, url="https://site.example/", content_type="text/html", raw_bytes=1,
                                  stored_bytes=1, created_at=NOON - timedelta(days=40)))
        db.session.commit()
        job = db.session.query(Job).filter_by(name="retention").one()
        job.config = job.config | {"captureDays": "30"}
        db.session.commit()
    assert "1 raw pages" in app.test_cli_runner().invoke(args=["retention"]).output

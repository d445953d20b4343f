"""The door in: each batch once, moments by our clock, bad items set aside, hostile bodies refused."""

import gzip
import io
import json
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from scraper.observations import SessionReport
from server.ingest.body import BadGzip, TooLarge, gunzip
from server.ingest.schema import corrected
from server.models import Account, IngestBatch, Scan, ScanPageRow, db
from tests.helpers import WORKER, with_token
from tests.ingest.helpers import page, send, session_report


def accounts(app):
    with app.app_context():
        return db.session.query(Account).all()


def test_a_session_report_makes_the_account_and_its_jobs(app, worker_client, clock, api_as):
    end = clock.now + timedelta(days=30)
    taken = send(worker_client, "session", session_report(
        clock, proved_at=clock.now.isoformat(), cookies_end=end.isoformat(), detail="fine"))
    assert taken.status_code == 200
    account, = accounts(app)
    assert (account.username, account.session_state) == ("demo_owner", "signed_in")
    assert (account.session_proved_at, account.cookies_end) == (clock.now, end)
    jobs = api_as("viewer").get("/api/job").get_json()["jobs"]
    assert [(job["job"], job["account"]) for job in jobs if job["account"]] == [
        ("following", "demo_owner"), ("followers", "demo_owner")]


def test_an_old_session_report_does_not_overrule_a_newer_one(app, worker_client, clock):
    old = session_report(clock, state="signed_out")
    clock.advance(minutes=5)
    send(worker_client, "session", session_report(clock))
    send(worker_client, "session", old)
    assert accounts(app)[0].session_state == "signed_in"


def test_the_same_batch_again_is_answered_as_before_and_changes_nothing(app, worker_client, clock):
    body = page(clock, "ann", "bob")
    first, second = (send(worker_client, "scan-page", body) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.get_json() == second.get_json()
    assert "X-MHC-Repeated" not in first.headers
    assert second.headers["X-MHC-Repeated"] == "1"
    with app.app_context():
        assert db.session.query(ScanPageRow).count() == 1


def test_two_that_arrive_at_once_are_applied_once(app, clock):
    body = page(clock, *(f"person_{number}" for number in range(50)))
    together, answers = threading.Barrier(4), []

    def post() -> None:
        client = with_token(app, WORKER)
        together.wait()
        answers.append(send(client, "scan-page", body))

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({json.dumps(answer.get_json(), sort_keys=True) for answer in answers}) == 1
    assert sum("X-MHC-Repeated" in answer.headers for answer in answers) == 3
    with app.app_context():
        assert (db.session.query(ScanPageRow).count(), db.session.query(IngestBatch).count()) == (1, 1)


def test_a_batch_that_fails_leaves_nothing_behind(app, worker_client, clock):
    scan = str(uuid4())
    send(worker_client, "scan-page", page(clock, "ann", scan_id=scan))
    refused = send(worker_client, "scan-page", page(clock, "ann", scan_id=scan, list="following"))
    assert refused.status_code == 409
    with app.app_context():
        assert db.session.query(IngestBatch).count() == 1


def test_items_that_cannot_be_are_set_aside_and_counted(app, worker_client, clock):
    body = page(clock, "ann", {"username": "two words"}, {"username": 7}, "x" * 51, 5, {"username": "", "age": 20},
                "BOB")
    told = send(worker_client, "scan-page", body).get_json()
    assert (told["accepted"], told["rejected_total"]) == (2, 5)
    assert told["rejected"][0]["item"] == "two words"
    assert all(one["reason"] for one in told["rejected"])
    with app.app_context():
        assert db.session.query(Scan).one().rejected_items == 5


def test_a_bad_value_never_costs_the_person(worker_client, clock):
    """Who is left out of a list would be taken for gone."""
    body = page(clock, {"username": "ann", "age": "old", "viewers": -4, "image_url": "javascript:alert(1)",
                        "tags": "none", "country": {"a": 1}, "unknown_field": 1})
    told = send(worker_client, "scan-page", body).get_json()
    assert (told["accepted"], told["rejected_total"]) == (1, 0)


def test_hostile_text_is_taken(worker_client, clock):
    body = page(clock, {"username": "ann", "display_name": "a\x00\ud800b", "subject": "<script>" * 2000})
    body["facts"]["title"] = "t\x00\udfff" + "x" * 10_000
    raw = json.dumps(body)
    assert worker_client.post("/api/ingest/scan-page", data=raw, content_type="application/json").status_code == 200


def test_an_unknown_run_is_taken(app, worker_client, clock):
    run_id = str(uuid4())
    assert send(worker_client, "scan-page", page(clock, "ann", run_id=run_id)).status_code == 200
    with app.app_context():
        assert str(db.session.query(IngestBatch).one().run_id) == run_id


# Clocks

def sent_at(moment):
    return {"headers": {"X-MHC-Sent-At": moment.isoformat().replace("+00:00", "Z")}}


def test_moments_follow_our_clock_when_the_workers_is_off(app, worker_client, clock):
    theirs = clock.now - timedelta(hours=3)
    send(worker_client, "session", session_report(clock, observed_at=(theirs - timedelta(minutes=10)).isoformat()),
         **sent_at(theirs))
    assert accounts(app)[0].session_reported_at == clock.now - timedelta(minutes=10)
    with app.app_context():
        batch = db.session.query(IngestBatch).one()
        assert batch.clock_skew_ms == 3 * 3600 * 1000
        assert batch.observed_at == theirs - timedelta(minutes=10)


def test_a_difference_of_the_way_is_no_difference(app, worker_client, clock):
    send(worker_client, "session", session_report(clock, observed_at=(clock.now - timedelta(minutes=1)).isoformat()),
         **sent_at(clock.now - timedelta(seconds=1.5)))
    assert accounts(app)[0].session_reported_at == clock.now - timedelta(minutes=1)


def test_nothing_was_seen_after_it_arrived(app, worker_client, clock):
    send(worker_client, "session", session_report(clock, observed_at=(clock.now + timedelta(days=3)).isoformat()))
    assert accounts(app)[0].session_reported_at == clock.now


def test_the_end_of_cookies_is_not_moved():
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    report = SessionReport(observed_at=now, account="demo_owner", state="signed_in",
                           cookies_end=now + timedelta(days=9))
    assert corrected(report, timedelta(hours=1), now).cookies_end == report.cookies_end


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "2026-11-20T12:00:00", "yesterday",
                                    None, 5e300])
def test_a_moment_that_cannot_be_is_refused(worker_client, clock, moment):
    assert send(worker_client, "session", session_report(clock, observed_at=moment)).status_code == 400


def test_the_end_of_all_time_is_no_moment_but_does_no_harm(app, worker_client, clock):
    body = session_report(clock, observed_at="9999-12-31T23:59:59Z")
    assert send(worker_client, "session", body, **sent_at(clock.now - timedelta(hours=5))).status_code == 200
    assert accounts(app)[0].session_reported_at == clock.now


@pytest.mark.parametrize("header", ["yesterday", "2026-11-20T12:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_workers_clock_that_cannot_be_is_refused_or_harmless(worker_client, clock, header):
    answered = send(worker_client, "session", session_report(clock), headers={"X-MHC-Sent-At": header})
    assert answered.status_code in (200, 400)


# Bodies

def post_raw(client, data, **headers):
    return client.post("/api/ingest/session", data=data, content_type="application/json", headers=headers)


def test_a_packed_body_is_taken(worker_client, clock):
    raw = gzip.compress(json.dumps(session_report(clock)).encode())
    assert post_raw(worker_client, raw, **{"Content-Encoding": "gzip"}).status_code == 200


def test_a_zip_bomb_is_refused(app, worker_client):
    """S14, S23: a megabyte that unpacks to more than we hold."""
    bomb = gzip.compress(b"[" + b" " * (80 * 1024 * 1024))
    assert len(bomb) < 200_000
    refused = post_raw(worker_client, bomb, **{"Content-Encoding": "gzip"})
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (413, "too_large")
    assert accounts(app) == []


def test_gzip_stops_at_the_limit_and_at_nonsense():
    good = gzip.compress(b"x" * 1000)
    assert gunzip(io.BytesIO(good), 1000) == b"x" * 1000
    with pytest.raises(TooLarge):
        gunzip(io.BytesIO(good), 999)
    for bad in (b"", b"plain", good[:-5], good + b"more", good + good):
        with pytest.raises(BadGzip):
            gunzip(io.BytesIO(bad), 10_000)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{}", b"[" * 100_000])
def test_a_body_that_is_no_message_is_a_400(worker_client, data):
    assert post_raw(worker_client, data).status_code == 400


def test_deep_nesting_is_refused(worker_client, clock):
    deep = json.dumps(session_report(clock))[:-1] + ', "detail": ' + "[" * 500 + "]" * 500 + "}"
    assert post_raw(worker_client, deep.encode()).status_code == 400
    endless = '{"a":' * 100_000 + "1" + "}" * 100_000
    assert post_raw(worker_client, endless.encode()).status_code == 400


def test_an_encoding_that_we_do_not_know_is_refused(worker_client):
    assert post_raw(worker_client, b"x", **{"Content-Encoding": "br"}).status_code == 415
    assert post_raw(worker_client, b"not gzip", **{"Content-Encoding": "gzip"}).status_code == 400


def test_a_frame_that_is_wrong_names_the_field(worker_client, clock):
    for change, field in (({"state": "asleep"}, "state"), ({"account": "two words"}, "account"),
                          ({"batch_id": "x"}, "batch_id"), ({"surprise": 1}, "surprise")):
        refused = send(worker_client, "session", session_report(clock, **change))
        assert (refused.status_code, refused.get_json()["error"]["field"]) == (400, field)


def test_an_unknown_kind_is_not_there(worker_client, clock):
    assert send(worker_client, "nonsense", session_report(clock)).status_code == 404


def test_only_the_workers_token_gets_in(app, api_as, clock):
    body = session_report(clock)
    assert send(app.test_client(), "session", body).status_code == 401
    assert send(with_token(app, "wrong-token-0123456789"), "session", body).status_code == 401
    assert send(api_as("admin"), "session", body).status_code == 403
    assert accounts(app) == []

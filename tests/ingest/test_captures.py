"""Raw pages: kept by their content, found by a row, shown as text only, swept when old."""

import gzip
import os
from datetime import timedelta
from uuid import uuid4

import pytest

from scraper.observations import Capture
from server.ingest import captures
from server.models import CaptureRow, db
from tests.ingest.helpers import packed, page, send

HTML = b"<html><script>alert(1)</script><p>caf\xc3\xa9</p></html>"


@pytest.fixture
def kept(app, clock):
    """Keeps raw bytes; returns the row's id."""
    def keep(raw: bytes = HTML) -> int:
        with app.app_context():
            row = captures.keep(db.session(), Capture(url="https://site.test/page", body=packed(raw)), None, clock.now)
            db.session.commit()
            return row.id

    return keep


def files(settings):
    return sorted((settings.data_folder / "captures").glob("*/*"))


def test_a_page_is_kept_as_a_private_file_named_by_its_content(app, settings, kept):
    kept()
    file, = files(settings)
    with app.app_context():
        row = db.session.query(CaptureRow).one()
        assert captures.read(row) == HTML
    assert file.name == f"{row.sha256}.gz"
    assert file.parent.name == row.sha256[:2]
    assert gzip.decompress(file.read_bytes()) == HTML
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (row.raw_bytes, row.stored_bytes) == (len(HTML), file.stat().st_size)


def test_the_same_page_again_needs_no_second_file(app, settings, kept):
    kept()
    kept()
    assert len(files(settings)) == 1
    with app.app_context():
        assert db.session.query(CaptureRow).count() == 2


@pytest.mark.parametrize("body", ["", "not base64!", "aGVsbG8=", packed(HTML)[:-8], "\u0000", "é" * 8])
def test_what_is_no_page_is_set_aside_and_the_people_on_it_are_taken(app, settings, worker_client, clock, body):
    told = send(worker_client, "scan-page", page(clock, "ann", capture={"url": "https://site.test/", "body": body}))
    assert told.status_code == 200
    assert (told.get_json()["accepted"], told.get_json()["rejected"][0]["item"]) == (1, "capture")
    assert files(settings) == []


def test_a_page_that_unpacks_to_too_much_is_set_aside(app, settings, worker_client, clock):
    bomb = packed(b" " * (captures.LARGEST_CAPTURE + 1))
    told = send(worker_client, "scan-page", page(clock, "ann", capture={"url": "u", "body": bomb})).get_json()
    assert "16 MiB" in told["rejected"][0]["reason"]
    assert files(settings) == []


def test_a_scan_page_leads_to_its_raw_page(app, worker_client, clock, client_as):
    run_id = uuid4()
    send(worker_client, "scan-page", page(clock, "ann", run_id=str(run_id),
                                          capture={"url": "https://site.test/p", "body": packed(HTML)}))
    with app.app_context():
        assert db.session.query(CaptureRow).one().run_id == run_id


def test_a_raw_page_is_shown_as_text_that_nothing_runs(client_as, kept):
    """S9"""
    shown = client_as("admin").get(f"/admin/captures/{kept()}")
    assert shown.data == HTML
    assert shown.content_type == "text/plain; charset=utf-8"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Disposition"].startswith("inline;")
    policy = shown.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy


def test_raw_pages_are_for_those_who_may(client_as, kept):
    address = f"/admin/captures/{kept()}"
    assert client_as("viewer").get(address).status_code == 403
    assert client_as("subscriber").get(address).status_code == 403


def test_a_raw_page_whose_file_is_gone_is_a_404(client_as, kept, settings):
    number = kept()
    files(settings)[0].write_bytes(b"damaged")
    assert client_as("admin").get(f"/admin/captures/{number}").status_code == 404
    files(settings)[0].unlink()
    assert client_as("admin").get(f"/admin/captures/{number}").status_code == 404
    assert client_as("admin").get("/admin/captures/999").status_code == 404


def sweep(app, clock, days):
    with app.app_context():
        return captures.sweep(db.session(), days, clock.now)


def age(file, hours=2):
    old = file.stat().st_mtime - hours * 3600
    os.utime(file, (old, old))


def test_old_pages_are_swept_and_shared_files_stay_while_they_are_needed(app, settings, clock, kept):
    kept(b"old")
    kept(b"shared")
    clock.advance(days=100)
    kept(b"shared")
    for file in files(settings):
        age(file)
    gone = sweep(app, clock, 90)
    assert (gone["captures"], gone["files"]) == (2, 1)
    assert len(files(settings)) == 1
    with app.app_context():
        assert captures.read(db.session.query(CaptureRow).one()) == b"shared"


def test_zero_days_keeps_pages_for_ever(app, settings, clock, kept):
    kept()
    clock.advance(days=4000)
    assert sweep(app, clock, 0)["captures"] == 0
    assert len(files(settings)) == 1


def test_a_young_file_without_a_row_is_left_for_the_row_that_is_coming(app, settings, clock, kept):
    kept()
    with app.app_context():
        db.session.query(CaptureRow).delete()
        db.session.commit()
    assert sweep(app, clock, 90)["files"] == 0
    age(files(settings)[0])
    assert sweep(app, clock, 90)["files"] == 1


def test_a_page_seen_again_makes_its_file_young(settings, kept):
    kept()
    age(files(settings)[0], hours=48)
    before = files(settings)[0].stat().st_mtime
    kept()
    assert files(settings)[0].stat().st_mtime > before + timedelta(hours=47).total_seconds()


def test_the_command_says_what_goes_and_lets_it_go(app, settings, clock, kept):
    kept()
    age(files(settings)[0])
    clock.advance(days=100)
    run = app.test_cli_runner().invoke
    assert "1 raw pages older than 90 days would go" in run(args=["retention", "--dry-run"]).output
    assert len(files(settings)) == 1
    assert "1 raw pages" in run(args=["retention", "--capture-days", "30"]).output
    assert files(settings) == []

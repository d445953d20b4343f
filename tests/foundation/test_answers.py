"""Headers, limits and errors: what every answer has in common."""

import errno
import json
from datetime import UTC, datetime

import pytest
from flask import jsonify
from sqlalchemy import text

from common.settings import load_settings
from server import create_app
from server.access.guard import PUBLIC, mark_endpoint
from server.models import db
from tests.helpers import WORKER

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
pytestmark = on_sqlite


def add_view(app, path, view, methods=("GET", "POST")):
    endpoint = "test" + path.replace("/", "_")
    app.add_url_rule(path, endpoint, view, methods=list(methods))
    mark_endpoint(app, endpoint, PUBLIC)


@pytest.mark.parametrize("path", ["/login", "/healthz", "/nothing-here", "/account", "/api/nothing",
                                  "/assets/htmx.min.js"])
def test_every_answer_carries_the_security_headers(client, path):
    answer = client.get(path, buffered=True)
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers
    answer.close()


@pytest.mark.parametrize("path", ["/account", "/admin/access", "/api/openapi.json", "/nothing-here", "/api/nothing"])
def test_what_a_signed_in_person_sees_is_kept_by_no_cache(client_as, path):
    """S23"""
    assert client_as("admin").get(path).headers["Cache-Control"] == "private, no-store"


def test_behind_https_cookies_are_secure_and_browsers_are_told_to_stay(settings, clock):
    app = create_app(load_settings(data_dir=settings.data_dir, database_url=settings.database_url, worker_token=WORKER,
                                   https=True, trusted_proxies=1), clock=clock)
    answer = app.test_client().get("/login", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"})
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert "Secure" in answer.headers["Set-Cookie"]
    with app.app_context():
        db.engine.dispose()


def test_pages_carry_no_inline_script_style_or_other_host(client, client_as):
    pages = [client.get("/login"), *(client_as("admin").get(path) for path in
                                     ("/account", "/admin/access", "/admin/settings", "/api/docs", "/nothing-here"))]
    for page in pages:
        html = page.get_data(as_text=True)
        assert " style=" not in html and "<style" not in html and " onclick" not in html
        assert "<script>" not in html
        assert 'src="http' not in html and 'href="http' not in html


def test_assets_come_from_this_server(client):
    for path in ("/assets/htmx.min.js", "/assets/swagger/css/swagger-ui.css", "/static/docs.js",
                 "/bootstrap/static/css/bootstrap.min.css"):
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200, path
        answer.close()


@pytest.mark.parametrize("name", ["../../__init__.py", "..%2f..%2f__init__.py", "%2e%2e/plugins.py", "/etc/passwd"])
def test_assets_stay_in_their_folder(client, name):
    """S12"""
    answer = client.get(f"/assets/swagger/{name}", buffered=True)
    assert answer.status_code in (308, 404)
    answer.close()


def test_errors_are_json_under_api_and_pages_elsewhere(client):
    inside, outside = client.get("/api/nothing"), client.get("/nothing")
    assert inside.status_code == outside.status_code == 404
    assert inside.json["error"]["code"] == "not_found" and inside.json["error"]["message"]
    assert outside.mimetype == "text/html" and "<h1" in outside.get_data(as_text=True)


def test_a_wrong_method_says_which_are_right(client):
    answer = client.delete("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_an_error_page_does_not_repeat_the_address_unescaped(client):
    """S8"""
    answer = client.get("/nothing/<script>alert(1)</script>?x=<script>alert(2)</script>")
    assert "<script>alert" not in answer.get_data(as_text=True)


def test_a_bug_shows_no_details(app, client, caplog):
    app.testing = False

    def bug():
        raise RuntimeError("the secret detail")

    add_view(app, "/api/bug", bug)
    add_view(app, "/bug", bug)
    inside, outside = client.get("/api/bug"), client.get("/bug")
    assert inside.status_code == outside.status_code == 500
    assert inside.json["error"]["code"] == "internal"
    assert "secret detail" not in inside.get_data(as_text=True) + outside.get_data(as_text=True)
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EROFS, "read_only")])
def test_a_full_or_read_only_disk_is_said_in_words(app, client, number, code):
    """S31"""
    def write():
        raise OSError(number, "no")

    add_view(app, "/api/write", write)
    answer = client.get("/api/write")
    assert answer.status_code == 503
    assert answer.json["error"]["code"] == code
    assert answer.headers["Retry-After"]


def test_a_read_only_database_is_said_in_words(app, client):
    """S31"""
    def write():
        db.session.execute(text("PRAGMA query_only = ON"))
        try:
            db.session.execute(text("INSERT INTO system_facts (name, value, at) VALUES ('a', 'b', '2026-01-01')"))
        finally:
            db.session.execute(text("PRAGMA query_only = OFF"))
        return ""

    add_view(app, "/api/write", write)
    answer = client.get("/api/write")
    assert answer.status_code == 503
    assert answer.json["error"]["code"] == "read_only"


def test_a_locked_database_is_busy_and_nothing_is_half_done(app, client, client_as):
    """S31"""
    admin = client_as("admin")
    form = {"name": "ada", "role": "viewer", "password": "a good password"}
    with app.app_context():
        other = db.engine.raw_connection()
        db.engine.dispose(close=False)
    import server.database as database

    short, database.BUSY_TIMEOUT_MS = database.BUSY_TIMEOUT_MS, 50
    try:
        other.driver_connection.execute("BEGIN IMMEDIATE")
        answer = admin.post("/admin/access/users", data=form)
        assert answer.status_code == 503
        assert "busy" in answer.get_data(as_text=True)
        other.driver_connection.execute("ROLLBACK")
    finally:
        database.BUSY_TIMEOUT_MS = short
        other.close()
    assert admin.post("/admin/access/users", data=form).status_code == 303


def test_somebody_who_has_not_signed_in_may_send_little(client):
    """S23"""
    answer = client.post("/login", data={"name": "x" * 100_000})
    assert answer.status_code == 413


def test_endless_form_parts_are_refused(app, client_as):
    """S23"""
    fields = {f"field{number}": "x" for number in range(2000)}
    answer = client_as("admin").post("/admin/access/users", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 413


def test_json_nested_without_end_is_a_bad_request(app, client):
    """S23"""
    from flask import request

    add_view(app, "/api/echo", lambda: jsonify(request.get_json()), methods=("GET",))
    deep = "[" * 30_000
    answer = client.get("/api/echo", data=deep, content_type="application/json")
    assert answer.status_code == 400


def test_moments_leave_as_iso_with_milliseconds(app, client):
    add_view(app, "/api/moment", lambda: jsonify({"at": datetime(2026, 1, 31, 12, 0, 0, 5000, tzinfo=UTC)}))
    assert json.loads(client.get("/api/moment").data)["at"] == "2026-01-31T12:00:00.005Z"


def test_an_htmx_request_of_somebody_signed_out_leads_to_the_sign_in_page(client):
    answer = client.get("/account", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"


def test_healthz_says_so_when_the_database_is_away(app, client, monkeypatch):
    from sqlalchemy.exc import OperationalError

    import server.health

    def away():
        raise OperationalError("SELECT 1", {}, Exception("could not connect to server at 192.0.2.7"))

    monkeypatch.setattr(server.health, "reading", away)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert "192.0.2.7" not in answer.get_data(as_text=True)

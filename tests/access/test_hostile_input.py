"""S23, S24, S26, S27: whatever is sent to any route, the answer is an answer and not an accident."""

from uuid import UUID

import pytest
from werkzeug.routing import AnyConverter, IntegerConverter, UUIDConverter

from scraper.observations import MESSAGES
from server.access.guard import STATIC_ENDPOINTS, WORKER, mark_of
from server.models import db
from server.people.store import ensure_account
from tests.helpers import with_token

KINDS = tuple(MESSAGES)
TEXTS = ["\x00", "' OR 1=1 --", "-1", "99999999999999999999", "\u202eevil"]
NAMES = ["account", "q", "tag", "sort", "cursor", "limit", "days", "role", "direction", "username", "since", "until"]

# Everything that any body may hold, under every name: no field gets what it hopes for.
FIELDS = ["worker", "jobs", "force", "phase", "done", "total", "detail", "outcome", "error", "counters", "waiting_ms",
          "working_ms", "retry_after_seconds", "batch_id", "run_id", "observed_at", "scan_id", "account", "facts",
          "people", "list", "started_at", "finished_at", "pages", "items", "capture", "html", "usernames", "complete",
          "intervalMinutes", "enabled", "name", "password", "role", "csrf_token", "next", "username", "url",
          "problem", "body", "rooms", "limit"]
VALUES = {
    "NUL": r'"a\u0000b"', "half a surrogate": r'"\ud800"', "a bidi mark": '"\u202eevil"', "a huge number": "9" * 400,
    "beyond a float": "1e400", "not a number": "NaN", "endless": "-Infinity", "below zero": "-1",
    "an object": '{"a": {"b": []}}', "a list": "[[], null, 3]", "true": "true", "null": "null", "empty text": '""',
    "long text": '"' + "x" * 5_000 + '"',
}
BODIES = {
    "deep lists": b"[" * 100_000 + b"]" * 100_000, "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "half of deep lists": b"[" * 100_000, "a list": b"[]", "a text": b'"x"', "a number": b"7", "null": b"null",
    "nothing": b"", "not JSON": b"{nonsense", "more digits than Python reads": b"9" * 5_000,
    "not UTF-8": b'{"a": "\xff"}', "an empty object": b"{}", "a name with NUL": rb'{"\u0000": 1}',
    "the same name twice": b'{"list": 1, "list": []}',
} | {f"everywhere {what}": ("{" + ", ".join(f'"{name}": {value}' for name in FIELDS) + "}").encode()
     for what, value in VALUES.items()}
FORMS = {
    "NUL": "a\x00b", "SQL": "' OR 1=1 --", "a huge number": "9" * 5_000, "below zero": "-1", "long text": "x" * 5_000,
    "nothing": "", "bytes": b"\xff\xfe",
}


def address(rule, **known):
    """An address whose parts are not what the route hopes for."""
    values = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        hostile = {IntegerConverter: 2**70, UUIDConverter: UUID(int=1)}
        if isinstance(converter, AnyConverter):
            hostile[AnyConverter] = min(converter.items)
        values[name] = known.get(name) or next(
            (value for kind, value in hostile.items() if isinstance(converter, kind)), "\u202e'x")
    return rule.build(values, append_unknown=False)[1]


def callers(app, client_as, worker_client):
    admin = client_as("admin")
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in STATIC_ENDPOINTS | {"access.logout"}:
            yield rule, worker_client if mark_of(app, rule.endpoint) == WORKER else admin


def test_no_query_and_no_path_makes_an_accident(app, client_as, worker_client):
    app.testing = False
    accidents = []
    for rule, client in callers(app, client_as, worker_client):
        if "GET" in rule.methods:
            for text in TEXTS:
                answer = client.get(address(rule), query_string=dict.fromkeys(NAMES, text))
                if answer.status_code >= 500:
                    accidents.append((rule.rule, text, answer.status_code))
                answer.close()
    assert accidents == []


def test_no_body_makes_an_accident(app, client_as, worker_client):
    """At addresses that are there, so that the bodies get as far as they can."""
    app.testing = False
    with app.app_context():
        ensure_account(db.session(), "demo_owner", app.extensions["mhc_clock"]())
        db.session.commit()
    accidents = []
    for rule, client in callers(app, client_as, worker_client):
        kinds = KINDS if "kind" in rule.arguments else (None,)
        for method in rule.methods & {"POST", "DELETE", "PUT", "PATCH"}:
            for kind in kinds:
                where = address(rule, job="following", kind=kind, job_id=1, user_id=1, token_id=1)
                sent = [(what, {"data": body, "content_type": "application/json"}) for what, body in BODIES.items()]
                if not rule.rule.startswith("/api/"):  # pages take forms; a password costs its time at each try
                    sent = sent[:2] + [(what, {"data": dict.fromkeys(FIELDS[-12:], value)})
                                       for what, value in FORMS.items()]
                for what, how in sent:
                    answer = client.open(where, method=method, **how)
                    if answer.status_code >= 500:
                        accidents.append((method, where, what, answer.status_code))
                    answer.close()
    assert accidents == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["deep lists", "half of deep lists", "more digits than Python reads", "not JSON"])
def test_a_body_that_cannot_be_read_is_refused_for_good(worker_client, kind, body):
    answer = worker_client.post(f"/api/ingest/{kind}", data=BODIES[body], content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", [2**63, 2**70, "9" * 5_000])
def test_a_number_that_no_row_can_have_is_an_unknown_address(client_as, number):
    assert client_as("admin").post(f"/admin/access/tokens/{number}/revoke").status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_token_with_letters_beyond_ascii_is_nobody(app):
    assert with_token(app, "t\u00f6k\u00e9n-of-nobody").get("/api/openapi.json").status_code == 401

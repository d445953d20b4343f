"""S24, S26, S27: whatever is sent to any route, the answer is an answer and not an accident."""

from uuid import UUID

import pytest

from server.access.guard import STATIC_ENDPOINTS, WORKER, mark_of
from tests.helpers import with_token

TEXTS = ["\x00", "' OR 1=1 --", "-1", "99999999999999999999", "\u202eevil"]
NAMES = ["account", "q", "tag", "sort", "cursor", "limit", "days", "role", "direction", "username", "since", "until"]


def address(rule):
    """An address whose parts are not what the route hopes for."""
    values = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        kinds = {"IntegerConverter": 2**70, "UUIDConverter": UUID(int=1),
                 "AnyConverter": min(getattr(converter, "items", "x"))}
        values[name] = kinds.get(type(converter).__name__, "\u202e'x")
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


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_token_with_letters_beyond_ascii_is_nobody(app):
    assert with_token(app, "t\u00f6k\u00e9n-of-nobody").get("/api/openapi.json").status_code == 401

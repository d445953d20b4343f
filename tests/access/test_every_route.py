"""S15, S16: every route for every role, for tokens, for the worker and for nobody."""

from uuid import UUID

import pytest
from werkzeug.routing import AnyConverter, IntegerConverter, UUIDConverter

from server.access.guard import PUBLIC, SIGNED_IN, STATIC_ENDPOINTS, WORKER, mark_of, requires
from server.access.roles import PERMISSIONS, ROLES
from tests.helpers import with_token

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# What anybody may reach. Whoever adds to it opens a door, so it stands here and not in the code.
OPEN_TO_ALL = {"static", "bootstrap.static", "assets.htmx", "assets.swagger", "assets.bokeh", "health.healthz",
               "access.login", "access.login_post", "access.logout", "access.setup", "access.setup_post"}


def address(rule):
    """An address of this rule; what it names need not exist."""
    values = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        if isinstance(converter, IntegerConverter):
            values[name] = 1
        elif isinstance(converter, UUIDConverter):
            values[name] = UUID(int=1)
        else:
            values[name] = min(converter.items) if isinstance(converter, AnyConverter) else "x"
    return rule.build(values, append_unknown=False)[1]


def calls(app):
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            yield rule, method, address(rule)


def refused(answer, path):
    """Was this turned away at the door?"""
    if answer.status_code in (401, 403):
        code = answer.json["error"]["code"] if path.startswith("/api") else None
        return code in (None, "signed_out", "forbidden")
    return answer.status_code in (302, 303) and answer.location.startswith("/login")


def test_every_endpoint_carries_a_mark(app):
    assert [endpoint for endpoint in app.view_functions if mark_of(app, endpoint) is None] == []


def test_only_the_listed_endpoints_are_open_to_all(app):
    assert {endpoint for endpoint in app.view_functions if mark_of(app, endpoint) == PUBLIC} == OPEN_TO_ALL


def test_static_endpoints_are_public(app):
    assert all(mark_of(app, endpoint) == PUBLIC for endpoint in STATIC_ENDPOINTS)


def test_nobody_gets_in_anywhere_but_at_the_open_doors(app, client):
    for rule, method, path in calls(app):
        if mark_of(app, rule.endpoint) == PUBLIC:
            continue
        answer = client.open(path, method=method)
        assert refused(answer, path), (method, path, answer.status_code)
        if path.startswith("/api"):
            assert answer.status_code == 401
            assert answer.json["error"]["code"] == "signed_out"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_in_where_its_permissions_say(app, client_as, role):
    app.testing = False  # what happens behind the door is not the matter here
    given = set(ROLES[role][1])
    browser = client_as(role)
    for rule, method, path in calls(app):
        mark = mark_of(app, rule.endpoint)
        if mark == PUBLIC or rule.endpoint == "access.change_password":
            continue
        answer = browser.open(path, method=method)
        let_in = mark == SIGNED_IN or mark in given
        assert refused(answer, path) != let_in, (role, method, path, mark, answer.status_code)


@pytest.mark.parametrize("role", ROLES)
def test_a_token_gets_in_where_its_role_says(app, api_as, role):
    app.testing = False
    given = set(ROLES[role][1])
    program = api_as(role)
    for rule, method, path in calls(app):
        mark = mark_of(app, rule.endpoint)
        if mark == PUBLIC:
            continue
        answer = program.open(path, method=method)
        assert refused(answer, path) != (mark in given), (role, method, path, mark, answer.status_code)


def test_the_workers_token_opens_the_workers_doors_alone(app, worker_client):
    app.testing = False
    for rule, method, path in calls(app):
        mark = mark_of(app, rule.endpoint)
        if mark == PUBLIC:
            continue
        answer = worker_client.open(path, method=method)
        assert refused(answer, path) != (mark == WORKER), (method, path, mark, answer.status_code)


def test_a_wrong_token_is_nobody_even_beside_a_good_cookie(app, client_as):
    browser = client_as("admin")
    for path in ("/api/openapi.json", "/admin/access"):
        for value in ("Bearer wrong-token-0123456789", "Basic YWRtaW46YWRtaW4=", "Bearer", ""):
            assert browser.get(path, headers={"Authorization": value}).status_code == 401


def test_a_revoked_token_is_nobody(app, api_as, client_as):
    program = api_as("viewer")
    assert program.get("/api/openapi.json").status_code == 200
    with app.app_context():
        from server.models import ApiToken, db

        number = db.session.query(ApiToken.id).filter_by(name="viewer").scalar()
    assert client_as("admin").post(f"/admin/access/tokens/{number}/revoke").status_code == 303
    assert program.get("/api/openapi.json").status_code == 401


def test_an_endpoint_without_a_mark_is_refused_for_the_admin_too(app, client_as):
    app.add_url_rule("/forgotten", "forgotten", lambda: "open")
    assert client_as("admin").get("/forgotten").status_code == 403


def test_a_mark_that_is_no_permission_is_found_at_once():
    with pytest.raises(ValueError, match="view_user"):
        requires("view_user")


def test_every_unsafe_call_of_a_browser_needs_the_csrf_token(app, client_as):
    """S17"""
    browser = client_as("admin")
    browser.sends_csrf = False
    for rule, method, path in calls(app):
        if method in UNSAFE and mark_of(app, rule.endpoint) != WORKER:
            answer = browser.open(path, method=method)
            assert answer.status_code == 400, (method, path, answer.status_code)
            assert "grown old" in answer.get_data(as_text=True), (method, path)


def test_a_get_changes_nothing_by_name(app):
    """S17: what changes something is never a GET."""
    words = ("add", "set", "revoke", "delete", "erase", "accept", "reject", "logout", "cancel", "start", "stop")
    for rule in app.url_map.iter_rules():
        if "GET" in rule.methods:
            assert not any(rule.rule.rstrip("/").endswith(f"/{word}") for word in words), rule


def test_every_role_names_known_permissions():
    assert all(set(given) <= set(PERMISSIONS) for _, given in ROLES.values())
    assert set(ROLES["admin"][1]) == set(PERMISSIONS)


def test_a_bearer_needs_no_csrf_token(app, api_as):
    app.testing = False
    answer = api_as("admin").post("/admin/access/tokens", data={"name": "from-a-program", "role": "viewer"})
    assert answer.status_code == 200


def test_the_old_token_of_the_worker_ends_when_a_new_one_is_set(settings, clock, app, worker_client):
    from common.settings import load_settings
    from server import create_app
    from server.startup import prepare

    other = load_settings(data_dir=settings.data_dir, database_url=settings.database_url,
                          worker_token="another-token-of-the-worker")
    newer = create_app(other, clock=clock)
    with newer.app_context():
        prepare()
    rule = next(rule for rule in app.url_map.iter_rules() if mark_of(app, rule.endpoint) == WORKER)
    assert with_token(newer, "another-token-of-the-worker").post(address(rule)).status_code not in (401, 403)
    assert worker_client.post(address(rule)).status_code == 401
    with newer.app_context():
        from server.models import db

        db.engine.dispose()

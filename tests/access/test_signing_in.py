import threading

import pytest

from common.settings import load_settings
from server import create_app
from server.access.next import safe_next
from server.access.sessions import ABSOLUTE, IDLE
from server.access.signin import TRIES_PER_ADDRESS, TRIES_PER_NAME, WINDOW
from server.models import ApiToken, AuditEntry, SetupCode, SignInAttempt, SystemUser, db
from server.startup import new_setup_link
from tests.helpers import PASSWORD, WORKER, SignedIn, add_user, signed_in

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def browser(app):
    """A browser that has not signed in and sends the CSRF token of its forms."""
    app.test_client_class = SignedIn
    try:
        return app.test_client()
    finally:
        app.test_client_class = None


def sign_in(browser, name="ada", password=PASSWORD, **more):
    return browser.post("/login", data={"name": name, "password": password, **more})


def test_the_right_password_lets_in_and_leads_to_where_one_wanted(app, browser):
    add_user(app, "ada", "viewer")
    answer = sign_in(browser, next="/account")
    assert (answer.status_code, answer.location) == (303, "/account")
    assert browser.get("/account").status_code == 200


def test_the_name_is_known_in_any_case(app, browser):
    add_user(app, "ada", "viewer")
    assert sign_in(browser, name=" Ada ").status_code == 303


@on_sqlite
def test_wrong_password_unknown_name_and_inactive_user_get_the_same_answer(app, browser):
    """S21"""
    add_user(app, "ada", "viewer")
    gone = add_user(app, "gone", "viewer")
    with app.app_context():
        db.session.get(SystemUser, gone).active = False
        db.session.commit()
    texts = []
    for name, password in (("ada", "wrong password"), ("nobody-here", PASSWORD), ("gone", PASSWORD)):
        answer = sign_in(browser, name=name, password=password)
        assert answer.status_code == 401
        texts.append(answer.get_data(as_text=True).replace(name, "NAME"))
    without_tokens = [[line for line in text.splitlines() if "csrf" not in line] for text in texts]
    assert without_tokens[0] == without_tokens[1] == without_tokens[2]


@on_sqlite
def test_an_unknown_name_costs_a_whole_hash_as_well(app, browser, monkeypatch):
    from server.access import passwords

    asked = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda password, kept: asked.append(kept) or real(password, kept))
    sign_in(browser, name="nobody-here")
    assert asked == [None]


def test_too_many_tries_for_a_name_are_refused_even_with_the_right_password(app, browser, clock):
    add_user(app, "ada", "viewer")
    for number in range(TRIES_PER_NAME):
        answer = browser.post("/login", data={"name": "ada", "password": "wrong password"},
                              environ_base={"REMOTE_ADDR": f"192.0.2.{number}"})
        assert answer.status_code == 401
    answer = sign_in(browser)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= WINDOW.total_seconds() + 1
    clock.advance(seconds=int(answer.headers["Retry-After"]))
    assert sign_in(browser).status_code == 303


@on_sqlite
def test_the_brake_holds_for_names_that_do_not_exist(app, browser):
    answers = [sign_in(browser, name="nobody-here").status_code for _ in range(TRIES_PER_NAME + 1)]
    assert answers == [401] * TRIES_PER_NAME + [429]


@on_sqlite
def test_too_many_tries_from_an_address_are_refused_whatever_the_name(app, browser):
    add_user(app, "ada", "viewer")
    answers = [sign_in(browser, name=f"name{number}").status_code for number in range(TRIES_PER_ADDRESS)]
    assert set(answers) == {401}
    assert sign_in(browser).status_code == 429


@on_sqlite
def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(app, browser):
    """S20"""
    for number in range(TRIES_PER_ADDRESS):
        browser.post("/login", data={"name": f"name{number}", "password": "wrong password"},
                     headers={"X-Forwarded-For": f"192.0.2.{number}"})
    assert sign_in(browser).status_code == 429


@on_sqlite
def test_a_good_sign_in_forgets_the_failures_of_its_name(app, browser):
    add_user(app, "ada", "viewer")
    for _ in range(TRIES_PER_NAME - 1):
        sign_in(browser, password="wrong password")
    assert sign_in(browser).status_code == 303
    assert sign_in(browser, password="wrong password").status_code == 401


WISHES = ["//evil.example", "////evil.example", "/\\evil.example", "\\/evil.example", "//@evil.example", " /x", "/ x",
          "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", "https://evil.example", "https:/evil.example",
          "evil.example", "", None, "/login?next=/x", "/logout", "/%0d%0aX: y\r\n", "//[", "/" + "x" * 3000]


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_to_go_elsewhere_leads_to_the_first_page(wish):
    """S18"""
    assert safe_next(wish) == "/"


@pytest.mark.parametrize("wish", ["/", "/users/directory?q=a%20b&sort=-age", "/profile/ada_", "/admin/scans#x"])
def test_a_wish_inside_the_panel_is_granted(wish):
    assert safe_next(wish) == wish


@on_sqlite
@pytest.mark.parametrize("wish", ["//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_host(app, browser, wish):
    """S18"""
    add_user(app, "ada", "viewer")
    assert sign_in(browser, next=wish).location == "/"


@on_sqlite
def test_a_forged_host_does_not_reach_the_redirects(app, browser):
    """S20"""
    answer = browser.get("/account", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.location == "/login?next=%2Faccount"


def test_a_page_that_needs_signing_in_leads_there_and_back(app, browser):
    add_user(app, "ada", "admin")
    there = browser.get("/admin/access?x=1").location
    assert there == "/login?next=%2Fadmin%2Faccess%3Fx%3D1"
    assert sign_in(browser, next="/admin/access?x=1").location == "/admin/access?x=1"


def test_signing_out_ends_a_copy_of_the_cookie_too(app):
    """S19"""
    user = add_user(app, "ada", "viewer")
    one = signed_in(app, user)
    with one.session_transaction() as session:
        copied = dict(session)
    thief = app.test_client()
    with thief.session_transaction() as session:
        session.update(copied)
    assert thief.get("/account").status_code == 200
    assert one.post("/logout").status_code == 303
    assert one.get("/account").status_code == 302
    assert thief.get("/account").status_code == 302


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(app):
    """S19"""
    user = add_user(app, "ada", "viewer")
    here, elsewhere = signed_in(app, user), signed_in(app, user)
    new = "another good password"
    answer = here.post("/account/password", data={"old": PASSWORD, "password": new, "again": new})
    assert answer.status_code == 303
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


@on_sqlite
@pytest.mark.parametrize(("old", "new", "again"), [
    ("wrong", "another good password", "another good password"), (PASSWORD, "short", "short"),
    (PASSWORD, "another good password", "a different password"), (PASSWORD, "x" * 257, "x" * 257)])
def test_a_password_is_not_changed_when_something_is_wrong(app, old, new, again):
    browser = signed_in(app, add_user(app, "ada", "viewer"))
    assert browser.post("/account/password", data={"old": old, "password": new, "again": again}).status_code == 400
    with app.app_context():
        assert db.session.query(SystemUser).one().session_version == 1


@on_sqlite
def test_a_session_ends_after_a_time_without_use(app, clock):
    browser = signed_in(app, add_user(app, "ada", "viewer"))
    clock.now += IDLE
    assert browser.get("/account").status_code == 200
    clock.now += IDLE
    assert browser.get("/account").status_code == 200
    clock.now += IDLE
    clock.advance(seconds=1)
    assert browser.get("/account").status_code == 302


@on_sqlite
def test_a_session_ends_after_its_longest_time_even_in_use(app, clock):
    browser = signed_in(app, add_user(app, "ada", "viewer"))
    end = clock.now + ABSOLUTE
    while clock.now + IDLE <= end:
        clock.now += IDLE
        assert browser.get("/account").status_code == 200
    clock.now = end
    clock.advance(seconds=1)
    assert browser.get("/account").status_code == 302


@on_sqlite
def test_a_user_made_inactive_is_out_at_once(app, client_as):
    user = add_user(app, "ada", "viewer")
    browser = signed_in(app, user)
    assert client_as("admin").post(f"/admin/access/users/{user}/active", data={"active": "no"}).status_code == 303
    assert browser.get("/account").status_code == 302


@on_sqlite
def test_the_session_cookie_is_closed_to_scripts_and_other_sites(app, browser):
    add_user(app, "ada", "viewer")
    cookie = sign_in(browser).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie


@on_sqlite
def test_a_changed_secret_key_keeps_sessions_as_long_as_the_old_one_is_understood(settings, clock, app):
    """S21"""
    browser = signed_in(app, add_user(app, "ada", "viewer"))
    cookie = browser.get_cookie(app.config["SESSION_COOKIE_NAME"])
    old = settings.secret_keys[0]
    for keys, status in ((f"a-new-secret-key-of-the-tests,{old}", 200), ("a-new-secret-key-of-the-tests", 302)):
        newer = create_app(load_settings(data_dir=settings.data_dir, database_url=settings.database_url,
                                         worker_token=WORKER, secret_key=keys), clock=clock)
        client = newer.test_client()
        client.set_cookie(cookie.key, cookie.value)
        assert client.get("/account").status_code == status
        with newer.app_context():
            db.engine.dispose()


@on_sqlite
def test_behind_a_trusted_proxy_the_address_is_the_one_it_saw(settings, clock, app):
    """S20: what the client itself put in front of it is not believed."""
    newer = create_app(load_settings(data_dir=settings.data_dir, database_url=settings.database_url,
                                     worker_token=WORKER, trusted_proxies=1), clock=clock)
    newer.test_client_class = SignedIn
    browser = newer.test_client()
    for number in range(3):
        browser.post("/login", data={"name": "ada", "password": "wrong password"},
                     headers={"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.9"})
    with newer.app_context():
        keys = [row.key for row in db.session.query(SignInAttempt) if row.key.startswith("address:")]
        assert keys == ["address:192.0.2.9"] * 3
        db.session.remove()
        db.engine.dispose()


# ---- the first admin -----------------------------------------------------------------------------------------


def setup_code(app):
    with app.app_context():
        link = new_setup_link(db.session)
        db.session.commit()
    return link.partition("code=")[2]


def make_admin(browser, code, name="ada", password=PASSWORD, again=None):
    return browser.post("/setup", data={"code": code, "name": name, "password": password, "again": again or password})


def test_the_set_up_link_makes_the_first_admin_and_signs_in(app, browser):
    code = setup_code(app)
    assert browser.get(f"/setup?code={code}").status_code == 200
    assert make_admin(browser, code).status_code == 303
    assert browser.get("/admin/access").status_code == 200


def test_the_set_up_link_works_once(app, browser):
    """S22"""
    code = setup_code(app)
    make_admin(browser, code)
    assert make_admin(app_client(app), code, name="mallory").status_code == 403
    with app.app_context():
        assert [user.name for user in db.session.query(SystemUser)] == ["ada"]
        assert db.session.query(SetupCode).count() == 0


def app_client(app):
    app.test_client_class = SignedIn
    try:
        return app.test_client()
    finally:
        app.test_client_class = None


def test_of_two_at_the_same_moment_one_becomes_admin(app):
    """S22"""
    code = setup_code(app)
    together = threading.Barrier(4)
    answers = []

    def one(number):
        browser = app_client(app)
        browser.csrf_token()
        together.wait()
        answers.append(make_admin(browser, code, name=f"name{number}").status_code)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 403, 403, 403]
    with app.app_context():
        assert db.session.query(SystemUser).count() == 1


@on_sqlite
def test_a_typing_error_does_not_use_up_the_link(app, browser):
    code = setup_code(app)
    assert make_admin(browser, code, again="something else").status_code == 400
    assert make_admin(browser, code, password="short").status_code == 400
    assert make_admin(browser, code, name="<b>").status_code == 400
    assert make_admin(browser, code).status_code == 303


@on_sqlite
@pytest.mark.parametrize("code", ["", "wrong-code", "x" * 10_000])
def test_a_wrong_code_makes_nobody_admin(app, browser, code):
    setup_code(app)
    assert make_admin(browser, code).status_code == 403
    assert browser.get(f"/setup?code={code[:100]}").status_code == 403


@on_sqlite
def test_a_newer_link_voids_the_older(app, browser):
    older = setup_code(app)
    newer = setup_code(app)
    assert make_admin(browser, older).status_code == 403
    assert make_admin(browser, newer).status_code == 303


@on_sqlite
def test_no_link_is_made_once_there_is_a_user(app):
    add_user(app, "ada", "viewer")
    with app.app_context():
        assert new_setup_link(db.session) is None


# ---- what is kept --------------------------------------------------------------------------------------------


@on_sqlite
def test_no_password_no_token_and_no_code_is_kept_in_clear(app, browser, client_as):
    """S21, S30"""
    code = setup_code(app)
    make_admin(browser, code)
    page = browser.post("/admin/access/tokens", data={"name": "bot", "role": "viewer"}).get_data(as_text=True)
    token = page.partition('id="new-token">')[2].partition("<")[0]
    assert token.startswith("mhc_") and len(token) > 40
    with app.app_context():
        raw = db.engine.raw_connection()
        dump = "\n".join(raw.driver_connection.iterdump())
        raw.close()
    for secret in (code, PASSWORD, token, app.settings.worker_token_value):
        assert secret not in dump
    assert "$argon2id$" in dump


@on_sqlite
def test_a_new_token_is_shown_once(app, client_as):
    admin = client_as("admin")
    page = admin.post("/admin/access/tokens", data={"name": "bot", "role": "viewer"}).get_data(as_text=True)
    token = page.partition('id="new-token">')[2].partition("<")[0]
    assert token not in admin.get("/admin/access").get_data(as_text=True)


@on_sqlite
def test_the_workers_token_cannot_be_revoked_or_replaced_from_the_page(app, client_as):
    with app.app_context():
        number = db.session.query(ApiToken.id).filter_by(name="worker").scalar()
    admin = client_as("admin")
    assert admin.post(f"/admin/access/tokens/{number}/revoke").status_code == 409
    assert admin.post("/admin/access/tokens", data={"name": "worker", "role": "admin"}).status_code == 400


def test_the_last_admin_stays(app):
    user = add_user(app, "ada", "admin")
    browser = signed_in(app, user)
    assert browser.post(f"/admin/access/users/{user}/role", data={"role": "viewer"}).status_code == 409
    assert browser.post(f"/admin/access/users/{user}/active", data={"active": "no"}).status_code == 409
    other = add_user(app, "bea", "admin")
    assert browser.post(f"/admin/access/users/{other}/active", data={"active": "no"}).status_code == 303
    assert browser.post(f"/admin/access/users/{user}/role", data={"role": "viewer"}).status_code == 409


def test_two_admins_cannot_remove_each_other_at_the_same_moment(app):
    one, two = add_user(app, "ada", "admin"), add_user(app, "bea", "admin")
    browsers = [(signed_in(app, one), two), (signed_in(app, two), one)]
    together = threading.Barrier(2)

    def remove(browser, other):
        browser.csrf_token()
        together.wait()
        browser.post(f"/admin/access/users/{other}/role", data={"role": "viewer"})

    threads = [threading.Thread(target=remove, args=pair) for pair in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        assert [user.role.name for user in db.session.query(SystemUser)].count("admin") >= 1


def test_users_are_added_changed_and_written_down(app, client_as):
    admin = client_as("admin")
    form = {"name": "Cyd", "role": "viewer", "password": PASSWORD}
    assert admin.post("/admin/access/users", data=form).status_code == 303
    assert admin.post("/admin/access/users", data=form).status_code == 409
    assert admin.post("/admin/access/users", data={**form, "name": "a b"}).status_code == 400
    assert admin.post("/admin/access/users", data={**form, "name": "dee", "role": "owner"}).status_code == 400
    with app.app_context():
        cyd = db.session.query(SystemUser).filter_by(name="cyd").one().id
    assert admin.post(f"/admin/access/users/{cyd}/role", data={"role": "subscriber"}).status_code == 303
    assert admin.post(f"/admin/access/users/{cyd}/password", data={"password": "a new password"}).status_code == 303
    assert admin.post("/admin/access/users/999/role", data={"role": "viewer"}).status_code == 404
    assert "cyd (subscriber)" in admin.get("/admin/access").get_data(as_text=True)
    with app.app_context():
        done = [(entry.actor, entry.action, entry.subject) for entry in db.session.query(AuditEntry).order_by("id")]
    assert done == [("admin-of-tests", "add user", "cyd (viewer)"), ("admin-of-tests", "set role", "cyd (subscriber)"),
                    ("admin-of-tests", "set password", "cyd")]


@on_sqlite
def test_names_are_text_on_the_page(app, client_as):
    """S7"""
    with app.app_context():
        db.session.add(AuditEntry(at=app.extensions["mhc_clock"](), actor="<script>x</script>", action="<b>",
                                  subject='"><i>'))
        db.session.commit()
    page = client_as("admin").get("/admin/access").get_data(as_text=True)
    assert "<script>x" not in page and "&lt;script&gt;x" in page

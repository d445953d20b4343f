import pytest

from server.access import passwords
from server.models import ApiToken, SystemUser, db
from tests.helpers import add_user, with_token


@pytest.fixture
def flask(app):
    """Runs `flask --app server …` in this app."""
    runner = app.test_cli_runner()
    return lambda *words, stdin="": runner.invoke(args=list(words), input=stdin)


def test_a_user_is_added_with_the_password_from_standard_input(app, flask):
    done = flask("user", "add", "Ada", "--role", "admin", "--password-stdin", stdin="a good password\n")
    assert done.exit_code == 0, done.output
    with app.app_context():
        user = db.session.query(SystemUser).one()
        assert (user.name, user.role.name) == ("ada", "admin")
        assert passwords.matches("a good password", user.password_hash)


def test_a_password_is_asked_for_twice(app, flask):
    done = flask("user", "add", "ada", "--role", "viewer", stdin="a good password\na good password\n")
    assert done.exit_code == 0, done.output
    assert "a good password" not in done.output


@pytest.mark.parametrize(("words", "stdin", "said"), [
    (["a b", "--role", "admin"], "a good password\n", "letters"),
    (["ada", "--role", "owner"], "a good password\n", "admin, subscriber, viewer"),
    (["ada", "--role", "admin"], "short\n", "at least 8"),
    (["bea", "--role", "admin"], "a good password\n", "already"),
])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_wrong_is_said_in_one_line(app, flask, words, stdin, said):
    add_user(app, "bea", "viewer")
    done = flask("user", "add", *words, "--password-stdin", stdin=stdin)
    assert done.exit_code == 1
    assert said in done.output and "Traceback" not in done.output


def test_a_new_password_from_the_command_line_ends_sessions(app, flask):
    add_user(app, "ada", "viewer")
    assert flask("user", "password", "ada", "--password-stdin", stdin="another good one\n").exit_code == 0
    with app.app_context():
        assert db.session.query(SystemUser).one().session_version == 2
    assert "ada\tviewer\tactive\tnever signed in" in flask("user", "list").output


def test_a_token_stands_alone_on_the_last_line_and_works(app, flask):
    done = flask("token", "add", "bot", "--role", "viewer")
    token = done.output.splitlines()[-1]
    assert with_token(app, token).get("/api/openapi.json").status_code == 200
    assert "bot\tviewer" in flask("token", "list").output
    assert token not in flask("token", "list").output
    assert flask("token", "revoke", "bot").exit_code == 0
    assert with_token(app, token).get("/api/openapi.json").status_code == 401


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_workers_token_is_not_revoked_by_name(app, flask):
    assert flask("token", "revoke", "worker").exit_code == 1
    assert flask("token", "revoke", "nothing").exit_code == 1
    with app.app_context():
        assert db.session.query(ApiToken).count() == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_settings_are_shown_without_secrets(app, flask):
    done = flask("settings")
    assert done.exit_code == 0
    assert "MHC_CHATURBATE_URL" in done.output
    assert app.settings.worker_token_value not in done.output


def test_a_set_up_link_is_printed_while_there_is_no_user(app, flask):
    done = flask("setup-link")
    link = done.output.strip()
    assert link.startswith("http://127.0.0.1:3000/setup?code=")
    assert app.test_client().get(link.removeprefix("http://127.0.0.1:3000")).status_code == 200
    add_user(app, "ada", "admin")
    assert flask("setup-link").exit_code == 1

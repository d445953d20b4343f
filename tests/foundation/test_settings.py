import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.settings import WrongSetting, load_settings
from server.settings import HIDDEN, shown

SECRETS = {"MHC_SECRET_KEY": "a-secret-key-of-the-tests", "MHC_WORKER_TOKEN": "a-worker-token-of-the-tests",
           "MHC_STATS_TOKEN": "a-stats-token-of-the-tests", "MHC_EVENTS_TOKEN": "an-events-token-of-the-tests",
           "MHC_STATBATE_TOKEN": "a-statbate-token", "MHC_TWITCH_CLIENT_SECRET": "a-twitch-secret",
           "MHC_DATABASE_URL": "postgresql+psycopg2://panel:database-password@db.example/panel"}
ROOT = Path(__file__).resolve().parents[2]


def command(*words, stdin="", **environment):
    """Run it in an empty folder, with these variables alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MHC_", "FLASK_"))}
    return subprocess.run([sys.executable, "-m", *words], input=stdin, capture_output=True, text=True, timeout=60,
                          env={**kept, "PYTHONPATH": str(ROOT), **environment}, check=False)


def rows(settings):
    return {row.variable: row for row in shown(settings)}


def test_secrets_are_hidden_wherever_settings_are_shown(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    text = repr(shown(load_settings()))
    for value in SECRETS.values():
        assert value not in text
    assert "database-password" not in text
    assert text.count(HIDDEN) == 6


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_page_hides_them_too(app, client_as):
    page = client_as("admin").get("/admin/settings").get_data(as_text=True)
    assert app.settings.worker_token_value not in page
    assert "MHC_CHATURBATE_URL" in page and HIDDEN in page


def test_each_value_says_where_it_comes_from(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("a-stats-token-of-the-tests\n")
    (tmp_path / ".env").write_text("MHC_OWNER=ada\n")
    monkeypatch.setenv("MHC_STATS_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("MHC_PORT", "3001")
    found = rows(load_settings())
    assert found["MHC_PORT"].origin == "environment"
    assert found["MHC_STATS_TOKEN"].origin == f"file {tmp_path / 'token'}"
    assert found["MHC_OWNER"].origin == ".env"
    assert found["MHC_HOST"].origin == "default"
    assert found["MHC_SECRET_KEY"].origin.startswith("made at the first start")


@pytest.mark.parametrize("name", ["MHC_STATS_TOKEN", "MHC_OWNER", "MHC_PORT", "MHC_WORKER_TOKEN"])
def test_each_setting_may_be_a_file(monkeypatch, tmp_path, name):
    value = "3001" if name == "MHC_PORT" else "ada_value_of_the_file"
    (tmp_path / "value").write_text(value + "\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "value"))
    kept = getattr(load_settings(), name.removeprefix("MHC_").lower())
    assert str(getattr(kept, "get_secret_value", lambda: kept)()) == value


def test_the_environment_wins_over_the_file(monkeypatch, tmp_path):
    (tmp_path / "value").write_text("bea")
    monkeypatch.setenv("MHC_OWNER_FILE", str(tmp_path / "value"))
    monkeypatch.setenv("MHC_OWNER", "ada")
    assert load_settings().owner == "ada"


@pytest.mark.parametrize(("name", "value"), [
    ("MHC_PORT", "abc"), ("MHC_PORT", "70000"), ("MHC_DATABASE_URL", "mysql://x"), ("MHC_TIMEZONE", "Nowhere/Land"),
    ("MHC_PAGE_PAUSE", "5-3"), ("MHC_CHATURBATE_URL", "ftp://x"), ("MHC_OWNER", "a b"), ("MHC_LOG_FORMAT", "xml"),
    ("MHC_OWNER_FILE", "/nowhere/at/all")])
def test_a_wrong_value_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting, match=name):
        load_settings()


@pytest.mark.parametrize("words", [("server",), ("flask", "--app", "server", "settings")])
def test_a_wrong_setting_stops_the_start_with_one_clear_line(words):
    done = command(*words, MHC_PORT="abc")
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and "MHC_PORT" in lines[0] and "Traceback" not in done.stderr


def test_a_short_secret_key_stops_the_start(tmp_path):
    done = command("server", MHC_SECRET_KEY="short")
    assert done.returncode == 2
    assert done.stderr.startswith("server: MHC_SECRET_KEY") and "short" not in done.stderr


def test_the_server_does_not_start_on_a_database_that_is_not_prepared():
    done = command("server", MHC_PORT="39871")
    assert done.returncode == 1
    assert done.stderr.strip() == "server: the database is empty; prepare it with: flask --app server db upgrade"

"""Where settings come from, and what is said about wrong ones. (Each has a test of its own in its room, too.)"""

import stat
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from common.settings import Settings, WrongSetting, kept_secret, load_settings, unknown_variables


def test_a_setting_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("MHC_PORT", "4000")
    assert load_settings().port == 4000


def test_a_setting_comes_from_a_file_that_the_environment_names(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("from-a-file\n")
    monkeypatch.setenv("MHC_STATS_TOKEN_FILE", str(tmp_path / "token"))
    assert load_settings().stats_token.get_secret_value() == "from-a-file"


def test_the_environment_wins_over_the_file_it_names(monkeypatch, tmp_path):
    (tmp_path / "port").write_text("4001")
    monkeypatch.setenv("MHC_PORT_FILE", str(tmp_path / "port"))
    monkeypatch.setenv("MHC_PORT", "4000")
    assert load_settings().port == 4000


def test_a_setting_comes_from_the_env_file_of_the_folder():
    Path(".env").write_text("MHC_OWNER=Some_Owner\n")
    assert load_settings().owner == "some_owner"


def test_the_env_file_may_name_files_too(tmp_path):
    (tmp_path / "owner").write_text("filed_owner\n")
    Path(".env").write_text(f"MHC_OWNER_FILE={tmp_path / 'owner'}\n")
    assert load_settings().owner == "filed_owner"


def test_the_environment_wins_over_the_env_file(monkeypatch):
    Path(".env").write_text("MHC_PORT=4002\n")
    monkeypatch.setenv("MHC_PORT", "4000")
    assert load_settings().port == 4000


def test_an_empty_value_is_the_default(monkeypatch):
    monkeypatch.setenv("MHC_PORT", "")
    assert load_settings().port == 3000


def test_a_file_that_cannot_be_read_is_named(monkeypatch):
    monkeypatch.setenv("MHC_SECRET_KEY_FILE", "/nowhere/key")
    with pytest.raises(WrongSetting, match="MHC_SECRET_KEY_FILE: cannot read /nowhere/key"):
        load_settings()


@pytest.mark.parametrize(("name", "value"), [
    ("port", "http"), ("port", "0"), ("port", "65536"), ("page_pause", "5-3"), ("page_pause", "soon"),
    ("page_pause", "-1"), ("owner", "two words"), ("owner", "../x"), ("timezone", "Mars/Olympus"),
    ("timezone", "../etc"), ("database_url", "mysql://x/y"),
    ("database_url", "postgresql+asyncpg://x/y"), ("database_url", "postgresql://me:secret@x:port/y"),
    ("database_url", "postgresql://x:port"), ("chaturbate_url", "ftp://site"),
    ("chaturbate_url", "http://user@site"), ("chaturbate_url", "http:\\\\site"), ("server_url", "http://a\\@b"),
    ("server_url", "http://host/?x=1"), ("trusted_proxies", "9"), ("capture_days", "-1"), ("log_format", "xml"),
])
def test_a_wrong_value_is_one_line_that_names_the_variable(monkeypatch, name, value):
    monkeypatch.setenv(f"MHC_{name.upper()}", value)
    with pytest.raises(WrongSetting) as caught:
        load_settings()
    assert str(caught.value).startswith(f"MHC_{name.upper()}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", [
    "postgresql://x", "postgresql://me@x:5432/y", "postgresql://me:a:b/c@[::1]:5432/y?sslmode=require",
    "postgresql+psycopg2://me@x:5432/y",
])
def test_a_postgresql_is_spoken_to_through_the_driver_that_is_installed(url):
    assert load_settings(database_url=url).resolved_database_url == \
        "postgresql+psycopg2:" + url.partition(":")[2]


@pytest.mark.parametrize(("given", "url"), [
    ({}, "http://127.0.0.1:3000"), ({"port": 3001}, "http://127.0.0.1:3001"),
    ({"host": "0.0.0.0"}, "http://127.0.0.1:3000"), ({"host": "::", "port": 3001}, "http://[::1]:3001"),
    ({"host": "192.0.2.7"}, "http://192.0.2.7:3000"), ({"port": 3001, "server_url": "http://panel"}, "http://panel"),
])
def test_the_worker_finds_the_server_of_the_same_settings(given, url):
    assert load_settings(**given).server_url == url


@pytest.mark.parametrize("name", ["worker_token", "secret_key", "stats_token"])
def test_a_secret_is_not_shown_with_the_settings(name):
    assert "confidential-value" not in repr(load_settings(**{name: "confidential-value"}))


@pytest.mark.parametrize(("text", "pause"), [("3-5", (3, 5)), ("4", (4, 4)), ("0", (0, 0)), (" 1.5 - 2 ", (1.5, 2))])
def test_the_pause_is_a_range(text, pause):
    assert load_settings(page_pause=text).pause_range == pause


def test_the_zone_is_the_owners():
    assert load_settings(timezone="Europe/Lisbon").zone == ZoneInfo("Europe/Lisbon")


def test_the_data_folder_is_for_its_owner_alone(tmp_path):
    folder = load_settings(data_dir=tmp_path / "new").data_folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path):
    first, second = load_settings(data_dir=tmp_path), load_settings(data_dir=tmp_path)
    assert first.secret_keys == second.secret_keys
    assert first.worker_token_value == second.worker_token_value != first.secret_keys[0]
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.key", "worker.token"]


def test_all_who_ask_for_a_new_secret_at_the_same_time_get_the_same(tmp_path):
    found: list[str] = []
    asking = [threading.Thread(target=lambda: found.append(kept_secret(tmp_path / "key"))) for _ in range(16)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert len(found) == 16
    assert len(set(found)) == 1


def test_several_secret_keys_are_understood_newest_first():
    keys = load_settings(secret_key="the-newest-key-of-all , the-older-key-of-both").secret_keys
    assert keys == ["the-newest-key-of-all", "the-older-key-of-both"]


def test_a_short_secret_key_is_refused():
    with pytest.raises(WrongSetting, match="MHC_SECRET_KEY: every key needs at least 16 characters"):
        load_settings(secret_key="short").secret_keys  # noqa: B018


def test_a_variable_that_no_setting_reads_is_told_with_the_closest_name():
    assert unknown_variables({"MHC_PROT": "1", "MHC_PORT": "2", "MHC_OWNER_FILE": "x", "OTHER": "y",
                              "MHC_TEST_DATABASE_URL": "z"}) == [("MHC_PROT", "MHC_PORT")]


def test_every_secret_is_kept_as_a_secret():
    plain = {"twitch_client_id", "affiliate_code"}
    secret_words = ("token", "secret", "key", "password")
    assert [name for name, field in Settings.model_fields.items()
            if any(word in name for word in secret_words) and name not in plain
            and "SecretStr" not in str(field.annotation)] == []

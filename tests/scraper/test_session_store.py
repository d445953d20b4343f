"""Sign-ins are kept encrypted, for nobody else to read, and are not lost by a run."""

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.settings import Settings, load_settings
from scraper.cookies import WrongCookies, read_cookies
from scraper.errors import SignedOut
from scraper.session_store import SavedSession, SessionStore, renewed

SINCE = datetime(2026, 11, 1, 9, tzinfo=UTC)
PROVED = datetime(2026, 11, 20, 12, tzinfo=UTC)
COOKIE = {"name": "sessionid", "value": "made-up-session-value-0001", "domain": "chaturbate.com", "path": "/",
          "expires": 1_800_000_000.0, "httpOnly": True, "secure": True, "sameSite": "Lax"}


def settings_in(folder: Path, key: str = "a secret key for the tests") -> Settings:
    return load_settings(data_dir=folder, secret_key=key)


@pytest.fixture
def session() -> SavedSession:
    return SavedSession("demo_owner", {"cookies": [COOKIE], "origins": []}, SINCE, PROVED)


def test_a_session_is_read_back_as_it_was_saved(tmp_path: Path, session: SavedSession) -> None:
    SessionStore(settings_in(tmp_path)).save(session)
    assert SessionStore(settings_in(tmp_path)).load("Demo_Owner") == session
    assert session.cookies_end == datetime.fromtimestamp(1_800_000_000, UTC)


def test_only_its_owner_can_read_the_file_and_no_cookie_is_in_clear(tmp_path: Path, session: SavedSession) -> None:
    SessionStore(settings_in(tmp_path)).save(session)
    path = tmp_path / "sessions" / "chaturbate-demo_owner.session"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert b"made-up-session-value" not in path.read_bytes()
    assert b"sessionid" not in path.read_bytes()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_nobody_signed_in_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SignedOut, match="nobody has signed in as demo_owner yet"):
        SessionStore(settings_in(tmp_path)).load("demo_owner")
    assert SessionStore(settings_in(tmp_path)).accounts() == []


def test_a_session_under_another_key_has_to_be_made_anew(tmp_path: Path, session: SavedSession) -> None:
    SessionStore(settings_in(tmp_path)).save(session)
    other = SessionStore(settings_in(tmp_path, "another secret key of tests"))
    with pytest.raises(SignedOut, match="another secret key"):
        other.load("demo_owner")
    assert other.accounts() == ["demo_owner"]


def test_a_rotated_key_still_reads_the_session(tmp_path: Path, session: SavedSession) -> None:
    SessionStore(settings_in(tmp_path)).save(session)
    rotated = settings_in(tmp_path, "the new key, 16 letters".replace(",", "") + ",a secret key for the tests")
    assert SessionStore(rotated).load("demo_owner") == session


def test_a_damaged_file_is_a_sign_out_not_a_crash(tmp_path: Path, session: SavedSession) -> None:
    SessionStore(settings_in(tmp_path)).save(session)
    path = tmp_path / "sessions" / "chaturbate-demo_owner.session"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(SignedOut):
        SessionStore(settings_in(tmp_path)).load("demo_owner")


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a.b", "x" * 51])
def test_a_name_that_is_no_username_reaches_no_file(tmp_path: Path, session: SavedSession, name: str) -> None:
    with pytest.raises(ValueError, match="not a username"):
        SessionStore(settings_in(tmp_path)).save(replace(session, account=name))


def state(*cookies: tuple[str, str]) -> dict:
    return {"cookies": [{"name": name, "value": value} for name, value in cookies], "origins": []}


def test_renewed_cookies_take_the_place_of_the_old_ones() -> None:
    new = state(("sessionid", "new"))
    assert renewed(state(("sessionid", "old")), new, challenged=False) == new


def test_cookies_without_a_sign_in_do_not_replace_one() -> None:
    assert renewed(state(("sessionid", "old")), state(("sbr", "x")), challenged=False) == state(("sessionid", "old"))


def test_cookies_of_a_challenge_do_not_replace_the_session_cookie() -> None:
    kept = renewed(state(("sessionid", "old")), state(("sessionid", "new"), ("cf_clearance", "c")), challenged=True)
    assert kept == state(("cf_clearance", "c"), ("sessionid", "old"))


NETSCAPE = ("# Netscape HTTP Cookie File\n\n#HttpOnly_.chaturbate.com\tTRUE\t/\tTRUE\t1800000000\tsessionid\tabc123\n"
            ".chaturbate.com\tTRUE\t/\tFALSE\t0\tcsrftoken\tdef456\n.other.example\tTRUE\t/\tFALSE\t0\tx\ty\n")


def test_cookies_txt_is_understood_with_its_http_only_lines() -> None:
    cookies = read_cookies(NETSCAPE, "chaturbate.com")
    assert [(one["name"], one["httpOnly"], one["secure"], one["expires"]) for one in cookies] == [
        ("sessionid", True, True, 1_800_000_000), ("csrftoken", False, False, -1)]


@pytest.mark.parametrize("text", [
    '[{"domain": ".chaturbate.com", "expirationDate": 1800000000.5, "hostOnly": false, "httpOnly": true, "name": '
    '"sessionid", "path": "/", "sameSite": "no_restriction", "secure": true, "value": "abc123", "storeId": "0"}]',
    '\ufeff{"cookies": [{"name": "sessionid", "value": "abc123", "domain": "chaturbate.com", "sameSite": null}]}',
])
def test_the_json_of_browsers_extensions_is_understood(text: str) -> None:
    assert read_cookies(text, "chaturbate.com")[0]["value"] == "abc123"


@pytest.mark.parametrize(("text", "said"), [
    ("[]", "no cookies of chaturbate.com"), ("{}", "not a list of cookies"), ("[1]", "not a list of cookies"),
    ("[{", "not the JSON"), ("hello", "neither JSON nor cookies.txt"), ("", "no cookies"),
    ('[{"name": "x", "value": "y", "domain": "chaturbate.com"}]', "no cookie `sessionid`"),
    ('[{"name": "sessionid", "value": "y", "domain": "evilchaturbate.com"}]', "no cookies of"),
    ('[{"name": "sessionid", "value": 5, "domain": "chaturbate.com"}]', "no name, value or domain"),
])
def test_a_file_without_a_sign_in_says_why(text: str, said: str) -> None:
    with pytest.raises(WrongCookies, match=said):
        read_cookies(text, "chaturbate.com")

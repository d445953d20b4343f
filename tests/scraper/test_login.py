"""Signing in four ways, in the real browser, against the sandbox."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.clock import utc_now
from common.settings import Settings, load_settings
from scraper import sign_in
from scraper.__main__ import main
from scraper.browser import Browser
from scraper.cookies import read_cookies
from scraper.errors import SignInFailed
from scraper.layout_files import layouts_for
from scraper.outbox import Outbox
from scraper.sandbox.testing import Sandbox, running
from scraper.session_store import SavedSession, SessionStore

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with running(people=30, following=12, followers=8, seed=2) as sandbox:
        yield sandbox


@pytest.fixture
def site(_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield _sandbox
    _sandbox.clear_faults()
    _sandbox.options.change(login_step="none")


@pytest.fixture
def settings(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chromium_path: str) -> Settings:
    for name, value in {"DATA_DIR": str(tmp_path / "data"), "CHATURBATE_URL": site.url, "BROWSER": chromium_path,
                        "SERVER_URL": "http://127.0.0.1:9", "PAGE_TIMEOUT": "20"}.items():
        monkeypatch.setenv(f"MHC_{name}", value)
    return load_settings()


def saved(settings: Settings) -> SavedSession:
    (account,) = SessionStore(settings).accounts()
    return SessionStore(settings).load(account)


def type_password(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))


def test_exported_cookies_sign_in_and_are_proved_before_they_are_kept(
        settings: Settings, site: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps(site.cookies()))
    assert main(["login", "--cookies", str(file)]) == 0
    session = saved(settings)
    assert session.account == site.owner
    assert abs(session.proved_at - utc_now()) < timedelta(minutes=1)
    pinned = {cookie["name"]: cookie["value"] for cookie in session.storage_state["cookies"]}
    assert (pinned["agreeterms"], pinned["language"]) == ("1", "en")
    said = capsys.readouterr().err
    assert "Signed in as demo_owner" in said
    assert "The panel's server does not answer just now" in said
    assert len(Outbox.of(settings.data_folder).waiting()) == 1
    assert main(["session", "--check"]) == 0
    assert "demo_owner  signed in" in capsys.readouterr().out


def test_cookies_that_sign_nobody_in_are_not_kept(settings: Settings, site: Sandbox, tmp_path: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps(site.cookies()))
    site.sign_everybody_out()
    assert main(["login", "--cookies", str(file)]) == 3
    assert SessionStore(settings).accounts() == []
    said = capsys.readouterr().err
    assert "sign-in form" in said and "export the cookies anew" in said


def test_a_cookies_txt_signs_in_as_well(settings: Settings, site: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "cookies.txt"
    file.write_text("# Netscape HTTP Cookie File\n" + "".join(
        f"#HttpOnly_{cookie['domain']}\tFALSE\t/\tFALSE\t0\t{cookie['name']}\t{cookie['value']}\n"
        for cookie in site.cookies()))
    assert main(["login", "--cookies", str(file)]) == 0
    assert saved(settings).account == site.owner


@pytest.mark.parametrize(("said", "secure", "kept"), [
    ("no_restriction", True, "None"), ("no_restriction", False, "Lax"), (None, False, "Lax"), (None, True, "Lax"),
    ("strict", False, "Strict"), ("unspecified", True, "Lax"),
])
def test_no_cookie_is_kept_in_a_form_that_browsers_drop(said: str | None, secure: bool, kept: str) -> None:
    exported = {"name": "sessionid", "value": "x", "domain": "site.example", "sameSite": said, "secure": secure}
    assert read_cookies(json.dumps([exported]), "site.example")[0]["sameSite"] == kept


def test_cookies_of_another_account_are_not_kept(settings: Settings, site: Sandbox, tmp_path: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps(site.cookies()))
    assert main(["login", "--account", "somebody_else", "--cookies", str(file)]) == 3
    assert SessionStore(settings).accounts() == []
    assert "signed in as demo_owner, not as somebody_else" in capsys.readouterr().err


def test_name_and_password_sign_in_without_a_window_and_without_a_trace(
        settings: Settings, site: Sandbox, monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str]) -> None:
    type_password(monkeypatch, site.password)
    assert main(["login", "--username", site.owner, "--password-stdin"]) == 0
    assert saved(settings).account == site.owner
    out, err = capfd.readouterr()
    kept = b"".join(path.read_bytes() for path in settings.data_folder.rglob("*") if path.is_file())
    for secret in site.secrets:
        assert secret not in out + err
        assert secret.encode() not in kept


def test_a_wrong_password_is_said_and_nothing_is_kept(settings: Settings, site: Sandbox,
                                                      monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    type_password(monkeypatch, "not the password")
    assert main(["login", "--username", site.owner, "--password-stdin"]) == 3
    said = capsys.readouterr().err
    assert "the site refused the name or the password" in said
    assert "not the password" not in said
    assert SessionStore(settings).accounts() == []


@pytest.mark.parametrize("step", ["captcha", "two_factor"])
def test_a_puzzle_or_a_code_is_left_to_the_owner(settings: Settings, site: Sandbox, step: str,
                                                 monkeypatch: pytest.MonkeyPatch,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    site.options.change(login_step=step)
    type_password(monkeypatch, site.password)
    assert main(["login", "--username", site.owner, "--password-stdin"]) == 4
    assert "a code or a puzzle" in capsys.readouterr().err
    assert SessionStore(settings).accounts() == []


@pytest.mark.parametrize(("fault", "status", "said"), [
    ("challenge", 4, "human check"), ("region_age_gate", 4, "age check"), ("maintenance", 1, "answered 503"),
    ("rate_limit", 4, "slow down"), ("cut", 1, "connection"),
])
def test_what_stands_before_the_form_is_said_in_words(settings: Settings, site: Sandbox, fault: str, status: int,
                                                      said: str, monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    site.fault(fault, list="login")
    type_password(monkeypatch, site.password)
    assert main(["login", "--username", site.owner, "--password-stdin"]) == status
    assert said in capsys.readouterr().err
    assert SessionStore(settings).accounts() == []


def test_the_owners_own_chrome_is_asked_for_the_sites_cookies_alone(
        settings: Settings, site: Sandbox, tmp_path: Path, chromium_path: str) -> None:
    with _chrome(chromium_path, tmp_path / "profile") as address:
        with Browser(settings) as helper:
            context = helper._playwright.chromium.connect_over_cdp(address).contexts[0]  # type: ignore[union-attr]
            context.add_cookies([_cookie(one) for one in site.cookies()]
                                + [{"name": "x", "value": "not-ours-at-all", "domain": "other.example", "path": "/"}])
        assert main(["login", "--cdp", address]) == 0
    session = saved(settings)
    assert session.account == site.owner
    assert "not-ours-at-all" not in json.dumps(session.storage_state)


def test_no_chrome_at_the_address_is_said(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["login", "--cdp", "http://127.0.0.1:9"]) == 2
    assert "no Chrome answers" in capsys.readouterr().err


def test_without_a_screen_the_window_is_replaced_by_advice(settings: Settings, monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["login"]) == 2
    assert "no screen here" in capsys.readouterr().err


OWNER_AT_THE_KEYBOARD = """
addEventListener('DOMContentLoaded', () => {
  const form = document.querySelector('#login_form');
  if (!form) return;
  form.username.value = %s; form.password.value = %s; form.submit();
});
"""


def test_in_the_window_the_owner_signs_in_and_we_wait(settings: Settings, site: Sandbox) -> None:
    layouts = layouts_for(settings.data_folder)
    with Browser(settings, storage_state=sign_in.starting_state(settings)) as browser:
        browser.page.add_init_script(OWNER_AT_THE_KEYBOARD % (json.dumps(site.owner), json.dumps(site.password)))
        cookies = sign_in.by_hand(browser, layouts, patience=20)
    proved = sign_in.prove(settings, layouts, sign_in.state_of(settings, cookies), site.owner, utc_now)
    assert proved.account == site.owner


def test_a_window_in_which_nobody_signs_in_ends_with_words(settings: Settings) -> None:
    with Browser(settings) as browser, pytest.raises(SignInFailed, match="nobody signed in within"):
        sign_in.by_hand(browser, layouts_for(settings.data_folder), patience=0.3)


@pytest.mark.parametrize("arguments", [
    ["--username", "x"], ["--password-stdin"], ["--cookies", "a", "--cdp", "b"], ["--account", "not a name"],
    ["--cookies", "/nowhere/at/all"],
])
def test_wrong_use_is_said(settings: Settings, arguments: list[str]) -> None:
    assert main(["login", *arguments]) == 2


def test_session_without_any_sign_in_has_the_exit_status_of_a_sign_out(
        settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["session"]) == 3
    assert "Nobody has signed in yet" in capsys.readouterr().out


def test_a_session_that_is_over_is_found_out_when_checked(settings: Settings, site: Sandbox, tmp_path: Path,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps(site.cookies()))
    assert main(["login", "--cookies", str(file)]) == 0
    site.sign_everybody_out()
    assert main(["session"]) == 0
    assert main(["session", "--check"]) == 3
    assert "python -m scraper login" in " ".join(capsys.readouterr().out.split())


def _cookie(exported: dict[str, Any]) -> dict[str, Any]:
    return {name: exported[name] for name in ("name", "value", "domain", "path")}


class _chrome:
    """A Chrome of the owner's, with its door for tools open."""

    def __init__(self, path: str, profile: Path) -> None:
        self._path, self._profile = path, profile

    def __enter__(self) -> str:
        flags = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self._profile}", "--disable-gpu",
                 "--no-first-run", *(["--no-sandbox"] if os.geteuid() == 0 else []), "about:blank"]
        self._process = subprocess.Popen([self._path, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._profile / "DevToolsActivePort"
        _until(lambda: port.exists() and len(port.read_text().splitlines()) == 2)
        return f"http://127.0.0.1:{port.read_text().splitlines()[0]}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def _until(true: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)

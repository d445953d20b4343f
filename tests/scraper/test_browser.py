"""The browser: found, fenced in, closed again."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from common.settings import Settings, load_settings
from scraper.browser import Awaited, Browser, allowed_hosts
from scraper.errors import NoBrowser, Unavailable
from scraper.sandbox.testing import Sandbox, running
from tests import browsers

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True, scope="module")
def _browsers_of_their_own() -> Iterator[None]:
    with browsers.own():
        yield


@pytest.fixture
def settings(tmp_path: Path, chromium_path: str) -> Settings:
    return load_settings(data_dir=tmp_path / "data", chaturbate_url="http://127.0.0.1:9", browser=chromium_path)


@pytest.fixture
def site(settings: Settings) -> Sandbox:
    with running(people=5) as site:
        settings.chaturbate_url = site.url
        yield site


def children(but: frozenset[int] = frozenset()) -> frozenset[int]:
    """Processes that this one has started, with those that they have started; without the whole family of some."""
    found: set[int] = set()
    for child in psutil.Process().children():
        if child.pid not in but:
            with suppress(psutil.NoSuchProcess):  # it ends while it is looked at
                found |= {child.pid, *(one.pid for one in child.children(recursive=True))}
    return frozenset(found)


def test_nothing_of_it_is_left_afterwards(settings: Settings, site: Sandbox) -> None:
    before = children()
    with Browser(settings) as browser:
        assert browser.open("/").status == 200
        assert children(but=before)
    assert not children(but=before)


def test_nothing_of_it_is_left_after_an_error(settings: Settings) -> None:
    before = children()
    with pytest.raises(Unavailable, match="could not be reached"), Browser(settings) as browser:
        browser.open("/")
    assert not children(but=before)


def test_no_other_host_can_be_reached(settings: Settings, site: Sandbox) -> None:
    elsewhere = site.url.replace("127.0.0.1", "localhost")
    with Browser(settings) as browser:
        browser.open("/")
        tried = browser.page.evaluate(
            "async (url) => { try { await fetch(url, {mode: 'no-cors'}); return 'reached'; } catch { return 'not'; } }",
            f"{elsewhere}/discover/")
    assert tried == "not"
    assert "/discover/" not in {one.path for one in site.requests}


def test_the_real_sites_scripts_may_come_from_its_own_static_hosts(settings: Settings) -> None:
    real = settings.model_copy(update={"chaturbate_url": "https://chaturbate.com"})
    assert allowed_hosts(real) == ["chaturbate.com", "*.chaturbate.com", "*.mmcdn.com", "*.highwebmedia.com"]
    assert allowed_hosts(settings) == ["127.0.0.1"]


def test_it_does_not_hide_what_it_is(settings: Settings, site: Sandbox) -> None:
    with Browser(settings) as browser:
        browser.open("/")
        assert browser.page.evaluate("navigator.webdriver") is True
        assert "Headless" in browser.page.evaluate("navigator.userAgent")


def test_a_page_that_never_fills_in_is_not_waited_for_for_ever(settings: Settings, site: Sandbox) -> None:
    with Browser(settings, deadline=2) as browser:
        arrived = browser.open("/", awaited=Awaited(anywhere=("#never", "not a [selector")))
    assert not arrived.settled
    assert 2000 <= arrived.waiting_ms < 20_000


def test_a_slow_site_is_given_up(settings: Settings, site: Sandbox) -> None:
    site.fault("slow", list="home", seconds=30)
    with Browser(settings, deadline=1) as browser, pytest.raises(Unavailable, match="did not answer within 1 seconds"):
        browser.open("/")


def test_a_wrong_path_of_a_browser_is_said(settings: Settings, tmp_path: Path) -> None:
    settings.browser = tmp_path / "nothing"
    with pytest.raises(NoBrowser, match="MHC_BROWSER"), Browser(settings):
        pass


def flags_of_a_start(settings: Settings, tmp_path: Path, words: str) -> str:
    """What a browser is started with; this one says these words and ends."""
    program = tmp_path / "chromium"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/flags\necho "{words}" >&2\nexit 1\n')
    program.chmod(0o755)
    settings.browser = program
    with pytest.raises((NoBrowser, Unavailable)) as caught, Browser(settings):
        pass
    return f"{(tmp_path / 'flags').read_text()} {caught.value}"


def test_a_browser_that_may_not_fence_in_the_site_is_not_used(settings: Settings, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    settings.chaturbate_url = "https://chaturbate.com"
    said = flags_of_a_start(settings, tmp_path, "FATAL: No usable sandbox! If you are running on Ubuntu 23.10+ …")
    assert "--no-sandbox" not in said
    assert "may not fence in" in said


@pytest.mark.parametrize(("user", "site"), [(0, "https://chaturbate.com"), (1000, "http://127.0.0.1:9")])
def test_root_and_the_imitation_have_to_do_without_the_fence(settings: Settings, tmp_path: Path, user: int, site: str,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    settings.chaturbate_url = site
    assert "--no-sandbox" in flags_of_a_start(settings, tmp_path, "no")

"""Signing in: four ways to the site's cookies, one proof, and only then they are kept.

The proof opens the followed cams with the cookies, in the same kind of browser that will read the lists, and
looks whom the page's header names. No challenge is solved, no puzzle, no code: those are the owner's.
"""

import os
import sys
from typing import Any, NoReturn
from urllib.parse import urlsplit

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import sync_playwright

from common.clock import Clock, utc_now
from common.logs import hide
from common.settings import Settings
from scraper.browser import Awaited, Browser
from scraper.cookies import WrongCookies, belongs, pinned, read_cookies
from scraper.errors import AgeGated, FurtherStep, NotLoaded, NotProved, SignInFailed, Unavailable, WrongUse
from scraper.layouts import Layouts
from scraper.session_store import SESSION_COOKIE, SavedSession, hide_cookies
from scraper.sources.pages.parse import PATHS, Page, standing_in_the_way
from scraper.sources.pages.reading import ERRORS, error_of

LOGIN = "/auth/login/?next=/followed-cams/"
FOLLOWED = "/followed-cams/"
OWNERS_TIME = 15 * 60.0  # seconds for the owner to sign in by hand


def host_of(settings: Settings) -> str:
    return (urlsplit(settings.chaturbate_url).hostname or "").lower()


def starting_state(settings: Settings) -> dict[str, Any]:
    """What a browser starts with before anybody has signed in: nothing but the pinned cookies."""
    return {"cookies": pinned(host_of(settings), utc_now().timestamp()), "origins": []}


def state_of(settings: Settings, cookies: list[dict[str, Any]]) -> dict[str, Any]:
    """A browser state of the platform's cookies alone, with the pinned ones in place of their like."""
    host = host_of(settings)
    own = starting_state(settings)["cookies"]
    names = {cookie["name"] for cookie in own}
    kept = [cookie for cookie in cookies if belongs(cookie, host) and cookie["name"] not in names]
    state = {"cookies": [*kept, *own], "origins": []}
    hide_cookies(state)
    return state


def prove(settings: Settings, layouts: Layouts, state: dict[str, Any], expected: str | None,
          clock: Clock) -> SavedSession:
    """Whom these cookies sign in, seen on a page of the site.

    expected  the account it has to be; None: whoever it is
    raises    SignedOut, WrongAccount, Challenged, AgeGated, RateLimited, Unavailable, Redirected
    """
    with Browser(settings, storage_state=state, deadline=settings.page_timeout) as browser:
        site = layouts.site
        named = Awaited(anywhere=(site.user, site.anonymous, site.login_password, *site.challenge, *site.age_gate))
        arrived = browser.open(FOLLOWED, expected_paths=PATHS["online"], awaited=named)
        now = clock()
        page = Page(arrived.html, site)
        problem = standing_in_the_way(page, "online", expected, arrived.path, arrived.status)
        if problem:
            code, words = problem
            raise error_of(ERRORS[code], words, arrived.retry_after, now)
        if page.signed_in_as is None:
            raise NotLoaded("the page named no account")
        renewed = browser.storage_state()
    cookies = renewed["cookies"] if renewed else state["cookies"]
    return SavedSession(page.signed_in_as, state_of(settings, cookies), signed_in_since=now, proved_at=now)


def from_file(settings: Settings, text: str) -> dict[str, Any]:
    """The browser state of exported cookies.

    raises  WrongUse when the file holds no sign-in
    """
    try:
        return state_of(settings, read_cookies(text, host_of(settings)))
    except WrongCookies as error:
        raise WrongUse(f"--cookies: {error}") from None


def from_chrome(settings: Settings, address: str) -> dict[str, Any]:
    """The browser state of the owner's own running Chrome, of which only the platform's cookies are read.

    raises  WrongUse when no Chrome answers there; NotProved when nobody is signed in to the site in it
    """
    playwright = sync_playwright().start()
    try:
        chrome = playwright.chromium.connect_over_cdp(address, timeout=15_000)
        cookies: list[dict[str, Any]] = [
            dict(cookie) for context in chrome.contexts for cookie in context.cookies(f"{settings.chaturbate_url}/")]
        chrome.close()
    except PlaywrightError:
        raise WrongUse(f"--cdp: no Chrome answers at {address}. Start it with --remote-debugging-port=9222 and call "
                       "again with --cdp http://127.0.0.1:9222") from None
    finally:
        playwright.stop()
    if not any(cookie["name"] == SESSION_COOKIE for cookie in cookies):
        raise NotProved(f"nobody is signed in to {host_of(settings)} in that Chrome")
    return state_of(settings, cookies)


def from_password(settings: Settings, layouts: Layouts, name: str, password: str, clock: Clock) -> dict[str, Any]:
    """The browser state after the site's own form, without a window.

    raises  SignInFailed (name or password refused), FurtherStep (a code or a puzzle), Challenged, AgeGated, Unavailable
    """
    hide(password)
    site = layouts.site
    with Browser(settings, storage_state=starting_state(settings), deadline=settings.page_timeout) as browser:
        arrived = browser.open(LOGIN)
        page = Page(arrived.html, site)
        if not page.all(site.login_password) or page.challenged or page.age_gated:
            _refuse(page, arrived.path, arrived.status, arrived.retry_after, clock)
        tab = browser.page
        try:
            tab.locator(site.login_user).fill(name)
            tab.locator(site.login_password).fill(password)
            for box in tab.locator(site.login_remember).all():
                box.check()
            with tab.expect_navigation(wait_until="domcontentloaded", timeout=settings.page_timeout * 1000) as going:
                tab.locator(site.login_submit).first.click()
            answer = going.value
            page = Page(tab.content(), site)
        except PlaywrightTimeout:
            raise FurtherStep("the site did not go on after the form was sent") from None
        except PlaywrightError:  # its words may quote what was filled in
            raise Unavailable("the browser lost the sign-in page") from None
        if page.signed_in_as is None:
            if page.all(site.login_error):
                raise SignInFailed("the site refused the name or the password")
            _refuse(page, browser.path, answer.status if answer else None,
                    answer.header_value("retry-after") if answer else None, clock)
        state = browser.storage_state()
    if state is None or not any(cookie["name"] == SESSION_COOKIE for cookie in state["cookies"]):
        raise SignInFailed("the site set no session cookie")
    return state_of(settings, state["cookies"])


def _refuse(page: Page, path: str, status: int | None, header: str | None, clock: Clock) -> NoReturn:
    """What stands between us and being signed in, as the error that tells what to do.

    raises  always
    """
    if page.age_gated and not page.challenged:  # the form is there, but behind it
        raise AgeGated("the site asks for an age check")
    problem = standing_in_the_way(page, "online", None, path, status)
    code, words = problem or ("redirected", "the site showed another page than its sign-in form")
    if code in ("signed_out", "redirected"):  # neither refused nor signed in: something of the owner's comes between
        raise FurtherStep("the site asks for a further step before it signs in")
    raise error_of(ERRORS[code], words, header, clock())


def has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def by_hand(browser: Browser, layouts: Layouts, *, patience: float = OWNERS_TIME) -> list[dict[str, Any]]:
    """The cookies after the owner has signed in in this browser's tab; codes and puzzles are the owner's.

    raises  SignedOut when the window is closed, or the time runs out, before anybody has signed in
    """
    browser.go(LOGIN)
    try:
        browser.page.locator(layouts.site.user).first.wait_for(state="attached", timeout=patience * 1000)
        return [dict(cookie) for cookie in browser.context.cookies()]
    except PlaywrightTimeout:
        raise SignInFailed(f"nobody signed in within {patience / 60:g} minutes") from None
    except PlaywrightError:
        raise SignInFailed("the window was closed before anybody had signed in") from None


def from_window(settings: Settings, layouts: Layouts) -> dict[str, Any]:
    """The browser state after the owner has signed in in a window.

    raises  WrongUse where there is no screen; SignedOut; Unavailable
    """
    if not has_screen():
        raise WrongUse("There is no screen here to open a window on. Sign in on another machine and bring the cookies "
                       "(--cookies FILE), use your own Chrome (--cdp URL), or give name and password "
                       "(--username NAME --password-stdin).")
    with Browser(settings, storage_state=starting_state(settings), window=True) as browser:
        return state_of(settings, by_hand(browser, layouts))

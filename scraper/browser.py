"""The real browser: found, started, one tab, closed again. Nothing in it hides that it is automated.

Pictures, fonts and media are not loaded. Only the platform's own hosts can be reached. The tab opens
addresses and is looked at; no button is pressed in it and no form sent but the sign-in's own.
"""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import structlog
from playwright.sync_api import (
    BrowserContext,
    CDPSession,
    Page,
    Playwright,
    Request,
    Response,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from common.settings import Settings
from scraper.errors import NoBrowser, ScraperError, Unavailable

log = structlog.get_logger(__name__)

FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
UNWANTED = ["*.woff", "*.woff2", "*.ttf", "*.otf", "*.mp4", "*.webm", "*.m3u8", "*.mp3",
            "*.jpg", "*.jpeg", "*.png", "*.gif", "*.webp", "*.avif", "*.svg", "*.ico"]
REAL_SITE = "chaturbate.com"
STATIC_HOSTS = ("*.mmcdn.com", "*.highwebmedia.com")
DEADLINE = 30.0  # seconds for a page to arrive, and again for it to fill in

# Answers true as soon as something awaited is to be seen. Playwright's own waits ask again only every now and then,
# which costs up to half a second a page; this one is told of every change.
_SETTLED = """
([boxes, anywhere, milliseconds]) => new Promise((done) => {
  const all = (root, selector) => { try { return [...root.querySelectorAll(selector)]; } catch (error) { return []; } };
  const shown = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility !== 'hidden';
  const seen = (root, selector) => all(root, selector).some(shown);
  const settled = () => document.readyState !== 'loading' && (
    anywhere.some((selector) => seen(document, selector))
    || boxes.some(([box, inside]) => all(document, box).slice(0, 1).some(
      (first) => inside.some((selector) => seen(first, selector)))));
  const end = (answer) => { observer.disconnect(); clearInterval(again); clearTimeout(late); done(answer); };
  const look = () => { if (settled()) end(true); };
  const observer = new MutationObserver(look);
  observer.observe(document, {subtree: true, childList: true, attributes: true});
  const again = setInterval(look, 250);  // a style sheet that arrives late changes nothing in the document
  const late = setTimeout(() => end(false), milliseconds);
  look();
})
"""
_FETCH_JSON = """
async ([path, milliseconds]) => {
  try {
    const answer = await fetch(path, {
      credentials: 'same-origin', redirect: 'error', headers: {'X-Requested-With': 'XMLHttpRequest'},
      signal: AbortSignal.timeout(milliseconds),
    });
    if (!answer.ok || !(answer.headers.get('content-type') || '').includes('json')) return null;
    return await answer.json();
  } catch (error) { return null; }
}
"""


@dataclass(frozen=True)
class Awaited:
    """What ends the wait for a page, as soon as one of it is visible; all are CSS selectors.

    boxes     (container, what may appear inside its first match)
    anywhere  what may appear anywhere on the page
    """

    boxes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    anywhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrived:
    """A page as it came.

    path     path of the final address
    status   HTTP status of the page itself; None: unknown
    settled  one of the awaited elements was seen
    """

    html: str
    url: str
    path: str
    status: int | None
    retry_after: str | None
    settled: bool
    waiting_ms: int


def find_chromium(settings: Settings, playwright: Playwright) -> str:
    """Path of the Chromium to use: the setting's, Playwright's own, or one on the PATH.

    raises  NoBrowser when there is none
    """
    if settings.browser is not None:
        path = settings.browser.expanduser()
        if not path.is_file() or not os.access(path, os.X_OK):
            raise NoBrowser(f"MHC_BROWSER: {path} is not a program")
        return str(path)
    own = playwright.chromium.executable_path
    if os.access(own, os.X_OK):
        return own
    for name in ("chromium", "google-chrome", "chromium-browser"):
        found = shutil.which(name)
        if found:
            return found
    raise NoBrowser("No Chromium was found. Install one (`apt install chromium`, or `playwright install chromium`), "
                   "or name its path in MHC_BROWSER.")


def allowed_hosts(settings: Settings) -> list[str]:
    """The platform's host and its subdomains; for the real site also the hosts of its scripts."""
    host = urlsplit(settings.chaturbate_url).hostname or ""
    own = [host] if host.replace(".", "").isdigit() or ":" in host else [host, f"*.{host}"]
    return [*own, *STATIC_HOSTS] if host == REAL_SITE or host.endswith(f".{REAL_SITE}") else own


class Browser:
    """A started Chromium with one tab; use it in a `with`, after which everything is closed.

    storage_state  the cookies and storage of a sign-in
    window         a visible window, without the fence around the platform: for the owner to sign in by hand
    deadline       seconds for a page to arrive, and again for it to fill in
    """

    def __init__(self, settings: Settings, *, storage_state: dict[str, Any] | None = None, window: bool = False,
                 deadline: float | None = None) -> None:
        self._settings = settings
        self._storage_state = storage_state
        self._window = window
        self._deadline = (DEADLINE if deadline is None else deadline) * 1000
        self._playwright: Playwright | None = None
        self._browser: Any = None
        self._cut: str | None = None
        self.context: BrowserContext
        self.page: Page

    def __enter__(self) -> "Browser":
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=find_chromium(self._settings, self._playwright), headless=not self._window,
                args=self._flags(), timeout=60_000, chromium_sandbox=self._fenced_in,
            )
            state: Any = self._storage_state
            self.context = self._browser.new_context(storage_state=state, locale="en-US", service_workers="block",
                                                     accept_downloads=False, permissions=[])
            self.page = self.context.new_page()
            self.page.on("requestfailed", self._note_failure)
            if not self._window:
                self._block_unwanted(self.context.new_cdp_session(self.page))
        except PlaywrightError as error:
            self._close()
            raise _not_started(error) from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._close()

    def _flags(self) -> list[str]:
        flags = list(FLAGS)
        if not self._window:
            fence = ["MAP * ~NOTFOUND", *(f"EXCLUDE {host}" for host in allowed_hosts(self._settings))]
            flags += ["--blink-settings=imagesEnabled=false", f"--host-resolver-rules={' , '.join(fence)}"]
        return flags

    @property
    def _fenced_in(self) -> bool:
        """Whether Chromium keeps the pages it shows away from the machine. It refuses to for root; and the imitation
        of the site on this machine is no danger, so that a demo starts even where a machine forbids it."""
        return os.geteuid() != 0 and urlsplit(self._settings.chaturbate_url).hostname != "127.0.0.1"

    @staticmethod
    def _block_unwanted(tab: CDPSession) -> None:
        tab.send("Network.enable")
        tab.send("Network.setBlockedURLs", {"urls": UNWANTED})

    def _close(self) -> None:
        with suppress(PlaywrightError):
            if self._browser is not None:
                self._browser.close()
        self._browser = None
        if self._playwright is not None:
            with suppress(PlaywrightError):
                self._playwright.stop()
            self._playwright = None

    def address(self, path: str) -> str:
        return f"{self._settings.chaturbate_url}{path}"

    def open(self, path: str, *, expected_paths: Sequence[str] = (), awaited: Awaited | None = None) -> Arrived:
        """Open a page and wait until one of the awaited elements is to be seen, or until the time runs out.

        expected_paths  where one of these is the final path and the status is good, it is waited; elsewhere not
        raises          Unavailable when the site cannot be reached, the connection is cut, or the browser dies
        """
        began = time.monotonic()
        response = self.go(path)
        status = response.status if response is not None else None
        try:
            settled = True
            if awaited and (status is None or status < 400) and self.path in (expected_paths or [self.path]):
                settled = self._wait(awaited)
            waiting = round((time.monotonic() - began) * 1000)
            html = self.page.content()
            header = response.header_value("retry-after") if response is not None else None
        except PlaywrightError as error:
            raise Unavailable(f"the browser lost the page: {_first_line(error)}") from error
        return Arrived(html=html, url=self.page.url, path=self.path, status=status, retry_after=header,
                       settled=settled, waiting_ms=waiting)

    @property
    def path(self) -> str:
        """Path of the page that is open now."""
        return urlsplit(self.page.url).path or "/"

    def go(self, path: str) -> Response | None:
        """Open a page and look no further.

        raises  Unavailable when the site cannot be reached or the connection is cut
        """
        self._cut = None
        ends = time.monotonic() + self._deadline / 1000
        try:
            response = self.page.goto(self.address(path), wait_until="commit", timeout=self._deadline)
            while not self._parsed():
                if self._cut:
                    raise Unavailable(f"the connection was cut: {self._cut}")
                if time.monotonic() > ends:
                    raise Unavailable(f"the page did not arrive within {self._deadline / 1000:g} seconds")
            return response
        except PlaywrightTimeout as error:
            raise Unavailable(f"the site did not answer within {self._deadline / 1000:g} seconds") from error
        except PlaywrightError as error:
            raise Unavailable(f"the site could not be reached: {_first_line(error)}") from error

    def _parsed(self) -> bool:
        """Whether the whole page is there; False after a moment. One whose connection is cut never says so itself."""
        try:
            self.page.wait_for_load_state("domcontentloaded", timeout=250)
        except PlaywrightTimeout:
            return False
        return True

    def _note_failure(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self._cut = request.failure

    def _wait(self, awaited: Awaited) -> bool:
        """Whether something awaited was seen before the time ran out; a page may lead to another one meanwhile."""
        ends = time.monotonic() + self._deadline / 1000
        while (left := ends - time.monotonic()) > 0:
            try:
                return bool(self.page.evaluate(_SETTLED, [awaited.boxes, awaited.anywhere, round(left * 1000)]))
            except PlaywrightError as error:
                if self.page.is_closed() or "navigat" not in error.message:
                    raise
                self.page.wait_for_load_state("domcontentloaded", timeout=self._deadline)
        return False

    def fetch_json(self, path: str, *, timeout: float = 10.0) -> Any:
        """What the site's own JSON says, asked from inside the open page; None on any failure, redirect or HTML."""
        try:
            return self.page.evaluate(_FETCH_JSON, [path, round(timeout * 1000)])
        except PlaywrightError as error:
            log.warning("the site's own JSON could not be read", path=path, problem=_first_line(error))
            return None

    def storage_state(self) -> dict[str, Any] | None:
        """Cookies and storage now; None when the browser is gone."""
        try:
            return dict(self.context.storage_state())
        except PlaywrightError:
            return None


def _not_started(error: PlaywrightError) -> ScraperError:
    """Why there is no browser, in words for the owner."""
    if "No usable sandbox" in error.message:
        return NoBrowser("Chromium may not fence in the pages it shows on this machine, and without that it is not let "
                        "near a site. Allow it (Ubuntu: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; "
                        "elsewhere: sudo sysctl -w user.max_user_namespaces=10000), or install Google Chrome's own "
                        "package and name it in MHC_BROWSER.")
    if "Missing X server" in error.message or "headed browser without having a XServer" in error.message:
        return NoBrowser("There is no screen here to open a window on. Sign in another way: --cookies, --cdp "
                         "or --username (see `python -m scraper login --help`).")
    return Unavailable(f"the browser could not be started: {_first_line(error)}")


def _first_line(error: PlaywrightError) -> str:
    return error.message.strip().splitlines()[0][:200] if error.message.strip() else type(error).__name__

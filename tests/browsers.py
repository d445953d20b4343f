"""One Chromium for all tests of a process that ask for one like it: starting one takes longer than reading a list.

`lend()` puts a stand-in before `sync_playwright`. Who asks it for a playwright or a browser gets what is running
already, and to close it closes the windows that were opened through it, which share nothing with those of others.
`own()` is for tests of the starting and closing itself. Processes that tests start have browsers of their own.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright import sync_api
from playwright.sync_api import Error as PlaywrightError

MOST = 2  # kept running
_start_one = sync_api.sync_playwright


class Running:
    """What this process has started: one playwright, and the browsers used last, by how they were started."""

    def __init__(self) -> None:
        self.playwright: Any = None
        self.browsers: dict[str, Any] = {}
        self.lent = True

    def browser(self, kind: Any, options: dict[str, Any], *, anew: bool = False) -> Any:
        name = repr(sorted((name, value) for name, value in options.items() if name != "timeout"))
        found = self.browsers.pop(name, None)
        if found is not None and (anew or not found.is_connected()):
            _close(found)
            found = None
        if found is None:
            while len(self.browsers) >= MOST:
                _close(self.browsers.pop(next(iter(self.browsers))))
            found = kind.launch(**options)
        self.browsers[name] = found
        return found

    def end(self) -> None:
        for browser in self.browsers.values():
            _close(browser)
        self.browsers.clear()
        if self.playwright is not None:
            self.playwright.stop()
            self.playwright = None


RUNNING = Running()


class LentPlaywright:
    """A playwright that goes on running when it is stopped."""

    def __init__(self) -> None:
        if RUNNING.playwright is None:
            RUNNING.playwright = _start_one().start()
        self.chromium = LentKind(RUNNING.playwright.chromium)

    def start(self) -> "LentPlaywright":
        return self

    def __enter__(self) -> "LentPlaywright":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        for browser in self.chromium.lent:
            browser.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(RUNNING.playwright, name)


class LentKind:
    """Browsers of a kind, running already or started now."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.lent: list[LentBrowser] = []

    def launch(self, **options: Any) -> "LentBrowser":
        self.lent.append(LentBrowser(self._kind, options))
        return self.lent[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kind, name)


class LentBrowser:
    """A browser in which whoever borrowed it has nothing but what they opened."""

    def __init__(self, kind: Any, options: dict[str, Any]) -> None:
        self._kind, self._options = kind, options
        self._browser = RUNNING.browser(kind, options)
        self.contexts: list[Any] = []

    def new_context(self, **options: Any) -> Any:
        try:
            self.contexts.append(self._browser.new_context(**options))
        except PlaywrightError:  # another test has killed it
            self._browser = RUNNING.browser(self._kind, self._options, anew=True)
            self.contexts.append(self._browser.new_context(**options))
        return self.contexts[-1]

    def new_page(self, **options: Any) -> Any:
        return self.new_context(**options).new_page()

    def close(self) -> None:
        while self.contexts:
            _close(self.contexts.pop())

    def __enter__(self) -> "LentBrowser":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._browser, name)


def lend() -> None:
    """From now on whoever imports `sync_playwright` borrows. A thread beside the tests' own starts its own."""
    def borrow() -> Any:
        on_loan = RUNNING.lent and threading.current_thread() is threading.main_thread()
        return LentPlaywright() if on_loan else _start_one()

    vars(sync_api)["sync_playwright"] = borrow


@contextmanager
def own() -> Iterator[None]:
    """Inside, everybody starts what they ask for, and nothing is running at first."""
    RUNNING.end()
    RUNNING.lent = False
    try:
        yield
    finally:
        RUNNING.lent = True


def _close(one: Any) -> None:
    with suppress(PlaywrightError):
        one.close()

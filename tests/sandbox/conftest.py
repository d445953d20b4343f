from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, sync_playwright

from scraper.sandbox.testing import Sandbox, running
from tests.sandbox.visitors import Visitor

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture
def site() -> Iterator[Callable[..., Sandbox]]:
    """site(people=…, generation=…) -> a sandbox that runs until the test ends."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(**settings))


@pytest.fixture
def visit() -> Iterator[Callable[..., Visitor]]:
    """visit(sandbox, signed_in=True) -> a visitor."""
    with ExitStack() as stack:
        def come(sandbox: Sandbox, **options: bool) -> Visitor:
            visitor = Visitor(sandbox, **options)
            stack.callback(visitor.close)
            return visitor
        yield come


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from common.settings import Settings, load_settings
from scraper.outbox import Outbox
from scraper.running import carry_out, open_desk
from scraper.sandbox.testing import running
from scraper.server_client import ServerClient
from tests.e2e.stage import Stage
from tests.helpers import PASSWORD, WORKER, FakeClock, add_user

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture
def stage(app: Any, settings: Settings, clock: FakeClock, live_server: str,
          chromium_path: str) -> Iterator[Callable[..., Stage]]:
    """stage(following=40, page_size=10, …) -> a signed-in owner in front of a sandbox with these options."""
    with ExitStack() as stack:

        def make(*, page_timeout: float = 8, **options: Any) -> Stage:
            world = {"people": 120, "following": 44, "followers": 27, "online": 24, "page_size": 10,
                     "followers_page_size": 10, "renew_after": 0, **options}
            sandbox = stack.enter_context(running(**world))
            worker_settings = load_settings(
                data_dir=settings.data_folder, database_url=settings.database_url, worker_token=WORKER,
                chaturbate_url=sandbox.url, server_url=live_server, page_pause="0", browser=chromium_path,
                owner=sandbox.owner, stats_token=sandbox.stats_token, page_timeout=page_timeout)
            made = Stage(app, worker_settings, sandbox, clock, live_server)
            made.sign_in()
            return made

        yield make


@pytest.fixture
def poll(settings: Settings, clock: FakeClock, live_server: str) -> Iterator[Callable[..., bool]]:
    """Let the worker take up the affiliate job, by force or only if it is due -> whether it was; in one process with
    the server, so that time passes only when told."""
    client = ServerClient(live_server, WORKER, clock=clock)
    desk = open_desk(settings, clock, lambda: False, client=client, outbox=Outbox.of(settings.data_folder))

    def once(*, force: bool = False) -> bool:
        run = client.claim("tests", ["affiliate"],
                           force={"job": "affiliate", "account": None} if force else None).run
        if run is None:
            return False
        result = carry_out(desk, run)
        assert result.outcome in ("ok", "partial"), result.error
        report = desk.outbox.deliver(client)
        assert (report.left, report.stopped_by) == (0, None)
        return True

    yield once
    client.close()


@pytest.fixture
def browser_page(app: Any, live_server: str, chromium_path: str) -> Iterator[Page]:
    """A page of a browser in which an admin has signed in."""
    add_user(app, "looker", "admin")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        page = chromium.new_page(viewport={"width": 1300, "height": 900})
        page.goto(f"{live_server}/login")
        page.locator("input:not([type=hidden]):not([type=password])").first.fill("looker")
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("input[type=password]").press("Enter")
        page.wait_for_url(re.compile("/users/"))
        yield page
        chromium.close()

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from common.settings import Settings, load_settings
from scraper.sandbox.testing import running
from tests.e2e.stage import Stage
from tests.helpers import WORKER, FakeClock


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

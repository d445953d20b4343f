from collections.abc import Iterator

import pytest

from scraper.sandbox.testing import Sandbox, running
from tests.helpers import FakeClock


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with running(people=12, clock=FakeClock()) as sandbox:
        yield sandbox


@pytest.fixture
def site(shared: Sandbox) -> Iterator[Sandbox]:
    shared.site.asked.clear()
    yield shared
    shared.clear_faults()

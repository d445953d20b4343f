"""panel: a server that the test directs; worker_settings: settings of a worker whose server it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.settings import Settings, load_settings
from tests.worker.panel import Panel, panel_running


@pytest.fixture
def panel() -> Iterator[Panel]:
    with panel_running() as panel:
        yield panel


@pytest.fixture
def worker_settings(tmp_path: Path, panel: Panel) -> Settings:
    return load_settings(data_dir=tmp_path / "data", server_url=panel.url, worker_token="token-of-the-worker")

"""`once affiliate`: a job that belongs to no account, from the terminal, with the server and without it."""

import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from common.settings import Settings, load_settings
from scraper.commands.once import run_once
from scraper.outbox import Outbox
from scraper.sandbox.testing import Sandbox, running
from tests.worker.panel import Panel, panel_running

JOB = ["affiliate"]


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with running(people=60) as sandbox:
        yield sandbox


@pytest.fixture
def panel() -> Iterator[Panel]:
    with panel_running() as panel:
        yield panel


@pytest.fixture
def worker_settings(tmp_path: Path, panel: Panel, site: Sandbox) -> Settings:
    return load_settings(data_dir=tmp_path / "data", server_url=panel.url, worker_token="token-of-the-worker",
                         chaturbate_url=site.url, affiliate_code="SBXCODE42")


def test_it_is_claimed_for_no_account_and_hands_over_one_message(
        panel: Panel, worker_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_once(worker_settings, JOB, None) == 0
    assert panel.told("/claim")[0]["force"] == {"job": "affiliate", "account": None}
    message, = panel.told("/api/ingest/affiliate-rooms")
    finish, = panel.told("/finish")
    assert len(message["rooms"]) == finish["counters"]["enriched"] > 0
    assert finish["outcome"] == "ok" and finish["error"] is None
    assert panel.requests[-1][0].endswith("/finish")
    assert f"affiliate: {len(message['rooms'])} rooms read of" in capsys.readouterr().out


def test_an_account_that_is_given_for_other_jobs_does_not_reach_it(panel: Panel, worker_settings: Settings) -> None:
    assert run_once(worker_settings, JOB, "alice") == 0
    assert panel.told("/claim")[0]["force"] == {"job": "affiliate", "account": None}


def test_a_refusal_of_the_site_is_the_status_and_the_servers_to_know(
        site: Sandbox, panel: Panel, worker_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    site.fault("rate_limit", list="affiliate", retry_after=120)
    assert run_once(worker_settings, JOB, None) == 4
    finish, = panel.told("/finish")
    assert (finish["outcome"], finish["error"]["code"], finish["retry_after_seconds"]) == (
        "blocked", "rate_limited", 120)
    assert "slow down" in capsys.readouterr().err


def test_half_a_poll_is_partial(site: Sandbox, panel: Panel, worker_settings: Settings,
                                capsys: pytest.CaptureFixture[str]) -> None:
    site.site.options.change(more_rooms=1600)
    site.fault("maintenance", list="affiliate", page=2)
    panel.runs.append({"id": str(uuid4()), "job": "affiliate", "account": None, "trigger": "manual",
                       "config": {"gender": "m", "limit": 0}})
    assert run_once(worker_settings, JOB, None) == 5
    assert panel.told("/finish")[0]["outcome"] == "partial"
    said = capsys.readouterr()
    assert "answers 503" in said.err and "500 rooms read" in said.out


def test_a_site_that_does_not_answer_leaves_nothing_to_tell(site: Sandbox, worker_settings: Settings,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    site.fault("maintenance", list="affiliate")
    assert run_once(worker_settings, JOB, None) == 1
    assert "rooms read" not in capsys.readouterr().out


def test_without_a_server_the_rooms_wait_in_the_outbox(tmp_path: Path, site: Sandbox) -> None:
    alone = load_settings(data_dir=tmp_path / "alone", server_url="http://127.0.0.1:1", worker_token="token-of-tests",
                          chaturbate_url=site.url, affiliate_code="SBXCODE42")
    assert run_once(alone, JOB, None) == 6
    name, = Outbox.of(alone.data_folder).waiting()
    assert "affiliate-rooms" in name


def test_without_a_campaign_code_it_says_what_to_set(panel: Panel, worker_settings: Settings,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    assert run_once(worker_settings.model_copy(update={"affiliate_code": None}), JOB, None) == 1
    assert "MHC_AFFILIATE_CODE" in capsys.readouterr().err
    assert panel.told("/finish")[0]["error"]["code"] == "not_accepted"

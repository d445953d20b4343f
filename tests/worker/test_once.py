"""`once`: what it prints, where what was seen ends up, and its exit status for each outcome."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from common.settings import Settings, load_settings
from scraper.commands.once import run_once
from scraper.errors import Busy, WrongUse
from scraper.jobs import Job
from scraper.outbox import Outbox
from tests.worker import jobs_for_tests as does
from tests.worker.panel import Panel, refusal


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def once(settings: Settings, job: Job = does.reads_two_people, account: str | None = "alice") -> int:
    return run_once(settings, ["following"], account, jobs={"following": job})


def test_a_run_is_forced_for_the_account_and_ends_well(panel: Panel, worker_settings: Settings) -> None:
    assert once(worker_settings, account="Alice") == 0
    assert panel.told("/claim")[0]["force"] == {"job": "following", "account": "alice"}
    assert [path.rpartition("/")[2] for path, _, _ in panel.requests if "progress" not in path] == [
        "claim", "scan-page", "scan-end", "finish"]


def test_what_the_server_made_of_it_is_said_in_words(panel: Panel, worker_settings: Settings,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    with structlog.testing.capture_logs():
        once(worker_settings)
    out, err = capsys.readouterr()
    assert out == ("following: Complete. Everything was read: 2 people.\n"
                   "           2 people read: 1 new, 0 returned, 1 missing, 0 unfollowed.\n")
    assert err.splitlines() == ["following: online pages 0 of 1", "following: online pages 1 of 1 (2 people so far)"]


def test_a_held_scan_says_who_decides(panel: Panel, worker_settings: Settings,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    panel.verdict["state"] = "held"
    once(worker_settings)
    assert "/admin/scans" in capsys.readouterr().out


@pytest.mark.parametrize(("job", "status"), [
    (does.reads_two_people, 0), (does.has_no_scan, 0), (does.finds_itself_signed_out, 3), (does.meets_a_challenge, 4),
    (does.reads_half, 5),
])
def test_the_exit_status_tells_the_outcome(panel: Panel, worker_settings: Settings, job: Job, status: int) -> None:
    assert once(worker_settings, job) == status


@pytest.mark.parametrize(("verdict", "status"), [("complete", 0), ("partial", 5), ("rejected", 1)])
def test_the_servers_verdict_counts_where_the_run_went_well(panel: Panel, worker_settings: Settings, verdict: str,
                                                            status: int) -> None:
    panel.verdict["verdict"] = verdict
    assert once(worker_settings) == status


def test_a_refused_scan_is_a_failure(panel: Panel, worker_settings: Settings) -> None:
    panel.answers = lambda path, _: refusal(400, "invalid", "not like this") if path.endswith("scan-end") else None
    with pytest.raises(Exception, match="not like this") as caught:
        once(worker_settings)
    assert caught.value.exit_status == 1  # type: ignore[attr-defined]


def test_trouble_is_said_with_advice(panel: Panel, worker_settings: Settings,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    once(worker_settings, does.meets_a_challenge)
    assert "human check" in capsys.readouterr().err


def test_a_list_that_is_being_read_is_not_read_twice(panel: Panel, worker_settings: Settings) -> None:
    panel.answers = lambda _path, _body: refusal(409, "busy", "a run is going on")
    with pytest.raises(Busy, match="a run is going on"):
        once(worker_settings)


def test_an_account_that_nobody_knows_is_wrong_use(panel: Panel, worker_settings: Settings) -> None:
    panel.answers = lambda _path, _body: refusal(404, "unknown_account", "no account of that name")
    with pytest.raises(WrongUse, match="no account of that name"):
        once(worker_settings)


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    """Settings of a worker whose server is not there."""
    return load_settings(data_dir=tmp_path / "alone", server_url="http://127.0.0.1:1", worker_token="token-of-tests")


def test_without_a_server_the_list_is_read_and_kept(alone: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert once(alone) == 6
    assert [name.split("-", 1)[1][:8] for name in Outbox.of(alone.data_folder).waiting()] == ["scan-pag", "scan-end"]
    assert "kept in the outbox" in capsys.readouterr().err


def test_what_was_kept_reaches_the_server_with_the_next_call(alone: Settings, panel: Panel) -> None:
    assert once(alone) == 6
    back = load_settings(data_dir=alone.data_dir, server_url=panel.url, worker_token="token-of-tests")
    assert once(back) == 0
    assert len(panel.told("/scan-end")) == 2


def test_without_a_server_the_platforms_answer_is_the_status(alone: Settings) -> None:
    assert once(alone, does.finds_itself_signed_out) == 3
    assert once(alone, does.reads_half) == 6


def test_without_a_server_the_owner_is_meant(alone: Settings) -> None:
    owned = load_settings(data_dir=alone.data_dir, server_url=alone.server_url, worker_token="token-of-tests",
                          owner="alice")
    assert once(owned, account=None) == 6


def test_without_a_server_an_account_that_cannot_be_known_is_asked_for(alone: Settings) -> None:
    with pytest.raises(WrongUse, match="--account"):
        once(alone, account=None)


def test_jobs_are_run_one_after_the_other_and_the_first_trouble_is_the_status(panel: Panel,
                                                                              worker_settings: Settings) -> None:
    jobs: dict[str, str | Job] = {"following": does.reads_half, "followers": does.meets_a_challenge}
    assert run_once(worker_settings, ["following", "followers", "following"], "alice", jobs=jobs) == 5
    assert [body["force"]["job"] for body in panel.told("/claim")] == ["following", "followers"]

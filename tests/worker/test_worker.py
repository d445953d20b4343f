"""The worker's loop, against a real HTTP server that the test directs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest
import structlog

from common.settings import Settings, load_settings
from scraper.jobs import Job
from scraper.worker import Worker
from tests.worker import jobs_for_tests as does
from tests.worker.panel import Panel, panel_running, refusal


def until(true: Callable[[], object], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.01)


@contextmanager
def working(settings: Settings, job: Job = does.reads_two_people) -> Iterator[Worker]:
    worker = Worker(settings, jobs={"following": job})
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def order(panel: Panel) -> list[str]:
    """What was told of runs and observations, in order, progress left out."""
    return [path.rpartition("/")[2] for path, _, _ in panel.requests
            if not path.endswith("/claim") and not path.endswith("/progress")]


def test_a_claimed_run_is_carried_out_and_its_last_word_comes_last(panel: Panel, worker_settings: Settings) -> None:
    run_id = panel.will_run()
    with working(worker_settings):
        until(lambda: panel.told("/finish"))
    assert order(panel) == ["scan-page", "scan-end", "finish"]
    told = panel.told(f"/{run_id}/finish")[0]
    said = [line["text"] for line in told.pop("log")]
    assert said[-2:] == ["online pages: 0 of 1", "online pages: 1 of 1 (2 people so far)"]
    assert told == {
        "outcome": "ok", "error": None, "counters": {"people": 2}, "waiting_ms": 30, "working_ms": 5,
        "retry_after_seconds": None}


def test_progress_reaches_the_server_while_the_job_runs(panel: Panel, worker_settings: Settings) -> None:
    run_id = panel.will_run()
    with working(worker_settings, does.goes_on_until_stopped):
        until(lambda: any(body["done"] > 3 for body in panel.told(f"/{run_id}/progress")))


def test_observations_reach_the_server_while_the_job_runs(panel: Panel, worker_settings: Settings) -> None:
    def reads_then_waits(context: does.JobContext) -> does.JobResult:
        does.reads_two_people(context)
        return does.goes_on_until_stopped(context)

    panel.will_run()
    with working(worker_settings, reads_then_waits):
        until(lambda: panel.told("/scan-end"))
        assert panel.told("/finish") == []


def test_a_person_who_cancels_stops_the_job_at_its_next_report(panel: Panel, worker_settings: Settings) -> None:
    panel.will_run()
    panel.cancel = True
    with working(worker_settings, does.goes_on_until_stopped):
        until(lambda: panel.told("/finish"))
    finish = panel.told("/finish")[0]
    assert finish["outcome"] == "cancelled"
    assert "a person asked" in finish["error"]["message"]


def test_a_lease_that_is_another_workers_stops_the_job(panel: Panel, worker_settings: Settings) -> None:
    panel.will_run()
    panel.answers = lambda path, _: refusal(409, "run_ended") if "/runs/" in path else None
    with working(worker_settings, does.goes_on_until_stopped):
        until(lambda: panel.told("/finish"))
        until(lambda: len(panel.told("/claim")) > 1)


def test_a_lease_that_cannot_be_renewed_in_time_stops_the_job(panel: Panel, worker_settings: Settings) -> None:
    panel.will_run(lease_seconds=0.5)
    panel.answers = lambda path, _: refusal(503, "down") if path.endswith("/progress") else None
    with working(worker_settings, does.goes_on_until_stopped):
        until(lambda: panel.told("/finish"))
    assert panel.told("/finish")[0]["outcome"] == "cancelled"


def test_what_the_site_answers_is_the_runs_outcome_with_advice(panel: Panel, worker_settings: Settings) -> None:
    panel.will_run()
    with working(worker_settings, does.meets_a_challenge):
        until(lambda: panel.told("/finish"))
    finish = panel.told("/finish")[0]
    assert (finish["outcome"], finish["error"]["code"], finish["retry_after_seconds"]) == ("blocked", "challenge", 3600)
    assert "human check" in finish["error"]["advice"]


def test_a_fault_of_ours_fails_the_run_with_its_traceback_in_the_log_and_the_worker_goes_on(
        panel: Panel, worker_settings: Settings) -> None:
    panel.will_run()
    with structlog.testing.capture_logs() as logs, working(worker_settings, does.has_a_fault):
        until(lambda: panel.told("/finish"))
        until(lambda: any(entry.get("exc_info") for entry in logs))
        panel.will_run()
        until(lambda: len(panel.told("/finish")) == 2)
    assert panel.told("/finish")[0]["outcome"] == "failed"
    assert "ZeroDivisionError" in panel.told("/finish")[0]["error"]["message"]


def test_told_to_end_the_worker_cancels_its_run_and_hands_over_the_last_word(panel: Panel,
                                                                             worker_settings: Settings) -> None:
    panel.will_run()
    with working(worker_settings, does.goes_on_until_stopped):
        until(lambda: panel.told("/progress"))
    finish = panel.told("/finish")[0]
    assert (finish["outcome"], finish["error"]["message"]) == ("cancelled", "the worker was told to end")


def test_a_server_that_is_away_is_mentioned_once_and_found_again(tmp_path: Path) -> None:
    with panel_running() as panel:
        port = int(panel.url.rpartition(":")[2])
    settings = load_settings(data_dir=tmp_path / "data", server_url=panel.url, worker_token="token-of-the-worker")
    with structlog.testing.capture_logs() as logs, working(settings) as worker:
        until(lambda: worker._desk.link._failures.get("claim", 0) >= 2)
        panel.will_run()
        with panel_running(panel, port):
            until(lambda: panel.told("/finish"))
    said = [entry["event"] for entry in logs]
    assert sum("cannot be used" in event for event in said) == 1
    assert sum("answers again" in event for event in said) == 1


def test_a_clock_that_is_set_back_does_not_make_the_worker_wait(panel: Panel, worker_settings: Settings,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    class HourEarlier(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(time.time() - (3600 if set_back else 0))

    set_back = False
    monkeypatch.setattr("schedule.datetime.datetime", HourEarlier)
    with working(worker_settings):
        until(lambda: panel.told("/claim"))
        set_back = True
        before = len(panel.told("/claim"))
        until(lambda: len(panel.told("/claim")) > before + 1)


@pytest.fixture
def worker_process(panel: Panel, tmp_path: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    started: list[subprocess.Popen[str]] = []
    program = (
        "import sys\n"
        "from tests.worker.jobs_for_tests import goes_on_until_stopped\n"
        "from scraper import jobs, worker\n"
        "jobs.JOBS.clear(); jobs.JOBS.update(following=goes_on_until_stopped)\n"
        "from scraper.__main__ import main\n"
        "sys.exit(main(['run']))\n")
    environment = {**os.environ, "MHC_DATA_DIR": str(tmp_path / "data"), "MHC_SERVER_URL": panel.url,
                   "MHC_WORKER_TOKEN": "token-of-the-worker",
                   "PYTHONPATH": str(Path(__file__).parents[2])}

    def start() -> "subprocess.Popen[str]":
        started.append(subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE,
                                        text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_as_cancelled_and_the_process_well(
        panel: Panel, worker_process: Callable[[], "subprocess.Popen[str]"], number: signal.Signals) -> None:
    panel.will_run()
    process = worker_process()
    until(lambda: panel.told("/progress"))
    process.send_signal(number)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 0
    assert panel.told("/finish")[0]["outcome"] == "cancelled"
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert events == ["worker started", "claimed", "finished", "worker ended"]
    assert "token-of-the-worker" not in said


def test_a_killed_workers_run_is_told_as_lost_by_the_next_one(
        panel: Panel, worker_process: Callable[[], "subprocess.Popen[str]"]) -> None:
    run_id = panel.will_run()
    process = worker_process()
    until(lambda: panel.told("/progress"))
    process.kill()
    process.wait()
    worker_process()
    until(lambda: panel.told(f"/{run_id}/finish"))
    assert panel.told(f"/{run_id}/finish")[0]["outcome"] == "lost"


def test_a_killed_workers_run_is_told_as_lost_by_one_that_is_already_there(
        panel: Panel, worker_process: Callable[[], "subprocess.Popen[str]"]) -> None:
    run_id = panel.will_run()
    process = worker_process()
    until(lambda: panel.told("/progress"))
    worker_process()
    until(lambda: len({body["worker"] for body in panel.told("/claim")}) == 2)
    process.kill()
    process.wait()
    until(lambda: panel.told(f"/{run_id}/finish"))
    assert panel.told(f"/{run_id}/finish")[0]["outcome"] == "lost"


def test_a_living_workers_run_is_left_alone_by_another_one(
        panel: Panel, worker_process: Callable[[], "subprocess.Popen[str]"]) -> None:
    panel.will_run()
    worker_process()
    until(lambda: panel.told("/progress"))
    worker_process()
    until(lambda: len({body["worker"] for body in panel.told("/claim")}) == 2)
    assert panel.told("/finish") == []


def test_a_waiting_worker_is_small(panel: Panel, worker_process: Callable[[], "subprocess.Popen[str]"]) -> None:
    process = worker_process()
    until(lambda: len(panel.told("/claim")) > 1)
    assert psutil.Process(process.pid).memory_info().rss < 120_000_000


def test_work_is_asked_for_every_few_seconds_not_without_a_pause(panel: Panel, worker_settings: Settings) -> None:
    began = time.monotonic()
    with working(worker_settings):
        until(lambda: len(panel.told("/claim")) == 3)
    assert timedelta(seconds=time.monotonic() - began) >= timedelta(seconds=2)

"""What a run says is collected, and goes to the server with its end."""

import logging

import pytest

from common.logs import hide
from common.settings import Settings
from scraper.commands.once import run_once
from scraper.jobs import JobContext, JobResult, Progress
from scraper.run_log import MOST_LINES, RunLog, listening
from tests.helpers import FakeClock
from tests.worker.panel import Panel


def test_lines_and_progress_are_kept_in_their_order():
    with listening(FakeClock()) as lines:
        logging.getLogger("scraper.somewhere").warning({"event": "asked again", "page": 3, "level": "warning"})
        lines.progress(Progress("Rooms", 500, 900, "a second apart"))
        lines.progress(Progress("Rooms", 500, 900, "a second apart"))
        logging.getLogger("scraper.somewhere").error("a fault in %s", "it")
    logging.getLogger("scraper.somewhere").error("after the end")
    assert [(line["level"], line["text"]) for line in lines.lines] == [
        ("warning", "asked again page=3"), ("info", "Rooms: 500 of 900 (a second apart)"), ("error", "a fault in it")]
    assert lines.lines[0]["at"] == "2026-11-20T12:00:00.000Z"


def test_only_the_newest_are_kept_and_no_secret():
    hide("a-very-secret-word")
    lines = RunLog(FakeClock())
    for number in range(3 * MOST_LINES):
        lines.progress(Progress("a-very-secret-word", number, None, "x" * 1_000))
    assert len(lines.lines) == MOST_LINES
    assert lines.lines[-1]["text"].startswith("●●●: 599 (xxx")
    assert max(len(line["text"]) for line in lines.lines) == 500


def test_they_go_to_the_server_with_the_end_of_the_run(panel: Panel, worker_settings: Settings,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scraper.commands.once.end_on_signals", lambda stop: None)

    def says_something(context: JobContext) -> JobResult:
        context.report(Progress("Rooms", 1, 2))
        return JobResult("ok")

    assert run_once(worker_settings, ["following"], "alice", jobs={"following": says_something}) == 0
    finish, = panel.told("/finish")
    assert "Rooms: 1 of 2" in [line["text"] for line in finish["log"]]

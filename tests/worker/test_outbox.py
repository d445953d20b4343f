"""The outbox: ordered, durable, delivered once to a server that answers."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from scraper.errors import CannotKeep
from scraper.observations import ScanEnd, SessionReport
from scraper.outbox import ANSWERS_KEPT, Outbox
from scraper.server_client import ServerClient
from tests.worker.panel import Panel, panel_running, refusal

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "token-of-the-worker"


def report(detail: str) -> SessionReport:
    return SessionReport(observed_at=NOW, account="alice", state="signed_in", detail=detail)


def scan_end(scan_id: UUID | None = None) -> ScanEnd:
    return ScanEnd(observed_at=NOW, scan_id=scan_id or uuid4(), account="alice", started_at=NOW, finished_at=NOW,
                   pages=0, list="following")


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


def client(panel: Panel) -> ServerClient:
    return ServerClient(panel.url, TOKEN, connect_timeout=2, read_timeout=5)


def test_messages_arrive_in_the_order_in_which_they_were_put(outbox: Outbox, panel: Panel) -> None:
    for number in range(12):
        outbox.put(report(str(number)))
    outbox.put_request("/api/worker/runs/x/finish", {"outcome": "ok"})
    delivery = outbox.deliver(client(panel))
    assert [body.get("detail") for _, body, _ in panel.requests] == [*map(str, range(12)), None]
    assert (delivery.delivered, delivery.left, outbox.waiting()) == (13, 0, [])


def test_a_message_is_packed_on_disk_and_readable_only_by_its_owner(outbox: Outbox) -> None:
    outbox.put(report("kept"))
    path = outbox.folder / outbox.waiting()[0]
    kept = json.loads(gzip.decompress(path.read_bytes()))
    assert (kept["path"], kept["body"]["detail"]) == ("/api/ingest/session", "kept")
    assert path.stat().st_mode & 0o777 == 0o600
    assert outbox.folder.stat().st_mode & 0o777 == 0o700


def test_a_dead_server_loses_nothing_and_gets_everything_when_it_is_back(outbox: Outbox) -> None:
    with panel_running() as panel:
        port = int(panel.url.rpartition(":")[2])
    for number in range(3):
        outbox.put(report(str(number)))
    delivery = outbox.deliver(client(panel))
    assert (delivery.delivered, delivery.left) == (0, 3)
    assert delivery.stopped_by is not None and delivery.stopped_by.code == "server_unreachable"
    with panel_running(port=port) as panel:
        assert outbox.deliver(client(panel)).delivered == 3
    assert [body["detail"] for body in panel.told("session")] == ["0", "1", "2"]


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503])
def test_an_answer_that_says_nothing_about_the_message_keeps_it(outbox: Outbox, panel: Panel, status: int) -> None:
    outbox.put(report("kept"))
    panel.answers = lambda _path, _body: refusal(status, "whatever")
    assert outbox.deliver(client(panel)).left == 1
    panel.answers = lambda _path, _body: None
    assert outbox.deliver(client(panel)).delivered == 1


def test_what_answers_without_being_the_panel_takes_nothing_away(outbox: Outbox, panel: Panel) -> None:
    outbox.put(report("kept"))
    for answer in ((404, "<h1>Not found</h1>", {}), (200, "<h1>Welcome</h1>", {}), (200, [1], {})):
        panel.answers = lambda _path, _body, answer=answer: answer  # type: ignore[misc]
        assert outbox.deliver(client(panel)).left == 1


def test_a_refused_message_is_set_aside_with_the_answer_and_those_behind_it_go_on(outbox: Outbox,
                                                                                  panel: Panel) -> None:
    for detail in ("before", "bad", "behind"):
        outbox.put(report(detail))
    panel.answers = lambda _path, body: refusal(400, "invalid", "no such thing") if body["detail"] == "bad" else None
    delivery = outbox.deliver(client(panel))
    assert (delivery.delivered, delivery.refused, delivery.left) == (2, 1, 0)
    refused = sorted((outbox.folder / "refused").iterdir())
    assert [path.name.partition(".")[2] for path in refused] == ["answer.json", "json.gz"]
    assert json.loads(refused[0].read_bytes())["error"]["message"] == "no such thing"
    assert json.loads(gzip.decompress(refused[1].read_bytes()))["body"]["detail"] == "bad"


def test_a_damaged_file_is_set_aside(outbox: Outbox, panel: Panel) -> None:
    outbox.put(report("damaged"))
    (outbox.folder / outbox.waiting()[0]).write_bytes(b"\x1f\x8b not gzip")
    outbox.put(report("good"))
    assert outbox.deliver(client(panel)).refused == 1
    assert [body["detail"] for body in panel.told("session")] == ["good"]


def test_the_last_word_about_a_lost_run_is_dropped(outbox: Outbox, panel: Panel) -> None:
    outbox.put_request("/api/worker/runs/x/finish", {"outcome": "ok"})
    panel.answers = lambda _path, _body: refusal(409, "run_ended")
    assert outbox.deliver(client(panel)).refused == 0
    assert outbox.waiting() == [] and list((outbox.folder / "refused").iterdir()) == []


def test_the_answer_to_a_scan_is_kept_for_whoever_asks(outbox: Outbox, panel: Panel) -> None:
    end = scan_end()
    outbox.put(end)
    assert outbox.answer(end.scan_id) is None
    outbox.deliver(client(panel))
    answer = outbox.answer(end.scan_id)
    assert answer is not None and answer["scan"]["verdict"] == "complete"


def test_only_the_newest_answers_are_kept(outbox: Outbox, panel: Panel) -> None:
    for _ in range(ANSWERS_KEPT + 3):
        outbox.put(scan_end())
    outbox.deliver(client(panel))
    assert len(list((outbox.folder / "answers").iterdir())) == ANSWERS_KEPT


def test_two_deliverers_hand_over_each_message_once_and_in_order(outbox: Outbox, panel: Panel) -> None:
    for number in range(30):
        outbox.put(report(str(number)))

    def deliver_all() -> None:
        other = Outbox(outbox.folder)
        while other.waiting():
            other.deliver(client(panel))

    threads = [threading.Thread(target=deliver_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [body["detail"] for body in panel.told("session")] == [str(number) for number in range(30)]


def test_while_somebody_else_hands_over_a_delivery_does_nothing(outbox: Outbox, panel: Panel) -> None:
    outbox.put(report("0"))
    busy = []

    def second_delivery(_path: str, _body: object) -> None:
        busy.append(Outbox(outbox.folder).deliver(client(panel)).busy)

    panel.answers = second_delivery
    assert outbox.deliver(client(panel)).delivered == 1
    assert busy == [True]


def test_several_processes_put_into_one_order(outbox: Outbox, panel: Panel) -> None:
    writers = [_writer(outbox.folder, name, 40) for name in "abc"]
    for writer in writers:
        assert writer.wait(60) == 0
        assert writer.stdout is not None
        writer.stdout.close()
    numbers = [name.partition("-")[0] for name in outbox.waiting()]
    assert len(numbers) == len(set(numbers)) == 120
    outbox.deliver(client(panel))
    said = [body["detail"] for body in panel.told("session")]
    for name in "abc":
        assert [detail for detail in said if detail[0] == name] == [f"{name}{number}" for number in range(40)]


@pytest.mark.parametrize("seed", range(8))
def test_a_killed_writer_leaves_whole_messages_and_all_that_it_had_put(outbox: Outbox, panel: Panel,
                                                                       seed: int) -> None:
    writer = _writer(outbox.folder, "k", 100_000)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.005, 0.15))  # not a wait for anything: the moment of the kill is the test
    os.kill(writer.pid, signal.SIGKILL)
    put = 1 + len(writer.stdout.read().split())
    writer.stdout.close()
    writer.wait()
    outbox.put(report("after"))
    assert not list(outbox.folder.glob(".new-*"))
    assert outbox.deliver(client(panel)).refused == 0
    said = [body["detail"] for body in panel.told("session")]
    assert said == [*(f"k{number}" for number in range(len(said) - 1)), "after"]
    assert put <= len(said) - 1 <= put + 1


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_deliverer_leaves_what_was_not_taken_in_order(outbox: Outbox, panel: Panel, seed: int) -> None:
    for number in range(60):
        outbox.put(report(str(number)))
    deliverer = subprocess.Popen([sys.executable, "-c", _DELIVER, str(outbox.folder), panel.url])
    stop_after = random.Random(seed).randrange(1, 50)
    ends = time.monotonic() + 30
    while len(panel.requests) < stop_after and time.monotonic() < ends:
        time.sleep(0.001)
    os.kill(deliverer.pid, signal.SIGKILL)
    deliverer.wait()
    outbox.deliver(client(panel))
    first_time = list(dict.fromkeys(body["detail"] for body in panel.told("session")))
    assert first_time == [str(number) for number in range(60)]
    assert 60 <= len(panel.told("session")) <= 61


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_and_leaves_nothing_behind(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open

    def open_full(path: object, flags: int, *rest: int) -> int:
        return real_open("/dev/full" if ".new-" in str(path) else path, flags, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("scraper.outbox.os.open", open_full)
    with pytest.raises(CannotKeep, match="No space left on device"):
        outbox.put(report("too much"))
    monkeypatch.undo()
    assert outbox.waiting() == []
    outbox.put(report("room again"))
    assert len(outbox.waiting()) == 1


_WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from scraper.observations import SessionReport
from scraper.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    outbox.put(SessionReport(observed_at=datetime(2026, 3, 1, tzinfo=UTC), account="alice", state="signed_in",
                             detail=f"{sys.argv[2]}{number}"))
    print(number, flush=True)
"""
_DELIVER = """
import sys
from pathlib import Path
from scraper.outbox import Outbox
from scraper.server_client import ServerClient
Outbox(Path(sys.argv[1])).deliver(ServerClient(sys.argv[2], "token-of-the-worker"))
"""


def _writer(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", _WRITE, str(folder), name, str(count)], stdout=subprocess.PIPE,
                            text=True)

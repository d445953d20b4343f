"""`import`: saved pages and lists of usernames become a scan like any other."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.settings import Settings, load_settings
from scraper.commands.import_ import NAMES_A_MESSAGE, import_files
from scraper.errors import WrongUse
from scraper.outbox import Outbox
from tests.worker.panel import Panel

PAGES = Path(__file__).parents[1] / "pages"
CHANGED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def file_of(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (CHANGED.timestamp(), CHANGED.timestamp()))
    return path


def names_told(panel: Panel) -> list[str]:
    return [person["username"] for body in panel.told("/scan-page") for person in body["people"]]


@pytest.mark.parametrize(("name", "content"), [
    ("list.txt", "Ann\n\n# a note\nbob_2\n10482\n"),
    ("list.txt", "Ann\r\nbob_2\r\n10482"),
    ("list.csv", "Username,Since\nAnn,2020\n\"bob_2\",2021\n10482;2022\n"),
    ("list.csv", "ann\nbob_2\n10482\n"),
    ("list.json", '["Ann", "bob_2", "10482"]'),
    ("list.json", '{"usernames": [{"username": "Ann"}, "bob_2", "10482", "ANN"]}'),
    ("list.txt", "﻿Ann\nbob_2\n10482\n"),
    ("list.txt", "Ann\nbob_2\n10482\n".encode("utf-16")),
])
def test_usernames_are_read_from_every_kind_of_list(panel: Panel, worker_settings: Settings, tmp_path: Path,
                                                    name: str, content: str | bytes) -> None:
    assert import_files(worker_settings, "followers", [file_of(tmp_path, name, content)], "alice", None) == 0
    assert names_told(panel) == ["ann", "bob_2", "10482"]


def test_bad_names_are_reported_with_their_place_and_set_aside(panel: Panel, worker_settings: Settings, tmp_path: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, "list.txt", "ann\nno name\n=cmd()\nzoé\nbob\n")
    import_files(worker_settings, "followers", [path], "alice", None)
    assert names_told(panel) == ["ann", "bob"]
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in said] == [f"{path}:{number}" for number in (2, 3, 4)]


def test_numbers_in_json_are_no_names(panel: Panel, worker_settings: Settings, tmp_path: Path,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, "list.json", '["ann", 10482, null, {"name": "x"}]')
    import_files(worker_settings, "followers", [path], "alice", None)
    assert names_told(panel) == ["ann"]
    assert "entry 2" in capsys.readouterr().err


def test_a_list_counts_for_the_time_its_file_was_last_changed(panel: Panel, worker_settings: Settings,
                                                              tmp_path: Path) -> None:
    import_files(worker_settings, "followers", [file_of(tmp_path, "list.txt", "ann\n")], "alice", None)
    end = panel.told("/scan-end")[0]
    assert (end["started_at"], end["finished_at"]) == ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z")
    assert (end["source"], end["account"], end["pages"]) == ("import", "alice", 1)


@pytest.mark.parametrize(("said", "declared"), [(None, False), (False, False), (True, True)])
def test_a_list_is_partial_unless_it_is_said_to_be_complete(panel: Panel, worker_settings: Settings, tmp_path: Path,
                                                            said: bool | None, declared: bool) -> None:
    import_files(worker_settings, "followers", [file_of(tmp_path, "list.txt", "ann\n")], "alice", said)
    assert panel.told("/scan-end")[0]["declared_complete"] is declared


def test_a_list_with_bad_names_cannot_count_as_complete(panel: Panel, worker_settings: Settings,
                                                        tmp_path: Path) -> None:
    import_files(worker_settings, "followers", [file_of(tmp_path, "list.txt", "ann\n???\n")], "alice", True)
    assert panel.told("/scan-end")[0]["declared_complete"] is False


def test_a_long_list_goes_in_several_messages(panel: Panel, worker_settings: Settings, tmp_path: Path) -> None:
    names = [f"person_{number}" for number in range(NAMES_A_MESSAGE + 1)]
    import_files(worker_settings, "followers", [file_of(tmp_path, "list.txt", "\n".join(names))], "alice", True)
    assert names_told(panel) == names
    assert panel.told("/scan-end")[0]["pages"] == 2


@pytest.mark.parametrize(("verdict", "said", "status"), [
    ("complete", True, 0), ("partial", None, 0), ("partial", True, 5), ("rejected", None, 1),
])
def test_the_exit_status_tells_the_verdict(panel: Panel, worker_settings: Settings, tmp_path: Path, verdict: str,
                                           said: bool | None, status: int) -> None:
    panel.verdict["verdict"] = verdict
    assert import_files(worker_settings, "followers", [file_of(tmp_path, "l.txt", "ann\n")], "alice", said) == status


def test_saved_pages_are_read_like_a_scans_and_kept_as_evidence(panel: Panel, worker_settings: Settings,
                                                                tmp_path: Path) -> None:
    files = [Path(shutil.copy(PAGES / f"followed-online-{which}.html", tmp_path)) for which in ("page1", "last")]
    assert import_files(worker_settings, "following", files, None, None) == 0
    first, last = panel.told("/scan-page")
    assert first["facts"]["layout"] and first["people"] and last["people"]
    assert first["account"] == first["facts"]["signed_in_as"]
    assert first["capture"]["body"]
    assert "declared_complete" not in panel.told("/scan-end")[0]


def test_a_page_that_is_not_the_list_is_handed_over_with_its_problem(panel: Panel, worker_settings: Settings,
                                                                     tmp_path: Path,
                                                                     capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(shutil.copy(PAGES / "login.html", tmp_path))
    import_files(worker_settings, "following", [path], "alice", None)
    assert panel.told("/scan-page")[0]["facts"]["problem"]
    assert str(path) in capsys.readouterr().err


def test_without_a_server_everything_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings(data_dir=tmp_path / "data", server_url="http://127.0.0.1:1", worker_token="token-of-test")
    assert import_files(settings, "followers", [file_of(tmp_path, "list.txt", "ann\n")], "alice", None) == 6
    assert len(Outbox.of(settings.data_folder).waiting()) == 2
    assert "kept in the outbox" in capsys.readouterr().err


@pytest.mark.parametrize(("contents", "complete", "words"), [
    (["", "# nobody"], None, "no username"),
    (["???"], None, "no username"),
    (["<html></html>", "ann"], None, "not a saved page like the others"),
    (["<html></html>"], True, "prove it themselves"),
    (['{"names": ["ann"]}'], None, "holds no list"),
    (['["ann"'], None, "is not JSON"),
    (["[" * 100_000], None, "is not JSON"),
])
def test_what_cannot_be_meant_is_wrong_use_and_hands_over_nothing(panel: Panel, worker_settings: Settings,
                                                                  tmp_path: Path, contents: list[str],
                                                                  complete: bool | None, words: str) -> None:
    files = [file_of(tmp_path, f"{number}.txt", content) for number, content in enumerate(contents)]
    with pytest.raises(WrongUse, match=words):
        import_files(worker_settings, "followers", files, "alice", complete)
    assert panel.requests == []


def test_json_of_many_names_is_read_as_given(panel: Panel, worker_settings: Settings, tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(200)]
    import_files(worker_settings, "following", [file_of(tmp_path, "l.json", json.dumps(names))], "alice", None)
    assert names_told(panel) == names

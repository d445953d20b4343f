"""`python -m scraper`: commands, exit statuses, one clear line for expected trouble."""

import subprocess
import sys
from pathlib import Path

import pytest

from scraper.__main__ import COMMANDS, main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert "Usage: python -m scraper" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["no-such-command"], ["once"], ["once", "no-such-job"], ["run", "--no"], []])
def test_wrong_use_has_exit_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Usage:" in capsys.readouterr().err


def test_a_wrong_setting_is_one_line_and_exit_status_2(monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MHC_PORT", "many")
    assert main(["run"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("scraper: MHC_PORT: ") and said.count("\n") == 1


def test_expected_trouble_is_said_with_advice_and_its_own_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MHC_DATA_DIR", str(tmp_path / "data"))
    names = tmp_path / "names.txt"
    names.write_text("ann\n")
    assert main(["import", "followers", str(names)]) == 2
    assert "--account" in capsys.readouterr().err


def test_a_data_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MHC_DATA_DIR", str(tmp_path / "file" / "data"))
    assert main(["run"]) == 1
    assert capsys.readouterr().err.startswith("scraper: the data folder")


def test_a_setting_that_does_not_exist_is_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MHC_PROT", "3000")
    main(["once"])
    assert "MHC_PORT" in capsys.readouterr().err


def test_a_worker_that_waits_has_loaded_no_browser_and_no_parser() -> None:
    program = ("import sys, scraper.__main__, scraper.commands.run\n"
               "print([name for name in ('playwright', 'parsel', 'lxml', 'flask', 'sqlalchemy') "
               "if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True).stdout.strip() == "[]"

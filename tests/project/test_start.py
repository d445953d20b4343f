"""What `scripts/start` says when it cannot begin. The demo itself is started in tests/e2e."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def called(folder: Path, script: str, *arguments: str, **settings: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MHC_")}
    ended = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**environment, "PYTHONPATH": str(SCRIPTS.parent), **settings})
    return ended.returncode, ended.stdout + ended.stderr


def test_a_taken_port_is_said_with_what_to_do(tmp_path: Path, taken: int) -> None:
    status, said = called(tmp_path, "supervise.py", MHC_PORT=str(taken), MHC_DATA_DIR=str(tmp_path / "data"))
    assert status == 1
    assert f"Cannot listen on 127.0.0.1:{taken}" in said and "MHC_PORT=3001 scripts/start" in said


@pytest.mark.parametrize("way", ["option", "environment"])
def test_the_demo_listens_where_the_option_or_the_environment_says(tmp_path: Path, taken: int, way: str) -> None:
    options = ["--port", str(taken)] if way == "option" else []
    port = "1" if way == "option" else str(taken)
    status, said = called(tmp_path, "demo.py", "--data", str(tmp_path / "data"), *options, MHC_PORT=port)
    assert status == 1
    assert f"Cannot listen on 127.0.0.1:{taken}" in said and f"--port {taken + 1}" in said


def test_the_demo_takes_no_wrong_port(tmp_path: Path) -> None:
    status, said = called(tmp_path, "demo.py", "--data", str(tmp_path / "data"), MHC_PORT="many")
    assert (status, "'many' is no port" in said) == (2, True)


def test_the_demo_empties_no_folder_but_its_own(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    status, said = called(tmp_path, "demo.py", "--data", str(tmp_path))
    assert (status, "is not emptied" in said, (tmp_path / "letter").exists()) == (2, True, True)

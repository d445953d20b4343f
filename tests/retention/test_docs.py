"""docs/storage.md says what there is: its calls and commands work as printed, its table has every field."""

import re
import shlex
from pathlib import Path

import pytest

from server.jobs.kinds import KINDS, fresh_config

TEXT = (Path(__file__).parents[2] / "docs/storage.md").read_text()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_call_works_as_printed(app, api_as):
    client = api_as("subscriber")
    calls = [shlex.split(line)[1:] for line in re.findall(r"^curl .*$", TEXT, re.M)]
    assert len(calls) == 4
    for words in calls:
        path = words[-1].removeprefix("http://localhost:3000").replace("wait=60", "wait=0.1")
        body = words[words.index("-d") + 1] if "-d" in words else None
        answer = client.open(path, method="POST" if "-X" in words else "GET", data=body,
                             content_type="application/json" if body else None)
        assert answer.status_code in (200, 202), (path, answer.text)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_command_works_as_printed(app):
    commands = set(re.findall(r"flask --app server (stats [a-z ]+|retention(?: --dry-run)?)", TEXT))
    assert len(commands) == 7
    for command in commands:
        answer = app.test_cli_runner().invoke(args=command.split())
        assert answer.exit_code == 0, (command, answer.output)


def test_every_field_is_told_with_its_default():
    for name, value in fresh_config(KINDS["retention"]).items():
        written = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value
        assert re.search(rf"^\|[^|]*`{name}`[^|]*\|[^|]*`{written}`", TEXT, re.M), name

"""Every call in docs/{affiliate,directory,pictures}.md works as it is printed, and the tables name what there is."""

import re
import shlex
from pathlib import Path

import pytest
import requests

from server.jobs.kinds import KINDS, fresh_config, fresh_stats

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "affiliate.md").read_text()
MORE = [(DOCS / name).read_text() for name in ("directory.md", "pictures.md")]
CALLS = re.findall(r"^curl .*$", "\n".join([TEXT, *MORE]), re.M)


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"affiliate_code": "abc12"})


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_call_works_as_printed(live_server, api_as):
    token = api_as("subscriber").token
    for call in CALLS:
        call = call.replace("wait=60", "wait=0.1")  # no worker is here to do it
        words = shlex.split(call.replace("$TOKEN", token).replace("http://localhost:3000", live_server))[1:]
        method, headers, body, url = "GET", {}, None, ""
        while words:
            word = words.pop(0)
            if word == "-X":
                method = words.pop(0)
            elif word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "-o":
                words.pop(0)
            elif word == "-d":
                body = words.pop(0)
            else:
                url = word
        answered = requests.request(method, url, headers=headers, data=body, timeout=30)
        assert answered.ok, f"{call}: {answered.text}"


def test_there_are_calls_for_all_that_can_be_done():
    actions = {found[1] for call in CALLS if (found := re.search(r"/api/job/affiliate/([a-z-]+)", call))}
    assert actions == {"status", "config", "start", "pause", "resume", "stop", "reset-stats", "run", "runs"}
    assert len([call for call in CALLS if "queue" in call]) == 3


def test_every_field_and_every_statistic_is_named():
    for name in [*fresh_config(KINDS["affiliate"]), *fresh_stats(KINDS["affiliate"])]:
        assert f"`{name}`" in TEXT

"""`python -m scraper.sandbox`: started, asked, stopped."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from scraper.sandbox.__main__ import main, parser
from scraper.sandbox.options import Options
from scraper.sandbox.world import World

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_cleanly(stop):
    command = [sys.executable, "-m", "scraper.sandbox", "--port", "0", "--people", "40", "--seed", "5", "--speed", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as running:
        said = running.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert url and "demo_owner" in said
        state = requests.get(f"{url[0]}/__control__/state", timeout=10).json()
        running.send_signal(stop)
        assert running.wait(timeout=10) == 0
        assert running.stderr.read() == ""
    assert state["seed"] == 5
    assert state["options"]["speed"] == 60
    world = World(people=40, seed=5)
    world.advance(state["steps"])
    assert state["accounts"]["demo_owner"]["following"] == sorted(world.following())


def test_a_port_that_is_taken_is_one_clear_line(site, capsys):
    port = site().url.rsplit(":", 1)[1]
    assert main(["--port", port]) == 1
    assert capsys.readouterr().err.startswith("sandbox: cannot listen")


def test_a_wrong_value_is_one_clear_line(capsys):
    assert main(["--churn", "-1"]) == 2
    assert "churn must not be negative" in capsys.readouterr().err


def test_every_option_can_be_given_at_the_start():
    asked = vars(parser().parse_args([]))
    assert {name: asked[name] for name in vars(Options())} == vars(Options())

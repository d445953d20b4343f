"""The server as it is started for real."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """`python -m server` on a free port, with a prepared database unless it has to do that itself."""

    def __init__(self, folder, template, *arguments, **environment):
        folder.mkdir()
        if not arguments:
            shutil.copy(template, folder / "panel.db")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MHC_", "FLASK_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**kept, "PYTHONPATH": str(ROOT), "MHC_DATA_DIR": str(folder), "MHC_PORT": str(self.port),
                 **environment})
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self.reader.start()

    def wait_until_it_answers(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return requests.get(f"{self.url}/healthz", timeout=5)
            except requests.ConnectionError:
                time.sleep(0.05)
        raise AssertionError("the server does not answer: " + "".join(self.lines))

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self.reader.join()
        self.process.stdout.close()
        return status


@pytest.fixture
def start(tmp_path, _sqlite_template):
    started = []

    def begin(*arguments, **environment):
        process = Process(tmp_path / f"data{len(started)}", _sqlite_template, *arguments, **environment)
        started.append(process)
        process.wait_until_it_answers()
        return process

    yield begin
    for process in started:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


def test_it_prints_a_set_up_link_that_works_and_keeps_it_out_of_the_log(start):
    server = start(MHC_LOG_FORMAT="json")
    link = next(found[0] for line in server.lines if (found := re.search(r"http://\S+/setup\?code=\S+", line)))
    assert requests.get(link, timeout=10).status_code == 200
    code = link.partition("code=")[2]
    assert server.end() == 0
    logged = [line for line in server.lines if line.startswith("{")]
    assert logged and code not in "".join(logged)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told(start, how):
    server = start()
    begun = time.monotonic()
    assert server.end(how) == 0
    assert time.monotonic() - begun < 8
    assert "Traceback" not in "".join(server.lines)


def test_the_second_start_uses_the_secrets_of_the_first_and_prints_a_new_link(start, tmp_path):
    server = start()
    first = (tmp_path / "data0" / "secret.key").read_text()
    assert server.end() == 0
    for name in ("secret.key", "worker.token"):
        assert (tmp_path / "data0" / name).stat().st_mode & 0o777 == 0o600
    again = start(MHC_DATA_DIR=str(tmp_path / "data0"))
    assert (tmp_path / "data0" / "secret.key").read_text() == first
    assert again.end() == 0


def test_it_prepares_its_database_itself_when_asked_to(start, tmp_path):
    server = start("--upgrade")
    assert server.end() == 0
    assert any("Preparing the database" in line for line in server.lines)
    again = start("--upgrade", MHC_DATA_DIR=str(tmp_path / "data0"))
    assert again.end() == 0
    assert not any("Preparing the database" in line for line in again.lines)


def test_without_being_asked_to_it_does_not_touch_the_database(tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "MHC_DATA_DIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-m", "server"], env=environment, cwd=tmp_path, capture_output=True,
                           text=True, timeout=60)
    assert (ended.returncode, "flask --app server db upgrade" in ended.stderr) == (1, True)


def test_a_wrong_option_is_said(tmp_path):
    ended = subprocess.run([sys.executable, "-m", "server", "--port", "1"], env={"PYTHONPATH": str(ROOT)},
                           cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, "--port 1" in ended.stderr) == (2, True)


def test_no_debug_console_and_no_belief_in_forwarded_headers(start):
    """S20, S22"""
    server = start()
    assert requests.get(f"{server.url}/console", timeout=10).status_code == 404
    answer = requests.get(f"{server.url}/login?__debugger__=yes&cmd=resource&f=debugger.js", timeout=10)
    assert "text/html" in answer.headers["Content-Type"]
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1", "SCRIPT_NAME": "/evil"}
    answer = requests.get(f"{server.url}/account", timeout=10, allow_redirects=False, headers=forged)
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["Location"] == "/login?next=%2Faccount"


def test_an_unknown_setting_is_pointed_out(start):
    server = start(MHC_OWNR="ada")
    assert server.end() == 0
    assert any("MHC_OWNR" in line and "MHC_OWNER" in line for line in server.lines)


@pytest.mark.browser
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_description_of_the_api_is_shown_under_the_strict_policy(app, live_server, client_as, chromium_path):
    from playwright.sync_api import expect, sync_playwright

    admin = client_as("admin")
    cookie = admin.get_cookie(app.config["SESSION_COOKIE_NAME"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=[
            "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"])
        context = browser.new_context()
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server}])
        page = context.new_page()
        problems, hosts = [], set()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]) if "://" in request.url else None)
        page.goto(f"{live_server}/api/docs")
        expect(page.get_by_role("heading", name="MHC Control Panel")).to_be_visible()
        expect(page.locator(".opblock").first).to_be_visible()
        browser.close()
    assert problems == []
    assert hosts == {live_server.removeprefix("http://")}

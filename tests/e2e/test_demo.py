"""`scripts/start --demo` as a newcomer calls it: real processes, real Chromium, from the first line to Ctrl-C.

One demo serves all checks, since it takes a minute; what they find is in the order of the story.
"""

import contextlib
import gzip
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 240.0
TABS = ("directory", "following", "followers", "unfollowed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _until(found: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """What `found` answers as soon as it is true."""
    ends = time.monotonic() + deadline
    while True:
        answer = found()
        if answer:
            return answer
        assert time.monotonic() < ends, f"{what}: not within {deadline:g} s"
        time.sleep(0.2)


@dataclass
class Demo:
    """A running demo. `output` is the file that took all that it prints."""

    process: subprocess.Popen[bytes]
    folder: Path
    output: Path
    url: str
    cookies: list[str] = field(default_factory=list)

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def log(self) -> str:
        return (self.folder / "demo.log").read_text(encoding="utf-8")

    def password(self) -> str:
        return (self.folder / "demo-password").read_text().strip()

    def ask(self, path: str) -> dict[str, Any]:
        token = (self.folder / "demo-token").read_text().strip()
        answer = requests.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def site(self) -> str:
        """Where the imitation listens: the only one of our processes that was told a port."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):  # a browser's helpers come and go
                words = process.cmdline()
                if "scraper.sandbox" in words:
                    return f"http://127.0.0.1:{words[words.index('--port') + 1]}"
        raise AssertionError("the imitation does not run")


def _start(folder: Path, output: Path, port: int, *, stale_settings: Path) -> subprocess.Popen[bytes]:
    """The command as it is typed, from a folder whose `.env` must not matter."""
    (stale_settings / ".env").write_text("MHC_OWNER=somebody_real\nMHC_PORT=nonsense\n")
    with output.open("wb") as out:
        return subprocess.Popen(
            [str(ROOT / "scripts/start"), "--demo", "--port", str(port), "--data", str(folder)], stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, cwd=stale_settings, env={**os.environ, "MHC_OWNER": "not_the_demos"})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    place = tmp_path_factory.mktemp("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = _start(place / "data", place / "output", port, stale_settings=place)
    demo = Demo(process, place / "data", place / "output", f"http://127.0.0.1:{port}")
    try:
        yield demo
    finally:
        if process.poll() is None:
            family = demo.family()
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                for one in [*family, process]:
                    one.kill()
                process.wait()


def _people(demo: Demo, page: Page, tab: str) -> list[str]:
    page.goto(f"{demo.url}/users/{tab}")
    return [name.strip() for name in page.locator("#people tbody tr td:first-child").all_inner_texts()]


def test_the_demo_shows_a_living_world_and_ends_without_a_trace(demo: Demo, chromium_path: str) -> None:
    # It says where to go and how to sign in.
    _until(lambda: "Sign in as demo" in demo.said() or demo.process.poll() is not None, "the words to sign in")
    assert demo.process.poll() is None, demo.said()[-3000:]
    assert demo.url in demo.said()
    assert demo.password() in demo.said()

    # Both lists fill, from several pages, proved complete, and nobody of the first list is dated "today".
    _until(lambda: "read for the first time" in demo.said(), "the first readings")
    following, followers = (demo.ask(f"/api/followers/{name}") for name in ("following", "followers"))
    assert following["total"] > 250
    assert followers["total"] > 200
    assert {one["following_since_earliest"] for one in following["following"]} == {None}
    scans = demo.ask("/api/scans")["scans"]
    assert {"following", "followers"} <= {scan["list"] for scan in scans if scan["verdict"] == "complete"}

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--disable-gpu", "--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(30_000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{demo.url}/")
        page.get_by_label("Name", exact=True).fill("demo")
        page.get_by_label("Password", exact=True).fill(demo.password())
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(re.compile(r"/users/directory"))

        # The lists have people at once, and the pages say how far their first dates are known.
        for tab in ("directory", "following", "followers"):
            assert len(_people(demo, page, tab)) >= 20, tab
        page.goto(f"{demo.url}/users/following")
        expect(page.locator("#people tbody")).to_contain_text("before")

        # While one looks on, people come, go missing, leave and come back.
        happened = _until(lambda: _everything_has_happened(demo), "new, missing and gone people")
        assert happened["returned"] or happened["gone"]
        _until(lambda: _people(demo, page, "unfollowed"), "people on the tab of those who left")
        assert complaints == []
        demo.cookies = [cookie["value"] for cookie in page.context.cookies()]
        csrf = page.locator("input[name=csrf_token]").first.get_attribute("value")
        demo.cookies.append(str(csrf))
        browser.close()

    # What must stay secret, from everywhere it is known, before it is gone.
    secrets = _secrets(demo)

    # Ctrl-C ends everything, quickly and cleanly.
    family = demo.family()
    assert len(family) >= 4
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0, demo.said()[-2000:]
    _, left = psutil.wait_procs(family, timeout=10)
    assert [process.name() for process in left] == []
    assert "Traceback" not in demo.log()
    assert "Traceback" not in demo.said()

    # Nothing that was printed, logged or kept as evidence gives away a secret.
    printed, logged = demo.said(), demo.log()
    assert len(logged.splitlines()) > 30
    for kind, values in secrets.items():
        for value in values:
            assert value not in logged, kind
            if kind != "the demo's own password":  # it is told to whoever started the demo
                assert value not in printed, kind
    kept = _kept(demo.folder)
    assert len(kept) > 10
    for kind, values in secrets.items():
        assert [path for path, raw in kept.items() for value in values if value.encode() in raw] == [], kind


def _everything_has_happened(demo: Demo) -> dict[str, int]:
    with sqlite3.connect(f"file:{demo.folder / 'panel.db'}?mode=ro", uri=True) as database:
        new, missing, gone = database.execute(
            "SELECT count(CASE WHEN start_earliest IS NOT NULL THEN 1 END), "
            "count(CASE WHEN missing_since IS NOT NULL THEN 1 END), "
            "count(CASE WHEN end_latest IS NOT NULL THEN 1 END) FROM follow_intervals").fetchone()
        returned = database.execute(
            "SELECT count(*) FROM (SELECT 1 FROM follow_intervals GROUP BY account_id, person_id, direction "
            "HAVING count(*) > 1)").fetchone()[0]
    assert demo.process.poll() is None, demo.said()[-3000:]
    counts = {"new": new, "missing": missing, "gone": gone, "returned": returned}
    return counts if new and gone else {}


def _secrets(demo: Demo) -> dict[str, list[str]]:
    site = requests.get(f"{demo.site()}/__control__/secrets", timeout=30).json()
    assert len(site) > 2
    return {
        "passwords, cookies and tokens of the site": [value for value in site if len(value) >= 6],
        "the worker's token": [(demo.folder / "worker.token").read_text().strip()],
        "the secret key": [(demo.folder / "secret.key").read_text().strip()],
        "the demo's token": [(demo.folder / "demo-token").read_text().strip()],
        "the demo's own password": [demo.password()],
        "cookies of the panel": demo.cookies[:-1],
        "CSRF tokens": demo.cookies[-1:],
    }


def _kept(folder: Path) -> dict[str, bytes]:
    """Every file of the data folder, unpacked, but those that are there to hold one secret each."""
    holders = {"secret.key", "worker.token", "demo-token", "demo-password"}
    return {str(path.relative_to(folder)): _unpacked(path.read_bytes()) for path in folder.rglob("*")
            if path.is_file() and path.name not in holders}


def _unpacked(raw: bytes) -> bytes:
    with contextlib.suppress(OSError, zlib.error, EOFError):
        return gzip.decompress(raw)
    with contextlib.suppress(zlib.error):
        return zlib.decompress(raw)
    return raw


def test_a_folder_that_is_no_demos_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious.db").write_text("years of work")
    done = subprocess.run([str(ROOT / "scripts/start"), "--demo", "--data", str(tmp_path / "data")], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "is not emptied" in done.stdout
    assert (tmp_path / "data" / "precious.db").read_text() == "years of work"


def test_a_port_that_is_taken_is_told_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [str(ROOT / "scripts/start"), "--demo", "--port", str(port), "--data", str(tmp_path / "data")],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr

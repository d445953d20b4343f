"""How fast a list of 1,350 followed people on 15 pages is read in the real browser, against the sandbox.

Every answer of the sandbox comes 50 ms late and every page weighs 300 KB more. Printed:

    no pauses            the product's own job, beside a plain script that waits for network idle on each page
    one page a second    the job with that politeness, and its ratio to the floor
    memory               the worker's own at its peak, without the browser's
"""

import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import sync_playwright

from common.clock import utc_now
from common.settings import Settings, load_settings
from scraper.browser import FLAGS, find_chromium
from scraper.jobs import JobContext, JobResult
from scraper.layout_files import layouts_for
from scraper.observations import Message
from scraper.outbox import Outbox
from scraper.session_store import SessionStore
from scraper.sign_in import from_password, prove
from scraper.sources.followed.job import run
from scraper.sources.followed.page import ADDRESSES, address
from scraper.sources.followed.parse import read_page

PEOPLE, ONLINE, PAGE_SIZE, LATENCY_MS, PADDING_KB = 1350, 450, 90, 50, 300
OWNER, PASSWORD = "demo_owner", "sandbox-password"
PAGES = {"online": ONLINE // PAGE_SIZE, "offline": (PEOPLE - ONLINE) // PAGE_SIZE}
TIMES_FASTER, OF_THE_FLOOR, MEGABYTES = 3.0, 1.1, 120


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    with tempfile.TemporaryDirectory() as folder, _sandbox() as url:
        settings = load_settings(data_dir=Path(folder), chaturbate_url=url, page_pause="0", owner=OWNER)
        layouts = layouts_for(settings.data_folder)
        state = from_password(settings, layouts, OWNER, PASSWORD, utc_now)
        SessionStore(settings).save(prove(settings, layouts, state, OWNER, utc_now))

        quick, result = _job(settings, "0")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        idle = _network_idle(settings)
        polite, _ = _job(settings, "1")
        floor = sum(PAGES.values())
        good = [idle / quick >= TIMES_FASTER, polite / floor <= OF_THE_FLOOR, memory <= MEGABYTES]
        print(f"  {result.counters['people']:,} people on {result.counters['pages']} pages, {LATENCY_MS} ms latency: "
              f"{result.outcome}")
        print(f"  no pauses {quick:.1f} s; waiting for network idle on every page {idle:.1f} s, {idle / quick:.1f} "
              f"times as long (at least {TIMES_FASTER:g}: {_word(good[0])})")
        print(f"  one page a second {polite:.1f} s, {polite / floor:.2f} times the floor of {floor} s "
              f"(at most {OF_THE_FLOOR:g}: {_word(good[1])})")
        print(f"  the worker's own memory at its peak {memory:.0f} MB (at most {MEGABYTES}: {_word(good[2])})")
        return all(good)


def _word(good: bool) -> str:
    return "yes" if good else "NO"


@contextmanager
def _sandbox() -> Iterator[str]:
    """A sandbox in a process of its own; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"port": port, "people": PEOPLE + 50, "following": PEOPLE, "online": ONLINE, "followers": 0, "seed": 15,
               "page-size": PAGE_SIZE, "latency": LATENCY_MS, "padding-kb": PADDING_KB}
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen([sys.executable, "-m", "scraper.sandbox", *arguments], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + 30
        while True:
            try:
                requests.get(f"{url}/", timeout=5)
                break
            except requests.ConnectionError:
                if time.monotonic() > ends or process.poll() is not None:
                    raise SystemExit("the sandbox does not start") from None
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


class _Stopwatch:
    """An outbox that notes when the last message was kept."""

    def __init__(self, folder: Path) -> None:
        self._outbox, self.last = Outbox.of(folder), 0.0

    def put(self, message: Message) -> None:
        self._outbox.put(message)
        self.last = time.monotonic()


def _job(settings: Settings, pause: str) -> tuple[float, JobResult]:
    """Seconds from the first page's start to the last message's hand-over, and the job's result."""
    settings = settings.model_copy(update={"page_pause": pause})
    began: list[float] = []

    def note(progress: Any) -> None:
        if progress.phase.startswith("reading") and not began:
            began.append(time.monotonic())

    watch = _Stopwatch(settings.data_folder)
    result = run(JobContext(settings, OWNER, {"maxPasses": 1}, None, watch, note, utc_now))
    return watch.last - began[0], result


def _network_idle(settings: Settings) -> float:
    """Seconds for the same pages in a plain Playwright script that waits on each until the network is quiet."""
    layouts = layouts_for(settings.data_folder)
    state: Any = SessionStore(settings).load(OWNER).storage_state
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(settings, playwright),
                                             args=[*FLAGS, "--no-sandbox"])
        page = browser.new_context(storage_state=state).new_page()
        began = time.monotonic()
        for part, pages in PAGES.items():
            for number in range(1, pages + 1):
                page.goto(f"{settings.chaturbate_url}{address(part, number)}", wait_until="networkidle")
                _, people = read_page(page.content(), part=part, layouts=layouts, account=OWNER, page=number,
                                      path=ADDRESSES[part], status=200)
                if len(people) != PAGE_SIZE:
                    raise SystemExit(f"{part} page {number} shows {len(people)} people")
        took = time.monotonic() - began
        browser.close()
    return took


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

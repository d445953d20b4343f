"""How long `cbhours-live` takes for 2,000 people: 40 calls, beside the floor of one call a second.

The imitation runs in a process of its own, every answer of it comes 40 ms late, and it shuts its door on whoever asks
twice within a second. The run begins with a second of rest, which counts.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from common.clock import utc_now
from common.settings import load_settings
from scraper.jobs import JobContext
from scraper.outbox import Outbox
from scraper.sources.cbhours.client import FLOOR, MOST_NAMES, CbhoursClient
from scraper.sources.cbhours.live import Poll

PEOPLE, LATENCY_MS = 2_000, 40
CALLS = PEOPLE // MOST_NAMES
OF_THE_FLOOR = 1.05


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    names = [f"room_{number:05}" for number in range(PEOPLE)]
    with tempfile.TemporaryDirectory() as folder, _sandbox() as url:
        settings = load_settings(data_dir=Path(folder), cbhours_url=url)
        outbox = Outbox.of(settings.data_folder)
        context = JobContext(settings, None, {"limit": PEOPLE}, None, outbox, lambda _: None, utc_now)
        began, used = time.monotonic(), time.process_time()
        client = CbhoursClient(url)
        result = Poll(context, client).go(lambda limit: names[:limit])
        client.close()
        took, used = time.monotonic() - began, time.process_time() - used
        bans = requests.get(f"{url}/__control__/state?log=0", timeout=30).json()["counts"].get("cbhours_bans", 0)
        calls, messages = result.counters["calls"], len(outbox.waiting())
    floor = CALLS * FLOOR
    good = [calls == CALLS == messages and result.outcome == "ok", took / floor <= OF_THE_FLOOR, bans == 0]
    told = result.counters["online"] + result.counters["offline"] + result.counters["unknown"]
    print(f"  {told:,} people in {calls} calls, {messages} messages: {result.outcome} "
          f"({CALLS} calls: {_word(good[0])})")
    print(f"  {took:.2f} s, {took / floor:.3f} times the floor of {floor:.0f} s (at most {OF_THE_FLOOR:g}: "
          f"{_word(good[1])}); mean answer {result.counters['mean_response_ms']} ms, slowest "
          f"{result.counters['slowest_response_ms']} ms; {used:.2f} s of work")
    print(f"  calls that came within a second of the one before: {bans} (none: {_word(good[2])})")
    return all(good)


def _word(good: bool) -> str:
    return "yes" if good else "NO"


@contextmanager
def _sandbox() -> Iterator[str]:
    """The imitation; its address."""
    options = ["--port", "0", "--people", "100", "--more-rooms", str(PEOPLE), "--latency", str(LATENCY_MS)]
    with subprocess.Popen([sys.executable, "-m", "scraper.sandbox", *options], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found is not None
            yield found[0]
        finally:
            process.terminate()

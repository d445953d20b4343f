"""The poller's typical workflow, as its owner does it in the browser: configure, start, look, lengthen the interval,
pause, resume, stop. Behind it the worker polls the sandbox's affiliate API; time passes only when told."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from common.settings import Settings, load_settings
from scraper.sandbox.testing import Sandbox, running
from server.models import Job, db
from tests.helpers import WORKER, FakeClock

pytestmark = pytest.mark.browser


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with running(people=120, following=10, followers=10, online=60) as sandbox:
        yield sandbox


@pytest.fixture
def settings(database: str, tmp_path: Any, site: Sandbox) -> Settings:
    return load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER,
                         timezone="Europe/Lisbon", page_pause="0", affiliate_code="SBXCODE42", chaturbate_url=site.url)


@pytest.fixture
def pass_time(clock: FakeClock, poll: Callable[..., bool]) -> Callable[[int], int]:
    """pass_time(minutes) -> how many polls the worker was given meanwhile, asking every five minutes."""
    def pass_minutes(minutes: int) -> int:
        polls = 0
        for number in range(minutes // 5 + 1):
            if number:
                clock.advance(minutes=5)
            polls += poll()
        return polls

    return pass_minutes


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_typical_workflow(app: Any, browser_page: Page, live_server: str, site: Sandbox,
                              pass_time: Callable[[int], int]) -> None:
    page, complaints = browser_page, list[str]()
    page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    with app.app_context():
        card = page.locator(f"#job-{db.session.query(Job).filter_by(name='affiliate').one().id}")

    def look() -> None:
        page.goto(f"{live_server}/admin/jobs")

    def configure(**values: str) -> None:
        card.locator("summary", has_text="Configuration").click()
        for name, value in values.items():
            card.locator(f"input[name={name}]").fill(value)
        card.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Kept.")).to_be_visible()

    look()
    expect(card).to_contain_text("Not on a schedule: press Poll now")
    card.locator("summary", has_text="Configuration").click()
    expect(card).to_contain_text("30 = recommended default")
    for choice in ("women", "couples", "trans"):
        card.get_by_label(choice).check()
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Kept.")).to_be_visible()

    card.get_by_role("button", name="Start the schedule").click()
    expect(card).to_contain_text("waiting")
    assert pass_time(0) == 1
    look()
    expect(card).to_contain_text(re.compile(r"Rooms kept\s*\d+ at the last run"))
    expect(card).to_contain_text("Next run at 12:30 WET")
    assert pass_time(60) == 2

    look()
    configure(intervalMinutes="60")
    expect(card).to_contain_text("Next run at 14:00 WET")
    assert pass_time(120) == 2

    look()
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("Paused: nothing starts by itself")
    assert pass_time(120) == 0
    look()
    card.get_by_role("button", name="Resume").click()
    assert pass_time(0) == 1

    look()
    card.locator("svg a").last.click()
    expect(page.locator("main")).to_contain_text("Success rate")
    expect(page.locator("main")).to_contain_text("100 %")
    expect(page.locator("main")).to_contain_text("Raw answers")
    _picture(page, "run")
    page.get_by_role("link", name="All jobs").click()
    card.locator("summary", has_text="Configuration").click()
    expect(card).to_contain_text("rooms as measured")
    _picture(page, "jobs")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    card.get_by_role("button", name="Stop").click()
    expect(card).to_contain_text("Not on a schedule")
    assert pass_time(180) == 0
    assert complaints == []


def _picture(page: Page, name: str) -> None:
    """Kept where somebody wants to look at it: MHC_TEST_PICTURES is a folder."""
    folder = os.environ.get("MHC_TEST_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)

"""Two sources tell who is live. They go away one after the other: the page shows who stands in, and in the end that
nobody can be believed any more. Server, worker, sandbox and browser are the real ones; time passes only when told."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from common.settings import Settings, load_settings
from scraper.outbox import Outbox
from scraper.running import carry_out, open_desk
from scraper.sandbox.testing import Sandbox, running
from scraper.server_client import ServerClient
from server.models import CbhoursCurrent, Job, Person, PersonCurrent, db
from tests.helpers import WORKER, FakeClock

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]
JOBS = ["affiliate", "cbhours-live"]


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with running(people=60, following=5, followers=5, online=30, cbhours_gap=0) as sandbox:
        yield sandbox


@pytest.fixture
def settings(database: str, tmp_path: Any, site: Sandbox) -> Settings:
    return load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER, page_pause="0",
                         timezone="Europe/Lisbon", affiliate_code="SBXCODE42", chaturbate_url=site.url,
                         cbhours_url=site.url)


@pytest.fixture
def work(app: Any, settings: Settings, clock: FakeClock, live_server: str) -> Iterator[Callable[[int], dict[str, str]]]:
    """work(minutes): time passes, and the worker does every five minutes whatever is due -> job: its last outcome."""
    with app.app_context():
        for job in db.session.query(Job).filter(Job.name.in_(JOBS)):
            job.scheduled, job.next_due_at = True, clock.now
            job.config = {**job.config, **({"gender": "m,f,t,c"} if job.name == "affiliate" else {})}
        db.session.commit()
    with closing(ServerClient(live_server, WORKER, clock=clock)) as client:
        worker = settings.model_copy(update={"server_url": live_server})
        desk = open_desk(worker, clock, lambda: False, client=client, outbox=Outbox.of(settings.data_folder))

        def pass_time(minutes: int) -> dict[str, str]:
            outcomes = {}
            for number in range(minutes // 5 + 1):
                if number:
                    clock.advance(minutes=5)
                while (run := client.claim("tests", JOBS).run) is not None:
                    outcomes[run.job] = carry_out(desk, run).outcome
                    report = desk.outbox.deliver(client)
                    assert (report.left, report.stopped_by) == (0, None)
            return outcomes

        yield pass_time


@pytest.fixture
def whom(app: Any) -> Callable[[], str | None]:
    """The name of somebody whom both sources show as live, the most followed first."""
    def ask() -> str | None:
        with app.app_context():
            return db.session.scalars(
                db.select(Person.username).join(PersonCurrent, PersonCurrent.person_id == Person.id)
                .join(CbhoursCurrent, CbhoursCurrent.person_id == Person.id)
                .where(CbhoursCurrent.online, PersonCurrent.live_until.is_not(None))
                .order_by(PersonCurrent.followers.desc(), Person.username)).first()
    return ask


def test_sources_go_away_one_after_the_other_and_the_page_says_so(
        browser_page: Page, live_server: str, site: Sandbox, work: Callable[[int], dict[str, str]],
        whom: Callable[[], str | None]) -> None:
    page, line = browser_page, browser_page.locator("#coverage")

    def look(path: str = "/users/directory?sort=-followers") -> None:
        page.goto(f"{live_server}{path}")

    def values() -> str:
        look(f"/profile/{person}/values")
        return page.locator("body").inner_text()

    def dots(column: str) -> set[str]:
        cells = page.locator(f"td[data-label='{column}'] .said")
        return {cells.nth(number).get_attribute("class") or "" for number in range(cells.count())}

    # Both are there.
    assert work(0) == {"affiliate": "ok", "cbhours-live": "ok"}
    assert work(10)["cbhours-live"] == "ok"
    person = whom()
    look()
    expect(line).to_have_text(re.compile(r"^\s*\d+ live by affiliate\s*$"))
    row = page.locator("tr", has=page.locator(f"a.username[href$='/{person}']"))
    expect(row.locator(".live-badge")).to_be_visible()
    expect(row).to_contain_text("as of 10 min ago")
    assert dots("Rank") == {"said from-cbhours"} and "said from-affiliate" in dots("Age")
    assert "CBHours only" not in line.inner_text()
    assert re.search(r"Live\s+yes\s+Affiliate API", values())

    # The affiliate API goes away: its word is believed for a while, then that of CBHours is shown in its place.
    site.fault("challenge", list="affiliate")
    assert work(25) == {"affiliate": "blocked", "cbhours-live": "ok"}
    look()
    expect(line).to_contain_text("live by affiliate")
    work(15)
    look()
    expect(line).to_have_text(re.compile(
        r"\d+ live by CBHours, \d+ stale .*The affiliate poll has been silent since 12:00; CBHours stands in\."))
    expect(row.locator(".live-badge")).to_be_visible()
    expect(row).to_contain_text("by CBHours as of just now")
    assert dots("Age") == {"said from-affiliate stale"}
    assert dots("Rank") == {"said from-cbhours"}
    shown = values()
    assert re.search(r"Live\s+yes\s+CBHours", shown) and re.search(r"Viewers\s+[\d,]+\s.*CBHours", shown)
    look(f"/profile/{person}")
    expect(page.locator("header.profile-head")).to_contain_text(re.compile("live.*CBHours", re.DOTALL))
    look("/users/directory?live=1")
    assert page.locator("tbody tr").count() == page.locator(".live-badge").count() > 0

    # CBHours goes away, too: what was known last, marked as old, and nobody is live.
    site.fault("error", list="cbhours")
    assert work(20)["cbhours-live"] == "failed"
    look()
    expect(line).to_have_text(re.compile(
        r"Nobody is known to be live, \d+ stale .*The affiliate poll has been silent since 12:00\..*"
        r"CBHours has been silent since 12:50; ranks are as of then\."))
    expect(page.locator(".live-badge")).to_have_count(0)
    assert dots("Rank") == {"said from-cbhours stale"}
    assert all(css.endswith("stale") for css in dots("Followers"))
    shown = values()
    assert re.search(r"Live\s+no", shown) and shown.count("not fresh") > 5
    look("/users/directory?live=1")
    expect(page.locator("#people")).to_contain_text("Nobody fits this search")
    page.set_viewport_size({"width": 390, "height": 844})
    look()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(line).to_be_visible()

    # They come back: everything is as before, without a hand.
    site.clear_faults()
    work(60)
    look()
    expect(line).to_have_text(re.compile(r"^\s*\d+ live by affiliate(, \d+ by CBHours only)?\s*$"))

"""The directory in the browser after a poll of the sandbox: live, followers, sources, tags, the queue, files."""

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from common.settings import Settings, load_settings
from scraper.outbox import Outbox
from scraper.running import carry_out, open_desk
from scraper.sandbox.testing import Sandbox, running
from scraper.server_client import ServerClient
from server.models import Person, PersonCurrent, PersonDetails, db
from tests.helpers import PASSWORD, WORKER, FakeClock, add_user

pytestmark = pytest.mark.browser
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with running(people=120, following=10, followers=10, online=60) as sandbox:
        yield sandbox


@pytest.fixture
def settings(database: str, tmp_path: Any, site: Sandbox) -> Settings:
    return load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER,
                         timezone="Europe/Lisbon", page_pause="0", affiliate_code="SBXCODE42", chaturbate_url=site.url)


@pytest.fixture
def poll(settings: Settings, clock: FakeClock, live_server: str) -> Iterator[Callable[..., None]]:
    """Let the worker take up the affiliate job; by force, or only if the server finds it due."""
    client = ServerClient(live_server, WORKER, clock=clock)
    desk = open_desk(settings, clock, lambda: False, client=client, outbox=Outbox.of(settings.data_folder))

    def once(*, force: bool) -> None:
        run = client.claim("tests", ["affiliate"],
                           force={"job": "affiliate", "account": None} if force else None).run
        assert run is not None
        result = carry_out(desk, run)
        assert result.outcome in ("ok", "partial"), result.error
        assert desk.outbox.deliver(client).left == 0

    yield once
    client.close()


@pytest.fixture
def page(app: Any, live_server: str, chromium_path: str) -> Iterator[Page]:
    add_user(app, "looker", "admin")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        page = chromium.new_page(viewport={"width": 1300, "height": 900})
        page.goto(f"{live_server}/login")
        page.locator("input:not([type=hidden]):not([type=password])").first.fill("looker")
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("input[type=password]").press("Enter")
        page.wait_for_url(re.compile("/users/"))
        yield page
        chromium.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_directory_after_a_poll(app: Any, page: Page, live_server: str, clock: FakeClock,
                                    poll: Callable[..., None], tmp_path: Any) -> None:
    complaints = list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    with app.app_context():
        from server.jobs.kinds import KINDS
        from server.jobs.store import job_of

        job_of(db.session(), KINDS["affiliate"], None).scheduled = True
        db.session.commit()
    poll(force=True)
    clock.advance(minutes=3)
    with app.app_context():
        name, followers, tags = db.session.execute(
            db.select(Person.username, PersonCurrent.followers, PersonDetails.tags)
            .join(PersonCurrent, PersonCurrent.person_id == Person.id)
            .join(PersonDetails, PersonDetails.person_id == Person.id)
            .where(PersonCurrent.followers.is_not(None)).order_by(PersonCurrent.followers.desc()).limit(1)).one()

    page.goto(f"{live_server}/users/directory?sort=-followers")
    row = page.locator("#people tbody tr").first
    expect(row.locator(".username")).to_have_text(name)
    expect(row.locator(".live-badge")).to_have_text("live")
    expect(row).to_contain_text("as of 3 min ago")
    shown = row.locator("td[data-label=Followers] .said")
    expect(shown).to_have_text(f"{followers:,}")
    expect(shown).to_have_class("said from-affiliate")

    # Where a value comes from: by the keyboard alone.
    row.locator("a[data-values]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#values-window tbody")).to_contain_text("Affiliate API")
    page.keyboard.press("Escape")
    expect(page.locator("#values-window")).to_be_hidden()
    expect(row.locator("a[data-values]")).to_be_focused()

    # A tag hides everybody who has it not. The list is swapped a moment after the chips.
    how_many = page.locator(".pager span").first
    everybody = how_many.inner_text()
    page.locator(".search[name=tag]").fill(tags[0])
    expect(page.locator(".chip-active")).to_contain_text(f"#{tags[0]}")
    expect(how_many).not_to_have_text(everybody)
    left, everybody = (int(re.sub(r"\D", "", words)) for words in (how_many.inner_text(), everybody))
    assert 0 < left < everybody
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    assert download.value.suggested_filename == "directory.csv"
    download.value.save_as(tmp_path / "directory.csv")
    with (tmp_path / "directory.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == left and all(tags[0] in row["tags"].split(" ") for row in rows)
    assert rows[0]["username"] == name

    # Somebody nobody knows: into the queue from the search, and what the next poll says of them.
    page.locator(".search[name=tag]").fill("")
    expect(page.locator(".chip-active")).to_have_count(0)
    page.locator(".search[name=q]").fill("nobody_of_this_name")
    page.get_by_role("button", name="Add to queue").click()
    expect(page.locator("#asked-for")).to_contain_text("P1 queued")
    poll(force=False)  # the queue made it due
    expect(page.locator("#asked-for")).to_contain_text("P1 not online", timeout=8_000)  # the page looks by itself
    # What is being typed replaces the question before it; htmx tells that as an error.
    assert [said for said in complaints if said not in ("htmx:sendAbort", "htmx:afterRequest")] == []

"""The directory in the browser after a poll of the sandbox: live, followers, sources, tags, the queue, files."""

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from common.settings import Settings, load_settings
from scraper.sandbox.testing import Sandbox, running
from server.models import Person, PersonCurrent, PersonDetails, db
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


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_directory_after_a_poll(app: Any, browser_page: Page, live_server: str, clock: FakeClock,
                                    poll: Callable[..., bool], tmp_path: Any) -> None:
    page, complaints = browser_page, list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    with app.app_context():
        from server.jobs.kinds import KINDS
        from server.jobs.store import job_of

        job_of(db.session(), KINDS["affiliate"], None).scheduled = True
        db.session.commit()
    assert poll(force=True)
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
    assert poll()  # the queue made it due
    expect(page.locator("#asked-for")).to_contain_text("P1 not online", timeout=8_000)  # the page looks by itself
    # What is being typed replaces the question before it; htmx tells that as an error.
    assert [said for said in complaints if said not in ("htmx:sendAbort", "htmx:afterRequest")] == []

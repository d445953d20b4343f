"""Saved pages through the form, in a real Chromium: from a panel that knows nobody to a held reading accepted."""

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from scraper.sandbox.testing import running
from tests.helpers import add_user
from tests.pages_ui.test_browser import QUIET, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


CARDS = "[data-testid=room-card], table td a, li.follower"


@pytest.fixture
def people_at(app, live_server, chromium_path):
    """A person's own browser, signed in at the panel and at the site; yields panel page, site page, the site."""
    add_user(app, "looker", "admin")
    with running(people=90, following=24, followers=60, online=9, page_size=10, followers_page_size=25,
                 renew_after=0) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        own = browser.new_context()
        own.set_default_timeout(15_000)
        own.add_cookies([{"name": cookie["name"], "value": cookie["value"], "domain": "127.0.0.1", "path": "/"}
                         for cookie in site.cookies()])
        panel = browser.new_context().new_page()
        panel.set_default_timeout(15_000)
        sign_in(panel, live_server)
        panel.on("dialog", lambda dialog: dialog.accept())
        yield panel, own.new_page(), site
        browser.close()


def save_pages(page, url, folder, address, people, per_page):
    """Every page of one list, as a browser saves it; the files."""
    folder.mkdir()
    files = []
    for number in range(1, -(-people // per_page) + 1):
        page.goto(f"{url}{address}?page={number}")
        page.locator(CARDS).first.wait_for()
        files.append(folder / f"{number}.html")
        files[-1].write_text(page.content(), encoding="utf-8")
    return files


def save_followers(page, site, folder):
    return save_pages(page, site.url, folder, "/accounts/followers/", len(site.world.followers()), 25)


def hand_over(panel, base, list_name, files):
    panel.goto(f"{base}/users/{list_name}")
    panel.locator("#upload summary").click()
    panel.set_input_files("#files", files)
    panel.get_by_role("button", name="Hand over").click()


def test_saved_pages_fill_a_new_panel_and_a_held_reading_is_accepted_until_applied(
        people_at, live_server, clock, tmp_path):
    panel, page, site = people_at
    hand_over(panel, live_server, "followers", save_followers(page, site, tmp_path / "first"))
    expect(panel.locator(".alert").first).to_contain_text("complete")
    expect(panel.locator("#tabs .active .count")).to_have_text("60")

    gone = site.world.followers()[:25]
    for name in gone:
        site.world.leave_me(name)
    clock.advance(hours=2)
    hand_over(panel, live_server, "followers", save_followers(page, site, tmp_path / "second"))
    expect(panel).to_have_url(re.compile("/admin/scans/"))
    expect(panel.locator("main h2").first).to_contain_text("waits for you")
    expect(panel.locator("details .username")).to_have_count(25)
    panel.get_by_role("button", name="Accept").click()
    expect(panel.locator(".alert").first).to_contain_text("Accepted")
    expect(panel.locator("main h2").first).not_to_contain_text("waits for you")
    panel.goto(f"{live_server}/users/followers")
    expect(panel.locator("#reading .missing").first).to_contain_text("25 missing")

    clock.advance(hours=2)
    hand_over(panel, live_server, "followers", save_followers(page, site, tmp_path / "third"))
    expect(panel.locator("#tabs .count").nth(3)).to_have_text("25")
    panel.goto(f"{live_server}/users/unfollowed")
    expect(panel.locator("#people .username").first).to_be_visible()
    assert set(panel.locator("#people .username bdi").all_text_contents()) == set(gone)


def test_online_and_offline_pages_are_handed_over_together(people_at, live_server, tmp_path):
    panel, page, site = people_at
    online = save_pages(page, site.url, tmp_path / "online", "/followed-cams/", 9, 10)
    offline = save_pages(page, site.url, tmp_path / "offline", "/followed-cams/offline/", 15, 10)
    hand_over(panel, live_server, "following", [*online, *offline])
    expect(panel.locator(".alert").first).to_contain_text("complete")
    expect(panel.locator("#tabs .active .count")).to_have_text("24")
    hand_over(panel, live_server, "following", online)
    expect(panel.locator(".alert").first).not_to_contain_text("complete")
    expect(panel.locator("#tabs .active .count")).to_have_text("24")


def test_rubbish_and_the_wrong_list_are_refused_in_words(people_at, live_server, tmp_path):
    panel, page, site = people_at
    rubbish = tmp_path / "picture.html"
    rubbish.write_bytes(b"\x89PNG\x00\xff")
    hand_over(panel, live_server, "followers", [rubbish])
    expect(panel.locator(".alert").first).to_contain_text("not a text or a saved page")
    wrong = save_pages(page, site.url, tmp_path / "wrong", "/followed-cams/offline/", 15, 10)
    hand_over(panel, live_server, "followers", wrong)
    expect(panel.locator(".alert").first).to_contain_text("rejected")
    expect(panel.locator("#tabs .active .count")).to_have_text("0")

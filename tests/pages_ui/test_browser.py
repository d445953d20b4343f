"""The pages in a real Chromium: no violation of the policy, nothing wider than the window, live parts at work."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect, sync_playwright

from server.models import AffiliateSubject, AffiliateTags, FollowList, Person
from tests.helpers import PASSWORD, add_user
from tests.pages_ui import seed
from tests.profiles import year

pytestmark = pytest.mark.browser
ADDRESSES = ("/users/directory", "/users/following", "/users/followers", "/users/unfollowed", "/profile",
             "/profile/{person}", "/profile/{person}/sessions", "/profile/{person}/history",
             "/profile/{person}/sources", f"/profile/{'x' * 50}", f"/profile/{'x' * 50}/history", "/room",
             "/events", "/admin/scans", "/admin/scans/{held}", "/admin/system", "/admin/access", "/admin/settings",
             "/account")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture
def panel(app, session, clock, live_server):
    """A panel full of people; the address, and the names and ids to look at."""
    clock.now = clock.now + timedelta(0)
    owner = seed.whole_year(session, clock.now, 60)
    held = seed.held_scan(session, owner, clock.now, seed.names(28))
    longest = seed.person(session, "x" * 50, clock.now, display_name="W" * 100, tags=["t" * 60])
    year.shows(session)
    year.text(session, AffiliateSubject, longest, clock.now, subject="w" * 400)
    year.text(session, AffiliateTags, longest, clock.now, tags=["t" * 60, "u" * 60])
    who = session.query(Person).filter_by(username=seed.names(60)[0]).one()
    for day in range(1, 4):
        year.broadcast(session, who, clock.now - timedelta(days=day), 120)
        year.segments(session, who, clock.now - timedelta(days=day, minutes=-3), 120)
        year.text(session, AffiliateSubject, who, clock.now - timedelta(days=day), subject=f"{day} {seed.ARABIC}")
    session.commit()
    add_user(app, "looker", "admin")
    return live_server, {"person": seed.names(60)[0], "held": held.id}, owner


@pytest.fixture
def browser(chromium_path):
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        yield chromium
        chromium.close()


def sign_in(page, base):
    page.goto(f"{base}/login")
    page.locator("input:not([type=hidden]):not([type=password])").first.fill("looker")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("input[type=password]").press("Enter")
    page.wait_for_url(re.compile("/users/"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_all_pages_keep_the_policy_and_the_width_in_light_dark_and_on_a_phone(panel, browser):
    base, values, _ = panel
    for scheme, width in (("light", 1300), ("dark", 1300), ("light", 390)):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
        page = context.new_page()
        complaints, strangers = [], []
        page.on("console", lambda message, found=complaints: found.append(message.text)
                if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error, found=complaints: found.append(str(error)))
        page.on("request", lambda request, found=strangers: found.append(request.url)
                if not request.url.startswith((base, "data:")) else None)
        sign_in(page, base)
        for address in ADDRESSES:
            page.goto(base + address.format(**values))
            assert page.locator("html").get_attribute("data-bs-theme") == scheme
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert not complaints
        assert not strangers
        context.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_searching_shows_people_while_one_types(panel, browser):
    base, values, _ = panel
    page = browser.new_page()
    sign_in(page, base)
    page.goto(f"{base}/users/directory")
    page.locator("input[name=q]").press_sequentially(values["person"][:9])
    expect(page.locator("#people .username").first).to_contain_text(values["person"][:9])
    expect(page).to_have_url(re.compile(f"q={values['person'][:9]}"))
    expect(page.locator("input[name=q]")).to_be_focused()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_chosen_theme_stays(panel, browser):
    base, _, _ = panel
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    sign_in(page, base)
    page.locator("#theme-toggle").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.goto(f"{base}/events")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.locator("#theme-toggle").click()
    assert not [cookie for cookie in context.cookies() if cookie["name"] == "theme" and cookie["value"]]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_list_that_changes_shows_itself_anew(panel, browser, session, clock):
    base, _, owner = panel
    page = browser.new_page()
    sign_in(page, base)
    page.goto(f"{base}/users/followers")
    page.locator("#reading button").first.click()
    expect(page.locator("#reading progress")).to_be_visible()
    seed.follow(session, owner, seed.person(session, "newcomer", clock.now), "follower", since=clock.now,
                earliest=clock.now - timedelta(minutes=5))
    session.query(FollowList).filter_by(direction="follower").update({"version": 9})
    session.commit()
    expect(page.locator("#people .username").first).to_have_text("newcomer", timeout=15_000)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_everything_works_without_scripts(panel, browser):
    base, values, _ = panel
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, base)
    page.goto(f"{base}/users/directory")
    page.locator("input[name=q]").fill(values["person"])
    page.get_by_role("button", name="Search").click()
    assert page.locator("#people .username").first.text_content() == values["person"]
    page.goto(f"{base}/users/followers")
    page.get_by_role("button", name="Update Followers List").click()
    assert page.locator("#reading progress").count() == 1
    page.get_by_role("link", name="Refresh").click()
    page.goto(f"{base}/admin/scans/{values['held']}")
    page.get_by_role("button", name="Reject").click()
    assert "Rejected" in page.locator(".alert").first.text_content()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_keyboard_alone_reaches_everything_and_one_sees_where_it_is(panel, browser):
    base, _, _ = panel
    for scheme in ("light", "dark"):
        page = browser.new_context(color_scheme=scheme).new_page()
        sign_in(page, base)
        page.goto(f"{base}/users/followers")
        page.keyboard.press("Tab")
        expect(page.locator(".skip-link")).to_be_in_viewport()
        reached = []
        for _ in range(24):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle + ' ' + "
                                    "getComputedStyle(document.activeElement).outlineWidth")
            reached.append(page.evaluate("(document.activeElement.innerText || document.activeElement.name).trim()"))
            assert outline == "solid 2px", reached[-1]
            page.keyboard.press("Tab")
        for name in ("Users", "Unfollowed", "Update Followers List", "Models", "q"):
            assert any(name in words for words in reached), (name, reached)
        page.goto(f"{base}/users/followers")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_phone_shows_all_four_tabs_at_once(panel, browser):
    base, _, _ = panel
    page = browser.new_context(viewport={"width": 360, "height": 740}).new_page()
    sign_in(page, base)
    for tab in ("directory", "unfollowed"):
        page.goto(f"{base}/users/{tab}")
        for link in page.locator("#tabs a").all():
            expect(link).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scripts", [True, False])
def test_a_value_says_where_it_comes_from_by_keyboard_and_by_finger(panel, browser, scripts):
    base, values, _ = panel
    context = browser.new_context(java_script_enabled=scripts, has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, base)
    page.goto(f"{base}/profile/{values['person']}")
    age, window = page.locator("button[popovertarget=origin-age]"), page.locator("#origin-age")
    expect(window).to_be_hidden()
    age.focus()
    page.keyboard.press("Enter")
    expect(window).to_be_visible()
    expect(window).to_contain_text("Read from the site's pages")
    box = window.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    age.tap()
    expect(window).to_be_visible()
    context.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_notes_are_written_and_deleted_without_scripts(panel, browser):
    base, values, _ = panel
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, base)
    page.goto(f"{base}/profile/{values['person']}")
    page.get_by_label("A new note").fill("first line\nsecond line")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".note-text")).to_have_text("first line\nsecond line", use_inner_text=True)
    page.locator("details.note-edit summary").click()
    page.locator("details.note-edit textarea").fill("changed")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note-text")).to_have_text("changed")
    page.get_by_role("button", name=re.compile("^Delete")).click()
    expect(page.locator(".note-text")).to_have_count(0)
    context.close()

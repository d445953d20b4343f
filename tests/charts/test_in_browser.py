"""Charts in a real Chromium: drawn under the policy, by the owner's clock, with ranges, themes and a second person."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect, sync_playwright

from server.models import db
from tests.charts import stories
from tests.helpers import PASSWORD, add_user

pytestmark = pytest.mark.browser
SUMMER = datetime(2026, 7, 10, 12, 0, tzinfo=UTC)  # Lisbon is an hour ahead of UTC
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
DRAWN = "[data-chart*='/{chart}.json'][data-drawn='yes']"
NUMBERS = """name => {
    const chart = document.querySelector("[data-chart*='/followers.json']").views.roots[0].model.document;
    return [...chart.get_model_by_name(name).data.y].map(value => isNaN(value) ? null : value);
}"""


@pytest.fixture
def panel(app, clock, live_server):
    clock.now = SUMMER
    with app.app_context():
        stories.shows()
        ann, bea = stories.person("ann"), stories.person("bea")
        stories.polls([SUMMER - timedelta(minutes=30 * step) for step in range(20, 0, -1)])
        stories.seen(ann, [(SUMMER - timedelta(minutes=30 * step), 900 + step, 30 + step)
                           for step in (20, 19, 18, 9, 8)])
        stories.segments(ann, [(SUMMER - timedelta(minutes=3 * step), {"followers": 1000 + step, "rank": step})
                               for step in range(480, 0, -1) if not 200 < step < 300])
        stories.segments(bea, [(SUMMER - timedelta(minutes=3 * step), {"followers": 5_000})
                               for step in range(99, 0, -1)])
        db.session.commit()
    add_user(app, "looker", "viewer")
    return live_server


@pytest.fixture
def page(panel, chromium_path):
    """Signed in; at the end nothing may have been complained of, and nothing asked of another host."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        context = chromium.new_context(color_scheme="light", viewport={"width": 1300, "height": 900})
        page = context.new_page()
        complaints, strangers = [], []
        page.on("console", lambda message: complaints.append(message.text)
                if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: strangers.append(request.url)
                if not request.url.startswith((panel, "data:", "blob:")) else None)
        page.goto(f"{panel}/login")
        page.locator("input:not([type=hidden]):not([type=password])").first.fill("looker")
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("input[type=password]").press("Enter")
        page.wait_for_url(re.compile("/users/"))
        yield page
        context.close()
        chromium.close()
    assert not complaints
    assert not strangers


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_charts_are_drawn_with_the_stored_numbers_and_speak_of_the_owners_clock(page, panel):
    page.goto(f"{panel}/profile/ann/charts?range=24h")
    expect(page.locator(DRAWN.format(chart="followers"))).to_have_count(1)
    assert page.evaluate(NUMBERS, "line-0") == [920, 919, 918, None, 909, 908]
    told = page.evaluate(NUMBERS, "line-1")
    assert [told[0], told[-1], told.count(None)] == [1480, 1001, 1]
    place = page.locator("[data-chart*='/followers.json']").bounding_box()
    page.mouse.move(place["x"] + place["width"] * 0.8, place["y"] + 150)
    hover = page.locator(".bk-Tooltip", has_text="CBHours").first
    expect(hover).to_contain_text(re.compile(r"CBHours:\s*1,\d{3}"))
    said = hover.evaluate("one => one.shadowRoot.textContent")
    step = int(re.search(r"CBHours:\s*1,(\d{3})", said)[1])
    there = SUMMER + timedelta(hours=1) - timedelta(minutes=3 * step)
    assert f"{there:%a %d %b %Y %H:%M}" in said
    page.mouse.down()  # whoever looks closer gets the numbers of then
    page.mouse.move(place["x"] + place["width"] * 0.9, place["y"] + 170, steps=3)
    page.mouse.up()
    expect(page.locator("[data-chart*='/followers.json'][data-drawn='closer']")).to_have_count(1)
    closer = page.evaluate(NUMBERS, "line-1")
    assert 0 < len(closer) < 100
    assert set(closer) < set(told)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_range_theme_and_second_person_change_what_is_drawn(page, panel):
    page.goto(f"{panel}/profile/ann/charts?range=7d")
    expect(page.locator(DRAWN.format(chart="followers"))).to_have_count(1)
    page.evaluate("window.still = true")
    page.get_by_role("link", name="24 h").click()
    expect(page.locator("[data-chart*='followers.json?range=24h'][data-drawn='yes']")).to_have_count(1)
    assert page.evaluate("window.still")  # drawn anew in the same page
    assert page.url.endswith("range=24h")
    assert page.locator("a[aria-current='true']").inner_text() == "24 h"
    assert "range=24h" in page.get_by_role("link", name="CSV").first.get_attribute("href")

    with page.expect_response(re.compile(r"followers\.json.*theme=dark")):
        page.locator("#theme-toggle").click()
    expect(page.locator(DRAWN.format(chart="followers"))).to_have_count(1)

    page.get_by_label("Username of a second person").fill("Bea")
    page.get_by_label("Username of a second person").press("Enter")
    page.wait_for_url(re.compile("with=Bea"))
    assert "range=24h" in page.url
    expect(page.locator(DRAWN.format(chart="followers"))).to_have_count(1)
    assert set(page.evaluate(NUMBERS, "line-2")) == {5_000}

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{panel}/profile/ann/charts?with=bea")
    for chart in ("followers", "viewers", "rank", "gender-rank", "hours", "calendar"):
        page.locator(f"[data-chart*='/{chart}.json']").scroll_into_view_if_needed()
        expect(page.locator(DRAWN.format(chart=chart))).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

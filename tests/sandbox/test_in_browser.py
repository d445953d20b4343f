"""What a real browser makes of the pages: cards filled in by the script, pages turned, gates passed."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from scraper.sandbox.testing import Sandbox

pytestmark = pytest.mark.browser
SIZES = {"following": 60, "online": 35, "page_size": 10}


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def owner(site, page) -> Callable[..., tuple[Sandbox, Page]]:
    """owner(generation=…) -> a sandbox, and a browser page in which its owner is signed in."""
    def sign_in(**settings: object) -> tuple[Sandbox, Page]:
        sandbox = site(**{**SIZES, **settings})
        page.context.add_cookies([
            {"name": cookie["name"], "value": cookie["value"], "domain": "127.0.0.1", "path": "/"}
            for cookie in sandbox.cookies()])
        return sandbox, page
    return sign_in


def the_list(page: Page) -> Locator:
    return page.get_by_test_id("room-list-container").first


def names(page: Page) -> list[str]:
    the_list(page).locator("li[data-testid=room-card]").first.wait_for()
    links = the_list(page).locator("li[data-testid=room-card] [data-testid=room-card-username]")
    return links.evaluate_all("all => all.map(one => one.dataset.room)")


def test_the_owner_signs_in_through_the_form(site, page):
    sandbox = site(**SIZES)
    page.goto(f"{sandbox.url}/followed-cams/")
    page.locator("#login_form input[name=username]").fill(sandbox.owner)
    page.locator("#login_form input[name=password]").fill(sandbox.password)
    page.locator("#login_form input[name=rememberme]").check()
    page.locator("#login_form input[type=submit]").click()
    expect(page.get_by_test_id("username")).to_have_text("demo_owner")
    assert names(page) == sandbox.world.online()[:10]


def test_page_links_lead_through_the_whole_list(owner):
    sandbox, page = owner(generation="B")
    page.goto(f"{sandbox.url}/followed-cams/")
    seen = names(page)
    while not the_list(page).locator("a.next.no-link").count():
        number = int(the_list(page).locator(".page_number_container.active").inner_text())
        the_list(page).get_by_test_id("next-button").evaluate("one => one.click()")
        page.wait_for_url(f"**/followed-cams/?page={number + 1}")
        seen += names(page)
    assert seen == sandbox.world.online()


def test_page_buttons_lead_through_the_whole_list_without_a_new_load(owner):
    sandbox, page = owner(generation="C")
    page.goto(f"{sandbox.url}/followed-cams/offline/")
    seen = names(page)
    while the_list(page).locator("button.next:not([disabled])").count():
        number = int(the_list(page).locator(".page_number_container.active").inner_text())
        the_list(page).get_by_test_id("next-button").click()
        expect(the_list(page).locator(".page_number_container.active")).to_have_text(str(number + 1))
        seen += names(page)
        assert page.url.endswith(f"/followed-cams/offline/?page={number + 1}")
    assert seen == sandbox.world.offline()
    assert len([asked for asked in sandbox.requests if asked.path == "/followed-cams/offline/"]) == 1
    page.go_back()
    expect(the_list(page).locator(".page_number_container.active")).to_have_text("2")


@pytest.mark.parametrize("generation", ["B", "C"])
@pytest.mark.parametrize("path", ["/followed-cams/?page=2", "/followed-cams/offline/?page=3"])
def test_the_script_draws_what_the_server_draws(generation, path, owner):
    sandbox, page = owner(generation=generation)
    page.goto(sandbox.url + path)
    names(page)
    drawn = the_list(page).inner_html()
    sandbox.options.change(render="server")
    page.goto(sandbox.url + path)
    assert _plain(drawn) == _plain(the_list(page).inner_html())


def _plain(html: str) -> str:
    """Without the spaces between elements and the style attributes that scripts leave empty."""
    return "".join(line.strip() for line in html.splitlines()).replace(' style=""', "")


@pytest.mark.parametrize("generation", ["B", "C"])
def test_an_empty_list_says_so(generation, owner):
    sandbox, page = owner(generation=generation, online=0)
    page.goto(f"{sandbox.url}/followed-cams/")
    expect(the_list(page).get_by_test_id("no-results-message")).to_be_visible()
    assert the_list(page).locator("li").filter(has=page.locator("[data-room]")).count() == 0
    expect(page.get_by_test_id("fallback-room-list-container").locator("li").first).to_be_visible()


@pytest.mark.parametrize("fault", ["reload_message", "challenge"])
def test_a_failed_call_is_said_aloud(fault, owner):
    sandbox, page = owner()
    sandbox.fault(fault, list="online", at="json")
    page.goto(f"{sandbox.url}/followed-cams/")
    expect(the_list(page).locator(".roomlist-reload-msg")).to_be_visible()
    assert the_list(page).locator("li[data-testid=room-card]").count() == 0


def test_an_empty_page_without_a_word_has_its_pagination_and_nothing_else(owner):
    sandbox, page = owner()
    sandbox.fault("empty_page", list="online", page=2)
    page.goto(f"{sandbox.url}/followed-cams/?page=2")
    expect(the_list(page).get_by_test_id("page-number-button").last).to_have_text("4")
    expect(the_list(page).get_by_test_id("no-results-message")).to_be_hidden()
    assert the_list(page).locator("li[data-testid=room-card]").count() == 0


def test_a_repeated_page_shows_its_own_number_in_the_browser(owner):
    sandbox, page = owner()
    sandbox.fault("repeated_page", list="online", page=3)
    page.goto(f"{sandbox.url}/followed-cams/?page=3")
    assert names(page) == sandbox.world.online()[10:20]
    assert the_list(page).locator(".page_number_container.active").inner_text() == "2"


def test_a_dead_session_fills_the_page_with_strangers(owner):
    sandbox, page = owner()
    sandbox.fault("sign_out", list="online", at="json")
    page.goto(f"{sandbox.url}/followed-cams/")
    assert all("trap" in name for name in names(page))
    assert the_list(page).locator(".icon_following").count() == 0


def test_other_lists_show_rooms_before_the_list_does(owner):
    sandbox, page = owner()
    fault = sandbox.fault("hang_json", list="online")
    page.goto(f"{sandbox.url}/followed-cams/", wait_until="domcontentloaded")
    page.locator(".followRecommendations li[data-testid=room-card]").first.wait_for()
    assert the_list(page).locator("li[data-testid=room-card]").count() == 0
    assert page.locator(".followedDropdown").is_hidden()
    fault.lifted.set()
    assert names(page) == sandbox.world.online()[:10]


def test_the_header_is_refreshed_by_the_script_if_asked(owner):
    sandbox, page = owner(live_header=True)
    sandbox.fault("totals", list="online", total=100)
    page.goto(f"{sandbox.url}/followed-cams/")
    expect(page.locator(".followed_counts")).to_have_text("(35/60)")


def test_the_adults_notice_is_passed_once(site, page):
    sandbox = site()
    page.goto(sandbox.url)
    expect(page.locator("#entrance_terms_overlay")).to_be_visible()
    page.locator("#close_entrance_terms").click()
    expect(page.locator("#entrance_terms_overlay")).to_be_hidden()
    page.reload()
    expect(page.locator("#entrance_terms_overlay")).to_have_count(0)


def test_pictures_and_fonts_are_asked_for_unless_the_reader_blocks_them(owner):
    sandbox, page = owner()
    page.goto(f"{sandbox.url}/followed-cams/", wait_until="networkidle")
    assert {"image", "font"} <= {asked.kind for asked in sandbox.requests}


def test_nothing_is_asked_of_any_other_host(owner):
    sandbox, page = owner()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    for path in ("/followed-cams/", "/accounts/followers/", "/zq/", "/", "/nobody_here/"):
        page.goto(sandbox.url + path, wait_until="networkidle")
    assert hosts == {sandbox.url.removeprefix("http://")}

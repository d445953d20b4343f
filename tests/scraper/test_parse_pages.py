"""Every kept page of the platform gives what its own comment promises."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.layout_files import layouts_for
from scraper.layouts import Layouts
from scraper.sources.followed.parse import read_page as read_followed
from scraper.sources.followers.parse import read_page as read_followers
from scraper.sources.pages.parse import parse_count, parse_total, read_list_page
from scraper.sources.saved_pages.parse import read_saved_page

PAGES = Path(__file__).parent.parent / "pages"
FIRST = ["alder_lane", "zq", "_m7", "10482", "__moss__", "birchandbay"]
OFFLINE = ["cedar_finch", "dd9", "x_y_z_2", "terms_of_play", "o_o"]
FOLLOWERS = ["viewer_ash", "accounts_amy", "supporter_sam", "tipping_tom", "ux", "77_", "terms_of_play", "alder_lane"]


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Layouts:
    return layouts_for(tmp_path_factory.mktemp("data"))


def page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def test_the_online_list_is_read_without_any_trap(layouts: Layouts) -> None:
    facts, people = read_followed(page("followed-online-page1.html"), part="online", layouts=layouts,
                                  account="Demo_Owner", path="/followed-cams/", status=200)
    assert [person.username for person in people] == FIRST
    assert (facts.layout, facts.problem, facts.cards) == ("followed-b", None, 6)
    assert (facts.active_page, facts.last_page, facts.has_next) == (1, 2, True)
    assert (facts.signed_in_as, facts.header_online, facts.header_total) == ("demo_owner", 8, 13)


def test_a_card_is_read_with_everything_on_it(layouts: Layouts) -> None:
    _, people = read_followed(page("followed-online-page1.html"), part="online", layouts=layouts, account=None)
    first, second, third = people[:3]
    assert (first.display_name, first.age, first.gender, first.country, first.location, first.subject, first.tags,
            first.viewers, first.online, first.broadcasts) == (
        "Alder_Lane", 31, "m", "PT", "Lisbon, Portugal", "Quiet reading hour #music", ["music"], 41900, True, True)
    assert first.image_url == "https://thumb.live.mmcdn.com/riw/alder_lane.jpg"
    assert (second.age, second.country, second.location, second.viewers) == (None, None, None, 0)
    assert third.gender == "t"


def test_the_last_page_knows_that_it_is_the_last(layouts: Layouts) -> None:
    facts, people = read_followed(page("followed-online-last.html"), part="online", layouts=layouts, account=None)
    assert [person.username for person in people] == ["tags_n_tea", "s_01"]
    assert (facts.active_page, facts.last_page, facts.has_next) == (2, 2, False)


def test_the_offline_list_holds_nobody_of_the_drop_down(layouts: Layouts) -> None:
    facts, people = read_followed(page("followed-offline-page1.html"), part="offline", layouts=layouts, account=None)
    assert [person.username for person in people] == OFFLINE
    assert {person.online for person in people} == {False}
    assert facts.problem is None


def test_the_newer_cards_are_read_with_their_page_buttons(layouts: Layouts) -> None:
    facts, people = read_followed(page("followed-online-newlayout.html"), part="online", layouts=layouts, account=None)
    assert [person.username for person in people] == FIRST
    assert (facts.layout, facts.active_page, facts.last_page, facts.has_next) == ("followed-c", 1, 2, True)


def test_an_empty_list_is_believed_because_the_header_says_zero(layouts: Layouts) -> None:
    facts, people = read_followed(page("followed-online-empty.html"), part="online", layouts=layouts, account=None)
    assert (people, facts.problem, facts.empty_marker) == ([], None, True)


def test_an_empty_list_is_not_believed_when_the_header_counts_somebody(layouts: Layouts) -> None:
    html = page("followed-online-empty.html").replace("(0/13)", "(8/13)")
    facts, people = read_followed(html, part="online", layouts=layouts, account=None)
    assert (people, facts.problem) == ([], "empty_page")


def test_an_empty_list_without_the_visible_words_is_not_believed(layouts: Layouts) -> None:
    html = page("followed-online-empty.html").replace(
        'class="NoSearchResultsMessage"', 'class="NoSearchResultsMessage NoSearchResultsMessage__hidden"')
    facts, _ = read_followed(html, part="online", layouts=layouts, account=None)
    assert facts.problem == "empty_page"
    facts, _ = read_followed(html, part="online", layouts=layouts, account=None, settled=False)
    assert facts.problem == "not_loaded"


def test_the_sites_own_words_of_failure_are_not_an_empty_list(layouts: Layouts) -> None:
    html = page("followed-online-empty.html").replace(
        '<p class="roomlist-reload-msg" style="display: none;">', '<p class="roomlist-reload-msg">', 1)
    facts, _ = read_followed(html, part="online", layouts=layouts, account=None)
    assert facts.problem == "not_loaded"


@pytest.mark.parametrize(("name", "layout", "names", "last"), [
    ("followers-page1.html", "followers-f1", FOLLOWERS[:5], 2),
    ("followers-last.html", "followers-f1", FOLLOWERS[5:], 2),
    ("followers-alt-layout.html", "followers-f2", FOLLOWERS, None),
])
def test_both_looks_of_the_followers_are_read(layouts: Layouts, name: str, layout: str, names: list[str],
                                              last: int | None) -> None:
    facts, people = read_followers(page(name), layouts=layouts, account="demo_owner", path="/accounts/followers/",
                                   status=200)
    assert [person.username for person in people] == names
    assert (facts.layout, facts.last_page, facts.stated_total, facts.problem) == (layout, last, 8, None)


def test_an_unknown_page_is_never_zero_followers(layouts: Layouts) -> None:
    facts, people = read_followers(page("followers-unknown-layout.html"), layouts=layouts, account="demo_owner")
    assert (people, facts.problem, facts.layout) == ([], "unknown_layout", None)
    assert "followers-f1" in (facts.problem_detail or "")


@pytest.mark.parametrize(("name", "arrived", "problem"), [
    ("challenge.html", {"path": "/followed-cams/", "status": 403}, "challenge"),
    ("challenge.html", {"path": "/followed-cams/", "status": 503}, "challenge"),
    ("maintenance.html", {"path": "/followed-cams/", "status": 503}, "unavailable"),
    ("maintenance.html", {"path": "/followed-cams/", "status": 429}, "rate_limited"),
    ("maintenance.html", {"path": "/followed-cams/", "status": 522}, "unavailable"),
    ("login.html", {"path": "/auth/login/", "status": 200}, "signed_out"),
    ("login.html", {"path": "/followed-cams/", "status": 200}, "signed_out"),
    ("login-failed.html", {"path": "/auth/login/", "status": 200}, "signed_out"),
    ("age-gate.html", {"path": "/", "status": 200}, "age_gate"),
    ("followed-online-page1.html", {"path": "/discover/", "status": 200}, "redirected"),
    ("not-found.html", {"path": "/followed-cams/", "status": 404}, "unavailable"),
    ("profile.html", {"path": "/followed-cams/", "status": 200}, "unknown_layout"),
    ("followed-offline-page1.html", {"path": "/followed-cams/offline/", "status": 200}, "redirected"),
])
def test_a_page_that_is_no_list_says_why(layouts: Layouts, name: str, arrived: dict, problem: str) -> None:
    facts, people = read_followed(page(name), part="online", layouts=layouts, account="demo_owner", **arrived)
    assert (people, facts.problem) == ([], problem)


def test_being_led_to_the_front_page_as_nobody_is_being_signed_out(layouts: Layouts) -> None:
    html = page("age-gate.html").replace('style="display: block;"', 'style="display: none;"')
    facts, _ = read_followed(html, part="online", layouts=layouts, account="demo_owner", path="/", status=200)
    assert facts.problem == "signed_out"


def test_another_accounts_page_is_told_apart(layouts: Layouts) -> None:
    facts, people = read_followed(page("followed-online-page1.html"), part="online", layouts=layouts,
                                  account="somebody_else", path="/followed-cams/", status=200)
    assert (people, facts.problem) == ([], "wrong_account")


def test_a_normal_page_that_loads_the_challenge_script_is_no_challenge(layouts: Layouts) -> None:
    html = page("followed-online-page1.html")
    assert "/cdn-cgi/challenge-platform/" in html
    assert read_followed(html, part="online", layouts=layouts, account=None)[0].problem is None


@pytest.mark.parametrize(("old", "new"), [
    ('data-room="zq"', ""),  # no name where it belongs
    ('<a href="/zq/" data-room="zq"', '<a href="/zq/" data-room="qz"'),  # two names
    ('data-slug="zq"', 'data-slug="other"'),
    ('href="/zq/" data-room="zq" data-room-nav', 'href="/zq/bio/" data-room="zq" data-room-nav'),
    ('data-room="zq"', 'data-room="not a name"'),
    ('follow_star icon_following" data-slug="zq"', 'follow_star icon_not_following" data-slug="zq"'),
    ('<li class="roomCard camBgColor" data-testid="room-card">\n              <a class="room_thumbnail_container" '
     'data-room-nav="true" data-room="zq"', '<li class="advert">\n              <a data-room="zq"'),
])
def test_a_card_that_is_not_as_it_should_be_makes_the_layout_unknown(layouts: Layouts, old: str, new: str) -> None:
    html = page("followed-online-page1.html")
    assert old in html
    facts, people = read_followed(html.replace(old, new), part="online", layouts=layouts, account=None)
    assert (people, facts.problem) == ([], "unknown_layout")


def test_a_hidden_first_list_is_not_replaced_by_the_list_of_community_shows(layouts: Layouts) -> None:
    html = page("followed-online-page1.html").replace(
        '<div class="roomlist_container endless_page_styles homepage_roomlist" data-testid="room-list-container">',
        '<div class="roomlist_container endless_page_styles homepage_roomlist" data-testid="room-list-container" '
        'style="display: none;">', 1)
    facts, people = read_followed(html, part="online", layouts=layouts, account=None)
    assert (people, facts.problem) == ([], "unknown_layout")


@pytest.mark.parametrize("name", [path.name for path in sorted(PAGES.glob("*.html"))])
@pytest.mark.parametrize("list_name", ["following", "followers"])
def test_no_name_with_trap_is_ever_read(layouts: Layouts, name: str, list_name: str) -> None:
    _, people = read_saved_page(page(name), list_name=list_name, layouts=layouts)
    assert not [person for person in people if "trap" in person.username]


def test_a_saved_page_tells_its_part_and_its_number_itself(layouts: Layouts) -> None:
    facts, _ = read_saved_page(page("followed-online-last.html"), list_name="following", layouts=layouts)
    assert (facts.part, facts.page, facts.problem) == ("online", 2, None)
    facts, _ = read_saved_page(page("followed-offline-page1.html"), list_name="following", layouts=layouts)
    assert (facts.part, facts.page) == ("offline", 1)
    without_link = page("followed-offline-page1.html").replace('rel="canonical"', 'rel="other"')
    assert read_saved_page(without_link, list_name="following", layouts=layouts)[0].part == "offline"


def test_a_saved_page_of_the_other_list_is_told_apart(layouts: Layouts) -> None:
    facts, people = read_saved_page(page("followed-online-page1.html"), list_name="followers", layouts=layouts)
    assert (people, facts.problem) == ([], "redirected")


def test_what_a_browser_adds_when_it_saves_a_page_changes_nothing(layouts: Layouts) -> None:
    html = (page("followed-online-page1.html")
            .replace("<div ", '<div ts="R" data-listener-count-click="1" ')
            .replace("<li ", '<li ts="9f" ')
            .replace('href="/', 'href="https://chaturbate.com/')
            .replace("</body>", f"<script>{'var padding = 1;' * 90_000}</script></body>"))
    assert len(html) > 1_400_000
    facts, people = read_saved_page(html, list_name="following", layouts=layouts)
    assert [person.username for person in people] == FIRST
    assert facts.problem is None


def test_odd_bytes_do_not_break_the_reading(layouts: Layouts) -> None:
    html = page("followed-online-page1.html").replace("Quiet reading hour", "a\x00b \udc80 \u202e 🍲", 1)
    _, people = read_followed(html, part="online", layouts=layouts, account=None)
    assert [person.username for person in people] == FIRST
    for person in people:
        person.model_dump_json().encode("utf-8")


@pytest.mark.parametrize("html", ["", " ", "<", "not a page", "\x00", "<html></html>", "{}"])
def test_what_is_no_page_at_all_signs_nobody_in(layouts: Layouts, html: str) -> None:
    facts, people = read_list_page(html, list_name="followers", part="followers", layouts=layouts, account=None)
    assert (people, facts.problem) == ([], "signed_out")


@pytest.mark.parametrize(("text", "count"), [
    ("41.9k viewers", 41900), ("13,7k", 13700), ("1,204 viewers", 1204), ("1.204", 1204), ("0 viewers", 0),
    ("5,1 hrs, 13679 viewers", 5), ("13679 viewers", 13679), ("1.2M", 1_200_000), ("2k", 2000), ("", None),
    (None, None), ("--", None), ("k", None), ("12,345,678", 12345678),
])
def test_counts_are_read_as_people_write_them(text: str | None, count: int | None) -> None:
    assert parse_count(text) == count


@given(st.integers(min_value=0, max_value=10**9))
def test_a_count_is_read_back_in_every_way_of_writing_it(number: int) -> None:
    assert parse_count(str(number)) == number
    assert parse_count(f"{number} viewers") == number
    assert parse_count(f"{number:,}") == number
    assert parse_count(f"{number:,}".replace(",", ".")) == number
    assert parse_total(f"You have {number:,} followers") == number


@given(st.integers(min_value=0, max_value=9999), st.integers(min_value=0, max_value=9))
def test_thousands_are_read_with_point_and_comma_alike(whole: int, tenth: int) -> None:
    assert parse_count(f"{whole}.{tenth}k") == parse_count(f"{whole},{tenth}K viewers") == whole * 1000 + tenth * 100


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_a_count(text: str) -> None:
    count = parse_count(text)
    assert count is None or count >= 0

"""Every fault does what its name says, where and as often as it was asked to, and then no more."""

import time

import pytest
import requests

from tests.sandbox.visitors import followed_names, follower_names, header

SERVER = {"following": 60, "online": 35, "followers": 35, "page_size": 10, "followers_page_size": 10,
          "render": "server"}


def _page(list_name: str, page: int) -> str:
    path = {"online": "/followed-cams/", "offline": "/followed-cams/offline/", "followers": "/accounts/followers/"}
    return f"{path[list_name]}?page={page}"


@pytest.mark.parametrize("list_name", ["online", "offline", "followers"])
@pytest.mark.parametrize(("kind", "status", "marks"), [
    ("challenge", 403, {"cf-mitigated": "challenge"}), ("maintenance", 503, {"Retry-After": "300"}),
    ("rate_limit", 429, {"Retry-After": "30"}), ("error", 500, {}), ("not_found", 404, {})])
def test_an_answer_of_its_own_hits_one_page_of_one_list_as_often_as_asked(kind, status, marks, list_name, site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    fault = sandbox.fault(kind, list=list_name, page=2, times=1)
    assert visitor.get(_page(list_name, 1)).status_code == 200
    hit = visitor.get(_page(list_name, 2))
    assert hit.status_code == status
    assert {name: hit.headers[name] for name in marks} == marks
    assert visitor.get(_page(list_name, 2)).status_code == 200
    assert fault.fired == 1


def test_parameters_change_what_a_fault_does(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("rate_limit", retry_after=7, times=1)
    assert visitor.get("/followed-cams/").headers["Retry-After"] == "7"
    sandbox.fault("error", status=522, times=1)
    assert visitor.get("/followed-cams/").status_code == 522


@pytest.mark.parametrize(("to", "target"), [("login", "/auth/login/?next=/followed-cams/"), ("home", "/"),
                                            ("home_next", "/?next=/followed-cams/")])
def test_signing_out_kills_the_session_for_good(to, target, site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("sign_out", list="online", page=2, to=to)
    assert visitor.get("/followed-cams/").status_code == 200
    answer = visitor.get("/followed-cams/?page=2")
    assert (answer.status_code, answer.headers["Location"]) == (302, target)
    sandbox.clear_faults()
    assert visitor.get("/followed-cams/").status_code == 302


def test_another_account_shows_its_own_name_counts_and_people(site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("other_account", list="online", page=1)
    page = visitor.html("/followed-cams/")
    name, counts = header(page)
    assert name == "second_owner" and counts != "(35/60)"
    assert set(followed_names(page)) <= set(sandbox.world.following("second_owner"))
    assert header(visitor.html("/followed-cams/?page=2"))[0] == "demo_owner"


def test_another_account_may_be_somebody_unknown(site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("other_account", name="somebody_else")
    for path in ("/followed-cams/", "/followed-cams/offline/", "/accounts/followers/", "/zq/", "/"):
        assert header(visitor.html(path)) == ("somebody_else", "(3/9)")


def test_another_account_answers_the_script_of_that_page_too(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("other_account", list="online", times=1)
    visitor.get("/followed-cams/")
    query = "/api/ts/roomlist/room-list/?follow=true&limit=90&offset=0"
    names = [{room["username"] for room in visitor.get(query).json()["rooms"]} for _ in range(2)]
    assert names[0] == set(sandbox.world.online("second_owner")[:90])
    assert names[1] == set(sandbox.world.online()[:90])


def test_a_cut_connection_breaks_in_the_middle(site, visit):
    sandbox = site()
    sandbox.fault("cut", list="online")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        visit(sandbox, signed_in=True).get("/followed-cams/")


def test_a_slow_page_comes_late_but_comes(site, visit):
    sandbox = site()
    sandbox.fault("slow", seconds=0.3, times=1)
    begun = time.monotonic()
    assert visit(sandbox, signed_in=True).get("/followed-cams/").status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_a_hanging_call_ends_when_the_faults_are_lifted(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    fault = sandbox.fault("hang_json", list="online")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{sandbox.url}/api/ts/roomlist/room-list/?follow=true", timeout=0.3,
                     cookies=visitor.http.cookies.get_dict())
    assert fault.fired == 1
    sandbox.clear_faults()
    assert visitor.get("/api/ts/roomlist/room-list/?follow=true").json()["rooms"]


def test_a_failed_call_shows_the_reload_message(site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("reload_message", list="online")
    page = visitor.html("/followed-cams/")
    assert page.css(".roomlist-reload-msg")[0].attrib["style"] == "display: block;"
    assert followed_names(page) == []
    assert visitor.get("/api/ts/roomlist/room-list/?follow=true").status_code == 500


@pytest.mark.parametrize("marker", [False, True])
def test_an_empty_page_keeps_its_pagination(marker, site, visit):
    sandbox = site(**SERVER)
    sandbox.fault("empty_page", list="online", page=2, **({"marker": True} if marker else {}))
    page = visit(sandbox, signed_in=True).html("/followed-cams/?page=2")
    first = page.css('[data-testid="room-list-container"]')[0]
    assert followed_names(page) == []
    assert first.css('[data-testid="page-number-button"]::text').getall()[-1] == "4"
    assert bool(first.css(".NoSearchResultsMessage__hidden")) is not marker


def test_an_empty_page_of_followers_keeps_its_pagination(site, visit):
    sandbox = site(**SERVER)
    sandbox.fault("empty_page", list="followers", page=1)
    page = visit(sandbox, signed_in=True).html("/accounts/followers/")
    assert follower_names(page) == [] and not page.css(".followers_empty")
    assert page.css('[data-testid="page-number-button"]::text').getall()[-1] == "4"


@pytest.mark.parametrize(("page", "shown"), [(3, 2), (1, 2)])
def test_a_repeated_page_carries_its_own_number(page, shown, site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    for list_name, names in (("online", followed_names), ("followers", follower_names)):
        wanted = names(visitor.html(_page(list_name, shown)))
        sandbox.fault("repeated_page", list=list_name, page=page)
        got = visitor.html(_page(list_name, page))
        assert names(got) == wanted
        assert got.css("li.page_number_container.active a::text").get() == str(shown)


def test_a_missing_page_is_left_out_of_a_list_that_looks_whole(site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    everybody = sandbox.world.online()
    sandbox.fault("missing_page", list="online", page=2)
    pages = [visitor.html(f"/followed-cams/?page={page}") for page in (1, 2, 3)]
    assert [name for page in pages for name in followed_names(page)] == everybody[:10] + everybody[20:]
    assert pages[0].css('[data-testid="page-number-button"]::text').getall()[2] == "3"
    assert header(pages[0])[1] == "(35/60)"


def test_a_missing_page_may_skip_its_number(site, visit):
    sandbox = site(**SERVER)
    sandbox.fault("missing_page", list="online", page=2, number=True)
    page = visit(sandbox, signed_in=True).html("/followed-cams/?page=2")
    assert followed_names(page) == sandbox.world.online()[20:30]
    assert page.css("li.page_number_container.active a::text").get() == "3"


def test_an_unknown_layout_is_a_signed_in_page_without_a_list(site, visit):
    sandbox = site()
    sandbox.fault("unknown_layout", list="followers")
    page = visit(sandbox, signed_in=True).html("/accounts/followers/")
    assert header(page)[0] == "demo_owner" and page.css("#some_new_root") and follower_names(page) == []


def test_another_language_changes_texts_and_nothing_else(site, visit):
    sandbox = site(**SERVER)
    sandbox.fault("language")
    page = visit(sandbox, signed_in=True).html("/followed-cams/")
    assert page.css("html::attr(lang)").get() == "de"
    assert page.css('[data-testid="online-filter-link"]::text').get() == "Räume online"
    assert followed_names(page) == sandbox.world.online()[:10]


def test_totals_disagree_by_as_much_as_asked(site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("totals", total=7, online=-2)
    page = visitor.get("/followed-cams/")
    assert "(33/67)" in page.text and "total_followed\\u0022: 67" in page.text
    assert "You have 42 followers" in visitor.get("/accounts/followers/").text


def test_stale_counts_are_those_of_another_account(site, visit):
    sandbox = site(**SERVER)
    sandbox.fault("stale_counts", list="online")
    name, counts = header(visit(sandbox, signed_in=True).html("/followed-cams/"))
    assert name == "demo_owner" and counts != "(35/60)"


def test_the_stats_may_be_off_or_out_of_order(site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox)
    address = f"/statsapi/?username=demo_owner&token={sandbox.stats_token}"
    sandbox.fault("stats_totals", total=-3, times=1)
    assert visitor.get(address).json()["num_followers"] == 32
    sandbox.fault("error", list="stats", times=1)
    assert visitor.get(address).status_code == 500
    assert visitor.get(address).json()["num_followers"] == 35


@pytest.mark.parametrize(("kind", "overlay"), [("age_gate", "#entrance_terms_overlay"),
                                               ("region_age_gate", "#age_gate_overlay")])
def test_a_gate_lies_over_the_page(kind, overlay, site, visit):
    sandbox = site()
    sandbox.fault(kind, list="online", times=1)
    visitor = visit(sandbox, signed_in=True)
    assert visitor.html("/followed-cams/").css(overlay)
    assert not visitor.html("/followed-cams/").css(overlay)


def test_an_ignored_filter_gives_the_public_list(site, visit):
    sandbox = site(**SERVER)
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("ignored_filter", list="online")
    page = visitor.html("/followed-cams/")
    assert all("trap" in name for name in followed_names(page))
    assert page.css('li[data-testid="room-card"] .icon_following') == []


def test_the_call_behind_a_page_may_be_hit_instead_of_the_page(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("challenge", list="online", at="json")
    assert visitor.get("/followed-cams/").status_code == 200
    assert visitor.get("/api/ts/roomlist/room-list/?follow=true").status_code == 403


def test_a_session_may_die_between_the_page_and_its_call(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("sign_out", list="online", at="json")
    assert visitor.get("/followed-cams/").status_code == 200
    assert visitor.get("/api/ts/roomlist/room-list/?follow=true").json()["total_count"] == 6120
    assert visitor.get("/followed-cams/").status_code == 302


def test_the_small_calls_have_faults_of_their_own(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    sandbox.fault("error", list="json", times=1)
    assert visitor.get("/followed-cams/").status_code == 200
    assert visitor.get("/follow/api/online_followed_rooms/").status_code == 500
    assert visitor.get("/follow/api/online_followed_rooms/").status_code == 200


def test_the_login_can_be_out_of_order(site, visit):
    sandbox = site()
    sandbox.fault("challenge", list="login", times=1)
    visitor = visit(sandbox)
    assert visitor.get("/auth/login/").status_code == 403
    assert visitor.log_in().status_code == 302


def test_faults_can_be_asked_for_looked_at_and_lifted_by_control(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    asked = visitor.control("fault", {"kind": "maintenance", "list": "online", "page": 1, "retry_after": 9}).json()
    assert asked["fired"] == 0
    assert visitor.get("/followed-cams/").headers["Retry-After"] == "9"
    assert visitor.get("/__control__/state").json()["faults"][0]["fired"] == 1
    visitor.control("fault/clear", {})
    assert visitor.get("/followed-cams/").status_code == 200

"""Signing in, being sent away, gates, lists, JSON and the Stats API, as a careful reader meets them."""

import re

import pytest

from scraper.sandbox.site import STATS_TOKEN
from tests.sandbox.visitors import followed_names, follower_names, header

LISTS = ("/followed-cams/", "/followed-cams/online/", "/followed-cams/offline/", "/accounts/followers/")


def test_the_right_password_opens_with_a_session_cookie(site, visit):
    visitor = visit(site())
    answer = visitor.log_in()
    assert (answer.status_code, answer.headers["Location"]) == (302, "/followed-cams/")
    cookie = answer.headers["Set-Cookie"]
    assert re.search(r"sessionid=[a-z0-9]{32};", cookie) and "HttpOnly" in cookie
    assert header(visitor.html("/followed-cams/"))[0] == "demo_owner"


@pytest.mark.parametrize(("username", "password"), [("demo_owner", "wrong"), ("nobody", None), ("", "")])
def test_a_wrong_sign_in_gets_the_form_again(username, password, site, visit):
    visitor = visit(site())
    answer = visitor.log_in(username, password)
    assert answer.status_code == 200
    assert 'name="password"' in answer.text and "errorlist" in answer.text
    assert "sessionid" not in visitor.http.cookies


def test_the_form_counts_only_with_its_cookie_and_from_its_own_page(site, visit):
    sandbox = site()
    token = visit(sandbox).html("/auth/login/").css("input[name=csrfmiddlewaretoken]::attr(value)").get()
    form = {"csrfmiddlewaretoken": token, "username": "demo_owner", "password": sandbox.password}
    assert visit(sandbox).post("/auth/login/", form, Referer=sandbox.url + "/auth/login/").status_code == 403
    stranger = visit(sandbox)
    stranger.html("/auth/login/")
    form["csrfmiddlewaretoken"] = stranger.http.cookies["csrftoken"]
    assert stranger.post("/auth/login/", form).status_code == 403
    assert stranger.post("/auth/login/", form, Referer=sandbox.url + "/auth/login/").status_code == 302


@pytest.mark.parametrize("step", ["captcha", "two_factor"])
def test_another_step_is_neither_the_form_nor_a_sign_in(step, site, visit):
    visitor = visit(site(login_step=step))
    answer = visitor.log_in()
    assert answer.status_code == 200
    assert 'name="password"' not in answer.text and 'data-testid="username"' not in answer.text
    assert "sessionid" not in visitor.http.cookies


def test_every_page_has_a_decoy_password_without_a_name(site, visit):
    visitor = visit(site(), signed_in=True)
    for path in (*LISTS, "/", "/zq/"):
        decoys = visitor.html(path).css("input[type=password]")
        assert [decoy.attrib.get("name") for decoy in decoys] == [None]


@pytest.mark.parametrize(("variant", "target"), [
    ("login", "/auth/login/?next={}"), ("home_next", "/?next={}"), ("home", "/")])
def test_strangers_are_sent_away_from_the_lists(variant, target, site, visit):
    visitor = visit(site(logged_out=variant))
    for path in LISTS:
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, target.format(path))


def test_logging_out_ends_the_session_for_good(site, visit):
    visitor = visit(site(), signed_in=True)
    cookie = visitor.http.cookies["sessionid"]
    visitor.get("/auth/logout/")
    visitor.http.cookies.set("sessionid", cookie, domain="127.0.0.1")
    assert visitor.get("/followed-cams/").status_code == 302


def test_a_stranger_sees_no_counts_and_the_adults_notice_until_he_agrees(site, visit):
    visitor = visit(site())
    page = visitor.html("/")
    assert header(page) == (None, "(0/0)")
    assert page.css("#entrance_terms_overlay")
    visitor.http.cookies.set("agreeterms", "1", domain="127.0.0.1")
    assert not visitor.html("/").css("#entrance_terms_overlay")


def test_the_session_cookie_is_renewed_now_and_then(site, visit):
    sandbox = site(renew_after=2, renewal_ends_old=True)
    visitor = visit(sandbox, signed_in=True)
    first = visitor.http.cookies["sessionid"]
    assert [visitor.get("/followed-cams/").headers.get("Set-Cookie", "").startswith("sessionid") for _ in range(4)] == [
        False, False, True, False]
    assert visitor.http.cookies["sessionid"] != first
    assert sandbox.site.sessions.renewals == 1
    old = visit(sandbox)
    old.http.cookies.set("sessionid", first, domain="127.0.0.1")
    assert old.get("/followed-cams/").status_code == 302


def test_pages_of_both_lists_and_of_the_followers_are_everybody_once(site, visit):
    sandbox = site(following=60, followers=41, online=25, page_size=10, followers_page_size=10, render="server")
    visitor = visit(sandbox, signed_in=True)
    online = [name for page in range(1, 4) for name in followed_names(visitor.html(f"/followed-cams/?page={page}"))]
    offline = [name for page in range(1, 5) for name in followed_names(
        visitor.html(f"/followed-cams/offline/?page={page}"))]
    followers = [name for page in range(1, 6) for name in follower_names(
        visitor.html(f"/accounts/followers/?page={page}"))]
    assert online == sandbox.world.online()
    assert offline == sandbox.world.offline()
    assert followers == sandbox.world.followers()
    assert header(visitor.html("/"))[1] == "(25/60)"


@pytest.mark.parametrize("layout", ["F1", "F2", "F2-paged"])
def test_every_layout_of_the_followers_names_them_all(layout, site, visit):
    sandbox = site(followers=25, followers_page_size=10, followers_layout=layout)
    visitor = visit(sandbox, signed_in=True)
    pages = range(1, 2 if layout == "F2" else 4)
    names = [name for page in pages for name in follower_names(visitor.html(f"/accounts/followers/?page={page}"))]
    assert names == sandbox.world.followers()
    last = visitor.html("/accounts/followers/").css('[data-testid="page-number-button"]::text').getall()[-1:]
    assert last == ([] if layout == "F2" else ["3"])


@pytest.mark.parametrize("layout", ["F1", "F2"])
def test_nobody_following_is_said_in_so_many_words(layout, site, visit):
    page = visit(site(followers=0, followers_layout=layout), signed_in=True).html("/accounts/followers/")
    assert page.css(".followers_empty") and follower_names(page) == []


def test_page_numbers_are_elided(site, visit):
    visitor = visit(site(following=300, online=150, page_size=10, render="server"), signed_in=True)
    page = visitor.html("/followed-cams/?page=8")
    first = page.css('[data-testid="room-list-container"]')[0]
    assert first.css('[data-testid="page-number-button"]::text').getall() == ["1", "6", "7", "8", "9", "10", "15"]
    assert first.css("li.active a::text").getall() == ["8"]
    assert len([gap for gap in first.css('[data-testid="endless-separator"]') if not gap.attrib.get("style")]) == 2
    last = visitor.html("/followed-cams/?page=15").css('[data-testid="room-list-container"]')[0]
    assert last.css("a.next.no-link") and not last.css("a.prev.no-link")


def test_every_list_that_is_not_the_list_holds_only_traps(site, visit):
    for generation in ("B", "C"):
        sandbox = site(generation=generation, render="server")
        page = visit(sandbox, signed_in=True).html("/followed-cams/")
        everywhere = set(page.css("[data-room]::attr(data-room)").getall())
        assert everywhere - set(sandbox.world.following()) > {"rec_trap_one", "fallback_trap"}
        assert all("trap" in name for name in everywhere - set(sandbox.world.following()))
        assert not any("trap" in name for name in followed_names(page))
        assert page.css('[href="/dropdown_rec_trap/"]')


def test_ids_occur_twice_as_on_the_site(site, visit):
    assert len(visit(site(), signed_in=True).html("/followed-cams/").css("#roomlist_pagination")) == 2


def test_the_shell_has_no_cards_of_the_list(site, visit):
    assert followed_names(visit(site(), signed_in=True).html("/followed-cams/")) == []


def test_the_room_list_answers_with_the_followed_people(site, visit):
    sandbox = site(following=30, online=12)
    visitor = visit(sandbox, signed_in=True)
    answer = visitor.get("/api/ts/roomlist/room-list/?follow=true&limit=10&offset=10").json()
    assert [room["username"] for room in answer["rooms"]] == sandbox.world.online()[10:]
    assert answer["total_count"] == 12 and all(room["is_following"] for room in answer["rooms"])
    offline = visitor.get("/api/ts/roomlist/room-list/?follow=true&offline=true&limit=90&offset=0").json()
    assert [room["username"] for room in offline["rooms"]] == sandbox.world.offline()
    assert {room["current_show"] for room in offline["rooms"]} == {"offline"}


def test_a_dead_session_gets_the_public_list_as_if_nothing_were_wrong(site, visit):
    answer = visit(site()).get("/api/ts/roomlist/room-list/?follow=true&limit=90&offset=0")
    assert answer.status_code == 200
    assert answer.json()["total_count"] == 6120
    assert not any(room["is_following"] or "trap" not in room["username"] for room in answer.json()["rooms"])


def test_the_header_call_lists_who_is_online(site, visit):
    sandbox = site(following=30, online=12)
    answer = visit(sandbox, signed_in=True).get("/follow/api/online_followed_rooms/").json()
    assert (answer["online"], answer["total"]) == (12, 30)
    assert [room["room"] for room in answer["online_rooms"]] == sandbox.world.online()
    assert visit(sandbox).get("/follow/api/online_followed_rooms/").status_code == 302


def test_the_stats_count_followers_for_the_right_token_only(site, visit):
    visitor = visit(site(followers=33, ghosts=2))
    assert visitor.get(f"/statsapi/?username=demo_owner&token={STATS_TOKEN}").json()["num_followers"] == 35
    assert visitor.get("/statsapi/?username=demo_owner&token=x").status_code == 401


def test_profiles_show_whether_the_owner_follows(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    stranger = next(name for name in sandbox.world.people if name not in sandbox.world.following())
    for name, style in (("zq", "none"), (stranger, "inline")):
        page = visitor.html(f"/{name}/")
        assert page.css('[data-testid="follow-button"]::attr(style)').get() == f"display: {style};"
        assert page.css('link[rel="canonical"]::attr(href)').get() == f"{sandbox.url}/{name}/"
    assert visitor.get("/nobody_of_this_name/").status_code == 404
    assert visitor.get("/api/biocontext/zq/").json()["follower_count"] == sandbox.world.person("zq").num_followers
    assert visitor.get("/api/chatvideocontext/zq/").json()["following"] is True
    assert visitor.get("/api/chatvideocontext/nobody_of_this_name/").status_code == 404


def test_the_script_of_a_page_holds_a_secret_that_is_listed_as_one(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    html = visitor.get("/followed-cams/").text
    signature = re.search(r"signed_username\\u0022: \\u0022demo_owner:(\w+)\\u0022", html)
    assert signature and signature[1] in sandbox.secrets
    assert visitor.http.cookies["sessionid"] in sandbox.secrets
    assert signature[1] in visitor.get("/zq/").text


def test_following_by_post_is_noticed(site, visit):
    sandbox = site()
    visit(sandbox, signed_in=True).post("/follow/follow/somebody_new/", {})
    assert [asked.path for asked in sandbox.requests if asked.kind == "write"] == ["/follow/follow/somebody_new/"]
    assert "somebody_new" in sandbox.world.following()


def test_requests_are_remembered_without_secrets(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    visitor.get("/riw/zq.jpg")
    visitor.get(f"/statsapi/?username=demo_owner&token={STATS_TOKEN}", headers={"User-Agent": "reader/1"})
    picture, stats = sandbox.requests
    assert (picture.kind, picture.account, stats.kind, stats.user_agent) == ("image", "demo_owner", "json", "reader/1")
    assert "Cookie" in stats.header_names
    assert not any(secret in repr(sandbox.requests) for secret in sandbox.secrets)


def test_the_second_owner_sees_his_own_lists(site, visit):
    sandbox = site(render="server", page_size=500)
    visitor = visit(sandbox)
    visitor.log_in("second_owner")
    page = visitor.html("/followed-cams/")
    assert header(page)[0] == "second_owner"
    assert followed_names(page) == sandbox.world.online("second_owner")


def test_the_language_cookie_changes_every_text(site, visit):
    visitor = visit(site(), signed_in=True)
    visitor.http.cookies.set("language", "de", domain="127.0.0.1")
    html = visitor.get("/accounts/followers/").text
    assert '<html lang="de">' in html and "Du hast" in html and "You have 1" not in html


def test_a_heavy_page_is_as_heavy_as_asked(site, visit):
    sandbox = site()
    visitor = visit(sandbox, signed_in=True)
    light = len(visitor.get("/followed-cams/").content)
    sandbox.options.change(padding_kb=300)
    assert len(visitor.get("/followed-cams/").content) - light > 300 * 1024


def test_people_come_and_go_between_two_pages(site, visit):
    sandbox = site(following=200, online=100, churn=5, render="server")
    visitor = visit(sandbox, signed_in=True)
    before = sandbox.world.online()
    assert followed_names(visitor.html("/followed-cams/")) == before[:90]
    assert set(sandbox.world.online()) != set(before)
    assert len(sandbox.world.following()) == 200


def test_followers_come_and_go_between_two_pages(site, visit):
    sandbox = site(followers=200, drift=4)
    visitor = visit(sandbox, signed_in=True)
    before = sandbox.world.followers()
    assert follower_names(visitor.html("/accounts/followers/")) == before[:90]
    assert len(set(sandbox.world.followers()) ^ set(before)) in (2, 3, 4)


def test_the_world_goes_on_at_its_speed():
    from scraper.sandbox.testing import make_site

    moment = 100.0
    sandbox = make_site(speed=60)
    sandbox._passing, sandbox._since = lambda: moment, moment
    moment += 30.5
    sandbox.catch_up()
    assert sandbox.world.steps == 30
    moment += 0.5
    sandbox.catch_up()
    assert sandbox.world.steps == 31


def test_control_moves_the_world_and_tells_the_truth(site, visit):
    sandbox = site()
    visitor = visit(sandbox)
    for action, name in (("follow", "newcomer"), ("follow_me", "newcomer"), ("unfollow", "zq"), ("leave_me", "ux"),
                         ("offline", "dd9")):
        assert visitor.control("world", {"action": action, "username": name}).status_code == 200
    assert visitor.control("world", {"action": "rename", "username": "_m7", "new": "_m8"}).status_code == 200
    steps = visitor.control("advance", {"steps": 4}).json()
    assert steps["steps"] == 4 and len(steps["happenings"]) <= 5
    state = visitor.get("/__control__/state").json()
    assert state["accounts"]["demo_owner"] == sandbox.world.truth()
    assert state["steps"] == 4
    assert "_m8" in sandbox.world.people


@pytest.mark.parametrize(("path", "body"), [
    ("world", {"action": "dance", "username": "zq"}), ("world", {"action": "online", "username": "nobody_here"}),
    ("world", {}), ("fault", {"kind": "flood"}), ("fault", {"kind": "error", "list": "moon"}),
    ("fault", {"kind": "error", "page": 0}), ("fault", {"kind": "error", "colour": "red"}),
    ("options", {"page_size": "many"}), ("options", {"generation": "Z"}), ("options", {"nothing": 1}),
    ("advance", {"steps": "x"})])
def test_control_says_what_it_does_not_understand(path, body, site, visit):
    answer = visit(site()).control(path, body)
    assert answer.status_code == 400 and answer.json()["error"]


def test_control_takes_only_json_as_no_web_form_can_send_it(site, visit):
    assert visit(site()).post("/__control__/advance", {"steps": "1"}).status_code == 415


def test_control_signs_visitors_out(site, visit):
    visitor = visit(site(), signed_in=True)
    assert visitor.control("sessions", {"end": "all"}).json() == {"ended": 1}
    assert visitor.get("/followed-cams/").status_code == 302

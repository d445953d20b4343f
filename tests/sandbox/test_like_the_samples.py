"""The imitation has the outline of the platform's sample pages: every element, class and test id in its place."""

import json
from pathlib import Path

import pytest

from scraper.sandbox.site import STATS_TOKEN
from tests.sandbox.visitors import outline

SAMPLES = Path(__file__).parent.parent / "pages"
EVERYWHERE = ("#header", "#footer-holder")
# Kept filled although it is hidden: the real page fills it only when it is shown.
FALLBACK = "[fallback-room-list-container] > "

PAGES = {
    "followed-online-page1.html": ("/followed-cams/", {}),
    "followed-online-last.html": ("/followed-cams/online/?page=2", {}),
    "followed-offline-page1.html": ("/followed-cams/offline/", {}),
    "followers-page1.html": ("/accounts/followers/", {}),
    "followers-last.html": ("/accounts/followers/?page=3", {}),
    "followers-alt-layout.html": ("/accounts/followers/", {"followers_layout": "F2"}),
    "followers-unknown-layout.html": ("/accounts/followers/", {"followers_layout": "unknown"}),
    "not-found.html": ("/nobody_of_this_name/", {}),
}
FEW_MISSES = {"people": 500, "following": 300, "online": 150, "followers": 250, "render": "server"}


def _sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_outline_of_its_sample(name, site, visit):
    path, options = PAGES[name]
    html = visit(site(**FEW_MISSES, **options), signed_in=True).get(path).text
    for root in (*EVERYWHERE, "#main", ".followedDropdown"):
        assert outline(html, root, without=FALLBACK) == outline(_sample(name), root, without=FALLBACK), root


def test_the_empty_list_has_the_outline_of_its_sample(site, visit):
    html = visit(site(**{**FEW_MISSES, "online": 0}), signed_in=True).get("/followed-cams/").text
    for root in (*EVERYWHERE, "#main"):
        assert outline(html, root) == outline(_sample("followed-online-empty.html"), root), root


def test_the_new_layout_has_the_outline_of_its_sample_and_room_for_messages(site, visit):
    html = visit(site(**FEW_MISSES, generation="C"), signed_in=True).get("/followed-cams/").text
    theirs, ours = outline(_sample("followed-online-newlayout.html"), "#main"), outline(html, "#main")
    assert theirs <= ours
    assert all("NoSearchResultsMessage" in path or "roomlist-reload-msg" in path or "endless-separator" in path
               or "FollowedDropdown__room-image" in path for path in ours - theirs)


@pytest.mark.parametrize("online", [True, False])
def test_a_profile_has_the_outline_of_its_sample(online, site, visit):
    sandbox = site(**FEW_MISSES)
    talkative = next(name for name, person in sandbox.world.people.items()
                     if sum(map(ord, name)) % 3 == 0 and person.age and person.location)
    sandbox.world.set_online(talkative, online)
    html = visit(sandbox, signed_in=True).get(f"/{talkative}/").text
    hidden = "roomlist_content_wrapper"
    ours = {path.replace(f"{talkative}'s cam", "cedar_finch's cam") for path in outline(html, "#main", without=hidden)}
    theirs = outline(_sample("profile.html"), "#main", without=hidden)
    if online:
        theirs = {path for path in theirs if "last-broadcast" not in path}
        ours = {path for path in ours if "last-broadcast" not in path}
    assert ours == theirs


def test_the_login_pages_have_the_outline_of_their_samples(site, visit):
    sandbox = site()
    for name, html in (("login.html", visit(sandbox).get("/auth/login/").text),
                       ("login-failed.html", visit(sandbox).log_in(password="wrong").text)):
        for root in (*EVERYWHERE, "#main"):
            assert outline(html, root) == outline(_sample(name), root), (name, root)


def test_the_age_gate_has_the_outline_of_its_sample(site, visit):
    html = visit(site()).get("/").text
    assert outline(html, "#entrance_terms_overlay") == outline(_sample("age-gate.html"), "#entrance_terms_overlay")


def test_a_challenge_has_the_marks_of_its_sample(site, visit):
    sandbox = site()
    sandbox.fault("challenge")
    html = visit(sandbox, signed_in=True).get("/followed-cams/").text
    assert outline(html, "body") == outline(_sample("challenge.html"), "body")
    assert "window._cf_chl_opt" in html and "chl_page/v1" in html


JSON_CALLS = {
    "roomlist-follow-online.json": "/api/ts/roomlist/room-list/?follow=true&limit=90&offset=0",
    "roomlist-follow-offline.json": "/api/ts/roomlist/room-list/?follow=true&offline=true&limit=90&offset=0",
    "online-followed-rooms.json": "/follow/api/online_followed_rooms/",
    "stats.json": f"/statsapi/?username=demo_owner&token={STATS_TOKEN}",
}


@pytest.mark.parametrize("name", JSON_CALLS)
def test_the_json_has_the_shape_of_its_sample(name, site, visit):
    answer = visit(site(**FEW_MISSES), signed_in=True).get(JSON_CALLS[name]).json()
    assert _shape(answer) == _shape(json.loads(_sample(name)))


def _shape(value: object) -> object:
    """Which names there are, and what they are: a list has the shapes of its members."""
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items() if inner is not None and name != "display_age"}
    if isinstance(value, list):
        return [_shape(value[0])] if value and isinstance(value[0], dict) else "list"
    return type(value).__name__

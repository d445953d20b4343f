"""S7, S9, S27: what strangers write stays text; no page has inline code or needs another host or a script."""

import re

import pytest

from tests.pages_ui import seed
from tests.pages_ui.conftest import text

HOSTILE = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "{{ 7 * 7 }}",
    "javascript:alert(1)", "</title><svg onload=alert(1)>", "`<b>code</b>`",
)
PAGES = (
    "/users/directory", "/users/following", "/users/followers", "/users/unfollowed?days=all",
    "/users/unfollowed?days=all&who=me", "/profile", "/profile?q=a", "/profile/{person}",
    "/profile/{person}/sessions", "/profile/{person}/history", "/profile/{person}/sources", "/room", "/events",
    "/admin/scans", "/admin/scans/{scan}", "/admin/scans/{held}", "/admin/system", "/admin/access", "/admin/settings",
    "/account", "/nowhere", "/users/followers/reading",
)


@pytest.fixture
def full(session, clock):
    """Every page has something to show. -> the addresses"""
    owner = seed.whole_year(session, clock.now, 60)
    scan = seed.scan(session, owner, "following", clock.now)
    held = seed.held_scan(session, owner, clock.now, seed.names(28))
    session.commit()
    values = {"person": seed.names(60)[0], "scan": scan.id, "held": held.id}
    return [address.format(**values) for address in PAGES]


def no_inline(shown):
    """Nothing that a strict policy would have to forbid."""
    assert not shown.css("[style], style")
    assert not shown.css("script:not([src])")
    for element in shown.css("*"):
        assert not [name for name in element.attrib if name.startswith(("on", "hx-on"))], element
    for address in shown.css("[src]::attr(src), link::attr(href), form::attr(action)").getall():
        assert re.match(r"/(?!/)", address), address
    for address in shown.css("a::attr(href)").getall():
        assert re.match(r"(/(?!/)|#|\?)", address), address


def test_no_page_has_inline_code_or_loads_from_another_host(full, visit):
    for address in full:
        no_inline(visit(address, status=404 if address == "/nowhere" else 200))


def test_every_page_has_a_title_one_heading_and_names_for_its_controls(full, visit):
    for address in full:
        if address.endswith("/reading"):
            continue
        shown = visit(address, status=404 if address == "/nowhere" else 200)
        assert text(shown.css("title")).strip(" ·"), address
        assert len(shown.css("h1")) == 1, address
        assert shown.css("html[lang]"), address
        for control in shown.css("button, a, input:not([type=hidden]), select"):
            named = text(control) or control.attrib.get("aria-label") or control.attrib.get("value") \
                or control.attrib.get("id")
            assert named, (address, control.get())


def test_everything_can_be_done_by_links_and_forms(full, visit):
    shown = visit("/users/followers")
    assert shown.css("form[role=search][method=get] button")
    assert shown.css("#reading form[method=post] input[name=csrf_token]")
    assert shown.css("#reading a[href='/users/followers']")
    assert shown.css("form[enctype='multipart/form-data'] input[type=file][multiple]")
    assert shown.css("th a")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_strangers_write_stays_text(session, visit, clock, hostile):
    owner = seed.account(session, clock.now, session_detail=hostile)
    ann = seed.person(session, "ann", clock.now, "both", display_name=hostile[:100], subject=hostile,
                      location=hostile, tags=[hostile[:60]])
    seed.follow(session, owner, ann, "follower", since=clock.now)
    scan = seed.scan(session, owner, "followers", clock.now, explanation=hostile, layout=hostile[:60])
    scan.evidence = {"checks": [{"name": hostile, "passed": False, "detail": hostile, "reason": hostile}]}
    session.commit()
    for address in ("/users/directory", "/users/followers", "/profile/ann", "/room", "/events", "/admin/scans",
                    f"/admin/scans/{scan.id}", "/account"):
        shown = visit(address)
        no_inline(shown)
        assert not shown.css("b, img[src=x], svg[onload], [onmouseover]"), address
    assert hostile in text(visit("/profile/ann").css("p[dir=auto]"))


@pytest.mark.parametrize("address", ["/users/directory?q={}", "/users/directory?tag={}", "/profile?q={}",
                                     "/users/followers?account={}", "/events?kind={}", "/nowhere/{}"])
def test_what_stands_in_the_address_is_not_reflected_as_code(client_as, address):
    answer = client_as("admin").get(address.format("%3Cscript%3Ealert(1)%3C/script%3E"))
    assert "<script>alert" not in answer.text


def test_right_to_left_text_cannot_turn_the_page_around_it(session, visit, clock):
    seed.person(session, "ann", clock.now, "model", display_name="\u202egnp.exe", subject=seed.ARABIC,
                location=seed.HEBREW, tags=["\u202eabc"])
    session.commit()
    shown = visit("/profile/ann")
    assert shown.css("p[dir=auto]::text").get() == seed.ARABIC
    assert "\u202e" not in shown.get()
    assert shown.css("bdi::text").getall()[:2] == ["ann", "gnp.exe"]


def test_the_longest_names_are_shown_whole(session, visit, clock):
    name = "x" * 50
    seed.person(session, name, clock.now, display_name="W" * 100)
    session.commit()
    assert visit("/users/directory").css(".username bdi::text").get() == name


def test_pages_of_people_are_not_kept_by_caches(session, client_as):
    answer = client_as("viewer").get("/users/directory")
    assert "no-store" in answer.headers.get("Cache-Control", "") or "private" in answer.headers.get("Cache-Control", "")

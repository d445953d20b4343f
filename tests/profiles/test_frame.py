"""The head of a profile and its tabs: values that say where they come from, one person on every tab."""

from datetime import timedelta

import pytest

from server.models import CbhoursState, PersonCurrent
from tests.pages_ui import seed
from tests.pages_ui.conftest import text
from tests.profiles import year

TABS = ("", "/sessions", "/history", "/sources")
RTL = "\u05e2\u05e8\u05d1 \u05e9\u05dc"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_has_an_address_and_shows_the_same_head(ann, visit, tab):
    shown = visit(f"/profile/ann{tab}")
    assert shown.css("h1 bdi::text").get() == "ann"
    links = shown.css("#profile-tabs a")
    assert [link.attrib["href"] for link in links] == [
        f"/profile/ann{path}" for path in ("", "/charts", "/sessions", "/history", "/sources")]
    (active,) = shown.css("#profile-tabs a[aria-current=page]")
    assert active.attrib["href"] == f"/profile/ann{tab}"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tab", TABS)
def test_who_is_laid_over_stays_from_tab_to_tab(ann, visit, tab):
    links = visit(f"/profile/ann{tab}?with=@Bob").css("#profile-tabs a::attr(href)").getall()
    assert all(link.endswith("?with=bob") for link in links)
    for nonsense in ("ann", "%22%3E%3Cscript%3E", "a b", "x" * 99, ""):
        links = visit(f"/profile/ann{tab}?with={nonsense}").css("#profile-tabs a::attr(href)").getall()
        assert not any("with" in link for link in links)


@pytest.mark.parametrize("name", ["nobody", "a'b", "%E2%80%AE", "x" * 300])
def test_nobody_leads_to_the_search_on_every_tab(ann, visit, name):
    for tab in (*TABS, "/charts"):
        shown = visit(f"/profile/{name}{tab}", status=404)
        assert "is known here" in text(shown.css("main")), tab
        assert shown.css("main input[name=q]"), tab


def test_a_name_in_other_letters_leads_to_the_same_tab(ann, client_as):
    for tab in (*TABS, "/charts"):
        assert client_as("viewer").get(f"/profile/Ann{tab}").headers["Location"] == f"/profile/ann{tab}"


def test_a_viewer_sees_every_tab_without_a_button_that_is_not_theirs(ann, visit):
    for tab in TABS:
        assert not visit(f"/profile/ann{tab}", role="viewer").css("main form[method=post]"), tab


def test_a_value_that_was_left_empty_says_so(session, visit, clock):
    seed.person(session, "eve", clock.now, "model", location="")
    session.commit()
    assert visit("/profile/eve").css("button[popovertarget=origin-location]::text, "
                                     "button[popovertarget=origin-location] bdi::text").get() == "left empty"


def test_each_value_opens_a_window_that_tells_its_source_moment_and_freshness(session, visit, clock):
    who = seed.person(session, "ann", clock.now - timedelta(hours=2), "model", age=31, location=RTL, tags=["music"],
                      subject=seed.LATIN, country="PT")
    session.merge(PersonCurrent(person_id=who.id, followers=1234, followers_source="affiliate", snapshots=1,
                                affiliate_followers=1234, followers_at=clock.now, affiliate_at=clock.now))
    session.commit()
    shown = visit("/profile/ann")
    buttons = shown.css(".profile-head button.origin")
    assert {button.attrib["popovertarget"] for button in buttons} >= {
        "origin-age", "origin-followers", "origin-location", "origin-country", "origin-subject", "origin-tags",
        "origin-role"}
    for button in buttons:
        assert button.attrib["type"] == "button"
        assert button.attrib["title"]
        window = shown.css(f"[popover]#{button.attrib['popovertarget']}")
        assert len(window) == 1
    assert "1,234" in text(shown.css(".facts"))
    told = text(shown.css("#origin-followers"))
    assert told.startswith("Followers: 1,234 Affiliate API, just now (20 Nov 2026 12:00:00")
    assert "fresh" in told
    assert "not fresh" in text(shown.css("#origin-age"))
    ids = shown.css("[id]::attr(id)").getall()
    assert len(ids) == len(set(ids))


def test_what_nobody_has_said_is_an_honest_blank(ann, visit):
    facts = visit("/profile/ann").css(".profile-head .facts")
    assert "only CBHours tells it" in text(facts)
    assert not facts.css("[popovertarget=origin-rank]")


def test_badges_say_the_follow_both_ways_and_what_is_missing(ann, session, visit, clock):
    owner = seed.account(session, clock.now)
    seed.follow(session, owner, ann, "follower", since=clock.now - timedelta(days=3), missing_since=clock.now,
                missing_seen_at=clock.now - timedelta(hours=1))
    seed.follow(session, owner, ann, "following", since=clock.now - timedelta(days=3))
    session.commit()
    for tab in TABS:
        badges = visit(f"/profile/ann{tab}").css(".profile-head .badge::text").getall()
        assert badges == ["missing from your followers", "followed by you"]


def test_names_that_are_long_or_run_the_other_way_keep_to_themselves(session, visit, clock):
    name = "x" * 50
    seed.person(session, name, clock.now, "model", display_name=f"\u202e{RTL * 8}", location=RTL, subject=RTL)
    session.commit()
    for tab in TABS:
        shown = visit(f"/profile/{name}{tab}")
        assert "\u202e" not in shown.get()
        assert shown.css("button[popovertarget=origin-display-name] bdi::text").get() == RTL * 8


def test_months_of_data_cost_no_more_statements_than_a_day(ann, session, visit, statements, clock):
    who = seed.person(session, "bob", clock.now - timedelta(days=90), "model")
    year.whole_year(session, who, clock.now - timedelta(hours=12), days=90)
    year.heard(session, "affiliate", clock.now - timedelta(days=90), clock.now)
    year.broadcast(session, ann, clock.now - timedelta(hours=9), 60)
    year.segments(session, ann, clock.now - timedelta(hours=9), 60)
    session.commit()
    visit("/profile/ann")
    for tab in TABS:
        with statements() as few:
            visit(f"/profile/ann{tab}")
        with statements() as many:
            visit(f"/profile/bob{tab}")
        assert len(many) <= len(few) + 10, tab  # two sources were heard more than one
        assert len(many) <= 45, tab


@pytest.mark.parametrize("role", ["viewer", "subscriber"])
def test_cbhours_is_asked_by_a_button_of_those_who_may(ann, session, client_as, visit, role):
    browser = client_as(role)
    button = visit("/profile/ann", role=role).xpath("//button[.='Ask CBHours now']")
    answer = browser.post("/profile/ann/cbhours")
    if role == "viewer":
        assert not button
        assert answer.status_code == 403
        return
    assert button
    assert answer.headers["Location"] == "/profile/ann#cbhours"
    shown = text(visit("/profile/ann", role=role).css("section[aria-labelledby=cbhours]"))
    assert "Asked for by subscriber-of-tests, just now" in shown
    assert browser.post("/profile/nobody/cbhours").status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("state", "words"), [
    ({}, "Not yet asked for"),
    ({"has_trophy": True, "proved_at": 0, "activity_read_at": 3, "activity_due_at": -21},
     "In the trophy database, proved just now. Activity read 3 h ago, again in 21 h."),
    ({"has_trophy": True, "proved_at": 1, "misses": 1, "missed_at": 0}, "The newest answer left them out (just now)"),
    ({"has_trophy": False, "missed_at": 24, "ask_again_at": -24 * 14},
     "Not known there, as of 24 h ago: asked again on 4 Dec"),
    ({"has_trophy": False, "missed_at": 24}, "How a broadcaster gets in"),
    ({"live_asked_at": 1, "problem": "not_set_up", "detail": "<b>Error Code:300</b>"}, "<b>Error Code:300</b>"),
    ({"has_trophy": True, "months": ["2026-11", "2026-09"]}, "months from 2026-09 to 2026-11 (2)")])
def test_how_somebody_stands_at_cbhours_is_said_in_words(ann, session, visit, clock, state, words):
    moments = {name: clock.now - timedelta(hours=value) for name, value in state.items() if name.endswith("_at")}
    if state:
        session.add(CbhoursState(**{"person_id": ann.id, "misses": 0, **state, **moments}))
        session.commit()
    assert words in text(visit("/profile/ann").css("section[aria-labelledby=cbhours]"))

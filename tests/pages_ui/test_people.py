"""Profile, own room, events."""

from datetime import timedelta

import pytest

from tests.pages_ui import seed
from tests.pages_ui.conftest import text

DAY = timedelta(days=1)


def test_a_profile_tells_every_edge_with_bounds_source_and_reading(session, visit, clock):
    now = clock.now
    owner = seed.account(session, now)
    scan = seed.scan(session, owner, "followers", now)
    ann = seed.person(session, "ann", now, "both", age=31, subject=seed.LATIN, tags=["music"], location="Porto",
                      last_online_at=now - timedelta(hours=2))
    seed.follow(session, owner, ann, "follower", since=now - 20 * DAY, start_scan_id=scan.id,
                end_earliest=now - 5 * DAY, end_latest=now - 4 * DAY, end_scan_id=scan.id)
    seed.follow(session, owner, ann, "follower", since=now - DAY, earliest=now - DAY, start_source="events",
                missing_since=now, missing_seen_at=now - timedelta(hours=1))
    seed.follow(session, owner, ann, "following", since=now - 2 * DAY, earliest=now - 3 * DAY)
    session.commit()
    shown = visit("/profile/ann")
    said = [text(line) for line in shown.css(".feed li")]
    assert said[0].startswith("Missing from your followers, to be confirmed")
    assert "Came back: followed you again" in said[1] and "events" in said[1]
    assert "You began to follow them" in said[2]
    assert "Left you" in said[3] and "between 15 Nov 12:00 and 16 Nov 12:00" in said[3]
    assert "Already followed you when your list was first read before 31 Oct 12:00" in said[4]
    assert shown.css(f".feed a[href='/admin/scans/{scan.id}']")
    assert len(shown.css("svg.timeline")) == 2
    assert "31" in text(shown.css(".facts"))
    assert shown.css("h1 bdi::text").get() == "ann"


def test_a_person_without_follows_or_profile_has_a_page(session, visit, clock):
    seed.person(session, "lonely", clock.now, "unknown")
    session.commit()
    assert "No follow in either direction is known" in text(visit("/profile/lonely"))


@pytest.mark.parametrize("name", ["nobody", "a'b", "%E2%80%AE", "x" * 300, "..%2f..%2fetc"])
def test_an_unknown_person_is_said_in_words(visit, name):
    shown = visit(f"/profile/{name}", status=404)
    if "%2f" not in name:  # that is another address
        assert "is known here" in text(shown.css("main"))
        assert shown.css("main input[name=q]")


def test_an_unknown_person_leads_to_those_with_a_similar_name(session, visit, clock):
    for name in ("river_fox", "river_foxglove", "north"):
        seed.person(session, name, clock.now)
    session.commit()
    shown = visit("/profile/river", status=404)
    assert shown.css("#matches .username bdi::text").getall() == ["river_fox", "river_foxglove"]


def test_names_are_found_whatever_their_case(session, visit, client_as, clock):
    for name in ("ann", "annabel", "bob"):
        seed.person(session, name, clock.now)
    session.commit()
    browser = client_as("viewer")
    assert browser.get("/profile/Ann").headers["Location"] == "/profile/ann"
    assert browser.get("/profile?q=ANN").headers["Location"] == "/profile/ann"
    assert visit("/profile?q=anna").css("#matches .username bdi::text").getall() == ["annabel"]
    assert "Nobody with" in text(visit("/profile?q=zzz"))
    visit("/profile?q=%00", status=400)


def changes(session, clock):
    now = clock.now
    owner = seed.account(session, now)
    people = {name: seed.person(session, name, now) for name in ("ann", "bob", "cleo", "dan")}
    seed.follow(session, owner, people["ann"], "follower", since=now - 9 * DAY)  # was there at the first reading
    seed.follow(session, owner, people["bob"], "follower", since=now - 3 * DAY, earliest=now - 3 * DAY - DAY / 4)
    seed.follow(session, owner, people["cleo"], "follower", since=now - 9 * DAY, end_earliest=now - 6 * DAY,
                end_latest=now - 5 * DAY)
    seed.follow(session, owner, people["cleo"], "follower", since=now - DAY, earliest=now - 2 * DAY)
    seed.follow(session, owner, people["dan"], "following", since=now - 4 * DAY, earliest=now - 5 * DAY,
                end_earliest=now - 3 * DAY, end_latest=now - 2 * DAY)
    session.commit()
    return owner


def feed(visit, address="/events"):
    return [text(line) for line in visit(address).css(".feed .what")]


def test_events_tell_what_changed_newest_first(session, visit, clock):
    changes(session, clock)
    assert feed(visit) == ["cleo came back: follows you again", "dan was unfollowed by you", "bob began to follow you",
                           "dan was followed by you", "cleo left you"]


@pytest.mark.parametrize(("query", "expected"), [
    ("kind=began", ["bob", "dan"]), ("kind=back", ["cleo"]), ("kind=ended", ["dan", "cleo"]),
    ("direction=following", ["dan", "dan"]), ("kind=ended&direction=followers", ["cleo"]),
    ("kind=nonsense&direction=nonsense", ["cleo", "dan", "bob", "dan", "cleo"])])
def test_events_can_be_narrowed(session, visit, clock, query, expected):
    changes(session, clock)
    assert visit(f"/events?{query}").css(".feed .username bdi::text").getall() == expected


def test_events_are_paged_both_ways(session, visit, statements, clock):
    owner = changes(session, clock)
    visit("/events")
    with statements() as few:
        visit("/events")
    for number, name in enumerate(seed.names(120)):
        at = clock.now - timedelta(hours=number // 3)
        seed.follow(session, owner, seed.person(session, name, clock.now), "follower", since=at,
                    earliest=at - timedelta(hours=1))
    session.commit()
    with statements() as many:
        first = visit("/events")
    assert len(few) == len(many) <= 8
    second = visit(first.css("a[rel=next]::attr(href)").get())
    third = visit(second.css("a[rel=next]::attr(href)").get())
    pages = [shown.css(".feed .what").xpath("normalize-space(.)").getall() for shown in (first, second, third)]
    assert [len(page) for page in pages] == [50, 50, 25]
    assert len({line for page in pages for line in page}) == 125
    back = visit(third.css("a[rel=prev]::attr(href)").get())
    assert back.css(".feed .what").xpath("normalize-space(.)").getall() == pages[1]


def test_an_empty_feed_says_when_it_fills(visit):
    assert "From the second complete reading" in text(visit("/events"))


def test_the_room_shows_health_totals_readings_and_what_happened(session, visit, clock):
    owner = changes(session, clock)
    seed.scan(session, owner, "followers", clock.now)
    session.commit()
    shown = visit("/room")
    assert text(shown.css("h1")) == "demo_owner"
    assert [text(value) for value in shown.css(".figures .value")] == ["0", "3", "+2", "−1"]
    assert "Signed in, last proved 12 min ago" in text(shown.css("section"))
    assert "180 of 180" in text(shown.css("section"))
    assert len(shown.css(".feed li")) == 5


def test_a_room_without_an_account_says_how_to_sign_in(visit):
    assert "python -m scraper login" in text(visit("/room"))


def test_the_room_costs_the_same_for_many_readings(session, visit, statements, clock):
    owner = seed.account(session, clock.now)
    session.commit()
    visit("/room")
    with statements() as few:
        visit("/room")
    for number in range(30):
        seed.scan(session, owner, "followers", clock.now - timedelta(hours=number), pages=0)
    session.commit()
    with statements() as many:
        visit("/room")
    assert len(few) == len(many) <= 12

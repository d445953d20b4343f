"""The directory as a page: live, tags, queue, where values come from."""

from datetime import timedelta

import pytest

from tests.affiliate.rooms import NOON, room, take
from tests.pages_ui import seed
from tests.pages_ui.conftest import session, statements, text, usernames, visit  # noqa: F401  fixtures

HOSTILE = ["<script>alert(1)</script>", "\u202eevil", "c++", "x'\"y", "a/b?c=d&e#f", "🎲"]


@pytest.fixture
def polled(app, clock):
    """Two who are online, one with tags of strangers' making."""
    with app.app_context():
        take(room("ann", num_followers=1234, tags=HOSTILE, room_subject="<b>=1+1</b>", display_name="\u202e<i>Ann</i>"),
             room("bob", num_followers=99_999, tags=["music"], current_show="private"))
    return clock


def test_who_is_live_says_as_of_when_and_stops_when_nobody_looks(polled, visit):  # noqa: F811
    polled.now = NOON + timedelta(minutes=7)
    cells = visit("/users/directory?sort=username").css("td[data-label='Last Seen']")
    assert [text(cell) for cell in cells] == ["live as of 7 min ago 40 viewers",
                                              "live as of 7 min ago private · 40 viewers"]
    assert "Affiliate API, as of 20 Nov 2026 12:00:00" in cells.css(".live-badge::attr(title)").get()
    polled.now = NOON + timedelta(minutes=46)
    cells = visit("/users/directory").css("td[data-label='Last Seen']")
    assert [text(cell) for cell in cells] == ["46 min ago"] * 2
    assert "not fresh" in cells[0].css(".said::attr(title)").get()


def test_values_wear_the_colour_of_their_source_and_lose_it_with_age(session, polled, visit):  # noqa: F811
    seed.person(session, "cas", polled.now, "viewer", age=44)
    session.commit()

    def marks(column):
        return visit("/users/directory?sort=username").css(f"td[data-label='{column}'] .said::attr(class)").getall()

    assert marks("Followers") == ["said from-affiliate"] * 2
    assert marks("Age") == ["said from-affiliate"] * 2 + ["said from-cached"]
    polled.advance(minutes=50)
    assert marks("Age") == ["said from-affiliate stale"] * 2 + ["said from-cached stale"]
    assert "CBHours" in text(visit("/users/directory").css(".legend"))


def test_a_tag_hides_everybody_without_it_and_says_so(polled, visit):  # noqa: F811
    shown = visit("/users/directory?tag=%23Music")
    assert usernames(shown) == ["bob"]
    assert "#music" in text(shown.css(".chip-active")) and shown.css(".tag.active")
    assert usernames(visit(shown.css(".chip-active a::attr(href)").get())) == ["bob", "ann"]
    assert "People without tags are left out" in text(visit("/users/directory?tag=mus").css("#people"))


@pytest.mark.parametrize("tag", HOSTILE[2:])
def test_every_tag_leads_to_those_who_have_it(polled, visit, tag):  # noqa: F811
    for place in ("td[data-label='Tags']", ".chips"):
        links = {text(link).removeprefix("#"): link.attrib["href"]
                 for link in visit("/users/directory").css(f"{place} a.tag")}
        assert tag not in links or usernames(visit(links[tag])) == ["ann"], place


def test_texts_of_strangers_stay_texts(polled, client_as):
    for path in ("/users/directory", "/profile/ann", "/profile/ann/values"):
        page = client_as("admin").get(path).text
        assert "<script>alert" not in page and "<b>=1" not in page and "<i>Ann" not in page and "\u202e" not in page


def test_somebody_nobody_knows_is_put_in_the_queue_from_the_search(polled, visit, client_as):  # noqa: F811
    address = "/users/directory?sort=-followers&q=new_person"
    shown = visit(address)
    button = shown.css("#asked-for")
    assert "Add to queue: new_person" in text(button)
    form = shown.css(f"form#{button.attrib['form']}")
    sent = {field.attrib["name"]: field.attrib["value"] for field in form.css("input")} | {
        "username": button.attrib["value"]}
    del sent["csrf_token"]  # of the session that was looked with; this client sends its own
    answer = client_as("admin").post(form.attrib["action"], data=sent)
    assert answer.headers["Location"].startswith("/users/directory?") and "q=new_person" in answer.headers["Location"]
    shown = visit(address)
    assert "new_person is in the queue: P1 queued" in text(shown.css("#people"))
    assert "every 4s" in shown.css("#people::attr(hx-trigger)").get()
    assert not visit(address, role="viewer").css("#asked-for button, button#asked-for")


@pytest.mark.parametrize("name", ["a b", "x" * 51, "<b>", "ann", "ann&role=viewers"])
def test_only_a_name_that_is_missing_can_be_added(polled, visit, name):  # noqa: F811
    assert not visit(f"/users/directory?q={name}").css("button#asked-for")


def test_buttons_of_the_queue_are_for_those_who_may(polled, visit):  # noqa: F811
    assert len(visit("/users/directory").css("button[form=queue-p1]")) == 4  # P1 and Refresh, twice
    shown = visit("/users/directory", role="viewer")
    assert not shown.css("button[form]") and not shown.css("form#queue-p1")


def test_where_values_come_from_is_told_with_what_others_said(session, polled, app, visit):  # noqa: F811
    seed.person(session, "cas", polled.now, "both", age=44)
    session.commit()
    with app.app_context():
        take(room("cas", age=45), at=NOON + timedelta(minutes=30))
    polled.advance(minutes=30)
    rows = {text(row.css("th")): text(row) for row in visit("/profile/cas/values").css("tbody tr")}
    assert rows["Age"].startswith("Age 45 Read from the site's pages said 44")
    assert "Affiliate API" in rows["Followers"] and "just now" in rows["Followers"]
    visit("/profile/nobody/values", status=404)


def test_role_unknown_is_only_under_all(session, visit, clock):  # noqa: F811
    seed.person(session, "cas", clock.now, "unknown")
    session.commit()
    assert [usernames(visit(f"/users/directory?role={role}")) for role in ("all", "models", "viewers")] == [
        ["cas"], [], []]


def test_a_filtered_list_says_how_many_fit(polled, visit):  # noqa: F811
    assert "1 person" in text(visit("/users/directory?tag=music").css(".pager"))
    assert "2 people" in text(visit("/users/directory?live=1").css(".pager"))

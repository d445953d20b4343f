"""The History tab: what changed, between which moments, and who said so."""

from datetime import UTC, datetime, timedelta

import pytest

from server.models import (
    AffiliateProfile,
    AffiliateSubject,
    AffiliateTags,
    CbhoursLive,
    CbhoursState,
    CbhoursTexts,
    PersonPicture,
    Picture,
)
from server.paging import encode_cursor
from server.people.rows import row_of
from server.profiles import history
from tests.pages_ui import seed
from tests.pages_ui.conftest import text
from tests.profiles import year

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOSTILE = "<script>alert(1)</script>\u202e{{7*7}}"


def lines(visit, query=""):
    return [text(line) for line in visit(f"/profile/ann/history{query}").css(".changes > li")]


def seen(session, who, *moments):
    """Polls that showed the person."""
    for at in moments:
        year.poll(session, at, (who, 10, 100))


def changed(session, person, *, kind=None, limit=100, after=""):
    return history.changes(session, row_of(session, person.username), [], kind=kind, limit=limit, after=after)


def test_a_change_lies_between_the_last_sighting_before_it_and_the_first_with_it(ann, session, visit, clock):
    noon = clock.now
    seen(session, ann, noon - 5 * HOUR, noon - 5 * HOUR + 10 * MINUTE, noon - 4 * HOUR)
    year.text(session, AffiliateSubject, ann, noon - 5 * HOUR, subject="first")
    year.text(session, AffiliateSubject, ann, noon - 4 * HOUR, subject="second")
    session.commit()
    second, first = lines(visit, "?kind=subject")
    assert second == "Subject: second before: first between 07:10 and 08:00 Affiliate API"
    assert first == "Subject: first since 20 Nov 07:00 Affiliate API"


def test_a_poll_that_did_not_show_them_proves_nothing(ann, session, clock):
    """Nobody was seen at the poll right before the change, so the broadcast before it is the proof."""
    noon = clock.now
    year.broadcast(session, ann, noon - 30 * HOUR, 60)
    year.poll(session, noon - 2 * HOUR)
    seen(session, ann, noon - HOUR)
    year.text(session, AffiliateSubject, ann, noon - 30 * HOUR, subject="first")
    year.text(session, AffiliateSubject, ann, noon - HOUR, subject="second")
    session.commit()
    second, _ = changed(session, ann, kind="subject").events
    assert (second.earliest, second.at) == (noon - 29 * HOUR, noon - HOUR)


def test_the_old_word_itself_is_a_proof(ann, session, clock):
    year.broadcast(session, ann, clock.now - 30 * DAY, 60)
    year.text(session, AffiliateSubject, ann, clock.now - 9 * DAY, subject="first")
    year.text(session, AffiliateSubject, ann, clock.now - DAY, subject=None)
    session.commit()
    gone, _ = changed(session, ann, kind="subject").events
    assert gone.earliest == clock.now - 9 * DAY
    assert gone.fields == [history.Changed("subject", "first", None)]


def test_tags_tell_what_came_and_what_went(ann, session, visit, clock):
    year.text(session, AffiliateTags, ann, clock.now - 2 * HOUR, tags=["music", "chess"])
    year.text(session, AffiliateTags, ann, clock.now - HOUR, tags=["chess", "music"])  # the same in another order
    year.text(session, AffiliateTags, ann, clock.now, tags=["chess", "español"])
    session.commit()
    newest, first = lines(visit, "?kind=tags")
    assert newest.startswith("Tags that came: #español Tags that went: #music between")
    assert first.startswith("Tags: #music #chess since")


def test_profile_data_tells_each_field_that_changed(ann, session, visit, clock):
    year.text(session, AffiliateProfile, ann, clock.now - DAY, display_name="Ann", age=31, gender="f", is_new=True,
              country="PT")
    year.text(session, AffiliateProfile, ann, clock.now, display_name="Anna", age=32, gender="f", is_new=False,
              country=None)
    session.commit()
    _, newest, _ = lines(visit, "?kind=profile")  # the first: what a card of the lists said
    for words in ("Display name: Ann →became Anna", "Age: 31 →became 32", "Country: PT →became not said",
                  "New: yes →became no"):
        assert words in newest
    assert "Gender" not in newest


def test_what_cbhours_says_wears_its_colour_and_only_what_changed_is_told(ann, session, visit, clock):
    noon = clock.now
    for at, online in ((0, True), (20, True), (40, False), (60, True)):
        session.add(CbhoursLive(person_id=ann.id, checked_at=year.seconds(noon) - 3600 + at * 60, online=online))
    year.text(session, CbhoursTexts, ann, noon - HOUR, gender="f", is_new=False, subject="one", tags=["a"])
    year.text(session, CbhoursTexts, ann, noon, gender="f", is_new=False, subject="two", tags=["a"])
    session.commit()
    two, *first = [line for line in lines(visit) if line.endswith(" CBHours")]
    assert two == "Subject: two before: one between 11:20 and 12:00 CBHours"  # at 11:40 it said Offline, which has none
    assert sorted(line.split(":")[0] for line in first) == [
        "First known to CBHours", "Gender", "Subject", "Tags"]
    assert visit("/profile/ann/history?kind=subject").css(".changes .from-cbhours")


def test_pictures_are_shown_from_here(ann, session, visit, clock):
    for number, (first, last) in enumerate(((9, 5), (3, 1))):
        session.add(Picture(sha256=f"{number}" * 64, content_type="image/webp", width=360, height=270, bytes=9,
                            thumb_bytes=9, first_stored_at=clock.now, used_at=clock.now))
        session.flush()
        session.add(PersonPicture(person_id=ann.id, sha256=f"{number}" * 64, url="https://pictures.example/ann.jpg",
                                  first_seen_at=clock.now - first * DAY, last_seen_at=clock.now - last * DAY))
    session.commit()
    shown = visit("/profile/ann/history?kind=pictures")
    assert shown.css(".changes img::attr(src)").getall() == [f"/images/{n * 64}.360.webp" for n in "10"]
    assert "New picture between 15 Nov 12:00 and 17 Nov 12:00" in text(shown.css(".changes li")[0])
    assert "pictures.example" not in shown.get()


def test_many_pictures_are_a_few_on_the_overview_and_all_in_the_history(ann, session, visit, clock):
    for number in range(50):
        sha256 = f"{number:064x}"
        session.add(Picture(sha256=sha256, content_type="image/webp", width=360, height=270, bytes=9, thumb_bytes=9,
                            first_stored_at=clock.now, used_at=clock.now))
        session.flush()
        at = clock.now - number * DAY
        session.add(PersonPicture(person_id=ann.id, sha256=sha256, url="https://pictures.example/ann.jpg",
                                  first_seen_at=at, last_seen_at=at))
    session.commit()
    overview = visit("/profile/ann")
    assert len(overview.css("ul.pictures li")) == 6
    shown = visit(overview.xpath("//a[.='All 50 pictures']/@href").get())
    assert len(shown.css(".changes img")) == 40
    assert len(visit(shown.css("a[rel=next]::attr(href)").get()).css(".changes img")) == 10


def test_role_and_trophy_are_told_by_their_first_proofs(ann, session, visit, clock):
    owner = seed.account(session, clock.now)
    year.broadcast(session, ann, clock.now - 5 * DAY, 60)
    seed.follow(session, owner, ann, "follower", since=clock.now - 2 * DAY, earliest=clock.now - 3 * DAY)
    session.add(CbhoursLive(person_id=ann.id, checked_at=year.seconds(clock.now) - 3600, online=False))
    session.add(CbhoursState(person_id=ann.id, has_trophy=False, misses=2, missed_at=clock.now - MINUTE,
                             proved_at=clock.now - HOUR))
    session.commit()
    said = lines(visit, "?kind=state")
    assert [line.split(" since")[0].split(" between")[0] for line in said] == [
        "First known here", "Not known to CBHours", "First known to CBHours: in its trophy database",
        "First seen following you: a viewer", "First seen broadcasting: a model"]
    assert "between 17 Nov 12:00 and 18 Nov 12:00" in said[3]


def test_what_the_lists_said_last_is_one_of_them(ann, visit):
    """The fixture's person was on a list, with an age."""
    assert lines(visit, "?kind=profile") == ["Age: 31 since 20 Nov 12:00 Read from the site's pages"]


def test_hostile_texts_stay_texts(ann, session, visit, clock):
    """S7, S27"""
    year.text(session, AffiliateSubject, ann, clock.now, subject=HOSTILE)
    year.text(session, AffiliateTags, ann, clock.now, tags=[HOSTILE])
    year.text(session, AffiliateProfile, ann, clock.now, display_name=HOSTILE, location=HOSTILE)
    session.commit()
    shown = visit("/profile/ann/history")
    assert not shown.css(".changes script")
    assert "\u202e" not in shown.get()
    assert "{{7*7}}" in text(shown.css(".changes"))


@pytest.mark.parametrize("kind", [None, *history.KINDS])
def test_pages_tell_every_change_once_in_order(ann, session, clock, kind):
    noon = clock.now
    for number in range(100):
        at = noon - number * HOUR
        year.text(session, AffiliateSubject, ann, at, subject=f"s{number}")
        year.text(session, AffiliateTags, ann, at, tags=[f"t{number}"])
        year.text(session, CbhoursTexts, ann, at, gender="f", subject=f"c{number // 50}", tags=[f"u{number // 3}"])
        if number % 20 == 0:
            year.text(session, AffiliateProfile, ann, at, age=20 + number)
    session.commit()
    whole = changed(session, ann, kind=kind, limit=10_000)
    assert whole.next is None
    found, after = [], ""
    while True:
        cut = changed(session, ann, kind=kind, limit=7, after=after)
        found += cut.events
        if cut.next is None:
            break
        after = cut.next
    assert found == whole.events
    assert len({(one.at, one.key) for one in found}) == len(found)
    assert [(one.at, one.key) for one in found] == sorted(((one.at, one.key) for one in found), reverse=True)
    count = {"subject": 102, "tags": 134, "profile": 7, "pictures": 0, "state": 1}
    assert len(found) == (sum(count.values()) if kind is None else count[kind])


def test_the_tab_has_pages_filters_and_words_for_nothing(ann, session, visit, clock):
    for number in range(60):
        year.text(session, AffiliateSubject, ann, clock.now - number * HOUR, subject=f"s{number}")
    session.commit()
    first = visit("/profile/ann/history?kind=subject&with=bob")
    older = visit(first.css("a[rel=next]::attr(href)").get())
    assert [len(page.css(".changes > li")) for page in (first, older)] == [40, 20]
    assert older.css("a[rel=first]::attr(href)").get() == "/profile/ann/history?with=bob&kind=subject"
    assert first.css(".segments a[aria-current]::text").get() == "Subject"
    assert "No such change is known" in text(visit("/profile/ann/history?kind=pictures"))
    assert visit("/profile/ann/history?kind=nonsense").css(".segments a[aria-current]::text").get() == "Everything"
    visit("/profile/ann/history?after=nonsense", status=400)


def test_a_cursor_of_another_time_does_no_harm(ann, visit):
    for at in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        visit(f"/profile/ann/history?after={encode_cursor(at, 'zz')}")

"""The line above the directory: how many are live, by whose word, and which source is silent."""

from datetime import timedelta

import pytest

from server.models import Job, db
from server.people.rows import freshness
from server.people.seen import Seen, record
from server.users.coverage import Coverage, Live, Silence, coverage
from server.users.words import coverage_words
from tests.affiliate.rooms import NOON, room, take
from tests.cbhours import answers as cbhours
from tests.pages_ui.conftest import text, visit  # noqa: F401  fixtures


def words(*live, silent=()):
    said = coverage_words(Coverage(Live(*live), list(silent)), NOON + timedelta(hours=3), NOON.tzinfo)
    return ", ".join(part for part, *_ in said.parts), said.troubles


@pytest.mark.parametrize(("live", "said"), [
    ((412, 38, 0, 3), "412 live by affiliate, 38 by CBHours only, 3 stale"),
    ((0, 38, 2, 0), "38 live by CBHours, 2 by your lists"),
    ((0, 0, 2, 0), "2 live by your lists"),
    ((1_234, 0, 0, 0), "1,234 live by affiliate"),
    ((0, 0, 0, 7), "Nobody is known to be live, 7 stale"),
    ((0, 0, 0, 0), "Nobody is known to be live"),
])
def test_the_line_counts_in_words_and_leaves_out_what_is_none(live, said):
    assert words(*live)[0] == said


@pytest.mark.parametrize(("live", "silent", "said"), [
    ((0, 3, 0, 0), [Silence("affiliate", NOON)],
     ["The affiliate poll has been silent since 12:00; CBHours stands in."]),
    ((0, 0, 0, 9), [Silence("affiliate", NOON - timedelta(days=1)), Silence("cbhours", NOON)],
     ["The affiliate poll has been silent since 19 Nov 12:00.", "CBHours has been silent since 12:00; ranks are as of "
      "then."]),
    ((5, 0, 0, 0), [Silence("cbhours", None)], ["CBHours has not been heard yet."]),
    ((5, 1, 0, 0), [], []),
])
def test_who_is_silent_is_named_with_who_stands_in(live, silent, said):
    assert words(*live, silent=silent)[1] == said


def schedule(*names, **changes):
    for job in db.session.query(Job).filter(Job.name.in_(names)):
        job.scheduled, job.paused = True, False
        job.config = {**job.config, **changes}
    db.session.commit()


@pytest.fixture
def code(app, monkeypatch):
    """The campaign code that the affiliate job needs."""
    monkeypatch.setattr("server.ledger.store.missing_credential", lambda kind: None)


def now_covered(minutes):
    return coverage(db.session(), freshness(db.session(), NOON + timedelta(minutes=minutes)))


def test_each_person_counts_once_for_the_strongest_fresh_word(app, code):
    with app.app_context():
        schedule("affiliate", "cbhours-live")
        cbhours.add("carol", "dan", "eve", "fay")
        take(room("ann"), room("bob"), saw_everyone=False)
        cbhours.take(cbhours.live(*map(cbhours.entry, ("bob", "carol", "dan")), cbhours.offline("fay"),
                                  at=NOON + timedelta(minutes=1)))
        record(db.session(), {name: Seen({}, NOON, NOON + timedelta(minutes=1), True) for name in ("eve", "fay")})
        db.session.commit()
        assert now_covered(2) == Coverage(Live(2, 2, 1, 0), [])
        assert now_covered(12) == Coverage(Live(2, 2, 0, 0), [])
        assert now_covered(20) == Coverage(Live(2, 0, 0, 2), [Silence("cbhours", NOON + timedelta(minutes=1))])
        both = [Silence("affiliate", NOON), Silence("cbhours", NOON + timedelta(minutes=1))]
        assert now_covered(60) == Coverage(Live(0, 0, 0, 4), both)
        assert now_covered(2_000) == Coverage(Live(0, 0, 0, 0), both)  # they have ended unseen


def test_a_source_that_is_not_to_be_asked_is_not_called_silent(app, code):
    with app.app_context():
        assert now_covered(0).silent == []  # nothing is on a schedule
        schedule("affiliate", "cbhours-live")
        assert now_covered(0).silent == [Silence("affiliate", None), Silence("cbhours", None)]
        schedule("affiliate", quietHours="11:00-13:00")
        schedule("cbhours-live", enabled=False)
        assert now_covered(0).silent == []
        schedule("affiliate", quietHours="13:00-14:00")
        db.session.query(Job).filter_by(name="affiliate").one().paused = True
        db.session.commit()
        assert now_covered(0).silent == []


def test_the_page_says_who_is_live_and_that_cbhours_stands_in(app, code, clock, visit):  # noqa: F811
    assert text(visit("/users/directory").css("#coverage")) == "Nobody is known to be live"
    with app.app_context():
        schedule("affiliate", "cbhours-live")
        take(room("ann"), room("bob"))
        cbhours.take(cbhours.live(cbhours.entry("ann", viewers=77), cbhours.offline("bob"),
                                  at=NOON + timedelta(minutes=50)))
    clock.now = NOON + timedelta(minutes=52)
    page = visit("/users/directory?sort=username")
    assert text(page.css("#coverage")) == (
        "1 live by CBHours The affiliate poll has been silent since 12:00; CBHours stands in. See the jobs")
    cells = [text(cell) for cell in page.css("td[data-label='Last Seen']")]
    assert cells == ["live by CBHours as of 2 min ago 77 viewers", "52 min ago"]
    clock.now = NOON + timedelta(minutes=70)
    page = visit("/users/directory?sort=username")
    assert text(page.css("#coverage")).startswith("Nobody is known to be live, 1 stale The affiliate poll has been")
    assert not page.css(".live-badge")


def test_a_contradiction_is_said_where_live_is_shown(app, clock, visit):  # noqa: F811
    with app.app_context():
        take(room("ann"))
        cbhours.take(cbhours.live(cbhours.offline("ann"), at=NOON + timedelta(minutes=7)))
    clock.now = NOON + timedelta(minutes=10)
    cell = text(visit("/users/directory").css("td[data-label='Last Seen']"))
    assert cell == "live as of 10 min ago 40 viewers CBHours said offline, 3 min ago"


def test_ranks_are_filled_and_sorted_best_first_with_their_source(app, clock, visit):  # noqa: F811
    with app.app_context():
        cbhours.add("ann", "bob", "carol")
        cbhours.take(cbhours.live(cbhours.entry("ann", rank=1234, grank=45), cbhours.entry("bob", rank=7, grank=None)))
    page = visit("/users/directory?sort=rank")
    assert [text(cell) for cell in page.css("td[data-label='Rank']")][:2] == ["#7", "#1,234"]
    assert text(page.css("td[data-label='Rank']")[2]).startswith("— Not known: CBHours alone tells ranks")
    assert text(page.css("td[data-label='Gender Rank']")[1]) == "#45"
    assert page.css("td[data-label='Rank'] .said::attr(class)").getall() == ["said from-cbhours"] * 2
    assert "CBHours, as of 20 Nov 2026 12:00:00" in page.css("td[data-label='Rank'] .said::attr(title)").get()
    head = page.css("th[aria-sort]")
    assert (text(head), head.attrib["aria-sort"]) == ("Rank", "ascending")
    clock.advance(minutes=20)
    page = visit("/users/directory?sort=-gender_rank")
    assert page.css("td[data-label='Rank'] .said::attr(class)").getall() == ["said from-cbhours stale"] * 2
    links = {text(link): link.attrib["href"] for link in page.css("th a")}
    assert "sort=rank" in links["Rank"] and "sort=gender_rank" in links["Gender Rank"]

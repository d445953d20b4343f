"""The Sessions tab: broadcasts of both sources as one table, its pages, its curves, its file."""

import csv
import io
from datetime import timedelta

import pytest

from server.models import AffiliateHour, AffiliateSubject, AffiliateTags, CbhoursLive, CbhoursTexts, snapshots
from server.profiles import sessions
from tests.pages_ui import seed
from tests.pages_ui.conftest import text
from tests.profiles import year

HOUR = timedelta(hours=1)
HOSTILE = "<b onmouseover=alert(1)>=cmd()</b>"


@pytest.fixture
def evening(ann, session, clock):
    """Yesterday's broadcast by both sources, one before it by CBHours alone, one before that by polls alone."""
    start = clock.now - 20 * HOUR
    year.broadcast(session, ann, start, 120)
    year.segments(session, ann, start, 126)
    year.segments(session, ann, start - 30 * HOUR, 60, show=2)
    year.broadcast(session, ann, start - 60 * HOUR, 60, looked_after=False)
    year.heard(session, "affiliate", start - 100 * HOUR, clock.now)
    session.commit()
    return start


def cells(row):
    return {cell.attrib["data-label"]: text(cell) for cell in row.css("td")}


def rows(visit, address="/profile/ann/sessions"):
    return [cells(row) for row in visit(address).css("table.sessions tbody tr")]


def test_broadcasts_of_both_sources_are_one_table(evening, visit):
    both, theirs, ours = rows(visit)
    assert both["Started"] == "19 Nov 16:00"
    assert both["Told by"] == "Affiliate APICBHours"
    assert [both[name] for name in ("Minutes", "Peak", "Mean", "Followers")] == [
        "120 126", "61 183", "56 122", "+11 +123"]
    assert (theirs["Told by"], theirs["Minutes"], theirs["Shows and subject"]) == ("CBHours", "60", "private")
    assert (ours["Told by"], ours["Minutes"]) == ("Affiliate API", "60")
    assert "nobody looked after" in ours["Last seen"]
    assert theirs["Last seen"] == "18 Nov 11:00"


def test_figures_wear_the_colour_of_their_source(evening, visit):
    first = visit("/profile/ann/sessions").css("tbody tr")[0]
    assert first.css("td[data-label=Peak] .said::attr(class)").getall() == ["said from-affiliate", "said from-cbhours"]
    assert first.css("td[data-label=Peak] .said::attr(title)").getall() == ["Affiliate API", "CBHours"]


def test_what_goes_on_says_so_and_since_when_it_was_seen(ann, session, visit, clock):
    year.broadcast(session, ann, clock.now - HOUR, 50, going_on=True)
    session.commit()
    (row,) = rows(visit)
    assert row["Last seen"] == "goes on seen 10 min ago"
    assert (row["Minutes"], row["Peak"]) == ("50", "54")
    assert "goes on" in text(visit("/profile/ann").css("section[aria-labelledby=recent]"))


def test_an_end_has_its_bounds(ann, session, visit, clock):
    year.broadcast(session, ann, clock.now - 5 * HOUR, 60)
    session.commit()
    assert rows(visit)[0]["Last seen"] == "between 08:00 and 08:10"


def test_a_curve_breaks_where_nobody_looked_and_leads_to_the_charts(ann, session, visit, clock):
    start = clock.now - 10 * HOUR
    year.broadcast(session, ann, start, 200)
    year.heard(session, "affiliate", start - HOUR, start + timedelta(minutes=95))
    year.heard(session, "affiliate", start + timedelta(minutes=99), clock.now)
    session.commit()
    shown = visit("/profile/ann/sessions?with=bob")
    assert len(shown.css("svg.curve polyline.curve-affiliate")) == 2
    assert shown.css("svg.curve::attr(aria-label)").get().startswith("Viewers from 50 to 69")
    assert shown.css("a.curve-link::attr(href)").get() == (
        "/profile/ann/charts?from=2026-11-20T02:00:00Z&to=2026-11-20T05:20:00Z&with=bob")


def test_subjects_and_tags_are_those_of_the_broadcast(ann, session, visit, clock):
    start = clock.now - 10 * HOUR
    year.broadcast(session, ann, start, 60)
    for at, subject, tags in ((-9, "of last week", ["old"]), (0.2, "first", ["music"]),
                              (0.5, HOSTILE, [HOSTILE, "music"]), (3, "afterwards", ["later"])):
        year.text(session, AffiliateSubject, ann, start + at * HOUR, subject=subject)
        year.text(session, AffiliateTags, ann, start + at * HOUR, tags=tags)
    session.commit()
    shown = visit("/profile/ann/sessions")
    (row,) = (cells(one) for one in shown.css("table.sessions tbody tr"))
    said = row["Shows and subject"]
    assert said.startswith("public of last week2 more subjectsfirst<b")  # in force until the second sighting
    assert "#old" in said
    assert "#later" not in said
    assert "afterwards" not in said
    assert not shown.css("[onmouseover]")


def test_of_cbhours_alone_texts_count_only_where_it_said_online(ann, session, visit, clock):
    start = clock.now - 10 * HOUR
    year.segments(session, ann, start, 60)
    year.text(session, CbhoursTexts, ann, start - 9 * HOUR, subject="of another evening")
    session.commit()
    assert rows(visit)[0]["Shows and subject"] == "public"
    session.add(CbhoursLive(person_id=ann.id, checked_at=year.seconds(start) + 600, online=True))
    session.commit()
    assert rows(visit)[0]["Shows and subject"] == "public of another evening"


def test_hours_that_were_rolled_up_still_draw_a_curve(ann, session, visit, clock):
    start = (clock.now - 30 * HOUR).replace(minute=0)
    year.broadcast(session, ann, start, 180)
    session.execute(snapshots.delete())
    session.add_all(AffiliateHour(
        person_id=ann.id, hour=year.seconds(start) + 3600 * number, polls=6, viewers_polls=6, on_air=0,
        viewers_sum=600 * (number + 1), viewers_min=1, viewers_max=999, public_polls=6) for number in range(3))
    year.heard(session, "affiliate", start - HOUR, clock.now)
    session.commit()
    assert visit("/profile/ann/sessions").css("svg.curve::attr(aria-label)").get().startswith("Viewers from 100 to 300")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_tell_every_broadcast_once_whatever_their_size(ann, session, clock, limit):
    chances = [(0, "both"), (4, "polls"), (9, "cbhours"), (12, "both"), (20, "cbhours"), (24, "cbhours"), (40, "polls"),
               (44, "both"), (300, "cbhours"), (400, "polls")]
    for back, kind in chances:
        start = clock.now - (back + 3) * HOUR
        if kind != "cbhours":
            year.broadcast(session, ann, start, 90)
        if kind != "polls":
            year.segments(session, ann, start + timedelta(minutes=3 if back % 8 else 0), 96)
    session.commit()
    whole = sessions.page(session, ann.id, limit=1000).rows
    assert [len(row.sources) for row in whole] == [2 if kind == "both" else 1 for _, kind in chances]
    found, before = [], None
    while True:
        cut = sessions.page(session, ann.id, before=before, limit=limit)
        assert len(cut.rows) <= limit
        found += cut.rows
        before = cut.next
        if before is None:
            break
    assert found == whole


def test_whoever_is_on_air_day_and_night_has_pages_too(ann, session, clock):
    """One broadcast of CBHours is longer than what is read of it at first."""
    year.segments(session, ann, clock.now - 400 * HOUR, 300 * 60, viewers=0)
    for back in (500, 390, 380, 370):
        year.broadcast(session, ann, clock.now - back * HOUR, 60)
    session.commit()
    first = sessions.page(session, ann.id, limit=1)
    assert (first.rows[0].sources, first.rows[0].minutes) == (["affiliate", "cbhours"], 300 * 60)
    assert len(first.rows[0].parts) == 4
    assert sessions.page(session, ann.id, before=first.next, limit=1).rows[0].sources == ["affiliate"]


def test_a_row_is_told_only_when_all_of_it_has_been_read(ann, session, clock):
    """One of CBHours spans so many of the affiliate API that at first none before it is read."""
    year.segments(session, ann, clock.now - 20 * HOUR, 19 * 60)
    for back in (19, 15, 11, 7, 3):
        year.broadcast(session, ann, clock.now - back * HOUR, 60)
    year.segments(session, ann, clock.now - 30 * HOUR, 60)
    year.broadcast(session, ann, clock.now - 30 * HOUR, 60)
    session.commit()
    cut = sessions.page(session, ann.id, limit=2)
    assert [(len(row.parts), row.sources) for row in cut.rows] == [
        (6, ["affiliate", "cbhours"]), (2, ["affiliate", "cbhours"])]


def test_the_tab_has_pages_and_a_way_back(ann, session, visit, clock):
    for day in range(sessions.SEGMENTS_A_SESSION // 2):
        year.segments(session, ann, clock.now - (day + 1) * 24 * HOUR, 30)
    session.commit()
    first = visit("/profile/ann/sessions?with=bob")
    assert not first.css("a[rel=first]")
    older = first.css("a[rel=next]::attr(href)").get()
    assert "with=bob" in older
    second = visit(older)
    assert [len(page.css("tbody tr")) for page in (first, second)] == [20, 20]
    assert second.css("a[rel=first]::attr(href)").get() == "/profile/ann/sessions?with=bob"
    third = visit(second.css("a[rel=next]::attr(href)").get())
    assert len(third.css("tbody tr")) == 10
    assert not third.css("a[rel=next]")
    visit("/profile/ann/sessions?after=nonsense", status=400)


def test_nobody_has_broadcast_and_the_page_says_what_makes_it_so(session, visit, clock):
    seed.person(session, "lonely", clock.now)
    session.commit()
    assert "No broadcast is known yet" in text(visit("/profile/lonely/sessions"))


def test_the_file_holds_every_broadcast_and_no_formula(evening, ann, session, client_as):
    """S25"""
    year.text(session, AffiliateSubject, ann, evening, subject="=1+1\n@x")
    session.commit()
    answer = client_as("viewer").get("/profile/ann/sessions.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ann-sessions.csv"'
    told = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [line["sources"] for line in told] == ["affiliate cbhours", "cbhours", "affiliate"]
    assert told[0]["start"] == "2026-11-19T16:00:00.000Z"
    assert (told[0]["affiliate.viewers_peak"], told[0]["cbhours.viewers_peak"], told[2]["cbhours.minutes"]) == (
        "61", "183", "")
    assert told[0]["subjects"] == "'=1+1 @x"
    assert client_as("viewer").get("/profile/nobody/sessions.csv").status_code == 404


def test_the_overview_says_how_much_of_the_last_days_was_watched(evening, ann, session, visit, clock):
    year.a_day(session, ann, (clock.now - HOUR).date(), 0)
    for day in (1, 2):
        year.a_day(session, ann, (clock.now - day * 24 * HOUR).date(), 60 * day)
    year.a_day(session, ann, (clock.now - 72 * HOUR).date(), None)
    session.commit()
    shown = visit("/profile/ann").css("section[aria-labelledby=recent]")
    lines = [[text(cell) for cell in line.css("th, td")] for line in shown.css("tbody tr")]
    assert lines == [["Affiliate API", "2 on 2 days", "3 h 0 min", "16 % of the time"],
                     ["CBHours", "on 2 days", "3 h 0 min", "10 % of the time"]]
    assert len(shown.css("svg.curve")) == 3


def test_the_api_tells_the_same_broadcasts_each_by_the_source_that_knows_it_best(evening, api_as):
    told, cursor = [], None
    while True:
        page = api_as("viewer").get("/api/persons/ann/sessions", query_string={"limit": 2, "cursor": cursor} if cursor
                                    else {"limit": 2}).json
        told += page["sessions"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [(one["source"], one["minutes"], one["polls"], one["peak_viewers"]) for one in told] == [
        ("affiliate", 120, 12, 61), ("cbhours", 60, 20, 117), ("affiliate", 60, 6, 55)]
    assert told[1]["end_latest"] is None
    assert told[1]["start"] == "2026-11-18T10:00:00.000Z"

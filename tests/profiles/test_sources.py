"""The Sources tab: what is held, when nobody was heard, and the raw answers, which are read and never rendered."""

import gzip
import json
from datetime import timedelta

import pytest

from scraper.observations import Capture
from server.follows.pages import pack
from server.ingest import captures
from server.models import (
    CaptureRow,
    CbhoursLive,
    CbhoursPoll,
    CbhoursReading,
    PersonNote,
    PollCapture,
    ScanPageRow,
    db,
)
from server.profiles import sources
from tests.ingest.helpers import packed
from tests.pages_ui import seed
from tests.pages_ui.conftest import text
from tests.profiles import year

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PAGE = b"<html><script>alert(document.cookie)</script><a href='/ann/'>ann</a></html>"
ROOMS = json.dumps({"rooms": [{"username": "bob"}, {"username": "ann", "room_subject": "</pre><b>"}]})


@pytest.fixture
def kept(app, session, clock):
    """kept(b"…") -> the number of a raw answer with these bytes."""

    def keep(content, **more):
        content = content if isinstance(content, bytes) else content.encode()
        with app.app_context():
            one = Capture(url="https://cams.example/api", body=packed(content), **more)
            row = captures.keep(db.session(), one, None, clock.now)
            db.session.commit()
            return row.id

    return keep


def capture_page(client, number, name="ann", query=""):
    return client.get(f"/profile/{name}/sources/capture/{number}{query}")


def test_each_kind_of_rows_is_counted_with_its_first_and_last(ann, session, visit, clock):
    year.broadcast(session, ann, clock.now - 5 * HOUR, 60)
    year.segments(session, ann, clock.now - 5 * HOUR, 60)
    year.a_day(session, ann, clock.now.date(), 60)
    session.add(PersonNote(person_id=ann.id, text="x", author="ada", created_at=clock.now))
    session.commit()
    held = {one.kind.split(":")[0]: one for one in sources.holdings(session, ann.id)}
    session.rollback()
    seen, activity = held["Snapshots"], held["Activity"]
    assert (seen.rows, seen.first, seen.last) == (6, clock.now - 5 * HOUR + 10 * MINUTE, clock.now - 4 * HOUR)
    assert (activity.source, activity.rows) == ("cbhours", 20)
    assert (held["Notes"].rows, held["Readings of the activity"].rows) == (1, 0)
    shown = [text(row) for row in visit("/profile/ann/sources").css("section[aria-labelledby=held] tbody tr")]
    assert "Days and their minutes1 20 Nov20 Nov" in " ".join(shown)
    assert len(shown) == len(held)


def test_gaps_of_a_source_are_told_since_it_first_said_something(ann, session, visit, clock):
    year.broadcast(session, ann, clock.now - 100 * HOUR, 60, every=1)
    year.heard(session, "affiliate", clock.now - 100 * HOUR, clock.now - 50 * HOUR)
    year.heard(session, "affiliate", clock.now - 25 * HOUR, clock.now)
    session.commit()
    said = text(visit("/profile/ann/sources").css("section[aria-labelledby=heard]"))
    assert "Affiliate API: 75.0 % of the time since 16 Nov 08:00, with 1 gap, the longest of 25 h 0 min" in said
    assert "18 Nov 10:00 to 19 Nov 11:00" in said


def test_somebody_of_whom_nothing_is_held_has_a_page(session, visit, clock):
    seed.person(session, "lonely", clock.now)
    session.commit()
    for of in ("affiliate", "cbhours", "browser", "nonsense"):
        assert "No source has told anything" in text(visit(f"/profile/lonely/sources?of={of}"))


def test_answers_of_polls_that_showed_them_are_listed_and_read(ann, session, visit, client_as, kept, clock):
    shows, other = kept(ROOMS), kept(json.dumps({"rooms": [{"username": "bob"}]}))
    at = clock.now - HOUR
    year.poll(session, at, (ann, 1, 1))
    year.poll(session, at + MINUTE, (ann, 1, 1))  # nothing of this one is kept
    year.poll(session, clock.now)
    session.add_all(PollCapture(observed_at=year.seconds(at), capture_id=number) for number in (other, shows))
    session.add(PollCapture(observed_at=year.seconds(clock.now), capture_id=other))  # a poll without them
    session.commit()
    links = visit("/profile/ann/sources").css("section[aria-labelledby=raw] .feed a::attr(href)").getall()
    assert links == [f"/profile/ann/sources/poll/{year.seconds(at)}"]
    browser = client_as("admin")
    assert browser.get(links[0]).headers["Location"] == f"/profile/ann/sources/capture/{shows}"
    page = visit(f"/profile/ann/sources/capture/{shows}")
    own, whole = page.css("pre.raw::text").getall()
    assert json.loads(own) == {"username": "ann", "room_subject": "</pre><b>"}
    assert json.loads(whole) == json.loads(ROOMS)
    assert page.css("a[download]::attr(href)").get() == f"/admin/captures/{shows}"
    assert browser.get(f"/profile/ann/sources/poll/{year.seconds(clock.now)}").status_code == 404
    assert browser.get("/profile/ann/sources/poll/999999999999999").status_code == 404


def test_answers_of_cbhours_are_listed_newest_first(ann, session, visit, kept, clock):
    live, activity = kept('{"data": {"Ann": {"room_status": "Offline"}}}'), kept('{"status": "error"}')
    session.add(CbhoursLive(person_id=ann.id, checked_at=year.seconds(clock.now) - 60, online=False))
    session.add(CbhoursPoll(observed_at=year.seconds(clock.now) - 60, asked=1, online=0, offline=1, unknown=0,
                            capture_id=live))
    session.add(CbhoursReading(person_id=ann.id, observed_at=clock.now, capture_id=activity))
    session.commit()
    shown = visit("/profile/ann/sources?of=cbhours").css("section[aria-labelledby=raw] .feed a")
    assert [one.attrib["href"].rpartition("/")[2] for one in shown] == [str(activity), str(live)]
    assert "Offline" in text(visit(f"/profile/ann/sources/capture/{live}").css("pre"))
    theirs = visit(f"/profile/ann/sources/capture/{activity}")  # though it names nobody
    assert "error" in text(theirs.css("pre"))


def test_list_pages_are_looked_through_for_the_name(ann, session, visit, kept, clock, monkeypatch):
    monkeypatch.setattr(sources, "PAGES_AT_ONCE", 3)
    number, owner = kept(PAGE), seed.account(session, clock.now)
    seed.follow(session, owner, ann, "follower", since=clock.now - DAY)
    seed.scan(session, owner, "followers", clock.now, pages=6)
    for place, page in enumerate(session.query(ScanPageRow).order_by(ScanPageRow.id)):
        page.capture_id = number
        page.people = pack([{"username": "joanna"}, *([{"username": "ann"}] if place in (1, 4) else [])])
    other = seed.scan(session, owner, "following", clock.now, pages=1)  # a list on which they never stood
    session.query(ScanPageRow).filter_by(scan_id=other.id).update({"capture_id": number, "people": pack(
        [{"username": "ann"}])})
    session.commit()
    found, address, looked = 0, "/profile/ann/sources?of=browser", 0
    while address:
        page = visit(address)
        found += len(page.css("section[aria-labelledby=raw] .feed li"))
        looked += 1
        address = page.css("a[rel=next]::attr(href)").get()
    assert (found, looked) == (2, 3)


def test_a_raw_page_is_text_and_nothing_of_it_becomes_part_of_ours(ann, client_as, visit, kept):
    """S9"""
    number = kept(PAGE)
    answer = capture_page(client_as("admin"), number)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    page = visit(f"/profile/ann/sources/capture/{number}")
    assert PAGE.decode() in page.css("pre.raw::text").getall()
    assert not [code for code in page.css("script::text").getall() if "cookie" in code]
    assert b"<script>alert" not in answer.data


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("content", [
    '{"username": "ann", "x": "\\ud800 \\u202e \\u0000 {{7*7}} </pre><script>alert(1)</script>"}',
    "ann \u202e\x00</pre><script>", b"\xff\xfe ann \xf0\x9f", b"ann " + b"[" * 100_000, '{"ann": ' * 3000])
def test_hostile_bytes_are_read_as_text(ann, client_as, kept, content):
    """S7, S9, S23, S27"""
    answer = capture_page(client_as("admin"), kept(content))
    assert answer.status_code == 200
    for words in ("<script>alert(1)", "\u202e", "\x00", "49 &lt;"):
        assert words not in answer.text


def test_what_shows_somebody_else_alone_is_not_to_be_had_here(ann, client_as, kept):
    """S16"""
    number = kept('{"username": "joanna"}')
    assert capture_page(client_as("admin"), number).status_code == 404
    assert capture_page(client_as("admin"), 10**17).status_code == 404
    assert capture_page(client_as("admin"), kept(ROOMS), "nobody").status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["../1", "..%2f1", "1/../1", "-1", "1.txt", "%00", "1%0d%0aX-Evil:1"])
def test_a_number_is_a_number(ann, client_as, kept, path):
    """S12, S13"""
    kept(ROOMS)
    answer = client_as("admin").get(f"/profile/ann/sources/capture/{path}")
    assert answer.status_code in (308, 404)
    assert "X-Evil" not in answer.headers


def test_a_file_that_is_gone_or_damaged_is_said_in_words(ann, client_as, kept, settings):
    for spoil in (lambda path: path.unlink(), lambda path: path.write_bytes(gzip.compress(b"ann")[:-6])):
        number = kept(ROOMS)
        (path,) = (settings.data_folder / "captures").rglob("*.gz")
        spoil(path)
        answer = capture_page(client_as("admin"), number)
        assert answer.status_code == 404
        assert "No raw answer that shows them is kept" in answer.text


def test_a_long_answer_comes_in_parts(ann, client_as, visit, kept):
    number = kept("ann " + "x" * 100_000)
    first, last = (visit(f"/profile/ann/sources/capture/{number}{query}") for query in ("", "?part=99"))
    assert "part 1 of 3" in text(first.css("h3"))
    assert first.css("a[rel=next]::attr(href)").get().endswith("?part=2")
    assert "part 3 of 3" in text(last.css("h3"))
    assert not last.css("a[rel=next]")
    whole = visit(f"/profile/ann/sources/capture/{number}?part=all")
    assert len(whole.css("pre.raw-whole::text").get()) == 100_004
    for query in ("?part=-1", "?part=x", "?part=" + "9" * 50, "?part=²"):
        assert capture_page(client_as("admin"), number, query=query).status_code == 200


def test_whoever_may_not_read_raw_answers_is_told_so(ann, session, client_as, visit, kept, clock):
    number = kept(ROOMS)
    year.poll(session, clock.now, (ann, 1, 1))
    session.add(PollCapture(observed_at=year.seconds(clock.now), capture_id=number))
    session.commit()
    shown = visit("/profile/ann/sources", role="viewer")
    assert "Your role may not read raw answers" in text(shown)
    assert not shown.css("a[href*=capture]")
    assert capture_page(client_as("viewer"), number).status_code == 403
    assert client_as("viewer").get(f"/profile/ann/sources/poll/{year.seconds(clock.now)}").status_code == 403
    session.rollback()
    assert session.get(CaptureRow, number) is not None

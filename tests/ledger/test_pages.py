"""What the ledger tells on /admin/jobs and in the API."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from server.ledger import rules, store, strips
from server.ledger.rules import Span
from server.models import HeardSpan, Job, JobPlan, Run, db
from tests.jobs.helpers import add_account, statements

HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def polled(app, clock):
    """Polled every half hour for three days, but for four hours in which the site failed, until two hours ago."""
    with app.app_context():
        session = db.session()
        job = session.scalars(select(Job).where(Job.name == "affiliate")).one()
        first = clock.now - timedelta(days=3)
        session.execute(delete(JobPlan).where(JobPlan.job_id == job.id))
        session.add(JobPlan(job_id=job.id, since=first, state="scheduled", quiet_hours=""))
        session.add(JobPlan(job_id=job.id, since=clock.now - timedelta(hours=2), state="paused", quiet_hours=""))
        for number in range(141):
            at = first + number * HALF_HOUR
            if 40 <= number < 48:
                session.add(Run(job_id=job.id, state="ended", trigger="schedule", created_at=at, started_at=at,
                                ended_at=at, outcome="failed", error_code="unavailable",
                                error_message="The site answered 503 <b>now</b>."))
            else:
                store.hear(session, None, "affiliate", at, HALF_HOUR)
        session.commit()
    return app


def test_the_page_shows_strips_and_says_the_silences_in_words(polled, client_as):
    page = client_as("viewer").get("/admin/jobs").get_data(as_text=True)
    for words in ("The last 24 hours: heard 94.8 % of the time, 1 silence",
                  "The last 7 days: heard 39.9 % of the time, 3 silences",
                  "The last 30 days: heard 9.3 % of the time, 3 silences",
                  "failed: The site answered 503 &lt;b&gt;now&lt;/b&gt; (8 runs)", "paused", "3 h 45 min"):
        assert words in page
    assert page.count('class="strips') == 1, "only the job that was ever heard"


def test_jobs_that_were_never_heard_say_why(app, client_as, clock):
    add_account(app, "demo_owner")
    clock.advance(minutes=1)
    page = client_as("viewer").get("/admin/jobs").get_data(as_text=True)
    assert page.count("Not heard in the last 30 days: no campaign code.") == 1
    assert page.count("Not heard in the last 30 days: stopped.") == 4, "lists and CBHours are not on a schedule"
    assert 'class="strips' not in page


def test_the_statements_of_the_page_do_not_depend_on_accounts_and_silences(polled, client_as, clock):
    viewer = client_as("viewer")
    few = statements(polled, lambda: viewer.get("/admin/jobs"))
    for number in range(4):
        add_account(polled, f"account_{number}")
    with polled.app_context():
        for number in range(60):
            store.hear(db.session(), None, "affiliate", clock.now - timedelta(days=20, hours=-4 * number), HALF_HOUR)
        db.session.commit()
    assert statements(polled, lambda: viewer.get("/admin/jobs")) == few


def test_the_api_tells_the_gaps(polled, api_as, clock):
    told = api_as("viewer").get("/api/sources/affiliate/gaps", query_string={
        "from": (clock.now - timedelta(days=3)).isoformat(), "to": clock.now.isoformat()})
    answer = told.get_json()
    assert told.status_code == 200
    assert [(one["seconds"], one["reason"]) for one in answer["gaps"]] == [
        (3 * 3600 + 45 * 60, "failed: The site answered 503 <b>now</b> (8 runs)"), (75 * 60, "paused")]
    assert answer["heard"] == pytest.approx(67 / 72)
    assert answer["gaps"][1]["end"] == "2026-11-20T12:00:00.000Z"


def test_the_api_tells_thirty_days_by_itself_and_nothing_of_what_is_to_come(polled, api_as, clock):
    answer = api_as("viewer").get("/api/sources/affiliate/gaps", query_string={
        "to": (clock.now + timedelta(days=5)).isoformat()}).get_json()
    assert (answer["start"], answer["end"]) == ("2026-10-21T12:00:00.000Z", "2026-11-20T12:00:00.000Z")
    assert len(answer["gaps"]) == 3


@pytest.mark.parametrize(("address", "status"), [
    ("/api/sources/nobody/gaps", 404), ("/api/sources/browser/gaps?account=nobody", 404),
    ("/api/sources/affiliate/gaps?from=2026-11-20T12:00:00", 400),
    ("/api/sources/affiliate/gaps?from=2027-01-01T00:00:00Z", 400),
    ("/api/sources/browser/gaps", 200), ("/api/sources/cbhours/gaps", 200)])
def test_the_api_refuses_what_it_cannot_answer(app, api_as, address, status):
    assert api_as("viewer").get(address).status_code == status


def test_who_may_not_see_statistics_does_not_see_the_gaps(client):
    assert client.get("/api/sources/affiliate/gaps").status_code == 401


def test_a_short_silence_is_drawn_wide_enough_to_be_seen(clock):
    now = clock.now
    silence = Span(now - timedelta(days=2), now - timedelta(days=2) + timedelta(minutes=1), False, "failed")
    spans = [Span(now - strips.LONGEST, silence.start, True), silence, Span(silence.end, now, True)]
    told = strips.told(spans, now)
    assert [strip.silences for strip in told.strips] == [0, 1, 1]
    drawn = told.strips[2].pieces[-1]
    assert (drawn.kind, drawn.width) == ("silent", strips.NARROWEST)
    assert told.strips[2].percent == "99.9 %"
    assert told.silences == [(silence, "1 min")]


@pytest.mark.parametrize(("why", "kind"), [
    ("paused", "meant"), ("quiet hours 02:00-06:00", "meant"), ("no campaign code", "meant"),
    ("before it was heard first", "meant"),
    ("failed: no answer", "silent"), ("failed: no answer; paused", "silent"), ("the worker was away", "silent")])
def test_what_the_owner_wanted_has_another_colour(clock, why, kind):
    strip = strips.told([Span(clock.now - strips.LONGEST, clock.now, False, why)], clock.now).strips[0]
    assert [piece.kind for piece in strip.pieces] == [kind]


@pytest.mark.parametrize(("part", "words"), [(0, "0 %"), (0.0001, "0.1 %"), (0.5, "50.0 %"), (0.9999, "99.9 %"),
                                             (1, "100 %"), (None, "")])
def test_a_share_in_words_neither_hides_a_silence_nor_a_hearing(part, words):
    assert strips.percent(part) == words


@pytest.mark.parametrize(("minutes", "words"), [(0.2, "1 min"), (45, "45 min"), (60, "1 h"), (225, "3 h 45 min"),
                                                (47 * 60, "47 h"), (52 * 60, "2 days 4 h"), (72 * 60, "3 days")])
def test_the_length_of_a_silence_in_words(minutes, words):
    assert strips.how_long(timedelta(minutes=minutes)) == words


def test_nothing_of_the_future_is_drawn(clock):
    found = rules.cover([], clock.now - HALF_HOUR, clock.now + HALF_HOUR, clock.now)
    assert [span.why for span in found] == ["", rules.NOT_YET]


def test_spans_of_erased_jobs_are_gone(app):
    add_account(app, "demo_owner")
    with app.app_context():
        session = db.session()
        job = session.scalars(select(Job).where(Job.name == "following")).one()
        store.put(session, job.id, [rules.hearing(app.extensions["mhc_clock"](), HALF_HOUR)])
        session.delete(job)
        session.commit()
        assert session.scalars(select(HeardSpan)).all() == []

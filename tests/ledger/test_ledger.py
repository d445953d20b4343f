"""What was heard is kept as spans, whatever the order in which it arrives."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, delete, select
from sqlalchemy.orm import Session

from server.database import engine_options, set_up_sqlite
from server.follows import store as follow_store
from server.follows.uploads import take_usernames
from server.ledger import queries, rules, store
from server.models import Account, HeardSpan, Job, JobPlan, Run, db
from server.people.store import ensure_account
from tests.affiliate.rooms import room, take
from tests.follows.lists import TOOK, Lists, hour
from tests.jobs.helpers import add_account, statements

T = datetime(2026, 11, 20, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def at(hours: float) -> datetime:
    return T + timedelta(hours=hours)


@pytest.fixture
def ledger(app):
    with app.app_context():
        yield db.session()


def spans(session):
    session.expire_all()
    return [(row.started_at, row.heard_at, row.until) for row in session.scalars(
        select(HeardSpan).order_by(HeardSpan.started_at))]


def hear(session, *hours, interval=HALF_HOUR):
    for one in hours:
        store.hear(session, None, "affiliate", at(one), interval)


def test_polls_in_time_make_one_span(ledger):
    hear(ledger, 0, 0.5, 1, 1.5)
    assert spans(ledger) == [(at(0), at(1.5), at(2.25))]


def test_a_hole_makes_two(ledger):
    hear(ledger, 0, 0.5, 3)
    assert spans(ledger) == [(at(0), at(0.5), at(1.25)), (at(3), at(3), at(3.75))]


def test_a_late_hearing_closes_a_hole(ledger):
    hear(ledger, 0, 1.5, 0.75)
    assert spans(ledger) == [(at(0), at(1.5), at(2.25))]


def test_a_late_hearing_makes_two_holes_of_one(ledger):
    hear(ledger, 0, 6, 3)
    assert [start for start, *_ in spans(ledger)] == [at(0), at(3), at(6)]


def test_an_ordinary_hearing_is_one_statement(app, ledger):
    hear(ledger, 0)
    assert statements(app, lambda: hear(ledger, 0.5)) == 1


def test_heard_covers_the_period(ledger):
    hear(ledger, 1, 1.5, 4)
    found = queries.heard(ledger, "affiliate", at(0), at(6), at(5))
    assert [(one.start, one.end, one.heard) for one in found] == [
        (at(0), at(1), False), (at(1), at(2.25), True), (at(2.25), at(4), False), (at(4), at(4.75), True),
        (at(4.75), at(5), False), (at(5), at(6), False)]
    assert found[-1].why == rules.NOT_YET


# ---- through the doors of the product


def test_a_poll_is_a_hearing_and_half_a_poll_is_one_too(ledger):
    take(room("ann"), at=at(0), pages=1)
    take(at=at(0.5), pages=1, saw_everyone=False, stopped_by="unavailable")
    assert spans(ledger) == [(at(0), at(0.5), at(1.25))]


def test_a_poll_that_comes_late_closes_the_hole(ledger):
    for hours in (0, 1.5, 0.75):
        take(room("ann"), at=at(hours), pages=1)
    assert spans(ledger) == [(at(0), at(1.5), at(2.25))]


def list_spans(session, name="followers"):
    session.expire_all()
    return [(row.started_at, row.until) for row in session.scalars(
        select(HeardSpan).join(Job, Job.id == HeardSpan.job_id).where(Job.name == name)
        .order_by(HeardSpan.started_at))]


def schedule(session, name="followers"):
    job = session.scalars(select(Job).where(Job.name == name)).one()
    job.scheduled = True
    session.commit()


def test_a_list_that_is_read_every_six_hours_is_heard_for_nine(ledger):
    lists = Lists(ledger)
    ensure_account(ledger, "demo_owner", hour(0))
    schedule(ledger)
    lists.read(["ann", "bob"], 0)
    lists.read(["ann"], 6, total=2, stopped_by="unavailable", pages=3)
    assert list_spans(ledger) == [(hour(0) + TOOK, hour(15) + TOOK)]
    assert list_spans(ledger, "following") == []


def test_a_list_that_is_read_by_hand_only_is_heard_for_minutes(ledger):
    Lists(ledger).read(["ann", "bob"], 0)
    assert list_spans(ledger) == [(hour(0) + TOOK, hour(0) + TOOK + timedelta(minutes=10))]


def test_a_list_that_was_handed_over_is_no_hearing_of_the_browser(ledger):
    handed = take_usernames(ledger, "demo_owner", "followers", ["ann", "bob"], hour(0), complete=True)
    assert handed.scan.state == "applied"
    assert list_spans(ledger) == []


def test_a_reading_that_was_rejected_is_no_hearing(ledger):
    scan = Lists(ledger).read(["ann", "bob"], 0, signed_in_as="somebody_else")
    assert scan.verdict == "rejected"
    assert list_spans(ledger) == []


def test_a_reading_that_is_held_is_heard_once_it_is_accepted(ledger):
    lists = Lists(ledger)
    lists.read([f"person_{number}" for number in range(60)], 0)
    held = lists.read(["person_1"], 100)
    assert held.state == "held"
    assert len(list_spans(ledger)) == 1
    follow_store.accept(ledger, held, "owner", hour(101))
    assert list_spans(ledger)[1] == (hour(100) + TOOK, hour(100) + TOOK + timedelta(minutes=10))


def test_a_hearing_of_nobody_knows_whose_list_is_left_out(ledger):
    store.hear(ledger, None, "following", at(0), HALF_HOUR)
    store.hear(ledger, uuid4(), "following", at(0), HALF_HOUR)
    store.hear(ledger, None, "no-such-job", at(0), HALF_HOUR)
    assert spans(ledger) == []


def test_the_ledger_of_an_account_goes_with_it(ledger):
    Lists(ledger).read(["ann", "bob"], 0)
    ledger.delete(ledger.scalars(select(Account)).one())
    ledger.commit()
    assert spans(ledger) == []


def test_two_writers_at_once_lose_nothing(app, settings):
    engine = create_engine(settings.database_url, **engine_options(settings))
    if engine.dialect.name == "sqlite":
        set_up_sqlite(engine)
    dice = random.Random(4)
    hours = [number / 4 for number in range(160) if number % 40 < 25]
    dice.shuffle(hours)
    together = threading.Barrier(2)

    def write(mine):
        for one in mine:
            together.wait(30)
            with Session(engine) as session:
                hear(session, one)
                session.commit()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, hours[place::2]) for place in (0, 1)]:
            done.result(90)
    with Session(engine) as session:
        kept = rules.merged([rules.Heard(*one) for one in spans(session)])
    engine.dispose()
    assert kept == rules.merged([rules.hearing(at(one), HALF_HOUR) for one in hours])


@pytest.mark.parametrize("seed", range(6))
def test_hearings_in_any_order_and_of_any_interval_are_kept_as_their_union(ledger, seed):
    dice = random.Random(seed)
    told = [(dice.randrange(0, 3000) / 20, timedelta(minutes=dice.choice([5, 30, 60, 360]))) for _ in range(40)]
    for hours, interval in told + dice.sample(told, 10):
        store.hear(ledger, None, "affiliate", at(hours), interval)
    assert [rules.Heard(*one) for one in spans(ledger)] == rules.merged(
        [rules.hearing(at(hours), interval) for hours, interval in told])


# ---- why it was silent


def why(session, since, until, source="affiliate", **more):
    return [one.why for one in queries.heard(session, source, at(since), at(until), at(until), **more)
            if not one.heard]


def add_run(session, hours, outcome="failed", message="The site answered 503.", job="affiliate"):
    owner = session.scalars(select(Job).where(Job.name == job)).one()
    session.add(Run(job_id=owner.id, state="ended", trigger="schedule", created_at=at(hours), started_at=at(hours),
                    ended_at=at(hours + 0.01), outcome=outcome, error_message=message, error_code="unavailable"))
    session.commit()


def set_plan(session, hours, state, quiet_hours=""):
    owner = session.scalars(select(Job).where(Job.name == "affiliate")).one()
    session.add(JobPlan(job_id=owner.id, since=at(hours), state=state, quiet_hours=quiet_hours))
    session.commit()


def test_silences_say_why(ledger):
    ledger.execute(delete(JobPlan))
    set_plan(ledger, -1, "scheduled", "09:00-11:00")
    hear(ledger, 0, 2, 4, 6, 8, 10.5)
    add_run(ledger, 0.5)
    add_run(ledger, 1)
    add_run(ledger, 4.5, "lost", None)
    set_plan(ledger, 6.5, "paused", "09:00-11:00")
    set_plan(ledger, 7.9, "scheduled", "09:00-11:00")
    assert why(ledger, 0, 11) == [
        "failed: The site answered 503 (2 runs)", "the worker was away",
        "the worker fell silent in the middle of a run", "paused", "quiet hours 09:00-11:00"]
    assert why(ledger, 0, 11, reasons=False) == [""] * 5


def test_a_silence_that_began_before_the_period_knows_the_last_word(ledger):
    hear(ledger, 0)
    add_run(ledger, 0.5)
    assert why(ledger, 2, 3) == ["failed: The site answered 503"]


def test_a_job_without_its_credential_says_so(ledger):
    assert why(ledger, 13, 14) == ["no campaign code"]


def test_runs_that_have_been_deleted_leave_no_reading(ledger):
    ledger.execute(delete(JobPlan))
    ledger.commit()
    set_plan(ledger, 0, "scheduled")
    found = queries.heard(ledger, "affiliate", at(-500 * 24), at(-499 * 24), at(0))
    assert [one.why for one in found] == ["no reading"]


def test_the_browser_is_heard_when_any_list_is(ledger):
    lists = Lists(ledger)
    lists.read(["ann"], 0)
    lists.read(["bob"], 1, list_name="following")
    found = queries.heard(ledger, "browser", hour(0), hour(2), hour(2))
    assert [one.heard for one in found] == [False, True, False, True, False]


def test_what_is_done_to_a_job_is_noted(app, client_as, api_as, clock):
    add_account(app, "demo_owner")
    owner, page = api_as("admin"), client_as("admin")
    with app.app_context():
        job_id = db.session.scalars(select(Job.id).where(Job.name == "following")).one()
    for step in (lambda: owner.post("/api/job/following/start"), lambda: page.post(f"/admin/jobs/{job_id}/pause"),
                 lambda: owner.post("/api/job/following/resume"),
                 lambda: owner.post("/api/job/following/config", json={"quietHours": "02:00-06:00"}),
                 lambda: owner.post("/api/job/following/config", json={"maxPasses": 2}),
                 lambda: owner.post("/api/job/following/config", json={"enabled": False}),
                 lambda: page.post(f"/admin/jobs/{job_id}/stop")):
        clock.advance(minutes=1)
        assert step().status_code < 400
    with app.app_context():
        noted = db.session.execute(select(JobPlan.state, JobPlan.quiet_hours).where(JobPlan.job_id == job_id)
                                   .order_by(JobPlan.since)).all()
    assert [tuple(one) for one in noted] == [
        ("scheduled", ""), ("paused", ""), ("scheduled", ""), ("scheduled", "02:00-06:00"), ("off", "02:00-06:00")]


def test_the_statements_of_heard_do_not_depend_on_the_period(app, ledger):
    hear(ledger, *range(0, 200, 2))
    few = statements(app, lambda: queries.heard(ledger, "affiliate", at(0), at(10), at(500)))
    assert statements(app, lambda: queries.heard(ledger, "affiliate", at(0), at(400), at(500))) == few <= 5

"""A database from before the ledger gets its spans when the server starts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select

from server import create_app
from server.ledger import start
from server.models import AffiliatePoll, HeardSpan, Job, JobPlan, Scan, db
from server.startup import prepare
from tests.jobs.helpers import add_account, statements

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
HALF_HOUR = 1800


def add_polls(seconds, pages=1):
    db.session.execute(insert(AffiliatePoll), [{
        "observed_at": int(FIRST.timestamp()) + second, "finished_at": FIRST, "genders": "m", "limit": 0,
        "min_followers": 0, "saw_everyone": True, "pages": pages, "duplicates": 0, "left_out": 0, "rooms": 0,
        "rejected": 0, "problems": {}} for second in seconds])
    db.session.commit()


def spans(name="affiliate"):
    db.session.expire_all()
    return [(row.started_at, row.until) for row in db.session.scalars(
        select(HeardSpan).join(Job, Job.id == HeardSpan.job_id).where(Job.name == name)
        .order_by(HeardSpan.started_at))]


def start_again():
    db.session.remove()
    prepare()


def moment(seconds):
    return FIRST + timedelta(seconds=seconds)


@pytest.fixture
def polled(app):
    """200 polls, then a day without, then 100 more."""
    with app.app_context():
        add_polls([*range(0, 200 * HALF_HOUR, HALF_HOUR),
                   *range(248 * HALF_HOUR, 348 * HALF_HOUR, HALF_HOUR)])
        yield app


EXPECTED = [(moment(0), moment(200 * HALF_HOUR - HALF_HOUR + 2700)),
            (moment(248 * HALF_HOUR), moment(347 * HALF_HOUR + 2700))]


def test_polls_become_spans_once(polled):
    for _ in range(2):
        start_again()
        assert spans() == EXPECTED


def test_servers_that_start_at_the_same_time_fill_once(polled, settings):
    db.session.remove()
    together = threading.Barrier(3)

    def start_one(_):
        app = create_app(settings)
        with app.app_context():
            together.wait(30)
            prepare()
            db.session.remove()
            db.engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(start_one, range(3)))
    assert spans() == EXPECTED


def test_filling_again_by_hand_changes_nothing(polled):
    start_again()
    db.session.execute(delete(HeardSpan).where(HeardSpan.started_at == EXPECTED[0][0]))
    db.session.commit()
    start.fill(db.session())
    assert spans() == EXPECTED[1:], "a job that has spans is left alone"


def test_a_poll_without_an_answer_is_no_hearing(app):
    with app.app_context():
        add_polls([0], pages=0)
        start_again()
        assert spans() == []


def test_the_number_of_statements_does_not_depend_on_the_polls(app):
    with app.app_context():
        add_polls(range(0, 10 * HALF_HOUR, HALF_HOUR))
        few = statements(app, lambda: start.fill(db.session()))
        db.session.execute(delete(HeardSpan))
        add_polls(range(20 * HALF_HOUR, 900 * HALF_HOUR, HALF_HOUR))
        assert statements(app, lambda: start.fill(db.session())) == few


def test_readings_become_spans(app):
    account = add_account(app, "demo_owner")
    with app.app_context():
        for hour, state, source in ((0, "applied", "browser"), (6, "applied", "browser"), (12, "applied", "browser"),
                                    (18, "applied", "browser"), (50, "dropped", "browser"), (60, "applied", "import")):
            done = FIRST + timedelta(hours=hour)
            db.session.add(Scan(id=uuid4(), account_id=account, list="following", source=source, started_at=done,
                                finished_at=done, received_at=done, state=state, evidence={}, stats={}))
        db.session.commit()
        start_again()
        assert spans("following") == [(FIRST, FIRST + timedelta(hours=27))]
        assert spans("followers") == []


def test_every_job_has_a_plan_from_the_start(app):
    with app.app_context():
        jobs = set(db.session.scalars(select(Job.id)))
        assert set(db.session.scalars(select(JobPlan.job_id))) == jobs
        start_again()
        assert len(db.session.scalars(select(JobPlan.job_id)).all()) == len(jobs)

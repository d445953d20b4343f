"""What was heard is kept as spans, whatever the order in which it arrives."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.ledger import queries, rules, store
from server.models import HeardSpan, db
from tests.jobs.helpers import statements

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

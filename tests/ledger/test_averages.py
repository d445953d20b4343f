"""Averages over time leave out when nobody watched."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select

from server.admin.storage_queries import storage_view
from server.ledger import store
from server.models import AffiliatePoll, Job, JobPlan, db
from server.time import owner_zone

HALF_HOUR = timedelta(minutes=30)


def polls_a_day(app, clock, missing=(), quiet_hours=""):
    """What is measured after six days of a poll every half hour, without those whose number is among the missing."""
    with app.app_context():
        session = db.session()
        job_id = session.scalars(select(Job.id).where(Job.name == "affiliate")).one()
        session.execute(delete(JobPlan).where(JobPlan.job_id == job_id))
        first = clock.now - timedelta(days=6)
        session.add(JobPlan(job_id=job_id, since=first, state="scheduled", quiet_hours=quiet_hours))
        moments = [first + number * HALF_HOUR for number in range(288) if number not in missing]
        session.execute(insert(AffiliatePoll), [{
            "observed_at": int(at.timestamp()), "finished_at": at, "genders": "m", "limit": 0, "min_followers": 0,
            "saw_everyone": True, "pages": 1, "duplicates": 0, "left_out": 0, "rooms": 10, "rejected": 0,
            "problems": {}} for at in moments])
        for at in moments:
            store.hear(session, None, "affiliate", at, HALF_HOUR)
        session.commit()
        return storage_view(session, clock.now, owner_zone(), timedelta(0)).measured.polls_a_day


@pytest.mark.parametrize("missing", [(), range(60, 200)])
def test_a_worker_that_was_away_for_days_does_not_make_polls_look_rarer(app, clock, missing):
    assert polls_a_day(app, clock, missing) == pytest.approx(48, rel=0.02)


def test_quiet_hours_do(app, clock):
    nights = {number for number in range(288) if (number // 2 + 12) % 24 < 8}  # 00:00-08:00, from noon on
    assert polls_a_day(app, clock, nights, "00:00-08:00") == pytest.approx(32, rel=0.02)

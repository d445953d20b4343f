"""The migration to jobs without an account, on tables that are filled."""

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from common.settings import load_settings
from server import create_app
from server.models import Job, Run, db
from server.startup import prepare
from tests.helpers import WORKER


@pytest.fixture
def before(empty_database, tmp_path):
    """The app on a database before the migration, with an account, its job and a run of it; in an app context."""
    app = create_app(load_settings(data_dir=tmp_path / "data", database_url=empty_database, worker_token=WORKER))
    with app.app_context():
        upgrade(revision="0002")
        with db.engine.begin() as connection:
            connection.execute(text(
                "INSERT INTO accounts (id, platform, username, created_at, session_state) VALUES "
                "(1, 'chaturbate', 'alice_example', '2026-11-20 12:00:00', 'unknown')"))
            connection.execute(text(
                "INSERT INTO jobs (id, name, account_id, config, scheduled, paused, failures_in_row, stats) VALUES "
                "(7, 'following', 1, '{\"intervalMinutes\": 60}', true, false, 2, '{\"totalRuns\": 5}')"))
            connection.execute(text(
                "INSERT INTO runs (id, job_id, state, trigger, created_at, cancel_requested, progress, counters, "
                "waiting_ms, working_ms) VALUES ('00000000000000000000000000000001', 7, 'ended', 'manual', "
                "'2026-11-20 12:00:00', false, '{}', '{}', 0, 0)"))
        yield app
        db.session.remove()
        db.engine.dispose()


def _jobs():
    found = [(job.id, job.name, job.account_id, job.scheduled, job.failures_in_row, job.config, job.stats)
             for job in db.session.query(Job)]
    db.session.remove()
    return found


KEPT = (7, "following", 1, True, 2, {"intervalMinutes": 60}, {"totalRuns": 5})


def test_jobs_keep_their_account_and_their_runs(before):
    upgrade()
    assert _jobs() == [KEPT]
    assert db.session.query(Run).one().job_id == 7
    db.session.remove()
    prepare()
    assert {job[1:3] for job in _jobs()} >= {("following", 1), ("affiliate", None)}


def test_back_down_only_jobs_without_an_account_go(before):
    upgrade()
    prepare()
    with db.engine.begin() as connection:
        affiliate = connection.execute(text("SELECT id FROM jobs WHERE name = 'affiliate'")).scalar_one()
        connection.execute(text(
            "INSERT INTO runs (id, job_id, state, trigger, created_at, cancel_requested, progress, counters, "
            "waiting_ms, working_ms) VALUES ('00000000000000000000000000000002', :job, 'ended', 'manual', "
            "'2026-11-20 12:00:00', false, '{}', '{}', 0, 0)"), {"job": affiliate})
    db.session.remove()
    downgrade(revision="0002")
    with db.engine.begin() as connection:
        assert connection.execute(text("SELECT id, account_id FROM jobs")).all() == [(7, 1)]
        assert connection.execute(text("SELECT job_id FROM runs")).scalars().all() == [7]
    upgrade()
    assert _jobs() == [KEPT]

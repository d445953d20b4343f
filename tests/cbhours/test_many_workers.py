"""Many worker processes on one database never have both jobs at CBHours at once."""

import multiprocessing
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.errors import Refused
from server.jobs import store
from server.jobs.kinds import GROUPS
from server.models import Job, Run
from tests.jobs.test_many_workers import opened

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GAP = timedelta(minutes=15)
PROCESSES = 3
ROUNDS = 6
NAMES = GROUPS["cbhours"]


def work(url: str, number: int, together: Any, results: Any) -> None:
    """Take a run of either job, by claim or from a terminal, look who else has one, and end it; puts how many runs
    this process had, and the most that were ever going on."""
    engine = opened(url)
    had, most = 0, 0
    together.wait(60)
    until = time.monotonic() + 60
    while had < ROUNDS and time.monotonic() < until:
        with Session(engine) as session:
            run = _take(session, number, had)
            session.commit()
            run_id = run.id if run else None
        if run_id is None:
            continue
        had += 1
        with Session(engine) as session:
            most = max(most, session.scalar(select(func.count()).select_from(Run).where(Run.state == "running")) or 0)
            session.commit()
        with Session(engine) as session:
            store.finish(session, run_id, store.End("ok"), NOW, GAP)
            session.commit()
            for job in session.scalars(select(Job).where(Job.name.in_(NAMES)).order_by(Job.id).with_for_update()):
                job.next_due_at = NOW
            session.commit()
    engine.dispose()
    results.put((had, most))


def _take(session: Session, number: int, had: int) -> Run | None:
    worker = f"worker {number}"
    if (number + had) % 3:
        return store.claim(session, worker=worker, jobs=list(NAMES), now=NOW, minimum_gap=GAP)
    job = session.scalars(select(Job).where(Job.name == NAMES[had % 2])).one()
    try:
        return store.claim_now(session, worker=worker, job=job, now=NOW, minimum_gap=GAP)
    except Refused:
        session.rollback()
        return None


@pytest.mark.slow
def test_both_jobs_never_run_at_once_whoever_takes_them(database):
    engine = opened(database)
    with Session(engine) as session:
        store.ensure_jobs_without_account(session, NOW)
        for job in session.scalars(select(Job).where(Job.name.in_(NAMES))):
            job.scheduled, job.next_due_at, job.anchored_at = True, NOW, NOW
        session.commit()
    context = multiprocessing.get_context("spawn")
    together, results = context.Barrier(PROCESSES), context.Queue()
    workers = [context.Process(target=work, args=(database, number, together, results)) for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    got = [results.get(timeout=90) for _ in workers]
    for worker in workers:
        worker.join()
    with Session(engine) as session:
        by_job = dict(session.execute(select(Job.name, func.count()).join(Run, Run.job_id == Job.id)
                                      .group_by(Job.name)).all())
    engine.dispose()
    assert [had for had, _ in got] == [ROUNDS] * PROCESSES
    assert max(most for _, most in got) == 1
    assert set(by_job) == set(NAMES) and sum(by_job.values()) == PROCESSES * ROUNDS

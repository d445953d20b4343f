"""Eight worker processes on one database never get the same job twice."""

import multiprocessing
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from server.database import set_up_sqlite
from server.jobs import store
from server.jobs.kinds import KINDS
from server.models import Account, Job, Run
from server.queue import store as queue

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GAP = timedelta(minutes=15)
PROCESSES = 8
JOBS = 60
WANTED = [f"person_{number:02}" for number in range(20)]


def opened(url: str) -> Any:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        set_up_sqlite(engine)
    return engine


def work(url: str, name: str, together: Any, results: Any) -> None:
    """Claim until nothing is left, all processes at the same time; puts the runs and jobs it got, and who is to be
    looked for in them."""
    engine = opened(url)
    got = []
    together.wait(60)
    while True:
        with Session(engine) as session:
            run = store.claim(session, worker=name, jobs=list(KINDS), now=NOW, minimum_gap=GAP)
            wanted = list(queue.take_up(session, run.id, NOW)) if run and run.trigger == "priority" else []
            session.commit()
            if run is None:
                break
            got.append((str(run.id), run.job_id, wanted))
    engine.dispose()
    results.put(got)


@pytest.mark.slow
def test_eight_processes_never_get_the_same_job_twice(database):
    engine = opened(database)
    with Session(engine) as session:
        for number in range(JOBS // 2):
            account = Account(username=f"account_{number}", created_at=NOW)
            session.add(account)
            session.flush()
            store.ensure_jobs(session, account)
        store.ensure_jobs_without_account(session, NOW)
        fetcher = session.scalars(select(Job).where(Job.name == "images")).one()
        fetcher.scheduled, fetcher.next_due_at = True, NOW
        for name in WANTED:
            queue.add(session, name, 1, "somebody", NOW)
        lists = session.scalars(select(Job).where(Job.account_id.is_not(None)).order_by(Job.id)).all()
        for place, job in enumerate(lists):
            if place % 3 == 0:
                store.request(session, job, by="somebody", now=NOW, minimum_gap=GAP)
            elif place % 3 == 1:
                job.scheduled, job.next_due_at = True, NOW
            else:
                job.confirm_asked_at = job.confirm_due_at = NOW
        session.commit()

    context = multiprocessing.get_context("spawn")
    together, results = context.Barrier(PROCESSES), context.Queue()
    workers = [context.Process(target=work, args=(database, f"worker {number}", together, results))
               for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    got = [claimed for _ in workers for claimed in results.get(timeout=90)]
    for worker in workers:
        worker.join()

    with Session(engine) as session:
        running = dict(session.execute(select(Run.job_id, Run.state)).all())
        triggers = Counter(session.scalars(select(Run.trigger)))
    engine.dispose()
    assert max(Counter(job for _, job, _ in got).values()) == 1
    assert len({run for run, _, _ in got}) == len(got)
    assert len(got) == JOBS + 2  # the lists, the pictures, and a poll for the queue
    assert set(running.values()) == {"running"}
    assert triggers == {"manual": JOBS // 3, "schedule": JOBS // 3 + 1, "confirm": JOBS // 3, "priority": 1}
    assert sorted(name for _, _, wanted in got for name in wanted) == WANTED

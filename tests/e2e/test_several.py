"""Two servers and four workers on one PostgreSQL, polling without a pause, while one of them after the other is
killed: nothing is stored twice, nothing that was handed over is lost."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from scraper.sandbox.testing import Sandbox, running
from tests.e2e.processes import Fleet, free_port, until

pytestmark = pytest.mark.slow

SERVERS, WORKERS = 2, 4
KILLS = 8
POLLS_BETWEEN = 2


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with running(people=40, following=5, followers=5, online=20, more_rooms=300, seed=3) as sandbox:
        yield sandbox


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_kills_among_two_servers_and_four_workers_neither_double_nor_lose_a_poll(
        empty_database: str, tmp_path: Path, world: Sandbox) -> None:
    rng = random.Random(4)
    victims = [f"server-{number}" for number in range(SERVERS)] + [f"worker-{number}" for number in range(WORKERS)]
    order = rng.sample(victims, len(victims)) + rng.choices(victims, k=KILLS - len(victims))
    with Fleet(tmp_path / "fleet", empty_database, world, [free_port() for _ in range(SERVERS)], WORKERS) as fleet:
        fleet.ask("POST", "/api/job/affiliate/config", {"gender": "m,f,t,c", "limit": 0})
        for victim in order:
            ended = _ended(fleet)
            until(lambda ended=ended: _keep_polling(fleet) and _ended(fleet) >= ended + POLLS_BETWEEN, "polls go on")
            time.sleep(rng.uniform(0, 0.6))  # not a wait for anything: the moment is the test
            fleet.kill(victim)
            _keep_polling(fleet)
            kind, number = victim.split("-")
            (fleet.start_server if kind == "server" else fleet.start_worker)(int(number))
        until(lambda: not fleet.waiting, "every outbox is handed over, and nothing was refused")
        until(lambda: _active(fleet) is None, "the last run has ended")

    engine = create_engine(empty_database)
    with Session(engine) as session:
        _nothing_runs_twice(session)
        _every_poll_is_there(session)
        _nothing_is_double(session)
    engine.dispose()


def _keep_polling(fleet: Fleet) -> bool:
    """Ask for a poll, unless one is asked for or going on already."""
    return bool(fleet.ask("POST", "/api/job/affiliate/run"))


def _ended(fleet: Fleet) -> int:
    return int(fleet.ask("GET", "/api/job/affiliate/status")["stats"]["totalRuns"])


def _active(fleet: Fleet) -> Any:
    newest = fleet.ask("GET", "/api/job/affiliate/runs?limit=1")["runs"][0]
    return None if newest["state"] == "ended" else newest


def _nothing_runs_twice(session: Session) -> None:
    runs = session.execute(text("SELECT started_at, ended_at FROM runs JOIN jobs ON jobs.id = job_id "
                                "WHERE name = 'affiliate' AND started_at IS NOT NULL ORDER BY started_at")).all()
    assert len(runs) > KILLS * POLLS_BETWEEN
    assert all(before.ended_at <= after.started_at for before, after in pairwise(runs))


def _every_poll_is_there(session: Session) -> None:
    """A run that ended well has handed over one batch, and its poll has as many snapshots as it says."""
    batches = Counter(session.scalars(text("SELECT run_id FROM ingest_batches WHERE kind = 'affiliate-rooms'")))
    runs = session.execute(text("SELECT runs.id, counters FROM runs JOIN jobs ON jobs.id = job_id "
                                "WHERE name = 'affiliate' AND outcome IN ('ok', 'partial')")).all()
    assert {run.id: batches[run.id] for run in runs} == {run.id: 1 for run in runs}
    polls = dict(session.execute(text("SELECT run_id, observed_at FROM affiliate_polls")).all())
    stored = dict(session.execute(text(
        "SELECT observed_at, count(*) FROM affiliate_api_snapshots GROUP BY observed_at")).all())
    assert {run.id: stored[polls[run.id]] for run in runs if run.id in polls} == {
        run.id: run.counters["enriched"] for run in runs if run.id in polls}
    moments = dict(session.execute(text(
        "SELECT run_id, floor(extract(epoch FROM observed_at)) FROM ingest_batches WHERE run_id IS NOT NULL")).all())
    assert all(moments[run.id] in stored for run in runs)  # two polls within one second share its moment


def _nothing_is_double(session: Session) -> None:
    every, different = session.execute(text(
        "SELECT count(*), count(DISTINCT (person_id, observed_at)) FROM affiliate_api_snapshots")).one()
    assert every == different > 0
    assert session.execute(text(
        "SELECT count(*) FROM (SELECT person_id, count(*) AS taken FROM affiliate_api_snapshots GROUP BY person_id) s "
        "JOIN person_current c USING (person_id) WHERE c.snapshots <> s.taken")).scalar_one() == 0
    assert session.execute(text(
        "SELECT count(*) FROM (SELECT person_id FROM broadcasts WHERE NOT closed GROUP BY person_id "
        "HAVING count(*) > 1) twice")).scalar_one() == 0

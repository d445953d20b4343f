"""kill -9 of the worker or the server at random moments of a scan: the follows end up as if nothing had happened.

The same world is read twice: by real processes, one of which is killed in every round, and by nobody's hand at
all, by telling a second panel the truth of each round. Both must come to the same intervals.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask_migrate import upgrade
from sqlalchemy import func, select

from common.clock import utc_now
from common.settings import load_settings
from scraper.observations import Message, PageFacts, Part, PersonSeen, ScanEnd, ScanPage
from scraper.sandbox.testing import Sandbox, running
from server import create_app
from server.models import FollowInterval, Person, Scan, db
from server.startup import prepare
from tests.e2e.processes import Processes, until
from tests.helpers import WORKER, FakeClock, WithToken, with_token

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Round = tuple[datetime, datetime]
Interval = tuple[str, int | None, int | None, int | None, int | None, int | None]

# How many rounds on which database: the worker's side is the same on both.
ROUNDS = {"sqlite": 20, "postgresql": 4}
# A page or two of each part, so that most of a round is the moments between and around them.
WORLD = {"people": 60, "following": 24, "followers": 5, "online": 8, "page_size": 7, "renew_after": 0}


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with running(**WORLD, seed=20) as sandbox:
        yield sandbox


@pytest.fixture
def undisturbed(tmp_path: Path) -> "Iterator[Undisturbed]":
    app = create_app(load_settings(data_dir=tmp_path / "undisturbed", worker_token=WORKER), clock=FakeClock())
    with app.app_context():
        upgrade()
        prepare()
    yield Undisturbed(app)
    with app.app_context():
        db.engine.dispose()


class Undisturbed:
    """A panel that is told the truth."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.rounds: list[Round] = []
        self._worker: WithToken = with_token(app, WORKER)

    def read(self, sandbox: Sandbox) -> None:
        clock = self.app.extensions["mhc_clock"]
        began = clock.advance(hours=1)
        parts: dict[Part, list[str]] = {"online": sandbox.world.online(), "offline": sandbox.world.offline()}
        scan = {"scan_id": uuid4(), "account": sandbox.owner, "list": "following", "observed_at": began}
        for part, names in parts.items():
            self._tell(ScanPage(**scan, people=[PersonSeen(username=name) for name in names], facts=PageFacts(
                part=part, signed_in_as=sandbox.owner, layout="truth", cards=len(names),
                header_online=len(parts["online"]), header_total=sum(map(len, parts.values())))))
        self._tell(ScanEnd(**scan, started_at=began, finished_at=began, pages=2))
        self.rounds.append((began, clock.advance(minutes=1)))

    def _tell(self, message: Message) -> None:
        body = message.model_dump(mode="json")
        answer = self._worker.post(f"/api/ingest/{body['kind']}", json=body)
        assert answer.status_code == 200, answer.text
        if body["kind"] == "scan-end":
            assert answer.json["scan"]["verdict"] == "complete", answer.json


@pytest.mark.parametrize("seed", [9])
def test_a_kill_at_any_moment_changes_nothing_in_the_end(
        empty_database: str, tmp_path: Path, world: Sandbox, undisturbed: Undisturbed, chromium_path: str,
        seed: int) -> None:
    rng = random.Random(seed)
    count = ROUNDS["sqlite" if empty_database.startswith("sqlite") else "postgresql"]
    with Processes(tmp_path / "disturbed", empty_database, world, chromium_path) as processes:
        processes.post("/api/job/following/config", {"confirmMinutes": 0})
        reader = create_app(load_settings(data_dir=tmp_path / "reader", database_url=empty_database,
                                          worker_token=WORKER))
        rounds: list[Round] = []
        asked_in_a_scan = 0
        for number in range(count + 1):
            undisturbed.read(world)
            began = utc_now()
            before = asked(world)
            if number == 0:
                read_in_peace(processes)
                asked_in_a_scan = asked(world) - before
            else:
                read_and_be_killed(processes, world, rng, asked_in_a_scan, complete_since(reader, began))
            rounds.append((began, utc_now()))
            assert complete_since(reader, began)() == 1
            some_come_and_go(world, rng)
        assert intervals(reader, rounds) == intervals(undisturbed.app, undisturbed.rounds)
        assert not list((tmp_path / "disturbed" / "data" / "outbox" / "refused").iterdir())
        until(lambda: not processes.orphans, "the killed workers' browsers have ended", seconds=15)
    with reader.app_context():
        db.engine.dispose()


def read_in_peace(processes: Processes) -> None:
    run = processes.post("/api/job/following/run")
    ended = until(lambda: ended_run(processes, run["id"]), "the run has ended")
    assert ended["outcome"] == "ok", ended


def read_and_be_killed(processes: Processes, world: Sandbox, rng: random.Random, usual: int,
                       complete: Callable[[], int]) -> None:
    """One reading with a kill in it; once more in peace when the kill has cost the reading."""
    victim = rng.choice(["worker", "server"])
    moment = rng.uniform(0, 1.3)  # 1: when the last page has been asked for; what is later is handing over
    before = asked(world)
    run = processes.post("/api/job/following/run")
    until(lambda: asked(world) - before >= min(moment, 1) * usual or ended_run(processes, run["id"]),
          "the scan is under way", nap=0.03)
    time.sleep(rng.uniform(0, 0.1) + max(0, moment - 1) * 5)  # not a wait for anything: the moment is the test
    if victim == "worker":
        processes.kill_worker()
        processes.start_worker()
    else:
        processes.kill_server()
        processes.start_server()
    until(lambda: ended_run(processes, run["id"]), f"the run has ended after the {victim} was killed")
    until(lambda: not processes.waiting, "the outbox is handed over")
    if not complete():
        read_in_peace(processes)


def asked(world: Sandbox) -> int:
    """How many requests the site has had."""
    return int(world.site.counts["requests"])


def ended_run(processes: Processes, run_id: str) -> dict[str, Any] | None:
    run = processes.get(f"/api/runs/{run_id}")
    return dict(run) if run["state"] == "ended" else None


def complete_since(app: Any, began: datetime) -> Callable[[], int]:
    """How many complete scans were applied since then."""
    def count() -> int:
        with app.app_context():
            return db.session.scalar(select(func.count()).select_from(Scan).where(
                Scan.verdict == "complete", Scan.state == "applied", Scan.started_at >= began)) or 0

    return count


def some_come_and_go(sandbox: Sandbox, rng: random.Random) -> None:
    """The owner leaves two people, follows one new one, and comes back to one whom they left."""
    with sandbox.site.lock:
        following = sandbox.world.following()
        left = sorted({pair[1] for pair in sandbox.world.account().dropped})
        for name in rng.sample(following, 2):
            sandbox.world.unfollow(name)
        sandbox.world.follow(f"newcomer_{rng.randrange(10**6)}")
        if left:
            sandbox.world.follow(rng.choice(left))


def intervals(app: Any, rounds: Sequence[Round]) -> list[Interval]:
    """Every interval with its bounds, each moment as the number of the round it lies in."""
    def number(moment: datetime | None) -> int | None:
        if moment is None:
            return None
        return next(index for index, (began, ended) in enumerate(rounds)
                    if began - timedelta(milliseconds=1) <= moment <= ended)

    columns = (FollowInterval.start_earliest, FollowInterval.start_latest, FollowInterval.missing_since,
               FollowInterval.end_earliest, FollowInterval.end_latest)
    with app.app_context():
        rows = db.session.execute(select(Person.username, *columns).join(
            FollowInterval, FollowInterval.person_id == Person.id)).all()
    return sorted(((row[0], *map(number, row[1:])) for row in rows), key=repr)

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

from common.clock import utc_now
from common.secrets import token_hash
from common.settings import load_settings
from scraper.observations import Message, PageFacts, Part, PersonSeen, ScanEnd, ScanPage
from scraper.sandbox.testing import Sandbox, running
from server import create_app
from server.models import ApiToken, Role, db
from server.startup import prepare
from tests.e2e.processes import Processes, until
from tests.helpers import WORKER, FakeClock, WithToken, with_token

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Round = tuple[datetime, datetime]
Ask = Callable[..., Any]  # (path, **query) -> JSON

READER = "token-of-the-one-who-compares"

# Our JSON has milliseconds.
PRECISION = timedelta(milliseconds=1)

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
        role = db.session.query(Role).filter_by(name="admin").one()
        db.session.add(ApiToken(name="tests", token_hash=token_hash(READER), role_id=role.id, created_at=utc_now()))
        db.session.commit()
    yield Undisturbed(app)
    with app.app_context():
        db.engine.dispose()


class Undisturbed:
    """A panel that is told the truth."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.rounds: list[Round] = []
        self._worker: WithToken = with_token(app, WORKER)
        self._reader: WithToken = with_token(app, READER)

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

    def get(self, path: str, **query: Any) -> Any:
        return self._reader.get(path, query_string=query).json

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
                read_and_be_killed(processes, world, rng, asked_in_a_scan, began)
            rounds.append((began, utc_now()))
            assert complete_since(processes.get, began) == 1
            some_come_and_go(world, rng)
        assert follows(processes.get, rounds) == follows(undisturbed.get, undisturbed.rounds)
        assert not list((tmp_path / "disturbed" / "data" / "outbox" / "refused").iterdir())
        until(lambda: not processes.orphans, "the killed workers' browsers have ended", seconds=15)


def read_in_peace(processes: Processes) -> None:
    run = processes.post("/api/job/following/run")
    ended = until(lambda: ended_run(processes, run["id"]), "the run has ended")
    assert ended["outcome"] == "ok", ended


def read_and_be_killed(processes: Processes, world: Sandbox, rng: random.Random, usual: int,
                       began: datetime) -> None:
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
    if not complete_since(processes.get, began):
        read_in_peace(processes)


def asked(world: Sandbox) -> int:
    """How many requests the site has had."""
    return int(world.site.counts["requests"])


def ended_run(processes: Processes, run_id: str) -> dict[str, Any] | None:
    run = processes.get(f"/api/runs/{run_id}")
    return dict(run) if run["state"] == "ended" else None


def complete_since(ask: Ask, began: datetime) -> int:
    """How many complete scans were applied since then."""
    scans = ask("/api/scans", list="following", state="applied", limit=10)["scans"]
    return sum(scan["verdict"] == "complete" and datetime.fromisoformat(scan["started_at"]) >= began - PRECISION
               for scan in scans)


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


def follows(ask: Ask, rounds: Sequence[Round]) -> list[tuple[Any, ...]]:
    """Every begin and end of a follow, and who is missing, as the API tells it; each moment as the number of the
    round it lies in."""
    def number(text: str | None) -> int | None:
        if text is None:
            return None
        moment = datetime.fromisoformat(text)
        return next(index for index, (began, ended) in enumerate(rounds) if began - PRECISION <= moment <= ended)

    history = ask("/api/followers/history", direction="following", limit=500)
    present = ask("/api/followers/following", limit=500)
    assert history["next_cursor"] is None and present["next_cursor"] is None
    edges = [(edge["username"], edge["event"], number(edge["at_earliest"]), number(edge["at_latest"]))
             for edge in history["history"]]
    states = [(one["username"], one["state"], number(one["missing_since"])) for one in present["following"]]
    return sorted([*edges, *states], key=repr)

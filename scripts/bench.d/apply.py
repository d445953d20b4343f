"""How long it takes to apply a follower list, on both databases, and beside one upsert a name.

1 % of the people have gone, 0.5 % have returned, 0.7 % are new. Measured directly after a first import, without
waiting for the database's own housekeeping, and again with two further lists.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import uuid4

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session

from scraper.verdict import Verdict
from server.database import set_up_sqlite
from server.follows import store
from server.models import Account, Base, Scan
from tests.postgres import cluster, fresh_database

LIMITS = {20_000: 0.1, 200_000: 1.0}  # names, seconds
TIMES_FASTER = 100
UPSERTS = 5_000  # so many names are really upserted one by one; a longer list is counted up from them
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

UPSERT_PERSON = text(
    "INSERT INTO persons (uuid, platform, username, role, created_at) VALUES (:uuid, 'chaturbate', :name, 'viewer', "
    ":at) ON CONFLICT (platform, username) DO UPDATE SET role = excluded.role RETURNING id")
UPSERT_FOLLOW = text(
    "INSERT INTO follow_intervals (account_id, person_id, direction, start_latest, start_source, seen_at) VALUES "
    "(:account, :person, 'follower', :at, 'browser', :at) ON CONFLICT (account_id, direction, person_id) "
    "WHERE end_latest IS NULL DO UPDATE SET seen_at = excluded.seen_at")


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        for length, limit in LIMITS.items():
            with _engine(f"sqlite:///{folder}/{length}.db") as engine:
                reached &= _report("SQLite", length, limit, *_lists(engine, length))
            with _engine(fresh_database(base, f"bench_apply_{length}")) as engine:
                took, statements = _lists(engine, length)
                reached &= _report("PostgreSQL", length, limit, took, statements)
                slow = _one_upsert_a_name(engine, length)
            ratio = slow / median(took[1:])
            reached &= ratio >= TIMES_FASTER
            print(f"  PostgreSQL {length:>7,} names by one upsert a name: {slow:.1f} s, {ratio:.0f} times as long "
                  f"(at least {TIMES_FASTER}: {_word(ratio >= TIMES_FASTER)})")
    return reached


def _report(database: str, length: int, limit: float, took: list[float], statements: int) -> bool:
    good = median(took[1:]) <= limit
    rest = ", ".join(f"{seconds:.3f}" for seconds in took[2:])
    print(f"  {database:10} {length:>7,} names: {took[1]:.3f} s directly after the first import, then {rest} s, "
          f"{statements} statements (median {median(took[1:]):.3f}, at most {limit} s: {_word(good)}); "
          f"the first import itself {took[0]:.2f} s")
    return good


def _word(reached: bool) -> str:
    return "reached" if reached else "MISSED"


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        set_up_sqlite(engine)
    Base.metadata.create_all(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def _lists(engine: Engine, length: int) -> tuple[list[float], int]:
    """Seconds for the first import and for each list after it, and the statements of the last."""
    draw = random.Random(length)
    names = [f"viewer_{number:06}" for number in range(length)]
    away = set(draw.sample(names, length // 200))
    lists = [set(names), set(names) - away]
    present = lists[-1]
    for step in range(3):
        gone = set(draw.sample(sorted(present), length // 100))
        fresh = {f"fresh_{step}_{number:06}" for number in range(length * 7 // 1000)}
        lists.append((present - gone) | fresh | (away if step == 1 else set()))
        away = gone if step == 0 else away
        present = lists[-1]
    with Session(engine) as session:
        account = Account(username="bench_owner", created_at=FIRST)
        session.add(account)
        session.commit()
        account_id = account.id
    took, statements = [], 0
    for number, usernames in enumerate(lists):
        seconds, statements = _apply(engine, account_id, frozenset(usernames), FIRST + timedelta(hours=6 * number))
        took.append(seconds)
    return took, statements


def _apply(engine: Engine, account_id: int, usernames: frozenset[str], at: datetime) -> tuple[float, int]:
    said: list[str] = []
    with Session(engine) as session:
        scan = Scan(id=uuid4(), account_id=account_id, list="followers", source="browser", received_at=at,
                    started_at=at, finished_at=at + timedelta(minutes=5), state="receiving", rejected_items=0,
                    evidence={}, stats={})
        session.add(scan)
        session.commit()
        verdict = Verdict("complete", None, "", len(usernames), len(usernames), 0, None, (), usernames)
        event.listen(engine, "before_cursor_execute", lambda *told: said.append(told[2]))
        began = time.perf_counter()
        store.apply(session, session.get_one(Scan, scan.id), verdict, [], at)
        session.commit()
        took = time.perf_counter() - began
    engine.dispose()
    return took, len(said)


def _one_upsert_a_name(engine: Engine, length: int) -> float:
    """What the same list takes when each name is written by itself."""
    count = min(length, UPSERTS)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        account = connection.execute(text("SELECT id FROM accounts")).scalar_one()
        began = time.perf_counter()
        for number in range(count):
            person = connection.execute(UPSERT_PERSON, {
                "uuid": uuid4(), "name": f"viewer_{number:06}", "at": FIRST}).scalar_one()
            connection.execute(UPSERT_FOLLOW, {"account": account, "person": person, "at": FIRST})
        return (time.perf_counter() - began) * length / count

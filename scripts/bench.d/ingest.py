"""How long a poll of 5,000 and of 500 rooms takes to store, on both databases, beside a raw bulk load.

100,000 people are stored already. From poll to poll every number moves, a subject changes every 6th time, tags every
14th (two of five), a profile every 100th, and one room in a hundred is another one. The raw load writes the same
fields of the same rooms into a bare table without an index. All of it is measured in the same run, in turn.
PostgreSQL waits for the disk at each commit, as it does unless it is told not to; SQLite does not, with the settings
of the panel.
"""

import base64
import gzip
import io
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import structlog
from flask_migrate import upgrade
from sqlalchemy import Engine, create_engine, text

from common.settings import load_settings
from scraper.observations import AffiliateRoom, AffiliateRooms
from server import create_app
from server.affiliate import months, store
from server.affiliate.rooms import storable
from server.models import db
from server.startup import prepare
from tests.postgres import cluster, fresh_database

PEOPLE = 100_000
SIZES = (500, 5_000)
POLLS = 9
AT_LEAST = {"postgresql": 0.2, "sqlite": 0.15}  # of the speed of the raw load
TIMES_FASTER = 30  # than three statements a row, on PostgreSQL
WHOLE_AT_MOST = 10  # times the raw load, from first byte to commit
TOKEN = "bench-worker-token-0123456789abcdef"
FIELDS = tuple(AffiliateRoom.model_fields)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)

RAW = "CREATE TABLE raw_load (observed_at integer, " + ", ".join(
    f"{name} {'bigint' if name in ('age', 'num_users', 'num_followers', 'seconds_online') else 'text'}"
    for name in FIELDS) + ")"
ONE_ROW = (  # what is known of a person, in one table
    "CREATE TABLE by_row (person_id bigint PRIMARY KEY, display_name text, age integer, location text, country text, "
    "subject text, followers bigint, viewers integer, live_at timestamp)",
    "INSERT INTO by_row SELECT c.person_id, display_name, age, location, country, subject, followers, viewers, live_at "
    "FROM person_current c JOIN person_details d ON d.person_id = c.person_id",
)
BY_ROW = (
    "INSERT INTO persons (uuid, platform, username, role, created_at) VALUES (:uuid, 'chaturbate', :username, 'model', "
    ":at) ON CONFLICT (platform, username) DO UPDATE SET role = excluded.role RETURNING id",
    "INSERT INTO by_row (person_id, display_name, age, location, country, subject, followers, viewers, live_at) VALUES "
    "(:person, :display_name, :age, :location, :country, :room_subject, :num_followers, :num_users, :at) "
    "ON CONFLICT (person_id) DO UPDATE SET display_name = excluded.display_name, age = excluded.age, location = "
    "excluded.location, country = excluded.country, subject = excluded.subject, followers = excluded.followers, "
    "viewers = excluded.viewers, live_at = excluded.live_at",
    "INSERT INTO affiliate_api_snapshots (person_id, observed_at, seconds_online, viewers, followers, show_id, is_hd) "
    "VALUES (:person, :second, :seconds_online, :num_users, :num_followers, 1, :is_hd)",
)


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        _wait_for_the_disk(base)
        for kind, url in (("sqlite", f"sqlite:///{folder}/panel.db"),
                          ("postgresql", fresh_database(base, "bench_ingest"))):
            settings = load_settings(data_dir=Path(folder) / kind, database_url=url, worker_token=TOKEN)
            clock = _Clock()
            app = create_app(settings, clock=clock)
            logging.disable(logging.INFO)
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
            with app.app_context():
                upgrade()
                prepare()
                _people()
                with db.engine.begin() as connection:
                    for statement in (RAW, *ONE_ROW):
                        connection.exec_driver_sql(statement)
                    if kind == "postgresql":
                        connection.exec_driver_sql("ANALYZE")
                for size in SIZES:
                    reached &= _measure(app, clock, kind, size)
                db.session.remove()
                db.engine.dispose()
    return reached


def _wait_for_the_disk(base: str) -> None:
    """The cluster of tests does not; one that was given stays as it is."""
    if os.environ.get("MHC_TEST_DATABASE_URL"):
        return
    with create_engine(base, isolation_level="AUTOCOMMIT").connect() as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = on")
        connection.exec_driver_sql("SELECT pg_reload_conf()")


class _Clock:
    def __init__(self) -> None:
        self.moment = FIRST

    def __call__(self) -> datetime:
        return self.moment

    def next(self) -> datetime:
        self.moment += timedelta(minutes=30)
        return self.moment


def _people() -> None:
    """Everybody known, half of them seen broadcasting before."""
    names = [f"person_{number:06}" for number in range(PEOPLE)]
    store.add_persons(db.session(), names, "model", FIRST)
    db.session.execute(text(
        "INSERT INTO person_current (person_id, snapshots, followers) SELECT id, 0, id * 7 FROM persons"))
    db.session.execute(text(
        "INSERT INTO person_details (person_id, display_name, location, subject) "
        "SELECT id, username, 'somewhere in the world', 'a subject of the usual length, with #some #tags' "
        "FROM persons"))
    db.session.commit()


def _measure(app: Any, clock: _Clock, kind: str, size: int) -> bool:
    world = _World(size)
    took: dict[str, list[float]] = {name: [] for name in ("raw", "database", "post", "rows")}
    first = _database(clock, world.next())
    for _ in range(POLLS):
        rooms = world.next()
        took["raw"].append(_raw(db.engine, rooms))
        took["database"].append(_database(clock, rooms))
        took["post"].append(_post(app, clock, world.next()))
    took["rows"].append(_three_statements_a_row(clock, world.next()))
    usual = {name: median(times) for name, times in took.items()}
    raw, mine, post = usual["raw"], usual["database"], usual["post"]
    least = AT_LEAST[kind]
    good = [raw / mine >= least, post / raw <= WHOLE_AT_MOST]
    print(f"  {kind:10} {size:>5,} rooms: raw load {raw * 1000:.0f} ms; database part {mine * 1000:.0f} ms, "
          f"{raw / mine:.2f} times the raw speed (at least {least}: {_word(good[0])}); whole POST "
          f"{post * 1000:.0f} ms, {post / raw:.1f} times the raw load (at most {WHOLE_AT_MOST}: {_word(good[1])}); "
          f"first poll after a start {first * 1000:.0f} ms")
    faster = usual["rows"] / mine
    target = ""
    if kind == "postgresql":
        good.append(faster >= TIMES_FASTER)
        target = f" (at least {TIMES_FASTER}: {_word(good[-1])})"
    print(f"  {kind:10} {size:>5,} rooms by three statements a row: {usual['rows'] * 1000:.0f} ms, "
          f"{faster:.0f} times as long{target}")
    return all(good)


def _word(reached: bool) -> str:
    return "reached" if reached else "MISSED"


class _World:
    """Rooms that change from poll to poll at the usual rates."""

    def __init__(self, size: int) -> None:
        self.draw = random.Random(size)
        self.offline = list(range(PEOPLE))
        self.draw.shuffle(self.offline)
        self.rooms = [self._room(self.offline.pop()) for _ in range(size)]

    def _room(self, number: int) -> dict[str, Any]:
        name = f"person_{number:06}"
        return {
            "username": name, "display_name": name.title(), "gender": "m", "age": 18 + number % 50,
            "birthday": "1994-03-02", "location": "somewhere in the world", "country": "PT",
            "spoken_languages": "English, Español", "current_show": "public", "room_subject": self._subject(),
            "tags": self._tags(), "is_new": False, "is_hd": True, "num_users": self.draw.randrange(2000),
            "num_followers": self.draw.randrange(200_000), "seconds_online": self.draw.randrange(20_000),
            "image_url": f"https://thumb.example/ri/{name}.jpg",
            "image_url_360x270": f"https://thumb.example/ri/{name}.jpg"}

    def _subject(self) -> str:
        return (f"GOAL: finish the jigsaw [{self.draw.randrange(10_000)} tokens remaining] and then a song of your "
                f"choice #puzzle #music #{self.draw.randrange(1000)}")

    def _tags(self) -> list[str]:
        return [f"tag{number}" for number in self.draw.sample(range(1500), 5)]

    def next(self) -> list[dict[str, Any]]:
        draw = self.draw
        for position, room in enumerate(self.rooms):
            if draw.random() < 0.01:
                self.rooms[position] = self._room(self.offline.pop())
                continue
            room["num_users"] = draw.randrange(2000)
            room["num_followers"] += draw.randrange(5)
            room["seconds_online"] += 1800
            if draw.random() < 1 / 6:
                room["room_subject"] = self._subject()
            if draw.random() < 1 / 14:
                room["tags"] = room["tags"][2:] + self._tags()[:2]
            if draw.random() < 1 / 100:
                room["location"] = f"place {draw.randrange(1000)}"
        return [dict(room) for room in self.rooms]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _raw(engine: Engine, rooms: list[dict[str, Any]]) -> float:
    """The same fields, at once, into a table without an index."""
    values = [(1, *(json.dumps(room[name]) if name == "tags" else room[name] for name in FIELDS)) for room in rooms]

    def load() -> None:
        with engine.begin() as connection:
            raw: Any = connection.connection.driver_connection
            if engine.dialect.name == "sqlite":
                raw.executemany(f"INSERT INTO raw_load VALUES (?{', ?' * len(FIELDS)})", values)
                return
            lines = io.StringIO("".join("\t".join(map(str, row)) + "\n" for row in values))
            with raw.cursor() as cursor:
                cursor.copy_expert("COPY raw_load FROM STDIN", lines)

    return _timed(load)


def _database(clock: _Clock, rooms: list[dict[str, Any]]) -> float:
    """The database part: from checked rooms to the commit."""
    at = clock.next()
    good = storable([AffiliateRoom(**room) for room in rooms])

    def load() -> None:
        months.make_room(db.session(), at)
        store.Poll(db.session(), int(at.timestamp()), at).take(good, ["m"])
        db.session.commit()

    return _timed(load)


def _post(app: Any, clock: _Clock, rooms: list[dict[str, Any]]) -> float:
    """The whole request as the worker sends it, with the raw answers beside the rooms."""
    at = clock.next()
    pages = [json.dumps({"count": len(rooms), "results": rooms[start:start + 500]})
             for start in range(0, len(rooms), 500)]
    message = AffiliateRooms(
        batch_id=uuid4(), observed_at=at, finished_at=at, genders=["m"], limit=0, said_count=len(rooms),
        saw_everyone=True, pages=len(pages), rooms=[AffiliateRoom(**room) for room in rooms],
        captures=[{"url": "https://example.test/", "content_type": "application/json",
                   "body": base64.b64encode(gzip.compress(page.encode())).decode()} for page in pages])
    body = gzip.compress(message.model_dump_json().encode(), 6)
    client = app.test_client()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Encoding": "gzip", "Content-Type": "application/json",
               "X-MHC-Sent-At": at.isoformat()}
    answers: list[Any] = []
    took = _timed(lambda: answers.append(client.post("/api/ingest/affiliate-rooms", data=body, headers=headers)))
    if answers[0].status_code != 200 or answers[0].json["accepted"] != len(rooms):
        raise RuntimeError(f"not taken: {answers[0].status_code} {answers[0].get_data(as_text=True)[:300]}")
    return took


def _three_statements_a_row(clock: _Clock, rooms: list[dict[str, Any]]) -> float:
    at = clock.next()
    statements = [text(statement) for statement in BY_ROW]

    def load() -> None:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for room in rooms:
                values = room | {"uuid": uuid4().hex, "at": at, "second": int(at.timestamp())}
                person = connection.execute(statements[0], values).scalar_one()
                for statement in statements[1:]:
                    connection.execute(statement, values | {"person": person})

    return _timed(load)

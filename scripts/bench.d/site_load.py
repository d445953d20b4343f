"""What the whole site costs: 10,000 rooms every 5 minutes for a simulated day, on PostgreSQL with a month of history.

Every poll is posted as the worker posts it. Counted is the time that the server's process and all of PostgreSQL's have
kept a core busy, as a share of the day that is simulated; and whether a poll of the last hour keeps it busy for
longer than one of the first. The history lies in the same open month, which is the worst day of it.

It takes some minutes and 7 GB of disk. For a shorter one: BENCH_SITE_DAYS (of history, 30), BENCH_SITE_POLLS (288),
BENCH_SITE_ROOMS (10000).
"""

import base64
import gzip
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import structlog
from flask_migrate import upgrade
from sqlalchemy import text

from common.settings import load_settings
from server import create_app
from server.affiliate import months, store
from server.models import db
from server.startup import prepare
from tests.postgres import cluster, fresh_database

PEOPLE = 100_000
ROOMS = int(os.environ.get("BENCH_SITE_ROOMS", "10000"))
POLLS = int(os.environ.get("BENCH_SITE_POLLS", "288"))
DAYS = int(os.environ.get("BENCH_SITE_DAYS", "30"))
STEP = timedelta(minutes=5)
HOUR = 12  # polls
BEGIN = datetime(2026, 3, 31, tzinfo=UTC)  # the last day of its month
MOST_OF_A_CORE = 0.005
MOST_GROWTH = 1.2  # what is left to chance between two hours
TOKEN = "bench-worker-token-0123456789abcdef"

HISTORY = """
INSERT INTO {month} (followers, person_id, observed_at, seconds_online, viewers, show_id, is_hd)
SELECT 1000 + mod(person * 7, 200000), 1 + mod(person, {people}), at, mod(at / 300, 36) * 300, mod(person, 500), 1,
       true
FROM generate_series({first}, {last}, 300) at, LATERAL (
    SELECT room + (at / 10800) * 997 AS person FROM generate_series(1, {rooms}) room) rooms
"""


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        settings = load_settings(data_dir=Path(folder), database_url=fresh_database(base, "bench_site"),
                                 worker_token=TOKEN)
        clock = _Clock()
        app = create_app(settings, clock=clock)
        logging.disable(logging.INFO)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        with app.app_context():
            upgrade()
            prepare()
            began = time.monotonic()
            rows = _history()
            print(f"  {rows:,} snapshots of {DAYS} days made in {time.monotonic() - began:.0f} s", flush=True)
        took, each, busy = _day(app, clock)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    hour = min(HOUR, max(1, POLLS // 4))
    first, last = median(each[:hour]), median(each[-hour:])
    share = busy / (POLLS * STEP.total_seconds())
    good = [share < MOST_OF_A_CORE, last / first <= MOST_GROWTH]
    print(f"  {POLLS} polls of {ROOMS:,} rooms: {busy / POLLS * 1000:.0f} ms of one core each, server and PostgreSQL "
          f"together, {share:.2%} of one core's day (less than {MOST_OF_A_CORE:.1%}: {_word(good[0])})")
    print(f"  a poll keeps a core busy for {first * 1000:.0f} ms in the first hour and {last * 1000:.0f} ms in the "
          f"last, {last / first:.2f} times as long (at most {MOST_GROWTH}: {_word(good[1])}); by the clock "
          f"{median(took[:hour]) * 1000:.0f} and {median(took[-hour:]) * 1000:.0f} ms")
    return all(good)


def _word(reached: bool) -> str:
    return "reached" if reached else "MISSED"


class _Clock:
    moment = BEGIN

    def __call__(self) -> datetime:
        return self.moment


def _history() -> int:
    """Everybody known, and a month of snapshots in the order in which polls bring them; how many."""
    store.add_persons(db.session(), [f"person_{number:06}" for number in range(PEOPLE)], "model", BEGIN)
    db.session.execute(text(
        "INSERT INTO person_current (person_id, snapshots, followers, followers_at, followers_source, live_at, "
        "live_until, affiliate_at, last_seen_at, viewers, seconds_online, is_hd, show, live_source) SELECT id, 860, "
        "id * 7 % 200000, t, 'affiliate', t, t, t, t, 20, 600, true, 'public', 'affiliate' FROM persons, "
        "LATERAL (SELECT :at - id * interval '17 seconds' AS t) moments"), {"at": BEGIN - timedelta(hours=6)})
    db.session.execute(text(
        "INSERT INTO person_details (person_id, display_name, location, subject, tags, profile_source, tags_source) "
        "SELECT id, username, 'somewhere in the world', 'a subject of the usual length, with #some #tags', "
        "'[\"some\", \"tags\"]', 'affiliate', 'affiliate' FROM persons"))
    months.make_room(db.session(), BEGIN, BEGIN + timedelta(days=2))
    db.session.commit()
    month = months.month_of(BEGIN)
    first, last = int((BEGIN - timedelta(days=DAYS)).timestamp()), int(BEGIN.timestamp()) - 300
    with db.engine.begin() as connection:
        index = f"{month.name}_open"
        definition = connection.exec_driver_sql(f"SELECT pg_get_indexdef('{index}'::regclass)").scalar_one()
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
        connection.exec_driver_sql(f"DROP INDEX {index}")
        connection.exec_driver_sql(f"TRUNCATE {month.name}")
        count = connection.exec_driver_sql(HISTORY.format(
            month=month.name, people=PEOPLE, rooms=ROOMS, first=max(first, month.begin), last=last)).rowcount
        connection.exec_driver_sql(definition)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    return count


def _day(app: Any, clock: _Clock) -> tuple[list[float], list[float], float]:
    """How long each poll took by the clock; how long it kept a core busy; and how long all of them did, with what
    PostgreSQL does meanwhile. A first one, which reads what is known, is not counted."""
    client = app.test_client()
    with app.app_context():
        backend = db.session.scalar(text("SELECT pg_backend_pid()"))
        db.session.rollback()
    postmaster = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    took: list[float] = []
    each: list[float] = []
    busy = start = 0.0
    for number, rooms in zip(range(POLLS + 1), _polls(), strict=False):
        clock.moment = BEGIN + number * STEP
        body, headers = _body(rooms, clock.moment)
        before, backend_before, began = time.process_time(), _used(backend), time.perf_counter()
        answer = client.post("/api/ingest/affiliate-rooms", data=body, headers=headers)
        took.append(time.perf_counter() - began)
        server = time.process_time() - before
        each.append(server + _used(backend) - backend_before)
        busy += server
        if answer.status_code != 200 or answer.json["accepted"] != ROOMS:
            raise RuntimeError(f"not taken: {answer.status_code} {answer.get_data(as_text=True)[:300]}")
        if number == 0:
            busy, start = 0.0, _postgresql(postmaster)
    return took[1:], each[1:], busy + _postgresql(postmaster) - start


def _used(process: int) -> float:
    """Seconds of a core that a process has used so far."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def _postgresql(postmaster: int) -> float:
    """Seconds of a core that PostgreSQL has used so far, with the processes of it that have ended."""
    total = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(process.name) == postmaster:
            total += sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
        elif int(words[1]) == postmaster:
            total += sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")
    return total


def _polls() -> Iterator[list[dict[str, Any]]]:
    """Rooms that change from poll to poll; one in a hundred is another one."""
    draw = random.Random(1)
    offline = list(range(PEOPLE))
    draw.shuffle(offline)
    rooms = [_room(draw, offline.pop()) for _ in range(ROOMS)]
    while True:
        for position, room in enumerate(rooms):
            if draw.random() < 0.01:
                offline.insert(0, int(room["username"].removeprefix("person_")))
                rooms[position] = _room(draw, offline.pop())
                continue
            room["num_users"] = draw.randrange(2000)
            room["num_followers"] += draw.randrange(3)
            room["seconds_online"] += 300
            if draw.random() < 1 / 6:
                room["room_subject"] = _subject(draw)
            if draw.random() < 1 / 14:
                room["tags"] = room["tags"][2:] + _tags(draw, 2)
        yield rooms


def _room(draw: random.Random, number: int) -> dict[str, Any]:
    name = f"person_{number:06}"
    return {
        "username": name, "display_name": name.title(), "gender": "m", "age": 18 + number % 50,
        "birthday": "1994-03-02", "location": "somewhere in the world", "country": "PT",
        "spoken_languages": "English, Español", "current_show": "public", "room_subject": _subject(draw),
        "tags": _tags(draw, 5), "is_new": False, "is_hd": True, "num_users": draw.randrange(2000),
        "num_followers": draw.randrange(200_000), "seconds_online": draw.randrange(300),
        "image_url": f"https://thumb.example/ri/{name}.jpg", "image_url_360x270": f"https://thumb.example/ri/{name}.jpg"}


def _subject(draw: random.Random) -> str:
    return (f"GOAL: finish the jigsaw [{draw.randrange(10_000)} tokens remaining] and then a song of your "
            f"choice #puzzle #music #{draw.randrange(1000)}")


def _tags(draw: random.Random, count: int) -> list[str]:
    return [f"tag{number}" for number in draw.sample(range(1500), count)]


def _body(rooms: list[dict[str, Any]], at: datetime) -> tuple[bytes, dict[str, str]]:
    pages = [base64.b64encode(gzip.compress(json.dumps(rooms[start:start + 500]).encode(), 1)).decode()
             for start in range(0, len(rooms), 500)]
    moment = at.isoformat()
    message = {
        "kind": "affiliate-rooms", "batch_id": str(uuid4()), "observed_at": moment, "finished_at": moment,
        "genders": ["m"], "limit": 0, "said_count": len(rooms), "saw_everyone": True, "pages": len(pages),
        "rooms": rooms, "captures": [{"url": "https://api.example/", "content_type": "application/json", "body": page}
                                     for page in pages]}
    return gzip.compress(json.dumps(message).encode(), 1), {
        "Authorization": f"Bearer {TOKEN}", "Content-Encoding": "gzip", "Content-Type": "application/json",
        "X-MHC-Sent-At": moment}

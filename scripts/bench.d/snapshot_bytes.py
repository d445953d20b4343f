"""Bytes a snapshot takes, everything counted, on both databases, beside the wide row with every field every time.

Polls are written in the order in which they come. A subject changes every 6th time, tags every 14th, a profile every
100th. PostgreSQL is measured with the month still open and again when it is closed. BENCH_SNAPSHOTS sets another
number of them than 3,000,000; fewer pay more for the first text of each person.
"""

import io
import json
import os
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask_migrate import upgrade

from common.settings import load_settings
from server import create_app
from server.affiliate import months
from server.models import db
from tests.postgres import cluster, fresh_database

SNAPSHOTS = int(os.environ.get("BENCH_SNAPSHOTS", "3000000"))
ROOMS = 2_000
WIDE = 60_000
AT_MOST = {"sqlite": 62, "open month": 125, "closed month": 95}
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
STEP = 300
TABLES = {
    "affiliate_api_snapshots": "followers, person_id, observed_at, seconds_online, viewers, show_id, is_hd",
    "affiliate_subjects": "person_id, since, subject", "affiliate_tags": "person_id, since, tags",
    "affiliate_profiles": "person_id, since, display_name, age, birthday, gender, location, country, "
                          "spoken_languages, is_new, image_url, image_url_360x270",
}
WIDE_TABLE = (
    "CREATE TABLE wide (person_id integer, observed_at {moment}, display_name text, age integer, birthday text, "
    "gender text, location text, country text, spoken_languages text, is_new boolean, current_show text, room_subject "
    "text, tags text, is_hd boolean, num_users integer, num_followers bigint, seconds_online integer, image_url text, "
    "image_url_360x270 text, created_at {moment}, PRIMARY KEY (person_id, observed_at))")
Rows = dict[str, list[tuple[Any, ...]]]


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        for kind, url in (("sqlite", f"sqlite:///{folder}/panel.db"),
                          ("postgresql", fresh_database(base, "bench_bytes"))):
            settings = load_settings(data_dir=Path(folder) / kind, database_url=url)
            with create_app(settings).app_context():
                upgrade()
                reached &= _measure(kind)
                db.session.remove()
                db.engine.dispose()
    return reached


def _measure(kind: str) -> bool:
    if kind == "postgresql":
        until = FIRST + timedelta(seconds=STEP * (SNAPSHOTS // ROOMS))
        months.make_room(db.session(), FIRST, until)
        db.session.commit()
    before = {table: _bytes(kind, table) for table in TABLES}
    count = 0
    for rows in _polls():
        count += len(rows["affiliate_api_snapshots"])
        _load(kind, rows)
    wide = _wide(kind)
    if kind == "sqlite":
        return _report("SQLite", count, wide, AT_MOST["sqlite"], _sizes(kind, before))
    good = _report("PostgreSQL, open month", count, wide, AT_MOST["open month"], _sizes(kind, before))
    last = FIRST + timedelta(days=200)
    while months.close_next(db.session(), last):
        pass
    return good & _report("PostgreSQL, closed month", count, wide, AT_MOST["closed month"], _sizes(kind, before))


def _sizes(kind: str, before: dict[str, int]) -> dict[str, int]:
    return {table: _bytes(kind, table) - before[table] for table in TABLES}


def _report(what: str, count: int, wide: float, most: int, sizes: dict[str, int]) -> bool:
    each = {table.removeprefix("affiliate_"): size / count for table, size in sizes.items()}
    total = sum(each.values())
    parts = ", ".join(f"{name} {size:.1f}" for name, size in each.items())
    print(f"  {what:25} {count:,} snapshots: {total:.1f} bytes each ({parts}); at most {most}: "
          f"{'reached' if total <= most else 'MISSED'}; the wide row takes {wide:.0f}, "
          f"{wide / total:.1f} times as much")
    return total <= most


def _polls() -> Iterator[Rows]:
    """What is written for each poll."""
    draw = random.Random(1)
    followers = [draw.randrange(200_000) for _ in range(ROOMS)]
    for poll in range(SNAPSHOTS // ROOMS):
        at = int(FIRST.timestamp()) + STEP * poll
        rows: Rows = {table: [] for table in TABLES}
        for person in range(1, ROOMS + 1):
            followers[person - 1] += draw.randrange(3)
            rows["affiliate_api_snapshots"].append(
                (followers[person - 1], person, at, STEP * (poll % 50), draw.randrange(500), 1, True))
            if not poll or draw.random() < 1 / 6:
                rows["affiliate_subjects"].append((person, at, _subject(draw)))
            if not poll or draw.random() < 1 / 14:
                rows["affiliate_tags"].append((person, at, _tags(draw)))
            if not poll or draw.random() < 1 / 100:
                rows["affiliate_profiles"].append((person, at, *_profile(person, poll)))
        yield rows


def _subject(draw: random.Random) -> str:
    return f"GOAL: finish the jigsaw [{draw.randrange(10_000)} tokens remaining] #puzzle #music #{draw.randrange(1000)}"


def _tags(draw: random.Random) -> str:
    return json.dumps([f"tag{number}" for number in draw.sample(range(1500), 5)], separators=(",", ":"))


def _profile(person: int, poll: int) -> tuple[Any, ...]:
    picture = f"https://thumb.live.example/ri/person_{person:06}.jpg"
    return (f"Person {person}", 31, "1994-03-02", "m", f"somewhere {poll}", "PT", "English, Español", False, picture,
            picture)


def _load(kind: str, rows: Rows) -> None:
    with db.engine.begin() as connection:
        raw: Any = connection.connection.driver_connection
        for table, values in rows.items():
            if not values:
                continue
            if kind == "sqlite":
                marks = ", ".join("?" * len(values[0]))
                raw.executemany(f"INSERT INTO {table} ({TABLES[table]}) VALUES ({marks})", values)
                continue
            lines = io.StringIO("".join("\t".join(map(str, row)) + "\n" for row in values))
            with raw.cursor() as cursor:
                cursor.copy_expert(f"COPY {table} ({TABLES[table]}) FROM STDIN", lines)


def _wide(kind: str) -> float:
    """Bytes of a row with every field of every poll, as the data strategy has it."""
    draw = random.Random(2)
    moment = "timestamptz" if kind == "postgresql" else "text"
    with db.engine.begin() as connection:
        connection.exec_driver_sql(WIDE_TABLE.format(moment=moment))
        raw: Any = connection.connection.driver_connection
        for poll in range(WIDE // ROOMS):
            at = (FIRST + timedelta(seconds=STEP * poll)).isoformat()
            values = [(person, at, *_profile(person, poll)[:8], "public", _subject(draw), _tags(draw), True,
                       draw.randrange(500), draw.randrange(200_000), STEP * poll, *_profile(person, poll)[8:], at)
                      for person in range(1, ROOMS + 1)]
            if kind == "sqlite":
                raw.executemany(f"INSERT INTO wide VALUES ({', '.join('?' * len(values[0]))})", values)
            else:
                with raw.cursor() as cursor:
                    cursor.copy_expert("COPY wide FROM STDIN", io.StringIO(
                        "".join("\t".join(map(str, row)) + "\n" for row in values)))
    return _bytes(kind, "wide") / WIDE


def _bytes(kind: str, table: str) -> int:
    """What a table takes with its indexes, and all of its months."""
    with db.engine.connect() as connection:
        if kind == "sqlite":
            return int(connection.exec_driver_sql(
                "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name IN "
                f"(SELECT name FROM sqlite_master WHERE tbl_name = '{table}')").scalar_one())
        return int(connection.exec_driver_sql(
            "SELECT coalesce(sum(pg_total_relation_size(c)), 0) FROM (SELECT oid AS c FROM pg_class WHERE relname = "
            f"'{table}' UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = '{table}'::regclass) parts"
        ).scalar_one())

"""How long 60 days of one person's activity take to store (28,800 segments), and again without a change.

Somebody who is never off air, so that there is no longer answer. The whole request is measured as the worker sends it,
gzip and with the raw answer beside the segments, and the database part alone: from checked segments to the commit.
100,000 people are known and twenty have as much activity already. PostgreSQL waits for the disk at each commit; SQLite
does not, with the settings of the panel.
"""

import base64
import gzip
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import structlog
from flask_migrate import upgrade
from sqlalchemy import create_engine

from common.settings import load_settings
from server import create_app
from server.cbhours import rules, store, tame
from server.cbhours.people import Desk
from server.models import db
from server.people.seen import add_persons
from server.startup import prepare
from tests.postgres import cluster, fresh_database

PEOPLE = 100_000
BEFORE = 20
ROUNDS = 5
DAYS = 60
NOW = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
END = NOW.date()
START = END - timedelta(days=DAYS - 1)
SEGMENTS = DAYS * 480
FIRST_AT_MOST = 1.0  # seconds
AGAIN_AT_MOST = 0.3
TOKEN = "bench-worker-token-0123456789abcdef"


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        _wait_for_the_disk(base)
        for kind, url in (("sqlite", f"sqlite:///{folder}/panel.db"),
                          ("postgresql", fresh_database(base, "bench_activity"))):
            app = create_app(load_settings(data_dir=Path(folder) / kind, database_url=url, worker_token=TOKEN),
                             clock=lambda: NOW)
            logging.disable(logging.INFO)
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
            with app.app_context():
                upgrade()
                prepare()
                add_persons(db.session(), [f"person_{number:06}" for number in range(PEOPLE)], "model", NOW)
                db.session.commit()
                for number in range(BEFORE):
                    _store(f"person_{number:06}", tame.segments_of(_answer(number), START, END, NOW)[0])
                if kind == "postgresql":
                    with db.engine.begin() as connection:
                        connection.exec_driver_sql("ANALYZE")
                reached &= _measure(app, kind)
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


def _measure(app: Any, kind: str) -> bool:
    took: dict[str, list[float]] = {name: [] for name in ("database", "database again", "post", "post again",
                                                          "post corrected")}
    for turn in range(ROUNDS):
        for part, number in (("database", 1_000 + turn), ("post", 2_000 + turn)):
            name, said = f"person_{number:06}", _answer(number)
            if part == "database":
                segments = tame.segments_of(said, START, END, NOW)[0]
                took["database"].append(_timed(partial(_store, name, segments)))
                took["database again"].append(_timed(partial(_store, name, segments)))
                continue
            took["post"].append(_post(app, name, said, added=SEGMENTS))
            took["post again"].append(_post(app, name, said))
            for one in said[::100]:
                one["viewers"] += 1
            took["post corrected"].append(_post(app, name, said, changed=len(said[::100])))
    usual = {name: median(times) for name, times in took.items()}
    good = [usual["database"] <= FIRST_AT_MOST, usual["post"] <= FIRST_AT_MOST,
            usual["database again"] <= AGAIN_AT_MOST, usual["post again"] <= AGAIN_AT_MOST]
    words = ["reached" if one else "MISSED" for one in good]
    print(f"  {kind:10} {SEGMENTS:,} segments (at most {FIRST_AT_MOST:.1f} s): database part "
          f"{usual['database'] * 1000:.0f} ms ({words[0]}), whole POST {usual['post'] * 1000:.0f} ms ({words[1]})")
    print(f"  {kind:10} again without a change (at most {AGAIN_AT_MOST:.1f} s): database part "
          f"{usual['database again'] * 1000:.0f} ms ({words[2]}), whole POST {usual['post again'] * 1000:.0f} ms "
          f"({words[3]}); with every hundredth corrected {usual['post corrected'] * 1000:.0f} ms")
    return all(good)


def _answer(seed: int) -> list[dict[str, Any]]:
    """Segments as they are checked on arrival; numbers move as they do."""
    draw = random.Random(seed)
    at, followers = datetime(START.year, START.month, START.day, tzinfo=UTC), draw.randrange(2_000_000)
    found: list[dict[str, Any]] = []
    for number in range(SEGMENTS):
        followers += draw.randrange(4)
        found.append({"at": (at + timedelta(minutes=3 * number)).isoformat(),
                      "show": "_private" if number % 9 == 0 else "_public",
                      "gender": "m", "rank": 500 + draw.randrange(8_000), "grank": 300 + draw.randrange(6_000),
                      "viewers": draw.randrange(3_000), "followers": followers})
    return found


def _days() -> dict[date, int]:
    return {START + timedelta(days=number): 1440 for number in range(DAYS)}


def _store(name: str, segments: list[tame.Segment]) -> None:
    """The database part."""
    session = db.session()
    desk = Desk(session, NOW)
    one = desk.read([name])[name]
    newer = store.newer_readings(session, one.id, NOW)
    _, counts = store.keep_segments(session, one.id, segments, START, END, newer.late)
    store.keep_days(desk, one.id, rules.minutes_of_days(START, END, _days(), DAYS * 1440), counts, NOW)
    one.hear_segments(segments)
    store.note_reading(one, NOW, None, None, None, None, timedelta(days=1), newest=True)
    desk.write([one])
    store.fulfil(session, one.id, NOW)
    session.commit()


def _post(app: Any, name: str, said: list[dict[str, Any]], *, added: int = 0, changed: int = 0) -> float:
    """The whole request as the worker sends it."""
    days = {day.isoformat(): minutes for day, minutes in _days().items()}
    raw = gzip.compress(json.dumps({"status": True, "details": said}).encode())
    message = {"kind": "cbhours-activity", "batch_id": str(uuid4()), "observed_at": NOW.isoformat(), "username": name,
               "start_day": START.isoformat(), "end_day": END.isoformat(), "segments": said, "days": days,
               "total": DAYS * 1440, "capture": {"url": "https://example.test/", "content_type": "application/json",
                                                 "body": base64.b64encode(raw).decode()}}
    body = gzip.compress(json.dumps(message).encode(), 6)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Encoding": "gzip", "Content-Type": "application/json",
               "X-MHC-Sent-At": NOW.isoformat()}
    client = app.test_client()
    answers: list[Any] = []
    took = _timed(lambda: answers.append(client.post("/api/ingest/cbhours-activity", data=body, headers=headers)))
    told = answers[0].json
    if answers[0].status_code != 200 or (told["added"], told["changed"]) != (added, changed):
        raise RuntimeError(f"not as it should be: {answers[0].status_code} {answers[0].get_data(as_text=True)[:300]}")
    return took


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

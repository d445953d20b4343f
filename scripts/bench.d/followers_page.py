"""The first page of /users/followers, and of its API, with 100,000 followers: milliseconds in the server."""

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from flask_migrate import upgrade

from common.settings import load_settings
from scraper.verdict import Verdict
from server import create_app
from server.follows import store
from server.models import Account, Scan, db
from server.startup import prepare
from tests.helpers import add_user, signed_in
from tests.postgres import cluster, fresh_database

PEOPLE = 100_000
LIMIT = 60  # milliseconds
TIMES = 30
READ_AT = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        for name, url in (("SQLite", f"sqlite:///{folder}/panel.db"),
                          ("PostgreSQL", fresh_database(base, "bench_followers_page"))):
            for path, took in _pages(Path(folder) / name, url).items():
                good = took <= LIMIT
                reached &= good
                print(f"  {name:10} {path} with {PEOPLE:,} followers: {took:.1f} ms "
                      f"(at most {LIMIT} ms: {'reached' if good else 'MISSED'})")
    return reached


def _pages(folder: Path, url: str) -> dict[str, float]:
    """The median over some requests of each page; the first, which warms up, is left out."""
    app = create_app(load_settings(data_dir=folder, database_url=url))
    app.testing = True
    with app.app_context():
        upgrade()
        prepare()
        _fill()
    browser = signed_in(app, add_user(app, "bench", "viewer"))
    took = {path: _median(browser, path) for path in ("/users/followers", "/api/followers/followers")}
    with app.app_context():
        db.engine.dispose()
    return took


def _median(browser: object, path: str) -> float:
    took = []
    for _ in range(TIMES + 1):
        began = time.perf_counter()
        answer = browser.get(path)  # type: ignore[attr-defined]
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answers {answer.status}")
    return statistics.median(took[1:])


def _fill() -> None:
    """A first import of everybody."""
    session = db.session()
    account = Account(username="bench_owner", created_at=READ_AT)
    session.add(account)
    session.flush()
    usernames = frozenset(f"viewer_{number:06}" for number in range(PEOPLE))
    scan = Scan(id=uuid4(), account_id=account.id, list="followers", source="browser", received_at=READ_AT,
                started_at=READ_AT, finished_at=READ_AT + timedelta(minutes=5), state="receiving", rejected_items=0,
                evidence={}, stats={})
    session.add(scan)
    session.flush()
    verdict = Verdict("complete", None, "", PEOPLE, PEOPLE, 0, None, (), usernames)
    store.apply(session, scan, verdict, [], READ_AT)
    session.commit()

"""The engine's set-up for both databases, and short sessions beside the request's own.

The request's own session is `db.session`. On SQLite its transaction begins with BEGIN IMMEDIATE unless the
request is a safe one (GET, HEAD, OPTIONS): a transaction that reads first and writes later cannot wait for
another writer, it fails. Whoever writes during a GET does it in `writing()`.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, has_request_context, request
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from common.settings import Settings
from server.models import db

BUSY_TIMEOUT_MS = 10_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def engine_options(settings: Settings) -> dict[str, Any]:
    """Options of `create_engine` for the database of these settings."""
    if settings.resolved_database_url.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}}
    return {"pool_size": 8, "max_overflow": 8, "pool_pre_ping": True, "pool_recycle": 1800,
            "connect_args": {"connect_timeout": 10, "application_name": "mhc-control-panel"}}


def set_up_database(app: Flask, settings: Settings) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.resolved_database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings)
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            set_up_sqlite(db.engine)
            _make_private(db.engine.url.database)


def _make_private(path: str | None) -> None:
    """The file, and with it those that SQLite puts beside it, is for its owner's eyes alone."""
    if path and path != ":memory:" and not Path(path).exists() and Path(path).parent.is_dir():
        os.close(os.open(path, os.O_CREAT, 0o600))


def set_up_sqlite(engine: Engine) -> None:
    event.listen(engine, "connect", _sqlite_pragmas)
    event.listen(engine, "begin", _sqlite_begin)


def _sqlite_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late; `_sqlite_begin` says it
    for pragma in (f"busy_timeout = {BUSY_TIMEOUT_MS}", "journal_mode = WAL", "synchronous = NORMAL",
                   "foreign_keys = ON", "cache_size = -32000", "temp_store = MEMORY",
                   "wal_autocheckpoint = 16000"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("mhc_writes")
    if writes is None:
        writes = not (has_request_context() and request.method in SAFE_METHODS)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _short_session(*, writes: bool) -> Iterator[Session]:
    with db.engine.connect().execution_options(mhc_writes=writes) as connection, \
            Session(connection, expire_on_commit=False) as session:
        yield session
        if writes:
            session.commit()


def reading() -> Any:
    """A session of its own that only reads and holds no lock; what it loaded stays usable afterwards."""
    return _short_session(writes=False)


def writing() -> Any:
    """A session of its own that commits at the end of the block, whatever becomes of the request."""
    return _short_session(writes=True)

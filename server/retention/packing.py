"""Packing a month of snapshots, beside the requests: it may take minutes, and no request lasts so long.

It goes on in a thread of the server that was asked. If that server ends in the middle nothing has changed, and whoever
asks next begins anew. That somebody is at it is told by a lock in the database, so that all servers know.
"""

import threading
from datetime import datetime

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from server.affiliate import months
from server.database import writing

TRIES = 3  # of one month, in one run
LOOK_SOON, LOOK_AGAIN = 0.2, 1.0  # seconds until it is looked whether it is done

log = structlog.get_logger(__name__)
_threads: list[threading.Thread] = []


def left(session: Session, now: datetime) -> int:
    """How many months are over and not packed yet; inside a transaction that ends soon."""
    return len(months.to_close(session, now))


def is_going_on(session: Session) -> bool:
    _threads[:] = [thread for thread in _threads if thread.is_alive()]
    return bool(_threads) or months.is_packing(session)


def begin(now: datetime) -> None:
    """Begin to pack the oldest of them."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    thread = threading.Thread(target=_pack, args=(app, now), name="packing", daemon=True)
    _threads.append(thread)
    thread.start()


def _pack(app: Flask, now: datetime) -> None:
    with app.app_context():
        try:
            with writing() as session:
                month = months.close_next(session, now)
        except DBAPIError as error:
            log.warning("a month of snapshots could not be packed this time", reason=str(error.orig))
            return
        if month:
            log.info("month of snapshots packed", month=f"{month.year}-{month.month:02}")

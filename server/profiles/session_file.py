"""All broadcasts of a person as a file, sent while they are read."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from common.clock import iso_ms
from server.exports import formats
from server.models import db
from server.profiles import sessions
from server.profiles.session_rules import SOURCES

BATCH = 100
FIGURES = ("start", "end", "minutes", "viewers_peak", "viewers_mean", "followers_gained")
COLUMNS = ("start", "last_seen_at", "ended_latest", "going_on", "minutes", "sources", "shows", "subjects", "tags",
           *(f"{source}.{name}" for source in SOURCES for name in FIGURES))


def everything(person_id: int, username: str, now: datetime) -> Response:
    """Newest first; figures of each source beside each other, empty where it knows nothing of a broadcast."""
    lines = formats.csv_lines(COLUMNS, _rows(db.engine, person_id, now))
    answer = Response(lines, content_type=formats.MEDIA["csv"])
    answer.headers["Content-Disposition"] = f'attachment; filename="{username}-sessions.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _rows(engine: Engine, person_id: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Goes on when the request is over, so it has a session of its own."""
    before = None
    with engine.connect().execution_options(mhc_writes=False) as connection, Session(connection) as session:
        while True:
            cut = sessions.page(session, person_id, before=before, limit=BATCH)
            for one in sessions.shown(session, person_id, cut, now):
                yield _told(one)
            if cut.next is None:
                return
            before = cut.next


def _told(one: sessions.Shown) -> dict[str, Any]:
    row = one.row
    by_source = {figures.source: figures for figures in row.figures}
    told: dict[str, Any] = {
        "start": iso_ms(row.start), "last_seen_at": iso_ms(row.end),
        "ended_latest": iso_ms(row.ended_latest) if row.ended_latest else None, "going_on": row.going_on,
        "minutes": row.minutes, "sources": row.sources,
        "shows": [f"{show} {share:.0%}" for show, share in one.shows.items()],
        "subjects": " | ".join(one.subjects), "tags": list(one.tags)}
    for source in SOURCES:
        figures = by_source.get(source)
        told[source] = dict.fromkeys(FIGURES) if figures is None else {
            "start": iso_ms(figures.start), "end": iso_ms(figures.end), "minutes": figures.minutes,
            "viewers_peak": figures.peak, "viewers_mean": None if figures.mean is None else round(figures.mean, 1),
            "followers_gained": figures.gained}
    return told

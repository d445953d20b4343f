"""What would go now, without touching it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.ingest import captures
from server.models import CaptureRow
from server.retention import hours, store
from server.retention.keeping import Keeping


class Planned(NamedTuple):
    """One kind of data. days: 0: kept for ever; would_go: how many; bytes: on disk, None where they are rows of
    the database."""

    kind: str
    words: str
    days: int
    would_go: int
    bytes: int | None = None


def plan(session: Session, keeping: Keeping, now: datetime) -> list[Planned]:
    """Every kind, in the order in which they go."""
    snapshots, texts = hours.waiting(session, keeping.cuts(now))
    pages, size = 0, 0
    if keeping.captures:
        pages, size = session.execute(captures.old_captures(
            select(func.count(), func.coalesce(func.sum(CaptureRow.stored_bytes), 0)), keeping.captures, now)).one()
    text_days = max(keeping.texts, keeping.snapshots) if keeping.texts and keeping.snapshots else 0
    return [
        Planned("snapshots", "snapshots", keeping.snapshots, snapshots),
        Planned("texts", "texts as they were", text_days, texts),
        Planned("raw_pages", "raw pages", keeping.captures, pages, int(size)),
        Planned("broadcasts", "broadcasts", keeping.broadcasts,
                store.count(session, store.old_broadcasts(keeping, now))),
        Planned("pages_of_readings", "pages of readings", keeping.readings,
                store.count(session, store.old_pages(keeping, now))),
        Planned("runs", "runs", keeping.runs, store.count(session, store.old_runs(keeping, now))),
        Planned("logs", "logs of runs", keeping.logs, store.count(session, store.old_logs(keeping, now))),
        Planned("receipts", "receipts", keeping.batches, store.count(session, store.old_receipts(keeping, now))),
        Planned("queue_entries", "finished queue entries", keeping.queue,
                store.count(session, store.old_queue(keeping, now))),
    ]

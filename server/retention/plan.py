"""What would go now, without touching it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.ingest import captures
from server.models import CaptureRow
from server.retention import cbhours, hours, rules, store
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
    answers = cbhours.waiting(session, cbhours.live(rules.cut(now, keeping.cbhours)))
    segments = cbhours.waiting(session, cbhours.activity(rules.cut(now, keeping.activity)))
    text_days = max(keeping.texts, keeping.snapshots) if keeping.texts and keeping.snapshots else 0
    return [
        Planned("snapshots", "snapshots", keeping.snapshots, snapshots),
        Planned("texts", "texts as they were", text_days, texts),
        Planned("cbhours_live", "live answers of CBHours", keeping.cbhours, answers.get("cbhours_live", 0)),
        Planned("cbhours_texts", "their texts as they were", keeping.cbhours, answers.get("cbhours_texts", 0)),
        Planned("cbhours_polls", "calls of CBHours", keeping.cbhours,
                store.count(session, store.old_cbhours_polls(keeping, now))),
        Planned("activity", "segments of activity", keeping.activity, segments.get("activity", 0)),
        Planned("activity_days", "days of activity", keeping.activity, segments.get("activity_days", 0)),
        Planned("activity_readings", "readings of activity", keeping.activity,
                store.count(session, store.old_activity_readings(keeping, now))),
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

"""Batches: each is applied once, with its answer, in one transaction."""

import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scraper.observations import Message, ScanPage
from server.ingest import captures
from server.ingest.handlers import HANDLERS
from server.models import IngestBatch

Rejected = dict[str, str]
MOST_REASONS = 200  # given in an answer; all are counted
_LARGEST_INT = 2**31 - 1


def take(session: Session, kind: str, message: Message, rejected: list[Rejected], *, observed_at: datetime,
         received_at: datetime, skew: timedelta) -> tuple[dict[str, Any], bool]:
    """Apply a batch, or give the answer that it got before: (answer, was it a repetition?).

    The row of the batch is written first: of two that arrive at the same time one waits for the other.
    rejected     the items that were set aside, with their reasons
    observed_at  as the worker said it; the message itself carries corrected moments
    """
    began = time.monotonic()
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    skew_ms = max(-_LARGEST_INT, min(round(skew.total_seconds() * 1000), _LARGEST_INT))
    first = session.execute(insert(IngestBatch).values(
        batch_id=message.batch_id, kind=kind, run_id=message.run_id, observed_at=observed_at, received_at=received_at,
        clock_skew_ms=skew_ms, answer={}).on_conflict_do_nothing())
    mine = IngestBatch.batch_id == message.batch_id
    if not first.rowcount:  # type: ignore[attr-defined]
        return session.scalars(select(IngestBatch.answer).where(mine)).one(), True
    if isinstance(message, ScanPage):
        message, rejected = _without_bad_capture(message, rejected)
    answer = HANDLERS[kind](session, message, received_at, rejected)
    answer = answer | {"rejected": answer["rejected"][:MOST_REASONS], "rejected_total": len(answer["rejected"])}
    session.execute(update(IngestBatch).where(mine).values(
        answer=answer, took_ms=min(round((time.monotonic() - began) * 1000), _LARGEST_INT))
        .execution_options(synchronize_session=False))
    return answer, False


def _without_bad_capture(message: ScanPage, rejected: list[Rejected]) -> tuple[ScanPage, list[Rejected]]:
    """A raw page that cannot be kept is set aside; what was read from it still stands."""
    if message.capture is None:
        return message, rejected
    try:
        captures.unpacked(message.capture)
    except captures.BadCapture as error:
        return message.model_copy(update={"capture": None}), [*rejected, {"item": "capture", "reason": str(error)}]
    return message, rejected

"""The door in: which batches were taken, and the raw bytes behind them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Json, Key, Moment


class IngestBatch(Base):
    """One accepted batch and the answer it got; the same `batch_id` again is answered from here."""

    __tablename__ = "ingest_batches"
    __table_args__ = (Index("ix_ingest_batches_received_at", "received_at"),)

    batch_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    run_id: Mapped[UUID | None] = mapped_column(Uuid)
    observed_at: Mapped[datetime] = mapped_column(Moment)  # as the worker said it
    received_at: Mapped[datetime] = mapped_column(Moment)
    clock_skew_ms: Mapped[int] = mapped_column(Integer, default=0)  # the server's clock minus the worker's
    answer: Mapped[dict[str, Any]] = mapped_column(Json)
    took_ms: Mapped[int | None] = mapped_column(Integer)  # to store it, without the commit


class CaptureRow(Base):
    """Raw bytes, kept as a gzip file `captures/<ab>/<sha256>.gz` in the data folder; this row finds it."""

    __tablename__ = "captures"
    __table_args__ = (Index("ix_captures_created_at", "created_at"), Index("ix_captures_sha256", "sha256"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str] = mapped_column(String(100))
    raw_bytes: Mapped[int] = mapped_column(Integer)
    stored_bytes: Mapped[int] = mapped_column(Integer)
    run_id: Mapped[UUID | None] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Moment)

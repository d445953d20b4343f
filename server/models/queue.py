"""The queue of people who are read first: P1 once and as soon as possible, P2 at every poll."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Key, Moment
from .people import PLATFORM


class QueueEntry(Base):
    """A person somebody wants read, known to the panel or not; one entry a person and priority.

    state       queued, processing (a poll looks for them now), complete (found), not_found (not online at that poll)
    started_at  when the poll that looks or looked last was taken up; ended_at: when it was known what came of it
    due_at      P1: from when on it makes a poll of its own due; null: it waits for whichever poll comes next
    tries       polls that ended without a word on this person since it was asked for
    detail      what came of the last poll, in words
    """

    __tablename__ = "queue_entries"
    __table_args__ = (
        UniqueConstraint("platform", "username", "priority"),
        Index("ix_queue_entries_requested_at", "requested_at"),
        Index("ix_queue_entries_due_at", "due_at"),
        Index("ix_queue_entries_run_id", "run_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    platform: Mapped[str] = mapped_column(String(20), default=PLATFORM)
    username: Mapped[str] = mapped_column(String(50))
    priority: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    requested_by: Mapped[str] = mapped_column(String(80))
    requested_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    detail: Mapped[str | None] = mapped_column(Text)

"""Scans with their evidence, and follow intervals, which are the truth about who follows whom and when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, Uuid
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Json, Key, Moment


class Scan(Base):
    """One reading of one whole list.

    verdict  complete, partial, rejected; null while its pages are still coming in
    state    receiving  pages are coming in
             applied    it has changed what there was to change (a rejected scan never gets here)
             held       the mass-change brake caught it: the owner decides
             dropped    rejected by its verdict, by the owner, or overtaken by a later scan; changed nothing
    """

    __tablename__ = "scans"
    __table_args__ = (
        Index("ix_scans_account_list_finished", "account_id", "list", "finished_at"),
        Index("ix_scans_state", "state"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    run_id: Mapped[UUID | None] = mapped_column(Uuid)
    list: Mapped[str] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    received_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(12), default="receiving")
    verdict: Mapped[str | None] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(40))  # a code of scraper.verdict; null when complete
    explanation: Mapped[str | None] = mapped_column(Text)  # the same in words for the owner
    expected: Mapped[int | None] = mapped_column(Integer)
    found: Mapped[int | None] = mapped_column(Integer)
    pages: Mapped[int | None] = mapped_column(Integer)
    duplicates: Mapped[int | None] = mapped_column(Integer)
    rejected_items: Mapped[int] = mapped_column(Integer, default=0)
    layout: Mapped[str | None] = mapped_column(String(60))
    evidence: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # checks, timings, scan-end message
    stats: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # total, new, returned, missing, unfollowed
    diff: Mapped[dict[str, Any] | None] = mapped_column(Json)  # held scans: who would come and who would go
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    decided_by: Mapped[str | None] = mapped_column(String(80))


class ScanPageRow(Base):
    """One page of a scan: its facts, and the people on it as compressed JSON."""

    __tablename__ = "scan_pages"
    __table_args__ = (UniqueConstraint("scan_id", "batch_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    scan_id: Mapped[UUID] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"))
    batch_id: Mapped[UUID] = mapped_column(Uuid)
    observed_at: Mapped[datetime] = mapped_column(Moment)
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    people: Mapped[bytes] = mapped_column(LargeBinary)  # zlib of a JSON list of PersonSeen without nulls
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("captures.id", ondelete="SET NULL"))


class FollowList(Base):
    """Where a list of an account stands: the newest complete scan that was applied to it."""

    __tablename__ = "follow_lists"
    __table_args__ = (UniqueConstraint("account_id", "direction"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    direction: Mapped[str] = mapped_column(String(10))  # following | follower
    complete_scan_id: Mapped[UUID | None] = mapped_column(Uuid)
    complete_started_at: Mapped[datetime | None] = mapped_column(Moment)  # null: no complete scan yet
    complete_finished_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer, default=0)  # raised by every change; two writers never interleave


class FollowInterval(Base):
    """One unbroken follow of one person in one direction.

    start_earliest  last proved absence before it; null: unknown, it began before we first looked
    start_latest    first proved presence
    end_earliest    last proved presence; null while the follow goes on
    end_latest      first proved absence; null while the follow goes on
    missing_since   first proved absence while it waits for confirmation; null otherwise
    seen_at         last proved presence when a scan, event or import touched the row; later presence follows
                    from `FollowList.complete_started_at` for everybody who is not missing
    """

    __tablename__ = "follow_intervals"
    __table_args__ = (
        CheckConstraint("direction IN ('following', 'follower')", name="direction"),
        CheckConstraint("start_earliest IS NULL OR start_earliest <= start_latest", name="start_bounds"),
        CheckConstraint("end_latest IS NULL OR (end_earliest IS NOT NULL AND end_earliest <= end_latest)",
                        name="end_bounds"),
        Index("uq_follow_intervals_open", "account_id", "direction", "person_id", unique=True,
              postgresql_where=sql("end_latest IS NULL"), sqlite_where=sql("end_latest IS NULL")),
        Index("ix_follow_intervals_open_since", "account_id", "direction", "start_latest", "id",
              postgresql_where=sql("end_latest IS NULL"), sqlite_where=sql("end_latest IS NULL")),
        Index("ix_follow_intervals_ended", "account_id", "direction", "end_latest", "id",
              postgresql_where=sql("end_latest IS NOT NULL"), sqlite_where=sql("end_latest IS NOT NULL")),
        Index("ix_follow_intervals_missing", "account_id", "direction",
              postgresql_where=sql("missing_since IS NOT NULL"), sqlite_where=sql("missing_since IS NOT NULL")),
        Index("ix_follow_intervals_person", "person_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id", ondelete="CASCADE"))
    direction: Mapped[str] = mapped_column(String(10))
    start_earliest: Mapped[datetime | None] = mapped_column(Moment)
    start_latest: Mapped[datetime] = mapped_column(Moment)
    start_source: Mapped[str] = mapped_column(String(12))
    start_scan_id: Mapped[UUID | None] = mapped_column(Uuid)
    seen_at: Mapped[datetime] = mapped_column(Moment)
    missing_since: Mapped[datetime | None] = mapped_column(Moment)
    missing_seen_at: Mapped[datetime | None] = mapped_column(Moment)  # last proved presence before it went missing
    missing_scan_id: Mapped[UUID | None] = mapped_column(Uuid)
    end_earliest: Mapped[datetime | None] = mapped_column(Moment)
    end_latest: Mapped[datetime | None] = mapped_column(Moment)
    end_source: Mapped[str | None] = mapped_column(String(12))
    end_scan_id: Mapped[UUID | None] = mapped_column(Uuid)

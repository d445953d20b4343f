"""Jobs and their runs."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Json, Key, Moment


class Job(Base):
    """A kind of work, for one account or for none: its configuration and what the owner wants of it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("uq_jobs_name_account_id", "name", "account_id", unique=True),
        Index("uq_jobs_name_without_account", "name", unique=True, postgresql_where=sql("account_id IS NULL"),
              sqlite_where=sql("account_id IS NULL")),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(30))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))  # null: of nobody
    config: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    scheduled: Mapped[bool] = mapped_column(Boolean, default=False)  # start sets it, stop clears it
    paused: Mapped[bool] = mapped_column(Boolean, default=False)
    next_due_at: Mapped[datetime | None] = mapped_column(Moment)  # by schedule
    anchored_at: Mapped[datetime | None] = mapped_column(Moment)  # a moment at which the schedule made it due
    confirm_asked_at: Mapped[datetime | None] = mapped_column(Moment)  # a complete scan wants a confirming one
    confirm_due_at: Mapped[datetime | None] = mapped_column(Moment)  # when that one is due
    requested_at: Mapped[datetime | None] = mapped_column(Moment)  # by hand; its run is there, queued
    rest_until: Mapped[datetime | None] = mapped_column(Moment)  # the source asked to be left alone until then
    failures_in_row: Mapped[int] = mapped_column(Integer, default=0)
    stats: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class Run(Base):
    """One execution of a job.

    state    queued (asked for by hand, no worker yet), running, ended
    trigger  manual, schedule, confirm, priority (somebody is in the queue), once (from the terminal)
    outcome  ok, partial, blocked, signed_out, failed, cancelled, lost; null until it has ended
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_job_id_created_at", "job_id", "created_at"),
        Index("uq_runs_job_id_running", "job_id", unique=True, postgresql_where=sql("state <> 'ended'"),
              sqlite_where=sql("state <> 'ended'")),
        Index("ix_runs_state", "state"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10), default="queued")
    trigger: Mapped[str] = mapped_column(String(10))
    requested_by: Mapped[str | None] = mapped_column(String(80))
    worker: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    progress: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    counters: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    waiting_ms: Mapped[int] = mapped_column(Integer, default=0)
    working_ms: Mapped[int] = mapped_column(Integer, default=0)
    outcome: Mapped[str | None] = mapped_column(String(12))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_advice: Mapped[str | None] = mapped_column(Text)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    log: Mapped[list[dict[str, str]] | None] = mapped_column(Json, deferred=True)  # at, level, text

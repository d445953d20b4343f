"""When each source was heard, and what its job was to do meanwhile. Both are kept for ever: they take next to nothing.

What lies between two spans of a job is a silence; `server.ledger.rules` says how spans come about.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Key, Moment


class HeardSpan(Base):
    """A span in which a job's source was heard without a hole.

    heard_at  the newest hearing in it
    until     how long its word is believed, by the interval at that time
    """

    __tablename__ = "heard_spans"

    job_id: Mapped[int] = mapped_column(Key, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True,
                                        autoincrement=False)
    started_at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    heard_at: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime] = mapped_column(Moment)


class JobPlan(Base):
    """What a job was to do from `since` on, until its next row.

    state  scheduled; paused; stopped (by hand only); off (in its configuration); unable (a credential was missing)
    """

    __tablename__ = "job_plans"

    job_id: Mapped[int] = mapped_column(Key, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True,
                                        autoincrement=False)
    since: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    quiet_hours: Mapped[str] = mapped_column(String(11))

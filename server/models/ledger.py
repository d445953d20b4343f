"""When each source was heard: spans without a hole. What lies between two spans of a job is a gap."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Key, Moment


class HeardSpan(Base):
    """A span in which a job's source was heard without a hole.

    heard_at  the newest hearing in it; until: how long its word is believed, by the interval at that time
    hearings  how many there were
    """

    __tablename__ = "heard_spans"

    job_id: Mapped[int] = mapped_column(Key, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True,
                                        autoincrement=False)
    started_at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    heard_at: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime] = mapped_column(Moment)
    hearings: Mapped[int] = mapped_column(Integer)

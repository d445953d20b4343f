"""What the owner and the owner's helpers write down about people."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Key, Moment


class PersonNote(Base):
    """One note. author: the name of the user who wrote it, as it was then; changed_at: null while it is as written."""

    __tablename__ = "person_notes"
    __table_args__ = (Index("ix_person_notes_person_id_created_at", "person_id", "created_at"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime | None] = mapped_column(Moment)
    changed_by: Mapped[str | None] = mapped_column(String(80))

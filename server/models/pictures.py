"""Pictures of persons: what each file shows, whose they are, and how the last attempt to fetch one went."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Key, Moment


class Picture(Base):
    """One picture, stored once however many persons and fetches it came from. Its files are named by `sha256`.

    sha256        of the stored WebP file, which holds nothing but what is to be seen
    content_type  as it was fetched
    bytes         of the stored file; thumb_bytes: of its thumbnails together
    used_at       last fetched anew; a file this young is not swept away
    """

    __tablename__ = "pictures"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    content_type: Mapped[str] = mapped_column(String(20))
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    bytes: Mapped[int] = mapped_column(Integer)
    thumb_bytes: Mapped[int] = mapped_column(Integer)
    first_stored_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime] = mapped_column(Moment)


class PersonPicture(Base):
    """That a person's address showed this picture, first and last."""

    __tablename__ = "person_pictures"
    __table_args__ = (Index("ix_person_pictures_sha256", "sha256"),)

    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True,
                                           autoincrement=False)
    sha256: Mapped[str] = mapped_column(ForeignKey("pictures.sha256"), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)


class PictureState(Base):
    """A person's present picture, and when it is to be fetched again.

    sha256      the newest picture; null: none has been stored
    url         what was tried last
    fetched_at  the last success; tried_at: the last attempt
    due_at      not fetched again before; failures in a row put it further and further off
    wanted_at   somebody asked for a fresh one, and has not got it yet
    problem     why the last attempt failed, in a word; detail: in words. Null: it went well
    """

    __tablename__ = "picture_states"
    __table_args__ = (
        Index("ix_picture_states_sha256", "sha256"),
        Index("ix_picture_states_wanted_at", "wanted_at"),
    )

    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True,
                                           autoincrement=False)
    sha256: Mapped[str | None] = mapped_column(ForeignKey("pictures.sha256"))
    url: Mapped[str | None] = mapped_column(Text)
    fetched_at: Mapped[datetime | None] = mapped_column(Moment)
    tried_at: Mapped[datetime | None] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    wanted_at: Mapped[datetime | None] = mapped_column(Moment)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    problem: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)

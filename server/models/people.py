"""Persons and the owner's own accounts."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Json, Key, Moment

PLATFORM = "chaturbate"
ROLES = ("model", "viewer", "both", "unknown")


class Person(Base):
    """Anyone on a platform: identity only. `uuid` is the id that leaves the server; `id` keeps joins narrow.

    role  model: seen broadcasting; viewer: seen following the owner; both; unknown: neither is proved.

    Where PostgreSQL lets us have trigrams, migration 0007 adds an index of them for parts of names.
    """

    __tablename__ = "persons"
    __table_args__ = (
        UniqueConstraint("platform", "username"),
        Index("ix_persons_role_username", "role", "username"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    uuid: Mapped[UUID] = mapped_column(Uuid, unique=True, default=uuid4)
    platform: Mapped[str] = mapped_column(String(20), default=PLATFORM)
    username: Mapped[str] = mapped_column(String(50))
    role: Mapped[str] = mapped_column(String(10), default="unknown")
    created_at: Mapped[datetime] = mapped_column(Moment)


class Profile(Base):
    """What the list pages last said about a person; a cache, written only when it changes."""

    __tablename__ = "profiles"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True)
    display_name: Mapped[str | None] = mapped_column(String(100))
    age: Mapped[int | None] = mapped_column(Integer)
    gender: Mapped[str | None] = mapped_column(String(1))
    country: Mapped[str | None] = mapped_column(String(2))
    location: Mapped[str | None] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str] | None] = mapped_column(Json)
    image_url: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(12), default="browser")
    changed_at: Mapped[datetime] = mapped_column(Moment)  # when the values above were first seen so
    last_online_at: Mapped[datetime | None] = mapped_column(Moment)  # last seen broadcasting; null: never seen so


class PersonTag(Base):
    """A person's present tags, one row each, so that a tag filter uses an index.

    No foreign key: checking it costs more than storing the tag. `server.people.erase` empties this before persons go.
    """

    __tablename__ = "person_tags"
    __table_args__ = (Index("ix_person_tags_tag_person_id", "tag", "person_id"),)

    person_id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(String(60), primary_key=True)


class Account(Base):
    """One of the owner's own platform accounts, with what the worker last said about its sign-in."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("platform", "username"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    platform: Mapped[str] = mapped_column(String(20), default=PLATFORM)
    username: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[datetime] = mapped_column(Moment)
    session_state: Mapped[str] = mapped_column(String(20), default="unknown")
    session_detail: Mapped[str | None] = mapped_column(Text)
    session_reported_at: Mapped[datetime | None] = mapped_column(Moment)
    signed_in_since: Mapped[datetime | None] = mapped_column(Moment)
    session_proved_at: Mapped[datetime | None] = mapped_column(Moment)
    cookies_end: Mapped[datetime | None] = mapped_column(Moment)

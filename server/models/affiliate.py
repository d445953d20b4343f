"""What the affiliate API said: polls, narrow snapshots, texts by change, and broadcasts made of them.

A snapshot holds the numbers that move at every poll. What rarely moves (profile, subject, tags) is one row for
each change, valid from `since` until the person's next row. `v_affiliate_api_snapshots` puts them together again
and gives back every field of every poll. Moments in the large tables are whole seconds since 1970, in four bytes;
rows lie by person, so one person's history is read together.

Snapshots and texts have no foreign key to `persons`: checking one costs more than storing the row. Persons are
only ever removed by `server.people.erase`, which empties these tables first.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Json, Key, Moment

SMALL = {"sqlite_with_rowid": False}


class AffiliatePoll(Base):
    """One poll. Between two polls nothing was looked at: a hole in here is a hole in every series.

    observed_at     the moment of its first page, in whole seconds
    saw_everyone    every room that matches was read: whoever is absent was not online
    rejected        rooms that could not be taken; problems: single values that were left out, by field
    """

    __tablename__ = "affiliate_polls"

    observed_at: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    finished_at: Mapped[datetime] = mapped_column(Moment)
    run_id: Mapped[UUID | None] = mapped_column(Uuid)
    genders: Mapped[str] = mapped_column(String(8))
    limit: Mapped[int] = mapped_column(Integer)
    min_followers: Mapped[int] = mapped_column(Integer)
    said_count: Mapped[int | None] = mapped_column(Integer)
    saw_everyone: Mapped[bool] = mapped_column(Boolean)
    pages: Mapped[int] = mapped_column(Integer)
    duplicates: Mapped[int] = mapped_column(Integer)
    left_out: Mapped[int] = mapped_column(Integer)
    rooms: Mapped[int] = mapped_column(Integer)
    rejected: Mapped[int] = mapped_column(Integer)
    problems: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    stopped_by: Mapped[str | None] = mapped_column(String(40))


class PollCapture(Base):
    """Which raw answers belong to which poll."""

    __tablename__ = "affiliate_poll_captures"

    observed_at: Mapped[int] = mapped_column(
        ForeignKey("affiliate_polls.observed_at", ondelete="CASCADE"), primary_key=True)
    capture_id: Mapped[int] = mapped_column(ForeignKey("captures.id", ondelete="CASCADE"), primary_key=True)
    __table_args__ = (Index("ix_affiliate_poll_captures_capture_id", "capture_id"),)


class AffiliateShow(Base):
    """Kinds of shows by number: public, private, group, away, hidden, and whatever is new to us."""

    __tablename__ = "affiliate_shows"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(40), unique=True)


# Not a mapped class: on PostgreSQL the table is split by month (`server.affiliate.months`) and has no key, which
# would take half as much space again. The columns stand in this order to fill whole words.
snapshots = Table(
    "affiliate_api_snapshots", Base.metadata,
    Column("followers", BigInteger),
    Column("person_id", Integer, nullable=False),
    Column("observed_at", Integer, nullable=False),
    Column("seconds_online", Integer),
    Column("viewers", Integer),
    Column("show_id", SmallInteger),
    Column("is_hd", Boolean),
    PrimaryKeyConstraint("person_id", "observed_at", name="pk_affiliate_api_snapshots").ddl_if(dialect="sqlite"),
    postgresql_partition_by="RANGE (observed_at)", sqlite_with_rowid=False,
)


class AffiliateProfile(Base):
    """Profile data as it was said from `since` on. None: the API did not say it."""

    __tablename__ = "affiliate_profiles"
    __table_args__ = SMALL

    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    display_name: Mapped[str | None] = mapped_column(Text)
    age: Mapped[int | None] = mapped_column(SmallInteger)
    birthday: Mapped[str | None] = mapped_column(Text)  # the broadcaster's own words, not always a date
    gender: Mapped[str | None] = mapped_column(String(1))
    location: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(String(2))
    spoken_languages: Mapped[str | None] = mapped_column(Text)
    is_new: Mapped[bool | None] = mapped_column(Boolean)
    image_url: Mapped[str | None] = mapped_column(Text)
    image_url_360x270: Mapped[str | None] = mapped_column(Text)


class AffiliateSubject(Base):
    """The room's subject as it was from `since` on; None: the API did not say it."""

    __tablename__ = "affiliate_subjects"
    __table_args__ = SMALL

    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    subject: Mapped[str | None] = mapped_column(Text)


class AffiliateTags(Base):
    """The room's tags as they were from `since` on, as a JSON list; None: the API did not say them."""

    __tablename__ = "affiliate_tags"
    __table_args__ = SMALL

    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tags: Mapped[str | None] = mapped_column(Text)


class Broadcast(Base):
    """One session of a broadcaster, joined from snapshots by `server.affiliate.rules`.

    started_at     by `seconds_online`, so it may lie before first_seen_at
    missed_at      the first poll that should have shown the room and did not; null while it is seen
    last_seen_at   the last proof of it; null while it goes on, as are the figures
    ended_latest   the first proved absence; null: it goes on, or nobody looked in time
    closed         it has ended
    """

    __tablename__ = "broadcasts"
    __table_args__ = (
        Index("uq_broadcasts_open", "person_id", unique=True, postgresql_where=sql("NOT closed"),
              sqlite_where=sql("NOT closed")),
    )

    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True,
                                           autoincrement=False)
    started_at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    misses: Mapped[int] = mapped_column(SmallInteger, default=0)
    missed_at: Mapped[datetime | None] = mapped_column(Moment)
    closed: Mapped[bool] = mapped_column(Boolean, default=False)
    last_seen_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_latest: Mapped[datetime | None] = mapped_column(Moment)
    polls: Mapped[int | None] = mapped_column(Integer)
    viewers_peak: Mapped[int | None] = mapped_column(Integer)
    viewers_mean: Mapped[float | None] = mapped_column(Float)
    followers_first: Mapped[int | None] = mapped_column(BigInteger)
    followers_last: Mapped[int | None] = mapped_column(BigInteger)

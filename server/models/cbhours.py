"""What CBHours said: live answers, segments of activity, days, and who can be asked for there at all.

As with the affiliate API, what moves at every poll is a narrow row keyed by (person, second), and texts are kept
once a change, valid from `since` on. `v_cbhours_live_stats` and `v_cbhours_activity` put them together again.
The narrow tables have no foreign key to `persons`, for the same reason; `server.people.erase` empties them.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Index, Integer, SmallInteger, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Json, Key, Moment

SMALL = {"sqlite_with_rowid": False}


class CbhoursShow(Base):
    """Kinds of shows by number, in the words of either call: public, _public, _private, … and what is new to us."""

    __tablename__ = "cbhours_shows"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class CbhoursLive(Base):
    """One answer about one person. online False: CBHours said "Offline", and then says nothing else.

    checked_at  whole seconds since 1970
    """

    __tablename__ = "cbhours_live_stats"
    __table_args__ = SMALL

    followers: Mapped[int | None] = mapped_column(BigInteger)
    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    checked_at: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rank: Mapped[int | None] = mapped_column(Integer)
    grank: Mapped[int | None] = mapped_column(Integer)
    viewers: Mapped[int | None] = mapped_column(Integer)
    show_id: Mapped[int | None] = mapped_column(SmallInteger)
    online: Mapped[bool] = mapped_column(Boolean)


class CbhoursTexts(Base):
    """What rarely changes of the live answers, as it was from `since` on; tags: a JSON list."""

    __tablename__ = "cbhours_texts"
    __table_args__ = SMALL

    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    gender: Mapped[str | None] = mapped_column(String(1))
    is_new: Mapped[bool | None] = mapped_column(Boolean)
    subject: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[str | None] = mapped_column(Text)


class CbhoursSegment(Base):
    """Three minutes of a broadcast, as the activity call tells them. at: their beginning, whole seconds since 1970."""

    __tablename__ = "cbhours_activity"
    __table_args__ = SMALL

    followers: Mapped[int | None] = mapped_column(BigInteger)
    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rank: Mapped[int | None] = mapped_column(Integer)
    grank: Mapped[int | None] = mapped_column(Integer)
    viewers: Mapped[int | None] = mapped_column(Integer)
    show_id: Mapped[int | None] = mapped_column(SmallInteger)
    gender: Mapped[str | None] = mapped_column(String(1))


class CbhoursDay(Base):
    """A day (UTC) of a person as the activity call sums it up. minutes None: it was asked for, nothing was said."""

    __tablename__ = "cbhours_days"
    __table_args__ = SMALL

    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    minutes: Mapped[int | None] = mapped_column(SmallInteger)
    segments: Mapped[int] = mapped_column(SmallInteger, default=0)
    read_at: Mapped[datetime] = mapped_column(Moment)


class CbhoursPoll(Base):
    """One live call that was answered: about up to fifty people. `observed_at` is their `checked_at`.

    unknown  names that the answer left out: nothing is known of them there, which does not mean offline
    """

    __tablename__ = "cbhours_polls"
    __table_args__ = (
        Index("ix_cbhours_polls_observed_at", "observed_at"),
        Index("ix_cbhours_polls_capture_id", "capture_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    observed_at: Mapped[int] = mapped_column(Integer)
    run_id: Mapped[UUID | None] = mapped_column(Uuid)
    asked: Mapped[int] = mapped_column(Integer)
    online: Mapped[int] = mapped_column(Integer)
    offline: Mapped[int] = mapped_column(Integer)
    unknown: Mapped[int] = mapped_column(Integer)
    rejected: Mapped[int] = mapped_column(Integer, default=0)
    problems: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("captures.id", ondelete="SET NULL"))


class CbhoursReading(Base):
    """One answer of the activity call about one person, from day to day (both in it).

    problem  why nothing came of it, in a word such as not_set_up; None: it was read
    added    segments that were new; changed: those that say something else than before
    """

    __tablename__ = "cbhours_readings"
    __table_args__ = (
        Index("ix_cbhours_readings_person_id_observed_at", "person_id", "observed_at"),
        Index("ix_cbhours_readings_capture_id", "capture_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"))
    observed_at: Mapped[datetime] = mapped_column(Moment)
    run_id: Mapped[UUID | None] = mapped_column(Uuid)
    start_day: Mapped[date | None] = mapped_column(Date)
    end_day: Mapped[date | None] = mapped_column(Date)
    segments: Mapped[int] = mapped_column(Integer, default=0)
    added: Mapped[int] = mapped_column(Integer, default=0)
    changed: Mapped[int] = mapped_column(Integer, default=0)
    rejected: Mapped[int] = mapped_column(Integer, default=0)
    problem: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("captures.id", ondelete="SET NULL"))


class CbhoursState(Base):
    """Whether and when a person is asked for at CBHours.

    has_trophy         in its trophy database; None: not yet known. A name it does not know is False
    proved_at          the newest answer that showed it
    misses             answers in a row without the name, one a run; missed_at, missed_run: the newest of them
    ask_again_at       not to be asked for before; grows with each miss: 7, 14, 28 … days
    activity_read_at   the newest activity answer that was read; activity_due_at: when the next one is due
    wanted_at          somebody asked for it by hand; wanted_by: who
    problem            why the newest answer was none, in a word; detail: in words
    months             those that CBHours holds, such as ["2025-12"]; None: never asked
    """

    __tablename__ = "cbhours_states"
    __table_args__ = (
        Index("ix_cbhours_states_wanted_at", "wanted_at"),
        Index("ix_cbhours_states_activity_due_at", "activity_due_at"),
    )

    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True,
                                           autoincrement=False)
    has_trophy: Mapped[bool | None] = mapped_column(Boolean)
    proved_at: Mapped[datetime | None] = mapped_column(Moment)
    misses: Mapped[int] = mapped_column(SmallInteger, default=0)
    missed_at: Mapped[datetime | None] = mapped_column(Moment)
    missed_run: Mapped[UUID | None] = mapped_column(Uuid)
    ask_again_at: Mapped[datetime | None] = mapped_column(Moment)
    live_asked_at: Mapped[datetime | None] = mapped_column(Moment)
    activity_read_at: Mapped[datetime | None] = mapped_column(Moment)
    activity_due_at: Mapped[datetime | None] = mapped_column(Moment)
    wanted_at: Mapped[datetime | None] = mapped_column(Moment)
    wanted_by: Mapped[str | None] = mapped_column(String(80))
    problem: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    months: Mapped[list[str] | None] = mapped_column(Json)
    months_at: Mapped[datetime | None] = mapped_column(Moment)


class CbhoursCurrent(Base):
    """The newest words of CBHours about a person, whoever wins. Who wins stands in `server.priorities`.

    at         the newest live answer, Online or Offline; online: which
    online_at  the newest live answer that said Online: viewers, show, gender, is_new, subject and tags are of then
    …_at       the moment of followers and of rank with gender rank: of a live answer or a segment, whichever is newer
    """

    __tablename__ = "cbhours_current"
    __table_args__ = {"postgresql_with": {"fillfactor": 80}}

    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True,
                                           autoincrement=False)
    at: Mapped[datetime | None] = mapped_column(Moment)
    online_at: Mapped[datetime | None] = mapped_column(Moment)
    followers: Mapped[int | None] = mapped_column(BigInteger)
    followers_at: Mapped[datetime | None] = mapped_column(Moment)
    rank_at: Mapped[datetime | None] = mapped_column(Moment)
    rank: Mapped[int | None] = mapped_column(Integer)
    grank: Mapped[int | None] = mapped_column(Integer)
    viewers: Mapped[int | None] = mapped_column(Integer)
    online: Mapped[bool | None] = mapped_column(Boolean)
    is_new: Mapped[bool | None] = mapped_column(Boolean)
    gender: Mapped[str | None] = mapped_column(String(1))
    show: Mapped[str | None] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str] | None] = mapped_column(Json)

"""What is left of snapshots once they are too old, and how large everything was from day to day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Moment


class AffiliateHour(Base):
    """The snapshots of one person in one hour, rolled up; kept for ever.

    hour           its first second, by UTC: these hours know no change of clocks
    polls          snapshots that are in here; each is counted in the same transaction in which it is deleted
    viewers_…      of `viewers_polls` snapshots that told them; all null or zero where none did
    followers      the last that were told in the hour, at second `followers_at` of it
    on_air         sixty bits, one a minute: seen broadcasting in it, by `seconds_online` or at a poll
    public_polls   those that showed a public show

    Without a foreign key, like the snapshots; `server.people.erase` empties it. The columns stand in this order to
    fill whole words.
    """

    __tablename__ = "affiliate_hourly"
    __table_args__ = {"sqlite_with_rowid": False}

    followers: Mapped[int | None] = mapped_column(BigInteger)
    viewers_sum: Mapped[int] = mapped_column(BigInteger, default=0)
    on_air: Mapped[int] = mapped_column(BigInteger, default=0)
    person_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    viewers_min: Mapped[int | None] = mapped_column(Integer)
    viewers_max: Mapped[int | None] = mapped_column(Integer)
    polls: Mapped[int] = mapped_column(SmallInteger, default=0)
    viewers_polls: Mapped[int] = mapped_column(SmallInteger, default=0)
    followers_at: Mapped[int | None] = mapped_column(SmallInteger)
    public_polls: Mapped[int] = mapped_column(SmallInteger, default=0)


class StorageSample(Base):
    """How large a table was at a moment, with its indexes; the whole database under the name `*`.

    rows   null: not counted; bytes: null where the database cannot tell
    """

    __tablename__ = "storage_samples"

    at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    bytes: Mapped[int | None] = mapped_column(BigInteger)


class StorageDay(Base):
    """What the polls of one whole day of the owner's brought: counted once the day is over."""

    __tablename__ = "storage_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    polls: Mapped[int] = mapped_column(Integer)
    snapshots: Mapped[int] = mapped_column(BigInteger)
    people: Mapped[int] = mapped_column(Integer)

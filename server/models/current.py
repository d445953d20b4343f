"""What is known of a person now, written together with what it is made of: two rows a person.

What moves at every poll is kept apart from what rarely changes: a poll then writes short rows only.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, SmallInteger, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Json, Key, Moment


class PersonCurrent(Base):
    """The winning numbers of each person with source and moment; who wins stands in `server.priorities`.

    live_…          show, viewers, seconds_online, is_hd as of `live_at`, all of them the affiliate API's;
                    `live_until`: not to be believed later, null: a complete poll no longer showed the person
    affiliate_at    the newest poll that showed the person; also confirms the texts that it did not change
    affiliate_followers  what that poll said of the followers, also where CBHours wins
    cbhours_at      the newest live answer of CBHours; cbhours_live_until: until when its "Online" is to be believed,
                    null after an "Offline"
    list_live_at    the newest reading of a list on which a card said that the person is online
    last_seen_at    last seen broadcasting, by whichever source
    snapshots       how many snapshots of the person have been taken
    session_…       what the polls of the broadcast that goes on add up to: `session_since` is the second at which a
                    poll first saw it, null if they must be counted again; of `session_viewed` polls that said the
                    viewers `session_viewers` is the sum; first and last are followers
    """

    __tablename__ = "person_current"
    __table_args__ = (
        Index("ix_person_current_followers", "followers", "person_id"),
        Index("ix_person_current_last_seen_at_person_id", "last_seen_at", "person_id"),
        Index("ix_person_current_rank_person_id", "rank", "person_id", postgresql_where=sql("rank IS NOT NULL"),
              sqlite_where=sql("rank IS NOT NULL")),
        Index("ix_person_current_gender_rank_person_id", "gender_rank", "person_id",
              postgresql_where=sql("gender_rank IS NOT NULL"), sqlite_where=sql("gender_rank IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 75}},
    )

    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True,
                                           autoincrement=False)
    live_at: Mapped[datetime | None] = mapped_column(Moment)
    live_until: Mapped[datetime | None] = mapped_column(Moment)
    followers: Mapped[int | None] = mapped_column(BigInteger)
    followers_at: Mapped[datetime | None] = mapped_column(Moment)
    last_seen_at: Mapped[datetime | None] = mapped_column(Moment)
    affiliate_at: Mapped[datetime | None] = mapped_column(Moment)
    cbhours_at: Mapped[datetime | None] = mapped_column(Moment)
    cbhours_live_until: Mapped[datetime | None] = mapped_column(Moment)
    list_live_at: Mapped[datetime | None] = mapped_column(Moment)
    rank_at: Mapped[datetime | None] = mapped_column(Moment)
    snapshots: Mapped[int] = mapped_column(Integer, default=0)
    viewers: Mapped[int | None] = mapped_column(Integer)
    seconds_online: Mapped[int | None] = mapped_column(Integer)
    rank: Mapped[int | None] = mapped_column(Integer)
    gender_rank: Mapped[int | None] = mapped_column(Integer)
    is_hd: Mapped[bool | None] = mapped_column(Boolean)
    show: Mapped[str | None] = mapped_column(String(40))
    live_source: Mapped[str | None] = mapped_column(String(12))
    followers_source: Mapped[str | None] = mapped_column(String(12))
    affiliate_followers: Mapped[int | None] = mapped_column(BigInteger)
    session_viewers: Mapped[int | None] = mapped_column(BigInteger)
    session_first: Mapped[int | None] = mapped_column(BigInteger)
    session_last: Mapped[int | None] = mapped_column(BigInteger)
    session_since: Mapped[int | None] = mapped_column(Integer)
    session_polls: Mapped[int | None] = mapped_column(Integer)
    session_viewed: Mapped[int | None] = mapped_column(Integer)
    session_peak: Mapped[int | None] = mapped_column(Integer)


class PersonDetails(Base):
    """The winning texts of each person: changed seldom, so that a poll leaves most of these rows alone.

    profile_…       display_name to image_url_360x270, together, of one source: what it left out others may have said
                    (`server.people.rows`); `profile_at`: since when they are so
    sort_age        the age as it is shown, whoever has said it: what lists are sorted by
    subject_…, tags_…  each of its own source; last known when nobody says anything newer
    …_mark          a short digest of what the affiliate API said last: how a change is recognised
    """

    __tablename__ = "person_details"
    __table_args__ = (
        Index("ix_person_details_sort_age_person_id", "sort_age", "person_id"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    person_id: Mapped[int] = mapped_column(Key, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True,
                                           autoincrement=False)
    profile_at: Mapped[datetime | None] = mapped_column(Moment)
    subject_at: Mapped[datetime | None] = mapped_column(Moment)
    tags_at: Mapped[datetime | None] = mapped_column(Moment)
    profile_mark: Mapped[int | None] = mapped_column(BigInteger)
    subject_mark: Mapped[int | None] = mapped_column(BigInteger)
    tags_mark: Mapped[int | None] = mapped_column(BigInteger)
    age: Mapped[int | None] = mapped_column(SmallInteger)
    sort_age: Mapped[int | None] = mapped_column(SmallInteger)
    is_new: Mapped[bool | None] = mapped_column(Boolean)
    profile_source: Mapped[str | None] = mapped_column(String(12))
    subject_source: Mapped[str | None] = mapped_column(String(12))
    tags_source: Mapped[str | None] = mapped_column(String(12))
    gender: Mapped[str | None] = mapped_column(String(1))
    country: Mapped[str | None] = mapped_column(String(2))
    display_name: Mapped[str | None] = mapped_column(Text)
    birthday: Mapped[str | None] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text)
    spoken_languages: Mapped[str | None] = mapped_column(Text)
    image_url: Mapped[str | None] = mapped_column(Text)
    image_url_360x270: Mapped[str | None] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str] | None] = mapped_column(Json)

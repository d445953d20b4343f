"""The row of a person that every list, tab, export and API call shows: one select, one shape, origins by one rule."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from server import priorities
from server.affiliate.store import USUAL_INTERVAL
from server.jobs.kinds import KINDS
from server.jobs.rules import present_config
from server.models import (
    PLATFORM,
    FollowInterval,
    FollowList,
    Job,
    Person,
    PersonCurrent,
    PersonDetails,
    PersonTag,
    PictureState,
)
from server.priorities import Origin

ROLES = {"models": ("model", "both"), "viewers": ("viewer", "both"), "model": ("model", "both"),
         "viewer": ("viewer", "both"), "both": ("both",), "unknown": ("unknown",)}
SOON_AFTER_LIVE = timedelta(hours=3)  # whoever may be shown as live has been seen since then: an index finds them
PROFILE = ("display_name", "age", "gender", "birthday", "country", "location", "spoken_languages", "is_new",
           "image_url", "image_url_360x270")
LIVE = ("show", "viewers", "seconds_online", "is_hd")


class PersonRow(NamedTuple):
    """What is known of one person. None: nobody has told us yet.

    last_seen_at  last seen broadcasting, by whichever source
    picture       SHA-256 of the newest picture that is stored here
    listed_at     the newest complete reading of followed cams that still showed the person on its cards
    following, follower  on a list of any account now
    """

    person_id: int
    uuid: UUID
    platform: str
    username: str
    role: str
    created_at: datetime
    display_name: str | None
    age: int | None
    gender: str | None
    birthday: str | None
    country: str | None
    location: str | None
    spoken_languages: str | None
    is_new: bool | None
    image_url: str | None
    image_url_360x270: str | None
    profile_source: str | None
    profile_at: datetime | None
    subject: str | None
    tags: Sequence[str] | None
    tags_source: str | None
    tags_at: datetime | None
    show: str | None
    viewers: int | None
    seconds_online: int | None
    is_hd: bool | None
    live_source: str | None
    live_at: datetime | None
    live_until: datetime | None
    followers: int | None
    followers_source: str | None
    followers_at: datetime | None
    rank: int | None
    gender_rank: int | None
    rank_at: datetime | None
    snapshots: int | None
    last_seen_at: datetime | None
    affiliate_at: datetime | None
    cbhours_at: datetime | None
    picture: str | None
    listed_at: datetime | None
    following: bool
    follower: bool


# Columns of tables, not of mapped classes: rows of those take a way of their own that is twice as long.
_person, _current, _details = (model.__table__.c for model in (Person, PersonCurrent, PersonDetails))
_listed = aliased(FollowInterval)  # a name of its own beside the interval that a list is about


def _is_in(direction: str) -> Any:
    """Not an EXISTS: PostgreSQL would read all follows at once for it, whatever the limit of the list."""
    one = select(literal(True)).where(_listed.person_id == _person.id, _listed.direction == direction,
                                      _listed.end_latest.is_(None)).limit(1).correlate(Person.__table__)
    return func.coalesce(one.scalar_subquery(), literal(False)).label(direction)


def _listed_at() -> Any:
    """Lists of followers show names alone, so only followed cams confirm what a card says."""
    return (
        select(func.max(FollowList.complete_started_at))
        .join(_listed, and_(_listed.account_id == FollowList.account_id, _listed.direction == FollowList.direction))
        .where(_listed.person_id == Person.id, _listed.direction == "following", _listed.end_latest.is_(None),
               _listed.missing_since.is_(None))
        .correlate(Person).scalar_subquery().label("listed_at")
    )


COLUMNS: tuple[Any, ...] = (
    _person.id, _person.uuid, _person.platform, _person.username, _person.role, _person.created_at,
    *(_details[name] for name in (
        *PROFILE, "profile_source", "profile_at", "subject", "tags", "tags_source", "tags_at")),
    *(_current[name] for name in (
        *LIVE, "live_source", "live_at", "live_until", "followers", "followers_source", "followers_at", "rank",
        "gender_rank", "rank_at", "snapshots", "last_seen_at", "affiliate_at", "cbhours_at")),
    PictureState.__table__.c.sha256, _listed_at(), _is_in("following"), _is_in("follower"),
)
WIDTH = len(COLUMNS)


def with_current(query: Any) -> Any:
    """A select over persons, joined with what is known of them now."""
    return (query.outerjoin(PersonCurrent, PersonCurrent.person_id == Person.id)
            .outerjoin(PersonDetails, PersonDetails.person_id == Person.id)
            .outerjoin(PictureState, PictureState.person_id == Person.id))


_THESE = (  # made once: putting it together takes as long as asking it
    select(*COLUMNS).select_from(
        Person.__table__.outerjoin(PersonCurrent.__table__, _current.person_id == _person.id)
        .outerjoin(PersonDetails.__table__, _details.person_id == _person.id)
        .outerjoin(PictureState.__table__, PictureState.__table__.c.person_id == _person.id))
    .where(_person.id.in_(bindparam("person_ids", expanding=True))))


def rows_of(session: Session, person_ids: Sequence[int]) -> list[PersonRow]:
    """These people, in this order; whoever was erased meanwhile is left out."""
    if not person_ids:
        return []
    found = {row[0]: PersonRow(*row) for row in session.execute(_THESE, {"person_ids": list(person_ids)})}
    return [found[key] for key in person_ids if key in found]


def row_of(session: Session, username: str, platform: str = PLATFORM) -> PersonRow | None:
    """One person; None: never heard of."""
    query = with_current(select(*COLUMNS).select_from(Person)).where(
        Person.platform == platform, Person.username == username.strip().lower())
    row = session.execute(query).one_or_none()
    return None if row is None else PersonRow(*row)


def is_known(session: Session, username: str) -> bool:
    return bool(session.scalar(select(exists().where(Person.platform == PLATFORM, Person.username == username))))


# ---- filters


def checked_row_by_row(session: Session, column: Any) -> Any:
    """A column for a condition that must not decide where SQLite begins: it knows no numbers, and would rather go
    through everybody of one platform and sort them than walk along the index of the sort."""
    if session.get_bind().dialect.name != "sqlite":
        return column
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def name_contains(session: Session, text: str) -> ColumnElement[bool]:
    if session.get_bind().dialect.name == "sqlite":
        return func.instr(Person.username, text.lower()) > 0  # a third of the time of LIKE
    # By its index (ix_persons_username_trigrams), which is of lower(username) so that nothing else uses it.
    return func.lower(Person.username).contains(text.lower(), autoescape=True)


def has_tag(tag: str) -> ColumnElement[bool]:
    """People without tags have none that matches."""
    return exists().where(PersonTag.person_id == Person.id, PersonTag.tag == tag.lower())


def live_now(now: datetime) -> ColumnElement[bool]:
    """`server.priorities.is_live` in SQL, over `PersonCurrent`; unknown counts as not live."""
    by_list = and_(PersonCurrent.last_seen_at >= now - priorities.LIVE_BY_LISTS,
                   or_(PersonCurrent.affiliate_at.is_(None), PersonCurrent.last_seen_at > PersonCurrent.affiliate_at))
    return func.coalesce(or_(PersonCurrent.live_until >= now, by_list), False)


# ---- origins


class Freshness(NamedTuple):
    """What is needed to say how fresh a value is: how often each source is asked, and the present."""

    intervals: dict[str, timedelta]
    now: datetime


def freshness(session: Session, now: datetime) -> Freshness:
    """How often the sources are asked now, as their jobs are configured.

    Of several lists on a schedule the one that is read most often counts, so that nothing is called fresh too long.
    """
    jobs = session.execute(select(Job.name, Job.config, Job.scheduled, Job.paused).where(
        Job.name.in_(("affiliate", "following", "followers")))).all()
    polls, lists = [], []
    for name, config, scheduled, paused in jobs:
        told = present_config(KINDS[name], config)
        interval = timedelta(minutes=told["intervalMinutes"])
        if name == "affiliate":
            polls.append(interval)
        elif scheduled and not paused and told["enabled"]:
            lists.append(interval)
    return Freshness({"affiliate": min(polls, default=USUAL_INTERVAL),
                      "browser": min(lists, default=timedelta(0))}, now)


def is_live(row: PersonRow, now: datetime) -> bool:
    return priorities.is_live(row.live_until, row.last_seen_at, row.affiliate_at, now)


def origins(row: PersonRow, about: Freshness) -> dict[str, Origin]:
    """The origin of each group of values of a row: profile, tags, live, followers, rank, seen, snapshots, role."""
    intervals, now = about

    def text(source: str | None, since: datetime | None) -> Origin:
        at = priorities.confirmed_at(source, since, polled_at=row.affiliate_at, listed_at=row.listed_at)
        return priorities.origin(source, at, intervals, now)

    live = is_live(row, now)
    by_poll = row.affiliate_at is not None and (row.last_seen_at is None or row.last_seen_at <= row.affiliate_at)
    seen_by = None if row.last_seen_at is None else "affiliate" if by_poll else "browser"
    live_source = row.live_source if by_poll else seen_by
    return {
        "profile": text(row.profile_source, row.profile_at),
        "tags": text(row.tags_source, row.tags_at),
        "live": Origin(live_source, row.live_at if by_poll else row.last_seen_at, live) if live_source
        else priorities.NO_ORIGIN,
        "numbers": Origin(row.live_source, row.live_at, live and by_poll) if row.live_source else priorities.NO_ORIGIN,
        "followers": priorities.origin(row.followers_source, row.followers_at, intervals, now),
        "rank": priorities.origin("cbhours" if row.rank_at else None, row.rank_at, intervals, now),
        "seen": priorities.origin(seen_by, row.last_seen_at, intervals, now),
        "snapshots": priorities.origin("affiliate" if row.snapshots else None, row.affiliate_at, intervals, now),
        "role": priorities.origin("affiliate" if row.affiliate_at else "browser",
                                  max(filter(None, (row.affiliate_at, row.listed_at)), default=row.created_at),
                                  intervals, now),
    }

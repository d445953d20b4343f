"""The directory of everybody known, and one person as the profile shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, literal, select, tuple_
from sqlalchemy.orm import Session

from server.follows.queries import ROLES
from server.jobs.kinds import KINDS
from server.jobs.rules import present_config
from server.models import PLATFORM, FollowInterval, Job, Moment, Person, PersonTag, Profile
from server.paging import Page, decode_cursor, encode_cursor, refused_cursor

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # sorts people whose moment is unknown behind the others
# Nobody is live on old evidence: with lists that are read every six hours, 1.5 × the interval would call somebody
# live who went offline in the morning, so for this the narrow bound counts.
LIVE = timedelta(minutes=10)
FRESH = timedelta(minutes=10)  # at least; see `fresh_within`


@dataclass(frozen=True)
class DirectoryRow:
    """One person. following, follower: in a list of any account now. None: nobody has told us yet."""

    person_id: int
    uuid: UUID
    platform: str
    username: str
    role: str
    display_name: str | None
    age: int | None
    gender: str | None
    country: str | None
    location: str | None
    subject: str | None
    tags: Sequence[str] | None
    image_url: str | None
    last_seen_at: datetime | None
    following: bool
    follower: bool


_SEEN = func.coalesce(Profile.last_online_at, literal(NEVER, Moment()), type_=Moment())
_SORTS: dict[str, tuple[Any, type]] = {"username": (Person.username, str), "seen": (_SEEN, datetime)}


def directory(session: Session, *, now: datetime, role: str | None = None, tag: str | None = None,
              search: str | None = None, live: bool | None = None, sort: str = "username", limit: int = 50,
              cursor: str | None = None) -> Page[DirectoryRow]:
    """Everybody known; two statements.

    role    models, viewers, model, viewer, both or unknown; None: everybody
    live    True: seen broadcasting within `LIVE`; False: the others
    sort    username or seen, with a minus in front for the other way round
    raises  Refused 400 for a cursor that is not one of this list
    """
    rule = _filters(role, tag, search, live, now)
    column, kind = _SORTS[sort.removeprefix("-")]
    descending = sort.startswith("-")
    query: Any = (
        select(Person.id, Person.uuid, Person.platform, Person.username, Person.role, Profile.display_name, Profile.age,
               Profile.gender, Profile.country, Profile.location, Profile.subject, Profile.tags, Profile.image_url,
               Profile.last_online_at, _is_in("following"), _is_in("follower"))
        .outerjoin(Profile, Profile.person_id == Person.id)
        .where(*rule)
    )
    if cursor:
        word, value, tie = decode_cursor(cursor, str, kind, int)
        if word != sort:
            raise refused_cursor()
        keys, beyond = tuple_(column, Person.id), tuple_(literal(value, column.type), literal(tie))
        query = query.where(keys < beyond if descending else keys > beyond)
    order = (column, Person.id)
    query = query.order_by(*(key.desc() for key in order) if descending else order).limit(limit + 1)
    rows = [DirectoryRow(*row) for row in session.execute(query)]
    count = select(func.count()).select_from(Person).outerjoin(Profile, Profile.person_id == Person.id).where(*rule)
    total = session.execute(count).scalar_one()
    more, rows = len(rows) > limit, rows[:limit]
    if not more:
        return Page(rows, total, None)
    last = rows[-1]
    edge = last.username if column is Person.username else last.last_seen_at or NEVER
    return Page(rows, total, encode_cursor(sort, edge, last.person_id))


def person(session: Session, username: str, platform: str = PLATFORM) -> tuple[Person, Profile | None] | None:
    """One person with what the lists last said; None: never heard of."""
    row = session.execute(
        select(Person, Profile).outerjoin(Profile, Profile.person_id == Person.id)
        .where(Person.platform == platform, Person.username == username.strip().lower())).one_or_none()
    return None if row is None else (row[0], row[1])


def popular_tags(session: Session, limit: int = 30) -> list[tuple[str, int]]:
    """The tags that most people have, with how many."""
    count = func.count()
    query = select(PersonTag.tag, count).group_by(PersonTag.tag).order_by(count.desc(), PersonTag.tag).limit(limit)
    return [(tag, number) for tag, number in session.execute(query)]


def fresh_within(session: Session) -> timedelta:
    """How old a value of the lists may be to count as fresh: 1.5 × the interval at which they are read by themselves.

    Of several lists on a schedule the one that is read most often counts, so that nothing is called fresh too long.
    """
    jobs = session.execute(select(Job.name, Job.config).where(Job.name.in_(KINDS), Job.scheduled, ~Job.paused))
    configs = [present_config(KINDS[name], config) for name, config in jobs]
    intervals = [timedelta(minutes=config["intervalMinutes"]) for config in configs if config["enabled"]]
    return max(FRESH, 1.5 * min(intervals, default=timedelta(0)))


def is_live(last_online_at: datetime | None, now: datetime) -> bool:
    return last_online_at is not None and now - last_online_at <= LIVE


def _is_in(direction: str) -> ColumnElement[bool]:
    return exists().where(FollowInterval.person_id == Person.id, FollowInterval.direction == direction,
                          FollowInterval.end_latest.is_(None))


def _filters(role: str | None, tag: str | None, search: str | None, live: bool | None,
             now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Person.platform == PLATFORM]
    if role:
        found.append(Person.role.in_(ROLES[role]))
    if search:
        found.append(Person.username.contains(search.strip().lower(), autoescape=True))
    if tag:
        found.append(exists().where(PersonTag.person_id == Person.id, PersonTag.tag == tag.strip().lower()))
    if live is not None:
        recently: ColumnElement[bool] = now - LIVE <= _SEEN
        found.append(recently if live else ~recently)
    return found

"""What the follow lists, their history and their scans answer. Each list costs two statements: its rows, its count.

The best single moment of a start or an end is its latest bound, the first proof: of presence for a start, of
absence for an end. It is null where only that bound is known ("before …", as in the very first scan). An event
gives both bounds the same exact moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    exists,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from server.models import PLATFORM, Account, FollowInterval, Moment, Person, PersonTag, Profile, Scan, ScanPageRow
from server.paging import Page, decode_cursor, encode_cursor, refused_cursor

Direction = Literal["following", "follower"]
ROLES = {"models": ("model", "both"), "viewers": ("viewer", "both"), "model": ("model", "both"),
         "viewer": ("viewer", "both"), "both": ("both",), "unknown": ("unknown",)}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class FollowRow:
    """One follow of one person, current or ended. All None of a person's fields: nobody has told us yet."""

    interval_id: int
    uuid: UUID
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
    last_seen_at: datetime | None  # last seen broadcasting
    direction: Direction
    start_earliest: datetime | None
    start_latest: datetime
    start_source: str
    missing_since: datetime | None
    end_earliest: datetime | None
    end_latest: datetime | None
    end_source: str | None
    returned: bool  # they had left before and came back
    back: bool  # an ended follow that has begun anew

    @property
    def state(self) -> Literal["current", "missing", "ended"]:
        if self.end_latest is not None:
            return "ended"
        return "missing" if self.missing_since is not None else "current"

    @property
    def since(self) -> datetime | None:
        """The best single moment of the start; None while only "before …" is known."""
        return None if self.start_earliest is None else self.start_latest

    @property
    def days_followed(self) -> float | None:
        """Days between the best single moments; at least so many if the start is unknown. None while it goes on."""
        if self.end_latest is None or self.end_earliest is None:
            return None
        if self.start_earliest is None:
            return self.days_at_least
        return round(max((self.end_latest - self.start_latest) / DAY, 0.0), 2)


    @property
    def days_at_least(self) -> float | None:
        """Days between the first and the last proved presence; None while it goes on."""
        return None if self.end_earliest is None else round(max((self.end_earliest - self.start_latest) / DAY, 0.0), 2)

    @property
    def days_at_most(self) -> float | None:
        """Days between the proved absences around it; None while it goes on or the start is unknown."""
        if self.end_latest is None or self.start_earliest is None:
            return None
        return round((self.end_latest - self.start_earliest) / DAY, 2)


_PERSON = (
    Person.uuid, Person.username, Person.role, Profile.display_name, Profile.age, Profile.gender, Profile.country,
    Profile.location, Profile.subject, Profile.tags, Profile.image_url, Profile.last_online_at,
)
_BOUNDS = (
    FollowInterval.direction, FollowInterval.start_earliest, FollowInterval.start_latest, FollowInterval.start_source,
    FollowInterval.missing_since, FollowInterval.end_earliest, FollowInterval.end_latest, FollowInterval.end_source,
)
_SORTS = {
    "since": (FollowInterval.start_latest, datetime),
    "until": (FollowInterval.end_latest, datetime),
    "username": (Person.username, str),
}


def current(session: Session, account_id: int, direction: Direction, *, role: str | None = None,
            tag: str | None = None, search: str | None = None, sort: str = "-since", limit: int = 50,
            cursor: str | None = None) -> Page[FollowRow]:
    """Who is on a list now, the missing among them.

    role    models (model, both), viewers (viewer, both); None: everybody
    sort    since or username, with a minus in front for the other way round
    raises  Refused 400 for a cursor that is not one of this list
    """
    rule = [*_of_list(account_id, direction), FollowInterval.end_latest.is_(None), *_filters(role, tag, search)]
    return _page(session, rule, sort, limit, cursor, narrowed=bool(role or tag or search))


def unfollowed(session: Session, account_id: int, direction: Direction = "follower", *,
               since: datetime | None = None, role: str | None = None, tag: str | None = None,
               search: str | None = None, sort: str = "-until", limit: int = 50,
               cursor: str | None = None) -> Page[FollowRow]:
    """Follows that have ended since a moment (None: ever), also of those who came back.

    sort    until, since or username, with a minus in front for the other way round
    raises  Refused 400 for a cursor that is not one of this list
    """
    rule = [*_of_list(account_id, direction), FollowInterval.end_latest.is_not(None), *_filters(role, tag, search)]
    if since is not None:
        rule.append(FollowInterval.end_latest >= since)
    return _page(session, rule, sort, limit, cursor, narrowed=bool(role or tag or search))


def of_person(session: Session, person_id: int, account_id: int | None = None) -> list[tuple[str, FollowRow]]:
    """Every follow of one person, with the account's name; newest first."""
    query = (_rows().add_columns(Account.username).join(Account, Account.id == FollowInterval.account_id)
             .where(FollowInterval.person_id == person_id)
             .order_by(FollowInterval.start_latest.desc(), FollowInterval.id.desc()))
    if account_id is not None:
        query = query.where(FollowInterval.account_id == account_id)
    return [(row[-1], FollowRow(*row[:-1])) for row in session.execute(query)]


def _rows() -> Any:
    other = aliased(FollowInterval)
    same = and_(other.account_id + 0 == FollowInterval.account_id, other.direction == FollowInterval.direction,
                other.person_id == FollowInterval.person_id, other.id != FollowInterval.id)
    returned = exists().where(same, other.end_latest <= FollowInterval.start_latest)
    back = and_(FollowInterval.end_latest.is_not(None), exists().where(same, other.end_latest.is_(None)))
    return (
        select(FollowInterval.id, *_PERSON, *_BOUNDS, returned, type_coerce(back, Boolean))
        .select_from(FollowInterval)
        .join(Person, Person.id == FollowInterval.person_id)
        .outerjoin(Profile, Profile.person_id == Person.id)
    )


def _of_list(account_id: int, direction: Direction) -> list[ColumnElement[bool]]:
    return [FollowInterval.account_id == account_id, FollowInterval.direction == direction]


def _filters(role: str | None, tag: str | None, search: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if role:
        found.append(Person.role.in_(ROLES[role]))
    if search:
        found.append(Person.username.contains(search.lower(), autoescape=True))
    if tag:
        found.append(exists().where(PersonTag.person_id == Person.id, PersonTag.tag == tag.lower()))
    return found


def _page(session: Session, rule: Sequence[ColumnElement[bool]], sort: str, limit: int, cursor: str | None, *,
          narrowed: bool) -> Page[FollowRow]:
    column, kind = _SORTS[sort.removeprefix("-")]
    descending = sort.startswith("-")
    keys = tuple_(column, FollowInterval.id)
    query = _rows().where(Person.platform == PLATFORM, *rule)
    if cursor:
        word, *edge = decode_cursor(cursor, str, kind, int)
        if word != sort:
            raise refused_cursor()
        beyond = tuple_(literal(edge[0], column.type), literal(edge[1]))
        query = query.where(keys < beyond if descending else keys > beyond)
    order = (column, FollowInterval.id)
    query = query.order_by(*(key.desc() for key in order) if descending else order).limit(limit + 1)
    rows = [FollowRow(*row) for row in session.execute(query)]
    count = select(func.count()).select_from(FollowInterval).where(*rule)
    if narrowed:
        count = count.join(Person, Person.id == FollowInterval.person_id)
    total = session.execute(count).scalar_one()
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, total, _edge(sort, rows[-1]) if more else None)


def _edge(sort: str, row: FollowRow) -> str:
    value: Any = {"since": row.start_latest, "until": row.end_latest, "username": row.username}[sort.removeprefix("-")]
    return encode_cursor(sort, value, row.interval_id)


# ---- history --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edge:
    """One begin or end of a follow. at: the best single moment; None while only "before …" is known."""

    interval_id: int
    username: str
    direction: Direction
    event: Literal["follow", "unfollow"]
    earliest: datetime | None
    latest: datetime
    source: str
    scan_id: UUID | None

    @property
    def at(self) -> datetime | None:
        return None if self.earliest is None else self.latest


def history(session: Session, account_id: int, *, username: str | None = None, direction: Direction | None = None,
            since: datetime | None = None, until: datetime | None = None, limit: int = 50,
            cursor: str | None = None) -> Page[Edge]:
    """Every begin and end, newest first, by latest bound; only those in [since, until) where these are given.

    raises  Refused 400 for a cursor that is not one of this list
    """
    rule: list[ColumnElement[bool]] = [FollowInterval.account_id == account_id]
    if direction:
        rule.append(FollowInterval.direction == direction)
    if username:
        rule.append(Person.username == username.lower())
    starts = _edges(0, FollowInterval.start_earliest, FollowInterval.start_latest, FollowInterval.start_source,
                    FollowInterval.start_scan_id, rule, since, until)
    ends = _edges(1, FollowInterval.end_earliest, FollowInterval.end_latest, FollowInterval.end_source,
                  FollowInterval.end_scan_id, [*rule, FollowInterval.end_latest.is_not(None)], since, until)
    edges = union_all(starts, ends).subquery("edges")
    query = select(edges)
    if cursor:
        at, interval_id, is_end = decode_cursor(cursor, datetime, int, int)
        query = query.where(tuple_(edges.c.latest, edges.c.id, edges.c.is_end)
                            < tuple_(literal(at, Moment()), literal(interval_id), literal(is_end)))
    query = query.order_by(edges.c.latest.desc(), edges.c.id.desc(), edges.c.is_end.desc()).limit(limit + 1)
    found = session.execute(query).all()
    total = session.execute(select(func.count()).select_from(edges)).scalar_one()
    more = len(found) > limit
    found = found[:limit]
    rows = [Edge(row.id, row.username, row.direction, "unfollow" if row.is_end else "follow", row.earliest, row.latest,
                 row.source, row.scan_id) for row in found]
    last = found[-1] if more else None
    return Page(rows, total, encode_cursor(last.latest, last.id, last.is_end) if last else None)


def _edges(is_end: int, earliest: Any, latest: Any, source: Any, scan_id: Any, rule: Sequence[ColumnElement[bool]],
           since: datetime | None, until: datetime | None) -> Select[Any]:
    query = (
        select(FollowInterval.id, Person.username, FollowInterval.direction, literal(is_end).label("is_end"),
               earliest.label("earliest"), latest.label("latest"), source.label("source"), scan_id.label("scan_id"))
        .join(Person, Person.id == FollowInterval.person_id)
        .where(*rule)
    )
    if since is not None:
        query = query.where(latest >= since)
    return query if until is None else query.where(latest < until)


# ---- scans ----------------------------------------------------------------------------------------------------


def scans(session: Session, *, account_id: int | None = None, list_name: str | None = None,
          state: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[tuple[Scan, str]]:
    """Scans with their account's name, newest first.

    raises  Refused 400 for a cursor that is not one of this list
    """
    rule: list[ColumnElement[bool]] = []
    if account_id is not None:
        rule.append(Scan.account_id == account_id)
    if list_name:
        rule.append(Scan.list == list_name)
    if state:
        rule.append(Scan.state == state)
    query = select(Scan, Account.username).join(Account, Account.id == Scan.account_id).where(*rule)
    if cursor:
        at, scan_id = decode_cursor(cursor, datetime, str)
        try:
            last = UUID(scan_id)
        except ValueError as error:
            raise refused_cursor() from error
        query = query.where(tuple_(Scan.started_at, Scan.id)
                            < tuple_(literal(at, Moment()), literal(last, Scan.id.type)))
    query = query.order_by(Scan.started_at.desc(), Scan.id.desc()).limit(limit + 1)
    found = [(scan, name) for scan, name in session.execute(query)]
    total = session.execute(select(func.count()).select_from(Scan).where(*rule)).scalar_one()
    more = len(found) > limit
    found = found[:limit]
    return Page(found, total, encode_cursor(found[-1][0].started_at, str(found[-1][0].id)) if more else None)


@dataclass(frozen=True)
class PageEvidence:
    """One page of a scan as evidence: what it said about itself, when, and the raw bytes behind it."""

    facts: dict[str, Any]
    observed_at: datetime
    capture_id: int | None


def scan_pages(session: Session, scan_id: UUID) -> list[PageEvidence]:
    """The pages of a scan in the order in which they arrived."""
    query = (select(ScanPageRow.facts, ScanPageRow.observed_at, ScanPageRow.capture_id)
             .where(ScanPageRow.scan_id == scan_id).order_by(ScanPageRow.id))
    return [PageEvidence(*row) for row in session.execute(query)]

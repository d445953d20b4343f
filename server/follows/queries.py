"""What the follow lists, their history and their scans answer. Each list costs two statements: its rows, its count.

The best single moment of a start or an end is its latest bound, the first proof: of presence for a start, of
absence for an end. It is null where only that bound is known ("before …", as in the very first scan). An event
gives both bounds the same exact moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

from server.models import (
    Account,
    FollowInterval,
    Moment,
    Person,
    PersonCurrent,
    PersonDetails,
    Scan,
    ScanPageRow,
)
from server.paging import Page, decode_cursor, encode_cursor, refused_cursor
from server.people.directory import Cut, Wanted, filters, of_now
from server.people.rows import COLUMNS, WIDTH, PersonRow, with_current

Direction = Literal["following", "follower"]
DAY = timedelta(days=1)
_BEFORE_ALL, _AFTER_ALL = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FollowRow:
    """One follow of one person, current or ended."""

    person: PersonRow
    interval_id: int
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
    def proved(self) -> timedelta | None:
        """From the first to the last proved presence; None while it goes on."""
        return None if self.end_earliest is None else max(self.end_earliest - self.start_latest, timedelta(0))

    @property
    def at_most(self) -> timedelta | None:
        """Between the proved absences around it; None while it goes on or the start is unknown."""
        if self.end_latest is None or self.start_earliest is None:
            return None
        return self.end_latest - self.start_earliest

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
        return None if self.proved is None else round(self.proved / DAY, 2)

    @property
    def days_at_most(self) -> float | None:
        return None if self.at_most is None else round(self.at_most / DAY, 2)


_BOUNDS = (
    FollowInterval.direction, FollowInterval.start_earliest, FollowInterval.start_latest, FollowInterval.start_source,
    FollowInterval.missing_since, FollowInterval.end_earliest, FollowInterval.end_latest, FollowInterval.end_source,
)
_SORTS: dict[str, tuple[Any, type]] = {
    "username": (Person.username, str),
    "since": (FollowInterval.start_latest, datetime),
    "until": (FollowInterval.end_latest, datetime),
    "age": (PersonDetails.sort_age, int),
    "followers": (PersonCurrent.followers, int),
    "rank": (PersonCurrent.rank, int),
    "gender_rank": (PersonCurrent.gender_rank, int),
    "seen": (PersonCurrent.last_seen_at, datetime),
}
CURRENT_SORTS = ("since", "username", "age", "followers", "rank", "gender_rank", "seen")
ENDED_SORTS = ("until", "since", "username", "age", "seen")


def current(session: Session, account_id: int, direction: Direction, wanted: Wanted, now: datetime) -> Cut:
    """One page of who is on a list now, the missing among them.

    sort    one of CURRENT_SORTS, with a minus in front for the other way round; who has no such value comes last
    raises  Refused 400 for a cursor that is not one of this list
    """
    return _cut(session, [*_of_list(account_id, direction), FollowInterval.end_latest.is_(None)], wanted, now)


def unfollowed(session: Session, account_id: int, direction: Direction, since: datetime | None, wanted: Wanted,
               now: datetime) -> Cut:
    """One page of the follows that have ended since a moment (None: ever), also of those who came back.

    sort    one of ENDED_SORTS, with a minus in front for the other way round; who has no such value comes last
    raises  Refused 400 for a cursor that is not one of this list
    """
    return _cut(session, _ended(account_id, direction, since), wanted, now)


def count_current(session: Session, account_id: int, direction: Direction, wanted: Wanted, now: datetime) -> int:
    """How many the filters leave of a list."""
    return _count(session, [*_of_list(account_id, direction), FollowInterval.end_latest.is_(None)], wanted, now)


def count_unfollowed(session: Session, account_id: int, direction: Direction, since: datetime | None, wanted: Wanted,
                     now: datetime) -> int:
    """How many the filters leave of the follows that have ended."""
    return _count(session, _ended(account_id, direction, since), wanted, now)


def of_person(session: Session, person_id: int, account_id: int | None = None) -> list[tuple[str, FollowRow]]:
    """Every follow of one person, with the account's name; newest first."""
    query = (_rows().add_columns(Account.username).join(Account, Account.id == FollowInterval.account_id)
             .where(FollowInterval.person_id == person_id)
             .order_by(FollowInterval.start_latest.desc(), FollowInterval.id.desc()))
    if account_id is not None:
        query = query.where(FollowInterval.account_id == account_id)
    return [(row[-1], _row(row)) for row in session.execute(query)]


def _rows() -> Any:
    other = aliased(FollowInterval)
    same = and_(other.account_id + 0 == FollowInterval.account_id, other.direction == FollowInterval.direction,
                other.person_id == FollowInterval.person_id, other.id != FollowInterval.id)
    returned = exists().where(same, other.end_latest <= FollowInterval.start_latest)
    back = and_(FollowInterval.end_latest.is_not(None), exists().where(same, other.end_latest.is_(None)))
    return with_current(
        select(*COLUMNS, FollowInterval.id, *_BOUNDS, returned, type_coerce(back, Boolean))
        .select_from(FollowInterval).join(Person, Person.id == FollowInterval.person_id))


def _row(row: Any) -> FollowRow:
    return FollowRow(PersonRow(*row[:WIDTH]), *row[WIDTH:WIDTH + 11])


def _of_list(account_id: int, direction: Direction) -> list[ColumnElement[bool]]:
    return [FollowInterval.account_id == account_id, FollowInterval.direction == direction]


def _ended(account_id: int, direction: Direction, since: datetime | None) -> list[ColumnElement[bool]]:
    rule = [*_of_list(account_id, direction), FollowInterval.end_latest.is_not(None)]
    return rule if since is None else [*rule, FollowInterval.end_latest >= since]


def _cut(session: Session, rule: Sequence[ColumnElement[bool]], wanted: Wanted, now: datetime) -> Cut:
    """A cut of a list, from behind `after`, or up to `before`."""
    column, kind = _SORTS[wanted.sort.removeprefix("-")]
    downwards, backwards = wanted.sort.startswith("-"), bool(wanted.before)
    descending = downwards != backwards
    value: Any = column
    if kind is int:
        value = func.coalesce(column, -1 if downwards else 2**62)
    elif column is PersonCurrent.last_seen_at:
        value = func.coalesce(column, literal(_BEFORE_ALL if downwards else _AFTER_ALL, Moment()), type_=Moment())
    keys = (value, FollowInterval.id)
    query = _rows().where(*rule, *filters(session, wanted, of_now(session, wanted, now), walking=True))
    edge = wanted.before or wanted.after
    if edge:
        word, *place = decode_cursor(edge, str, kind, int)
        if word != wanted.sort:
            raise refused_cursor()
        beyond = tuple_(literal(place[0], value.type), literal(place[1]))
        query = query.where(tuple_(*keys) < beyond if descending else tuple_(*keys) > beyond)
    query = query.order_by(*(key.desc() for key in keys) if descending else keys)
    found = list(session.execute(query.add_columns(value).limit(wanted.limit + 1)))
    more = len(found) > wanted.limit
    found = found[:wanted.limit]
    if backwards:
        found.reverse()
    has_previous, has_next = (more, True) if backwards else (bool(wanted.after), more)
    rows = [_row(row) for row in found]

    def cursor(place: int) -> str:
        return encode_cursor(wanted.sort, found[place][-1], rows[place].interval_id)

    return Cut(rows, cursor(0) if rows and has_previous else None, cursor(-1) if rows and has_next else None)


def _count(session: Session, rule: Sequence[ColumnElement[bool]], wanted: Wanted, now: datetime) -> int:
    query = select(func.count()).select_from(FollowInterval).where(*rule)
    if wanted.narrowed:
        query = query.join(Person, Person.id == FollowInterval.person_id).where(
            *filters(session, wanted, of_now(session, wanted, now), walking=True))
        if wanted.live is not None:
            query = query.outerjoin(PersonCurrent, PersonCurrent.person_id == Person.id)
    return session.execute(query).scalar_one()


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

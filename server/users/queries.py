"""What fills the four Users tabs: one statement for the rows of a tab, one for all counts.

Rows come in cuts with a cursor to either side. A cursor holds the sort values of the row at the edge, so a
deep page costs what the first one costs. Every order ends in a unique key, so nobody is shown twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from server.models import PLATFORM, FollowInterval, FollowList, Person, PersonTag, Profile
from server.paging import decode_cursor, encode_cursor, refused_cursor

Direction = Literal["following", "follower"]
PAGE = 50
COUNT_CAP = 10_000  # a filtered list is counted up to here: "more than 10,000"
ROLES = {"models": ("model", "both"), "viewers": ("viewer", "both")}
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # sorts people whose moment is unknown behind the others
NO_AGE = -1

open_follow = FollowInterval.end_latest.is_(None)


@dataclass(frozen=True)
class Wanted:
    """What a tab is asked for. sort: a key of `SORTS` of the tab, with a minus in front for the other way round."""

    sort: str
    role: str = "all"
    search: str = ""
    tag: str = ""
    after: str = ""
    before: str = ""
    limit: int = PAGE


class UserRow(NamedTuple):
    """One person in a tab. `since_…` and `end_…` are None where the tab has no such column."""

    username: str
    role: str
    display_name: str | None
    age: int | None
    subject: str | None
    tags: Sequence[str] | None
    source: str | None
    changed_at: datetime | None
    last_online_at: datetime | None
    since_earliest: datetime | None = None
    since_latest: datetime | None = None
    since_source: str | None = None
    missing_since: datetime | None = None
    end_earliest: datetime | None = None
    end_latest: datetime | None = None
    end_source: str | None = None
    back: bool = False  # an ended follow that has begun anew

    @property
    def days_at_least(self) -> int | None:
        """Whole days that are proved: from the first proved presence to the last one."""
        return None if self.end_earliest is None or self.since_latest is None else max(
            0, (self.end_earliest - self.since_latest).days)

    @property
    def days_at_most(self) -> int | None:
        """Whole days that it can have been; None: the start is unknown."""
        return None if self.end_latest is None or self.since_earliest is None else (
            self.end_latest - self.since_earliest).days


class Cut(NamedTuple):
    """Rows of one page, and cursors to the pages beside it; None: there is none."""

    rows: list[UserRow]
    previous: str | None
    next: str | None


class Order(NamedTuple):
    """What a sort word sorts by, and the kind of its values; `tie` is unique."""

    value: Any
    kind: type
    tie: Any
    tie_kind: type


BY_NAME = Order(Person.username, str, Person.id, int)
BY_ONLINE = Order(func.coalesce(Profile.last_online_at, NEVER), datetime, Person.id, int)
BY_AGE = Order(func.coalesce(Profile.age, NO_AGE), int, Person.id, int)
DIRECTORY_SORTS = {"username": BY_NAME, "age": BY_AGE, "seen": BY_ONLINE}
LIST_SORTS = DIRECTORY_SORTS | {"since": Order(FollowInterval.start_latest, datetime, FollowInterval.id, int)}
ENDED_SORTS = {
    "username": Order(Person.username, str, FollowInterval.id, int),
    "seen": Order(func.coalesce(Profile.last_online_at, NEVER), datetime, FollowInterval.id, int),
    "followed": Order(FollowInterval.start_latest, datetime, FollowInterval.id, int),
    "unfollowed": Order(FollowInterval.end_latest, datetime, FollowInterval.id, int),
}

PERSON_COLUMNS = (
    Person.username, Person.role, Profile.display_name, Profile.age, Profile.subject, Profile.tags, Profile.source,
    Profile.changed_at, Profile.last_online_at,
)


def directory(session: Session, wanted: Wanted) -> Cut:
    """Everybody known."""
    query = select(*PERSON_COLUMNS).select_from(Person).outerjoin(Profile, Profile.person_id == Person.id)
    return _cut(session, query.where(*_filters(wanted)), wanted, DIRECTORY_SORTS)


def follows(session: Session, account_id: int, direction: Direction, wanted: Wanted) -> Cut:
    """Who the account follows now, or who follows it, with the bounds of since when."""
    query = (
        select(*PERSON_COLUMNS, FollowInterval.start_earliest, FollowInterval.start_latest,
               FollowInterval.start_source, FollowInterval.missing_since)
        .select_from(FollowInterval)
        .join(Person, Person.id == FollowInterval.person_id)
        .outerjoin(Profile, Profile.person_id == Person.id)
        .where(FollowInterval.account_id == account_id, FollowInterval.direction == direction, open_follow)
    )
    return _cut(session, query.where(*_filters(wanted)), wanted, LIST_SORTS)


def unfollowed(session: Session, account_id: int, direction: Direction, since: datetime | None,
               wanted: Wanted) -> Cut:
    """Follows that have ended since a moment (None: ever), whether or not they began anew."""
    again = aliased(FollowInterval)
    back = exists().where(again.account_id == account_id, again.direction == direction,
                          again.person_id == FollowInterval.person_id, again.end_latest.is_(None))
    query = (
        select(*PERSON_COLUMNS, FollowInterval.start_earliest, FollowInterval.start_latest,
               FollowInterval.start_source, FollowInterval.missing_since, FollowInterval.end_earliest,
               FollowInterval.end_latest, FollowInterval.end_source, back)
        .select_from(FollowInterval)
        .join(Person, Person.id == FollowInterval.person_id)
        .outerjoin(Profile, Profile.person_id == Person.id)
        .where(*_ended(account_id, direction, since))
    )
    return _cut(session, query.where(*_filters(wanted)), wanted, ENDED_SORTS)


class Counts(NamedTuple):
    """The counts on the tabs."""

    directory: int
    following: int
    followers: int
    unfollowed: int


def counts(session: Session, account_id: int | None, since: datetime | None) -> Counts:
    """All four, in one statement. unfollowed: who left the account since a moment."""
    def current(direction: Direction) -> Any:
        return select(func.count()).select_from(FollowInterval).where(
            FollowInterval.account_id == account_id, FollowInterval.direction == direction, open_follow,
        ).scalar_subquery()

    ended = select(func.count()).select_from(FollowInterval).where(
        *_ended(account_id, "follower", since)).scalar_subquery()
    everybody = select(func.count()).select_from(Person).scalar_subquery()
    row = session.execute(select(everybody, current("following"), current("follower"), ended)).one()
    return Counts(*row)


class Insights(NamedTuple):
    """What the follows that ended in a period have in common.

    average_days  from the first to the last proved presence, on average; None: none has ended
    at_least      some of them began before the first reading, so they were longer
    rate          of everybody who was there at some moment of the period, the share that left; None: nobody was
    """

    total: int
    average_days: float | None
    at_least: bool
    rate: float | None


NO_INSIGHTS = Insights(0, None, False, None)


def insights(session: Session, account_id: int, direction: Direction, since: datetime | None) -> Insights:
    """Figures over the follows that ended since a moment (None: ever); one statement."""
    days = _days_between(session, FollowInterval.start_latest, FollowInterval.end_earliest)
    going_on = select(func.count()).where(
        FollowInterval.account_id == account_id, FollowInterval.direction == direction, open_follow).scalar_subquery()
    total, average, unknown_starts, present = session.execute(
        select(func.count(), func.avg(days), func.count() - func.count(FollowInterval.start_earliest), going_on)
        .where(*_ended(account_id, direction, since))).one()
    return Insights(total, None if average is None else max(float(average), 0.0), unknown_starts > 0,
                    total / (total + present) if total + present else None)


def _days_between(session: Session, start: Any, end: Any) -> Any:
    if session.get_bind().dialect.name == "postgresql":
        return func.extract("epoch", end - start) / 86400.0
    return func.julianday(end) - func.julianday(start)


def matching(session: Session, wanted: Wanted, *, account_id: int | None = None,
             direction: Direction | None = None) -> int:
    """How many people the filters leave, counted up to `COUNT_CAP` + 1."""
    query = select(Person.id).where(*_filters(wanted))
    if direction is not None:
        query = query.join(FollowInterval, FollowInterval.person_id == Person.id).where(
            FollowInterval.account_id == account_id, FollowInterval.direction == direction, open_follow)
    capped = query.limit(COUNT_CAP + 1).subquery()
    return session.execute(select(func.count()).select_from(capped)).scalar_one()


class ListState(NamedTuple):
    """Where a list stands. newest complete reading: None, there was none yet."""

    complete_at: datetime | None
    missing: int


def list_state(session: Session, account_id: int, direction: Direction) -> ListState:
    missing = select(func.count()).select_from(FollowInterval).where(
        FollowInterval.account_id == account_id, FollowInterval.direction == direction, open_follow,
        FollowInterval.missing_since.is_not(None)).scalar_subquery()
    complete = select(FollowList.complete_finished_at).where(
        FollowList.account_id == account_id, FollowList.direction == direction).scalar_subquery()
    return ListState(*session.execute(select(complete, missing)).one())


def period(days: str, now: datetime) -> datetime | None:
    """Since when, for '7', '30', '90'; None for 'all'."""
    return None if days == "all" else now - timedelta(days=int(days))


def _ended(account_id: int | None, direction: Direction, since: datetime | None) -> list[ColumnElement[bool]]:
    rule = [FollowInterval.account_id == account_id, FollowInterval.direction == direction,
            FollowInterval.end_latest.is_not(None)]
    return rule if since is None else [*rule, FollowInterval.end_latest >= since]


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Person.platform == PLATFORM]
    if wanted.role in ROLES:
        found.append(Person.role.in_(ROLES[wanted.role]))
    if wanted.search:
        found.append(Person.username.contains(wanted.search, autoescape=True))
    if wanted.tag:
        found.append(exists().where(PersonTag.person_id == Person.id, PersonTag.tag == wanted.tag))
    return found


def _cut(session: Session, query: Any, wanted: Wanted, sorts: dict[str, Order]) -> Cut:
    """One page of a query, from behind `after`, or up to `before`."""
    order = sorts[wanted.sort.removeprefix("-")]
    backwards = bool(wanted.before)
    descending = wanted.sort.startswith("-") != backwards
    edge = wanted.before or wanted.after
    if edge:
        word, value, tie = decode_cursor(edge, str, order.kind, order.tie_kind)
        if word != wanted.sort:
            raise refused_cursor()
        beyond, further = (order.value < value, order.tie < tie) if descending else (
            order.value > value, order.tie > tie)
        query = query.where(or_(beyond, and_(order.value == value, further)))
    keys = (order.value, order.tie)
    query = query.order_by(*(key.desc() for key in keys) if descending else keys)
    found = list(session.execute(query.add_columns(*keys).limit(wanted.limit + 1)))
    more = len(found) > wanted.limit
    found = found[:wanted.limit]
    if backwards:
        found.reverse()
    has_previous, has_next = (more, True) if backwards else (bool(wanted.after), more)
    return Cut(
        rows=[UserRow(*row[:-2]) for row in found],
        previous=_edge(wanted.sort, found[0]) if found and has_previous else None,
        next=_edge(wanted.sort, found[-1]) if found and has_next else None,
    )


def _edge(sort: str, row: Any) -> str:
    value, tie = row[-2:]
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return encode_cursor(sort, value, tie)

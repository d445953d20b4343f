"""The directory of everybody known: one page of it, as quickly at its end as at its beginning.

First come those whose value is known, in its order, then everybody else from A to Z. Finding a page goes one of
three ways, whichever is short:

few      a filter leaves at most `FEW` people: they are fetched with their values and sorted here
sort     a filter leaves at most `SOME`: the database sorts them
walk     the index of the sort is walked from the cursor on until the page is full; with filters not further than
         `STEPS` people, as those who fit may all stand at its other end: then the database sorts them, too

A cursor holds the place of the row at the edge, so nobody is shown twice because of rows that moved before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, literal, select, tuple_
from sqlalchemy.orm import Session

from server.errors import Refused
from server.models import PLATFORM, Person, PersonCurrent, PersonDetails, PersonTag
from server.paging import decode_cursor, encode_cursor, refused_cursor
from server.people.rows import (
    ROLES,
    Freshness,
    checked_row_by_row,
    freshness,
    has_tag,
    live_after,
    live_now,
    name_contains,
    rows_of,
)

# The tables, not the mapped classes: rows of those take a way of their own that is twice as long.
PERSON, CURRENT, DETAILS, TAGS = (
    model.__table__ for model in (Person, PersonCurrent, PersonDetails, PersonTag))
PAGE = 50
FEW, SOME = 300, 2_000
SOME_NAMES = 500  # of a search, whose ids are kept
SOME_OF_BOTH = 20_000  # with two filters: together they may leave nobody at all
STEPS = (2_000, 10_000)
COUNT_CAP = 10_000  # a filtered list is counted up to here: "more than 10,000"
KNOWN, UNKNOWN = 0, 1


@dataclass(frozen=True)
class Wanted:
    """What a list is asked for. sort: a sort word, with a minus in front for the other way round.

    role   a key of `server.people.rows.ROLES`, or all
    live   True: only who may be shown as live; False: only the others
    """

    sort: str
    role: str = "all"
    search: str = ""
    tag: str = ""
    live: bool | None = None
    after: str = ""
    before: str = ""
    limit: int = PAGE

    def __post_init__(self) -> None:
        object.__setattr__(self, "search", self.search.strip().lower())
        object.__setattr__(self, "tag", self.tag.strip().lower().removeprefix("#"))

    @property
    def filters(self) -> int:
        return sum((bool(self.search), bool(self.tag), self.live is not None, self.role != "all"))

    @property
    def narrowed(self) -> bool:
        return self.filters > 0


class Cut(NamedTuple):
    """Rows of one page, and cursors to the pages beside it; None: there is none. few: how many fit in all, where
    finding the page has told that."""

    rows: list[Any]
    previous: str | None
    next: str | None
    few: int | None = None


class Sort(NamedTuple):
    """What a sort word sorts by: a column of a table with one row a person, and when its value counts as known."""

    table: Any
    column: Any
    kind: type
    known: ColumnElement[bool]


SORTS: dict[str, Sort | None] = {
    "username": None,
    "seen": Sort(CURRENT, CURRENT.c.last_seen_at, datetime, CURRENT.c.last_seen_at.is_not(None)),
    "followers": Sort(CURRENT, CURRENT.c.followers, int, CURRENT.c.followers.is_not(None)),
    "age": Sort(DETAILS, DETAILS.c.sort_age, int, DETAILS.c.sort_age.is_not(None)),
    "rank": Sort(CURRENT, CURRENT.c.rank, int, CURRENT.c.rank.is_not(None)),
    "gender_rank": Sort(CURRENT, CURRENT.c.gender_rank, int, CURRENT.c.gender_rank.is_not(None)),
}


class Place(NamedTuple):
    """Where somebody stands in the order. value: None among those whose value is not known."""

    value: Any
    person_id: int
    username: str

    @property
    def part(self) -> int:
        return UNKNOWN if self.value is None else KNOWN


def directory(session: Session, wanted: Wanted, now: datetime) -> Cut:
    """One page of everybody who fits.

    raises  Refused 400 for a cursor that is not one of this list
    """
    sort, backwards = SORTS[wanted.sort.removeprefix("-")], bool(wanted.before)
    edge = _decode(wanted, sort) if wanted.before or wanted.after else None
    about = of_now(session, wanted, now)
    few, among = _few(session, wanted, sort, about)
    found = _walked(session, wanted, sort, edge, about, among) if few is None else _sorted(few, wanted, edge)
    more = len(found) > wanted.limit
    found = found[:wanted.limit]
    if backwards:
        found.reverse()
    has_previous, has_next = (more, True) if backwards else (bool(wanted.after), more)
    return Cut(
        rows=rows_of(session, [place.person_id for place in found]),
        previous=_encode(wanted, found[0]) if found and has_previous else None,
        next=_encode(wanted, found[-1]) if found and has_next else None,
        few=None if few is None else len(few),
    )


def fitting(session: Session, wanted: Wanted, now: datetime) -> int:
    """How many people the filters leave, counted up to `COUNT_CAP` + 1."""
    about = of_now(session, wanted, now)
    driver = next((ids for name, ids in _drivers(wanted, session, about) if name != "search"), None)
    if driver is not None and wanted.filters == 1:
        query: Any = driver  # an index has all of it; everybody here is of one platform
    elif wanted.role != "all" and wanted.filters == 1:
        query = select(PERSON.c.id).where(PERSON.c.role.in_(ROLES[wanted.role]))
    else:
        query = select(PERSON.c.id).where(*filters(session, wanted, about, walking=driver is not None))
        if driver is not None:
            query = query.where(PERSON.c.id.in_(driver))
        if wanted.live is not None:
            query = query.outerjoin(CURRENT, CURRENT.c.person_id == PERSON.c.id)
    return session.scalar(select(func.count()).select_from(query.limit(COUNT_CAP + 1).subquery())) or 0


def popular_tags(session: Session, limit: int) -> list[tuple[str, int]]:
    """The tags that most people have, with how many."""
    count = func.count()
    query = select(TAGS.c.tag, count).group_by(TAGS.c.tag).order_by(count.desc(), TAGS.c.tag).limit(limit)
    return [(tag, number) for tag, number in session.execute(query)]


# ---- few


def _few(session: Session, wanted: Wanted, sort: Sort | None, about: Freshness) -> tuple[list[Place] | None, Any]:
    """Everybody who fits, in no order, where a filter leaves few; else the ids among which they are where a filter
    leaves some, or None."""
    among: Any = None
    for name, ids in _drivers(wanted, session, about):
        # A search may have to look at every name, so it is asked once and its ids are kept; the others are quick.
        people = session.scalars(ids.limit((SOME_NAMES if name == "search" else FEW) + 1)).all()
        if not people:
            return [], None
        given = bindparam("given", list(people), expanding=True, literal_execute=True, type_=PERSON.c.id.type)
        if len(people) > FEW:
            if among is None and name == "search" and len(people) <= SOME_NAMES:
                among = given
            elif among is None and name != "search" and _at_most(session, ids, SOME):
                among = ids
            continue
        value, known = (sort.column, sort.known) if sort else (PERSON.c.username, literal(True))
        query: Any = select(PERSON.c.id, PERSON.c.username, value, known).where(
            PERSON.c.id.in_(given), *filters(session, wanted, about, walking=True))
        for table in _tables(wanted, sort):
            query = query.outerjoin(table, table.c.person_id == PERSON.c.id)
        return [Place(value if known else None, person_id, username)
                for person_id, username, value, known in session.execute(query)], None
    if among is None and wanted.filters > 1:
        among = next((ids for name, ids in _drivers(wanted, session, about)
                      if name != "search" and _at_most(session, ids, SOME_OF_BOTH)), None)
    return None, among


def _at_most(session: Session, ids: Any, most: int) -> bool:
    return (session.scalar(select(func.count()).select_from(ids.limit(most + 1).subquery())) or 0) <= most


def _drivers(wanted: Wanted, session: Session, about: Freshness) -> Any:
    """For each filter that an index answers: the ids of those who may fit."""
    if wanted.tag:
        yield "tag", select(TAGS.c.person_id).where(TAGS.c.tag == wanted.tag)
    if wanted.live:
        yield "live", select(CURRENT.c.person_id).where(
            CURRENT.c.last_seen_at >= live_after(about), live_now(about))
    if wanted.search:
        found: Any = select(PERSON.c.id).where(PERSON.c.platform == PLATFORM, name_contains(session, wanted.search))
        if session.get_bind().dialect.name == "postgresql":
            # Else the limit lets it hope to meet enough of them soon without the index of trigrams.
            found = select(found.cte("found").prefix_with("MATERIALIZED").c.id)
        yield "search", found


def _sorted(few: Sequence[Place], wanted: Wanted, edge: Place | None) -> list[Place]:
    """In the order asked for, from behind the edge on; backwards from before it."""
    descending = wanted.sort.startswith("-")
    known = sorted((place for place in few if place.value is not None), key=lambda place: place[:2],
                   reverse=descending)
    unknown = sorted((place for place in few if place.value is None), key=lambda place: place.username)
    whole = known + unknown
    if edge is not None:
        start = sum(not _behind(place, edge, descending) for place in whole)
        if not wanted.before:
            return whole[start:]
        whole = [place for place in whole[:start] if place.person_id != edge.person_id]
    return whole[::-1] if wanted.before else whole


def _behind(place: Place, edge: Place, descending: bool) -> bool:
    if place.part != edge.part:
        return place.part > edge.part
    if place.part == UNKNOWN:
        return place.username > edge.username
    return place[:2] < edge[:2] if descending else place[:2] > edge[:2]


# ---- walk and sort


def _walked(session: Session, wanted: Wanted, sort: Sort | None, edge: Place | None, about: Freshness,
            among: Any) -> list[Place]:
    """So many places from the edge on, and one more if there is one; backwards in the order in which they are met."""
    backwards = bool(wanted.before)
    parts: tuple[int, ...] = (KNOWN,) if sort is None else (UNKNOWN, KNOWN) if backwards else (KNOWN, UNKNOWN)
    if edge is not None:
        parts = parts[parts.index(edge.part):]
    found: list[Place] = []
    for part in parts:
        here = edge if edge is not None and edge.part == part else None
        missing = wanted.limit + 1 - len(found)
        if sort is not None and part == KNOWN:
            found += _known(session, wanted, sort, here, missing, about, among)
        else:
            found += _by_name(session, wanted, sort, here, missing, about, among)
        if len(found) > wanted.limit:
            break
    return found


def _by_name(session: Session, wanted: Wanted, sort: Sort | None, edge: Place | None, limit: int,
             about: Freshness, among: Any) -> list[Place]:
    """By username: everybody, or those whose sort value is not known."""
    descending = (sort is None and wanted.sort.startswith("-")) != bool(wanted.before)
    query: Any = select(PERSON.c.id, PERSON.c.username).where(
        *filters(session, wanted, about, walking=among is not None))
    if sort is not None:
        query = query.where(~func.coalesce(sort.known, False))
    for table in _tables(wanted, sort):
        query = query.outerjoin(table, table.c.person_id == PERSON.c.id)
    username: Any = PERSON.c.username
    if among is not None:
        fit = query.where(PERSON.c.id.in_(among)).cte("fit").prefix_with("MATERIALIZED")
        username, query = fit.c.username, select(fit.c.id, fit.c.username)
    if edge is not None:
        query = query.where(username < edge.username if descending else username > edge.username)
    query = query.order_by(username.desc() if descending else username).limit(limit)
    return [Place(username if sort is None else None, person_id, username)
            for person_id, username in session.execute(query)]


def _known(session: Session, wanted: Wanted, sort: Sort, edge: Place | None, limit: int, about: Freshness,
           among: Any) -> list[Place]:
    """By the sort value, where it is known."""
    descending = wanted.sort.startswith("-") != bool(wanted.before)
    keys: tuple[Any, ...] = (sort.column, sort.table.c.person_id)
    order: Any = [key.desc() for key in keys] if descending else keys
    rules = [sort.known]
    if edge is not None:
        here = tuple_(literal(edge.value, sort.column.type), literal(edge.person_id))
        rules.append(tuple_(*keys) < here if descending else tuple_(*keys) > here)
    asked = filters(session, wanted, about, walking=True)
    walk = select(*keys, PERSON.c.username).select_from(sort.table).join(
        PERSON, PERSON.c.id == sort.table.c.person_id)
    if not wanted.narrowed or (wanted.role in ("models", "model") and wanted.filters == 1):
        return _places(session, walk.where(*rules, *asked).order_by(*order).limit(limit))
    if among is not None:
        return _all_sorted(session, wanted, sort, rules, [*asked, PERSON.c.id.in_(among)], descending, limit)
    if wanted.live is not None and sort.table is not CURRENT:
        walk = walk.outerjoin(CURRENT, CURRENT.c.person_id == PERSON.c.id)
    for steps in STEPS:
        farthest = session.execute(select(*keys).where(*rules).order_by(*order).offset(steps).limit(1)).one_or_none()
        bound = []
        if farthest is not None:
            there = tuple_(literal(farthest[0], sort.column.type), literal(farthest[1]))
            bound.append(tuple_(*keys) >= there if descending else tuple_(*keys) <= there)
        found = _places(session, walk.where(*rules, *bound, *asked).order_by(*order).limit(limit))
        if len(found) >= limit or farthest is None:
            return found
    return _all_sorted(session, wanted, sort, rules, asked, descending, limit)


def _all_sorted(session: Session, wanted: Wanted, sort: Sort, rules: list[Any], asked: list[Any], descending: bool,
                limit: int) -> list[Place]:
    query: Any = select(sort.column.label("value"), PERSON.c.id.label("person_id"), PERSON.c.username)
    for table in _tables(wanted, sort):
        query = query.outerjoin(table, table.c.person_id == PERSON.c.id)
    fit = query.where(*rules, *asked).cte("fit").prefix_with("MATERIALIZED")
    order: Any = (fit.c.value.desc(), fit.c.person_id.desc()) if descending else (fit.c.value, fit.c.person_id)
    return _places(session, select(fit.c.value, fit.c.person_id, fit.c.username).order_by(*order).limit(limit))


def _tables(wanted: Wanted, sort: Sort | None) -> list[Any]:
    """Which tables beside persons the sort value and the filters are in."""
    asked = {sort.table} if sort is not None else set()
    return [table for table in (CURRENT, DETAILS) if table in asked or (
        table is CURRENT and wanted.live is not None)]


def _places(session: Session, query: Any) -> list[Place]:
    return [Place(*row) for row in session.execute(query)]


def of_now(session: Session, wanted: Wanted, now: datetime) -> Freshness:
    """The present as `filters` take it; how often sources are asked is only looked up where it matters."""
    return Freshness({}, now) if wanted.live is None else freshness(session, now)


def filters(session: Session, wanted: Wanted, about: Freshness, *, walking: bool = False) -> list[ColumnElement[bool]]:
    """What the filters ask of a person; with `live` the query has to be joined with `PersonCurrent`.

    walking  the query comes from elsewhere to each person, and only looks whether this one fits
    """
    def column(one: Any) -> Any:
        return checked_row_by_row(session, one) if walking else one

    found: list[ColumnElement[bool]] = [column(PERSON.c.platform) == PLATFORM]
    if wanted.role != "all":
        found.append(column(PERSON.c.role).in_(ROLES[wanted.role]))
    if wanted.search:
        found.append(name_contains(session, wanted.search))
    if wanted.tag:
        found.append(has_tag(wanted.tag))
    if wanted.live is not None:
        found.append(live_now(about) if wanted.live else ~live_now(about))
    return found


# ---- cursors


def _encode(wanted: Wanted, place: Place) -> str:
    if place.value is None or wanted.sort.removeprefix("-") == "username":
        return encode_cursor(wanted.sort, place.part, place.username, place.person_id)
    return encode_cursor(wanted.sort, place.part, place.value, place.person_id)


def _decode(wanted: Wanted, sort: Sort | None) -> Place:
    text = wanted.before or wanted.after
    username = ""
    try:
        word, part, value, person_id = decode_cursor(text, str, int, sort.kind if sort else str, int)
    except Refused:
        if sort is None:
            raise
        word, part, username, person_id = decode_cursor(text, str, int, str, int)
        value = None
    if word != wanted.sort or part != (UNKNOWN if value is None else KNOWN):
        raise refused_cursor()
    return Place(value, person_id, value if sort is None else username)

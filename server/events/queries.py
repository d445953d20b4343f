"""What changed in the lists, newest first: who began and who ended a follow, with the bounds of when.

A change is an edge of a follow interval. People who were on a list when it was first read are no change: when
they began is unknown. Each kind of edge is looked up along its own index and cut before they are put together, so
the feed costs the same however long the history is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from server.models import FollowInterval, Person
from server.paging import decode_cursor, encode_cursor

PAGE = 50
KINDS = ("all", "began", "back", "ended")
DIRECTIONS = {"all": ("follower", "following"), "followers": ("follower",), "following": ("following",)}


@dataclass(frozen=True)
class Asked:
    """Which changes. kind: one of KINDS; direction: a key of DIRECTIONS."""

    kind: str = "all"
    direction: str = "all"
    after: str = ""
    before: str = ""
    limit: int = PAGE


class Change(NamedTuple):
    """One edge. kind: began, back (began anew after it had ended) or ended. earliest and latest bound its moment."""

    kind: str
    direction: str
    username: str
    role: str
    earliest: datetime | None
    latest: datetime
    source: str
    scan_id: UUID | None


class Feed(NamedTuple):
    """Changes of one page, and cursors to the pages beside it; None: there is none."""

    rows: list[Change]
    previous: str | None
    next: str | None


def feed(session: Session, account_id: int, asked: Asked) -> Feed:
    """One page of the changes of an account's lists; a single statement."""
    backwards = bool(asked.before)
    edge = decode_cursor(asked.before or asked.after, datetime, int) if asked.before or asked.after else None
    branches = [select(branch.subquery()) for branch in _branches(account_id, asked, edge, backwards)]
    edges = union_all(*branches).subquery()
    order = (edges.c.at, edges.c.key)
    query = (
        select(edges.c.ended, edges.c.direction, Person.username, Person.role, edges.c.earliest, edges.c.at,
               edges.c.source, edges.c.scan_id, _began_before(edges), edges.c.key)
        .join(Person, Person.id == edges.c.person_id)
        .order_by(*order if backwards else (key.desc() for key in order))
        .limit(asked.limit + 1)
    )
    found = list(session.execute(query))
    more = len(found) > asked.limit
    found = found[:asked.limit]
    if backwards:
        found.reverse()
    has_previous, has_next = (more, True) if backwards else (bool(asked.after), more)
    return Feed(
        rows=[Change("ended" if row[0] else "back" if row[8] else "began", *row[1:8]) for row in found],
        previous=encode_cursor(found[0][5], found[0][9]) if found and has_previous else None,
        next=encode_cursor(found[-1][5], found[-1][9]) if found and has_next else None,
    )


def _branches(account_id: int, asked: Asked, edge: tuple[Any, ...] | None, backwards: bool) -> Iterator[Any]:
    """One cut for every direction and kind of edge: begun and going on, begun and ended since, ended."""
    ended = FollowInterval.end_latest.is_not(None)
    began = and_(FollowInterval.start_earliest.is_not(None), _kind_of_start(asked.kind))
    for direction in DIRECTIONS[asked.direction]:
        rule = (FollowInterval.account_id == account_id, FollowInterval.direction == direction)
        if asked.kind != "ended":
            yield _branch(False, edge, backwards, *rule, ~ended, began)
            yield _branch(False, edge, backwards, *rule, ended, began)
        if asked.kind in ("all", "ended"):
            yield _branch(True, edge, backwards, *rule, ended)
    return


def _branch(end: bool, edge: tuple[Any, ...] | None, backwards: bool, *rule: ColumnElement[bool]) -> Any:
    interval = FollowInterval
    at = interval.end_latest if end else interval.start_latest
    key = interval.id * 2 + (1 if end else 0)
    query = select(
        literal(1 if end else 0).label("ended"), interval.direction, interval.person_id,
        (interval.end_earliest if end else interval.start_earliest).label("earliest"), at.label("at"),
        (interval.end_source if end else interval.start_source).label("source"),
        (interval.end_scan_id if end else interval.start_scan_id).label("scan_id"),
        interval.account_id, interval.start_latest.label("began_at"), key.label("key"),
    ).where(*rule)
    if edge is not None:
        moment, last = edge
        query = query.where(or_(at > moment, and_(at == moment, key > last)) if backwards else
                            or_(at < moment, and_(at == moment, key < last)))
    order = (at, interval.id) if backwards else (at.desc(), interval.id.desc())
    return query.order_by(*order).limit(PAGE + 1)


# `+ 0` keeps SQLite from walking all ended follows of the account: it is to look up the one person's.
def _kind_of_start(kind: str) -> ColumnElement[bool]:
    if kind not in ("began", "back"):
        return literal(1) == 1
    earlier = aliased(FollowInterval)
    before = exists().where(
        earlier.person_id == FollowInterval.person_id, earlier.account_id + 0 == FollowInterval.account_id,
        earlier.direction == FollowInterval.direction, earlier.end_latest <= FollowInterval.start_latest)
    return before if kind == "back" else ~before


def _began_before(edges: Any) -> Any:
    earlier = aliased(FollowInterval)
    return case((edges.c.ended == 1, literal(0)), else_=case((exists().where(
        earlier.person_id == edges.c.person_id, earlier.account_id + 0 == edges.c.account_id,
        earlier.direction == edges.c.direction, earlier.end_latest <= edges.c.began_at), 1), else_=0))


def totals(session: Session, account_id: int, since: datetime) -> dict[str, int]:
    """How many followers came and left since a moment: {'came': …, 'left': …}."""
    rule = (FollowInterval.account_id == account_id, FollowInterval.direction == "follower")
    came = select(func.count()).where(*rule, FollowInterval.start_earliest.is_not(None),
                                      FollowInterval.start_latest >= since).scalar_subquery()
    left = select(func.count()).where(*rule, FollowInterval.end_latest >= since).scalar_subquery()
    return dict(zip(("came", "left"), session.execute(select(came, left)).one(), strict=True))

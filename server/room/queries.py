"""The owner's own accounts: list totals and the newest reading of each list."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from server.models import FollowInterval, Scan

LISTS = ("following", "followers")


class ListTotal(NamedTuple):
    """People on a list now, and how many of them wait to be confirmed as gone."""

    people: int
    missing: int


def list_totals(session: Session) -> Mapping[tuple[int, str], ListTotal]:
    """By account id and list; a list that nobody is on is not in it. One statement."""
    query = (
        select(FollowInterval.account_id, FollowInterval.direction, func.count(),
               func.count(FollowInterval.missing_since))
        .where(FollowInterval.end_latest.is_(None))
        .group_by(FollowInterval.account_id, FollowInterval.direction)
    )
    return {(account_id, "following" if direction == "following" else "followers"): ListTotal(people, missing)
            for account_id, direction, people, missing in session.execute(query)}


def newest_scans(session: Session, account_ids: Sequence[int], each: int = 3) -> Mapping[tuple[int, str], list[Scan]]:
    """The newest finished readings of every list, by account id and list. One statement."""
    place = func.row_number().over(
        partition_by=(Scan.account_id, Scan.list), order_by=(Scan.finished_at.desc(), Scan.id))
    ranked = select(Scan, place.label("place")).where(
        Scan.account_id.in_(account_ids), Scan.finished_at.is_not(None)).subquery()
    scan = aliased(Scan, ranked)
    found: dict[tuple[int, str], list[Scan]] = {}
    for row in session.scalars(select(scan).where(ranked.c.place <= each).order_by(ranked.c.place)):
        found.setdefault((row.account_id, row.list), []).append(row)
    return found

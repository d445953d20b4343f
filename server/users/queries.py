"""The counts on the four Users tabs, and the figures over the follows that ended; the rows come from
`server.people.directory` and `server.follows.queries`."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from server.follows.queries import Direction
from server.models import FollowInterval, Person

open_follow = FollowInterval.end_latest.is_(None)


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


def period(days: str, now: datetime) -> datetime | None:
    """Since when, for '7', '30', '90'; None for 'all'."""
    return None if days == "all" else now - timedelta(days=int(days))


def _ended(account_id: int | None, direction: Direction, since: datetime | None) -> list[ColumnElement[bool]]:
    rule = [FollowInterval.account_id == account_id, FollowInterval.direction == direction,
            FollowInterval.end_latest.is_not(None)]
    return rule if since is None else [*rule, FollowInterval.end_latest >= since]

"""What each source covers: about how many people it has said anything, how old its newest word is, what is fresh."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select, union
from sqlalchemy.orm import Session

from server import priorities
from server.models import (
    AffiliatePoll,
    CbhoursPoll,
    CbhoursState,
    FollowInterval,
    FollowList,
    Person,
    PersonCurrent,
    Profile,
    Scan,
)
from server.people.rows import Freshness, freshness, live_now

LISTS = ("browser", "import", "manual")


class Covered(NamedTuple):
    """One source.

    people    about whom it has ever said anything
    fresh     those of them whose newest word by it is recent enough to be believed
    live      shown as live on its word now
    newest    its newest word about anybody; None: it has not been heard yet
    interval  how often it is asked by itself; None: by hand only
    heard     whether its newest word is recent enough
    """

    source: str
    people: int
    fresh: int
    live: int
    newest: datetime | None
    interval: timedelta | None
    heard: bool


class Coverage(NamedTuple):
    """everybody: how many people are known in all."""

    everybody: int
    sources: list[Covered]


def coverage(session: Session, now: datetime) -> Coverage:
    """The sources that there are, the affiliate API first; a constant number of statements."""
    about = freshness(session, now)
    intervals = about.intervals
    everybody = session.scalar(select(func.count()).select_from(Person)) or 0
    return Coverage(everybody, [_affiliate(session, intervals["affiliate"], now),
                                _cbhours(session, intervals["cbhours"], now), *_lists(session, about)])


def _affiliate(session: Session, interval: timedelta, now: datetime) -> Covered:
    since = now - priorities.fresh_for(interval)
    people, fresh, live = session.execute(select(
        func.count(PersonCurrent.affiliate_at),
        func.count().filter(PersonCurrent.affiliate_at >= since),
        func.count().filter(PersonCurrent.live_source == "affiliate", PersonCurrent.live_until >= now))).one()
    at = session.scalar(select(func.max(AffiliatePoll.observed_at)))
    newest = None if at is None else datetime.fromtimestamp(at, UTC)
    return Covered("affiliate", people, fresh, live, newest, interval, priorities.is_fresh(newest, interval, now))


def _cbhours(session: Session, interval: timedelta, now: datetime) -> Covered:
    """People whom it knows; live: those whom only it shows as live, for the affiliate API's word goes before."""
    since = now - priorities.fresh_for(interval)
    people = session.scalar(select(func.count()).select_from(CbhoursState).where(
        CbhoursState.proved_at.is_not(None))) or 0
    fresh, live = session.execute(select(
        func.count().filter(PersonCurrent.cbhours_at >= since),
        func.count().filter(PersonCurrent.cbhours_live_until >= now,
                            func.coalesce(PersonCurrent.live_until < now, True)))).one()
    at = session.scalar(select(func.max(CbhoursPoll.observed_at)))
    newest = None if at is None else datetime.fromtimestamp(at, UTC)
    return Covered("cbhours", people, fresh, live, newest, interval, priorities.is_fresh(newest, interval, now))


def _lists(session: Session, about: Freshness) -> list[Covered]:
    """Lists that the browser reads, and those that are handed over; a person counts for each source that named them."""
    interval, now = about.intervals["browser"], about.now
    said = union(select(Profile.source.label("source"), Profile.person_id),
                 select(FollowInterval.start_source, FollowInterval.person_id)).subquery()
    people: dict[str, int] = dict(session.execute(
        select(said.c.source, func.count()).group_by(said.c.source)).all())
    newest: dict[str, datetime | None] = dict(session.execute(
        select(Scan.source, func.max(Scan.finished_at)).where(Scan.state == "applied").group_by(Scan.source)).all())
    listed = session.scalar(
        select(func.count(FollowInterval.person_id.distinct()))
        .join(FollowList, (FollowList.account_id == FollowInterval.account_id)
              & (FollowList.direction == FollowInterval.direction))
        .where(FollowInterval.end_latest.is_(None), FollowInterval.missing_since.is_(None),
               FollowList.complete_started_at >= now - priorities.fresh_for(interval))) or 0
    live = session.scalar(select(func.count()).select_from(PersonCurrent).where(
        live_now(about), func.coalesce(PersonCurrent.live_until < now, True),
        func.coalesce(PersonCurrent.cbhours_live_until < now, True))) or 0
    found = []
    for source in LISTS:
        by_itself = source == "browser"
        if by_itself or people.get(source) or newest.get(source):
            at = newest.get(source)
            found.append(Covered(
                source, people.get(source, 0), listed if by_itself else 0, live if by_itself else 0, at,
                interval if by_itself and interval else None,
                priorities.is_fresh(at, interval if by_itself else timedelta(0), now)))
    return found

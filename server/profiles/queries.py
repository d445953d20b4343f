"""One person: who they are, and every follow in both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import PLATFORM, Account, FollowInterval, FollowList, Person
from server.people.rows import PersonRow, name_contains

MATCHES = 20


class Follow(NamedTuple):
    """One interval, and the account it belongs to. seen_until: last proved presence while it goes on."""

    account: str
    interval: FollowInterval
    seen_until: datetime


class Edge(NamedTuple):
    """A beginning, an end, or an absence that still waits for its proof; newest first on the page."""

    kind: str  # began, back (began anew), open (was there at the first reading), ended, missing
    account: str
    direction: str
    earliest: datetime | None
    latest: datetime
    source: str | None
    scan_id: UUID | None


@dataclass(frozen=True)
class PersonView:
    person: PersonRow
    follows: Sequence[Follow]

    @property
    def edges(self) -> list[Edge]:
        """Every edge of every follow, newest first."""
        ended: set[tuple[str, str]] = set()  # follows come in the order of their beginnings
        found = []
        for follow in self.follows:
            whose = (follow.account, follow.interval.direction)
            found += _edges(follow, again=whose in ended)
            if follow.interval.end_latest is not None:
                ended.add(whose)
        return sorted(found, key=lambda edge: (edge.latest, edge.kind != "ended"), reverse=True)

    def now(self, direction: str) -> list[Follow]:
        """Follows in this direction that go on."""
        return [follow for follow in self.follows
                if follow.interval.direction == direction and follow.interval.end_latest is None]


def follows_of(session: Session, person_id: int) -> list[Follow]:
    """Every follow of one person, by account and direction, in the order of their beginnings; in one statement."""
    found = session.execute(
        select(Account.username, FollowInterval, FollowList.complete_started_at)
        .join(Account, Account.id == FollowInterval.account_id)
        .outerjoin(FollowList, (FollowList.account_id == Account.id)
                   & (FollowList.direction == FollowInterval.direction))
        .where(FollowInterval.person_id == person_id)
        .order_by(Account.username, FollowInterval.direction, FollowInterval.start_latest)).all()
    return [Follow(account, interval, _seen_until(interval, complete_at)) for account, interval, complete_at in found]


def names_like(session: Session, text: str) -> list[str]:
    """Usernames that hold this text, A to Z, at most `MATCHES`."""
    return list(session.scalars(
        select(Person.username).where(Person.platform == PLATFORM, name_contains(session, text))
        .order_by(Person.username).limit(MATCHES)))


def _seen_until(interval: FollowInterval, complete_at: datetime | None) -> datetime:
    """Whoever is not missing was on the list in its newest complete reading, too."""
    if interval.missing_since is not None:
        return interval.missing_seen_at or interval.seen_at
    return max(interval.seen_at, complete_at) if complete_at else interval.seen_at


def _edges(follow: Follow, *, again: bool) -> list[Edge]:
    interval = follow.interval
    whose = (follow.account, interval.direction)
    kind = "back" if again else "open" if interval.start_earliest is None else "began"
    found = [Edge(kind, *whose, interval.start_earliest, interval.start_latest, interval.start_source,
                  interval.start_scan_id)]
    if interval.end_latest is not None:
        found.append(Edge("ended", *whose, interval.end_earliest, interval.end_latest, interval.end_source,
                          interval.end_scan_id))
    elif interval.missing_since is not None:
        found.append(Edge("missing", *whose, interval.missing_seen_at, interval.missing_since, None,
                          interval.missing_scan_id))
    return found

"""A person's broadcasts and the course of their numbers, as polls of the affiliate API have shown them."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from server.affiliate import rules
from server.affiliate.store import affiliate_interval
from server.models import AffiliatePoll, AffiliateSubject, AffiliateTags, Broadcast, snapshots

FIELDS = ("followers", "viewers")
BREAK_INTERVALS = 1.5  # polls further apart than this many intervals leave a hole


class Held(NamedTuple):
    """One broadcast. last_seen_at: the last proof of it; ended_latest: first proved absence, None: nobody looked."""

    started_at: datetime
    last_seen_at: datetime
    ended_latest: datetime | None
    going_on: bool
    figures: rules.Figures
    subjects: Sequence[str]
    tags: Sequence[str]  # JSON lists

    @property
    def minutes(self) -> int:
        """Whole minutes that are proved."""
        return max(0, round((self.last_seen_at - self.started_at).total_seconds() / 60))


def broadcasts(session: Session, person_id: int, *, before: datetime | None, limit: int) -> list[Held]:
    """Broadcasts of a person, newest first; those that started before a moment."""
    query = select(Broadcast).where(Broadcast.person_id == person_id).order_by(Broadcast.started_at.desc()).limit(limit)
    if before is not None:
        query = query.where(Broadcast.started_at < before)
    found = session.scalars(query).all()
    if not found:
        return []
    subjects = _texts(session, AffiliateSubject, AffiliateSubject.subject, person_id)
    tags = _texts(session, AffiliateTags, AffiliateTags.tags, person_id)
    return [_held(session, one, subjects, tags) for one in found]


def _held(session: Session, one: Broadcast, subjects: list[tuple[int, str]], tags: list[tuple[int, str]]) -> Held:
    first, last = int(one.first_seen_at.timestamp()), one.last_seen_at
    figures = rules.Figures(one.polls or 0, one.viewers_peak, one.viewers_mean, one.followers_first, one.followers_last)
    if last is None:
        points = session.execute(
            select(snapshots.c.observed_at, snapshots.c.viewers, snapshots.c.followers)
            .where(snapshots.c.person_id == one.person_id, snapshots.c.observed_at >= first)
            .order_by(snapshots.c.observed_at)).all()
        figures = rules.figures((viewers, followers) for _, viewers, followers in points)
        last = datetime.fromtimestamp(points[-1][0], UTC) if points else one.first_seen_at
    until = int(last.timestamp())
    return Held(one.started_at, last, one.ended_latest, not one.closed, figures, _said(subjects, first, until),
                _said(tags, first, until))


def _texts(session: Session, table: Any, column: Any, person_id: int) -> list[tuple[int, str]]:
    return [(since, said) for since, said in session.execute(
        select(table.since, column).where(table.person_id == person_id).order_by(table.since))]


def _said(texts: list[tuple[int, str]], first: int, last: int) -> list[str]:
    """What was said from `first` to `last`, each once, in the order in which it came up."""
    start = max(0, bisect_right([since for since, _ in texts], first) - 1)
    return list(dict.fromkeys(said for since, said in texts[start:] if since <= last and said is not None))


class Point(NamedTuple):
    """at: whole seconds; values in the order of the fields asked for, None: not seen, or nobody looked."""

    at: int
    values: tuple[int | None, ...]


def series(session: Session, person_id: int, fields: Sequence[str], since: datetime, until: datetime,
           points: int) -> list[Point]:
    """The numbers of a person over a period, a point for each poll; where the person was not seen, or polls are
    missing, a point without values. Thinned to about so many points: of each stretch the lowest and the highest
    value of every field stay.
    """
    columns = [snapshots.c[name] for name in fields]
    low, high = int(since.timestamp()), int(until.timestamp())
    query = (
        select(AffiliatePoll.observed_at, *columns).select_from(AffiliatePoll)
        .outerjoin(snapshots, and_(snapshots.c.person_id == person_id,
                                   snapshots.c.observed_at == AffiliatePoll.observed_at))
        .where(AffiliatePoll.observed_at >= low, AffiliatePoll.observed_at <= high)
        .order_by(AffiliatePoll.observed_at)
    )
    longest = affiliate_interval(session) * BREAK_INTERVALS
    found: list[Point] = []
    for at, *values in session.execute(query):
        if found and timedelta(seconds=at - found[-1].at) > longest and any(
                value is not None for value in found[-1].values):
            found.append(Point(found[-1].at + round(longest.total_seconds()), (None,) * len(fields)))
        found.append(Point(at, tuple(values)))
    return thinned(_without_repeated_holes(found), points)


def first_poll(session: Session) -> datetime | None:
    """The moment of the first poll there is."""
    at = session.scalar(select(func.min(AffiliatePoll.observed_at)))
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _without_repeated_holes(found: list[Point]) -> list[Point]:
    """A stretch without values needs only its first point to break a line."""
    empty = [all(value is None for value in point.values) for point in found]
    return [point for number, point in enumerate(found) if not (empty[number] and number and empty[number - 1])]


def thinned(found: list[Point], points: int) -> list[Point]:
    """At most about so many points, none of the peaks lost and every hole still there."""
    if len(found) <= points:
        return found
    width = len(found[0].values)
    stretch = max(1, len(found) * 2 * width // max(points, 1))
    kept: set[int] = {0, len(found) - 1}
    for start in range(0, len(found), stretch):
        numbers = range(start, min(start + stretch, len(found)))
        holes = [number for number in numbers if all(value is None for value in found[number].values)]
        kept.update(holes[:1])
        for column in range(width):
            known = [(value, number) for number in numbers if (value := found[number].values[column]) is not None]
            if known:
                kept |= {min(known)[1], max(known)[1]}
    return [found[number] for number in sorted(kept)]

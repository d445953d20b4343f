"""A person's broadcasts as the affiliate API and CBHours tell them: a page of them, each with its curve."""

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from common.clock import moment_of
from server.affiliate import rules as polls
from server.cbhours.rules import SEGMENT, sessions_of
from server.ledger.queries import heard
from server.models import (
    AffiliateHour,
    AffiliateShow,
    AffiliateSubject,
    AffiliateTags,
    Broadcast,
    CbhoursDay,
    CbhoursLive,
    CbhoursSegment,
    CbhoursShow,
    CbhoursTexts,
    snapshots,
)
from server.profiles.session_rules import Curve, Part, Point, Row, curve, merged
from server.retention.rules import HOUR

SEGMENTS_A_SESSION = 100  # five hours; whoever broadcasts longer costs another round
GROWTH = 4
LONGEST_STEP = {"cbhours": 2 * SEGMENT}  # a line that leaves out more than one segment is broken
LAST_DAYS = 30


class Segment(NamedTuple):
    at: int
    viewers: int | None
    followers: int | None
    show_id: int | None


class Cut(NamedTuple):
    """rows: newest first; next: those that started before this moment follow, None: there are no more.

    segments  every segment of CBHours in these rows and some around them, in order
    """

    rows: Sequence[Row]
    next: datetime | None
    segments: Sequence[Segment]


@dataclass(frozen=True)
class Shown:
    """A broadcast with what was to be seen in it. shows: kind -> share of the sightings, the most frequent first."""

    row: Row
    curve: Curve | None
    shows: dict[str, float]
    subjects: Sequence[str]
    tags: Sequence[str]


def page(session: Session, person_id: int, *, before: datetime | None = None, limit: int) -> Cut:
    """Broadcasts that started before a moment."""
    size = limit + 2
    while True:
        told, first = _broadcasts(session, person_id, before, size)
        said, other, segments = _runs(session, person_id, before, size)
        # What lies below what was read of a source has ended before it: a row that begins behind it lacks nothing, but
        # for the oldest, which may be cut and is not told while there are more.
        lowest = max((at for at in (first, other) if at is not None), default=None)
        rows = [row for row in merged([*told, *said]) if lowest is None or row.start >= lowest]
        if lowest is None or len(rows) > limit:
            break
        size *= GROWTH
    rows.reverse()
    return Cut(rows[:limit], rows[limit - 1].start if len(rows) > limit else None, segments)


def _broadcasts(session: Session, person_id: int, before: datetime | None,
                size: int) -> tuple[list[Part], datetime | None]:
    """Those of the affiliate API, and the start of the oldest where there are more."""
    query = select(Broadcast).where(Broadcast.person_id == person_id).order_by(Broadcast.started_at.desc()).limit(size)
    if before is not None:
        query = query.where(Broadcast.started_at < before)
    found = session.scalars(query).all()
    return [_part(session, one) for one in found], found[-1].started_at if len(found) == size else None


def _part(session: Session, one: Broadcast) -> Part:
    figures = polls.Figures(one.polls or 0, one.viewers_peak, one.viewers_mean, one.followers_first, one.followers_last)
    end = one.last_seen_at
    if end is None:  # it goes on: what it adds up to is written when it ends
        points = session.execute(
            select(snapshots.c.observed_at, snapshots.c.viewers, snapshots.c.followers)
            .where(snapshots.c.person_id == one.person_id,
                   snapshots.c.observed_at >= int(one.first_seen_at.timestamp()))
            .order_by(snapshots.c.observed_at)).all()
        figures = polls.figures((viewers, followers) for _, viewers, followers in points)
        end = moment_of(points[-1][0]) if points else one.first_seen_at
    return Part("affiliate", one.started_at, end, one.ended_latest, not one.closed,
                max(0, round((end - one.started_at).total_seconds() / 60)), figures.polls, figures.viewers_peak,
                figures.viewers_mean, figures.followers_first, figures.followers_last)


def _runs(session: Session, person_id: int, before: datetime | None,
          size: int) -> tuple[list[Part], datetime | None, list[Segment]]:
    """Those of CBHours, the start of the oldest, which may be cut, where there are more, and the segments."""
    most = size * SEGMENTS_A_SESSION
    segments = _segments(session, person_id, before, most)
    runs = sessions_of(segments)
    parts = [Part("cbhours", moment_of(run.start), moment_of(run.end), None, False, run.minutes,
                  len(_between(segments, run.start, run.end - 1)), run.peak, run.mean, run.followers_first,
                  run.followers_last) for run in runs]
    return parts, parts[0].start if len(segments) == most else None, segments


def _segments(session: Session, person_id: int, before: datetime | None, most: int) -> list[Segment]:
    """The newest, in order."""
    one = CbhoursSegment.__table__.c  # not the mapped class: there may be thousands, and its rows take twice as long
    query = select(one.at, one.viewers, one.followers, one.show_id).where(one.person_id == person_id).order_by(
        one.at.desc()).limit(most)
    if before is not None:
        query = query.where(one.at < before.timestamp())
    return list(map(Segment._make, session.execute(query)))[::-1]


# ---- what was to be seen in them


def shown(session: Session, person_id: int, cut: Cut, now: datetime, *, words: bool = True) -> list[Shown]:
    """The same rows with curves and, unless left out, shows, subjects and tags; a constant number of statements."""
    rows = cut.rows
    if not rows:
        return []
    low = min(int(row.start.timestamp()) for row in rows)
    high = max(int(row.end.timestamp()) for row in rows)
    tell = {row.sources[0] for row in rows} if words else set()  # whose words are told
    seen = {source: _seen(session, source, person_id, low, high, cut.segments, words=source in tell)
            for source in ("affiliate", "cbhours") if any(source in row.sources for row in rows)}
    breaks = [(int(span.start.timestamp()), int(span.end.timestamp()))
              for span in heard(session, "affiliate", moment_of(low), max(moment_of(high), moment_of(low + 1)), now,
                                reasons=False) if not span.heard] if "affiliate" in seen else []
    return [_shown(row, seen, breaks) for row in rows]


class _Seen(NamedTuple):
    """What one source showed over a period, oldest first.

    points     (at, viewers, show)
    sightings  moments at which the source would have told subject and tags; they stand as (since, text)
    """

    points: list[tuple[int, int | None, str | None]]
    sightings: Sequence[Any]
    subjects: list[tuple[int, str | None]]
    tags: list[tuple[int, str | None]]


def _seen(session: Session, source: str, person_id: int, low: int, high: int, segments: Sequence[Segment], *,
          words: bool) -> _Seen:
    if source == "cbhours":
        names = _names(session, CbhoursShow) if words else {}
        points = [(at, viewers, names.get(show)) for at, viewers, _, show in _between(segments, low, high)]
        if not words:
            return _Seen(points, (), [], [])
        texts = _texts(session, CbhoursTexts, (CbhoursTexts.subject, CbhoursTexts.tags), person_id, low, high)
        online = session.execute(select(CbhoursLive.checked_at).where(
            CbhoursLive.person_id == person_id, CbhoursLive.checked_at >= low, CbhoursLive.checked_at <= high,
            CbhoursLive.online).order_by(CbhoursLive.checked_at)).all() if texts else []
        return _Seen(points, online, [(since, said) for since, said, _ in texts], [(at, tags) for at, _, tags in texts])
    names = _names(session, AffiliateShow) if words else {}
    points = [(at, viewers, names.get(show)) for at, viewers, show in session.execute(
        select(snapshots.c.observed_at, snapshots.c.viewers, snapshots.c.show_id)
        .where(snapshots.c.person_id == person_id, snapshots.c.observed_at >= low, snapshots.c.observed_at <= high)
        .order_by(snapshots.c.observed_at))]
    points = _hours(session, person_id, low, points[0][0] if points else high) + points
    if not words:
        return _Seen(points, (), [], [])
    return _Seen(
        points, points,
        [(since, said) for since, said in _texts(
            session, AffiliateSubject, (AffiliateSubject.subject,), person_id, low, high)],
        [(since, said) for since, said in _texts(session, AffiliateTags, (AffiliateTags.tags,), person_id, low, high)])


def _names(session: Session, table: Any) -> dict[int | None, str]:
    """Kinds of shows by number, in one spelling for both sources."""
    return {number: name.removeprefix("_") for number, name in session.execute(select(table.id, table.name))}


def _hours(session: Session, person_id: int, low: int, until: int) -> list[tuple[int, int | None, str | None]]:
    """What is left of snapshots that were rolled up: the mean of each hour, in the middle of it."""
    rows = session.execute(
        select(AffiliateHour.hour, AffiliateHour.viewers_sum, AffiliateHour.viewers_polls)
        .where(AffiliateHour.person_id == person_id, AffiliateHour.hour >= low - low % HOUR,
               AffiliateHour.hour + HOUR <= until, AffiliateHour.viewers_polls > 0).order_by(AffiliateHour.hour))
    return [(hour + HOUR // 2, round(total / count), None) for hour, total, count in rows]


def _texts(session: Session, table: Any, columns: tuple[Any, ...], person_id: int, low: int, high: int) -> Any:
    """What was told in a period, and what was in force when it began."""
    first = select(func.max(table.since)).where(table.person_id == person_id, table.since <= low).scalar_subquery()
    return session.execute(select(table.since, *columns).where(
        table.person_id == person_id, table.since <= high, table.since >= func.coalesce(first, 0))
        .order_by(table.since)).all()


def _shown(row: Row, seen: dict[str, _Seen], breaks: Sequence[tuple[int, int]]) -> Shown:
    start, end = int(row.start.timestamp()), int(row.end.timestamp())
    points, shows = [], Counter[str]()
    for source in row.sources:
        inside = _between(seen[source].points, start, end)
        points.append((source, [Point(at, viewers) for at, viewers, _ in inside if viewers is not None]))
        if source == row.sources[0]:
            shows.update(show for _, _, show in inside if show)
    told = seen[row.sources[0]]
    first = next(iter(_between(told.sightings, start, end)), None)
    subjects = _in_force(told.subjects, first, start, end)
    tags = [tag for said in _in_force(told.tags, first, start, end) for tag in map(str, json.loads(said))]
    return Shown(row, curve(points, start, end, breaks, LONGEST_STEP),
                 {name: count / shows.total() for name, count in shows.most_common()}, list(dict.fromkeys(subjects)),
                 list(dict.fromkeys(tags)))


def _between(rows: Sequence[Any], start: int, end: int) -> Sequence[Any]:
    return rows[bisect_left(rows, start, key=itemgetter(0)):bisect_right(rows, end, key=itemgetter(0))]


def _in_force(texts: Sequence[tuple[int, str | None]], first: tuple[int] | None, start: int, end: int) -> list[str]:
    """What was said in a broadcast; what had been said before holds if somebody looked before it changed (`first`)."""
    place = bisect_right(texts, start if first is None else first[0], key=itemgetter(0))
    return [said for since, said in texts[max(0, place - (first is not None)):] if since <= end and said]


# ---- the last days in figures


class Total(NamedTuple):
    """What one source tells of the last days. sessions: None where it is not told in sessions; watched: the share of
    the time about which it can tell, from 0 to 1."""

    source: str
    sessions: int | None
    days: int
    minutes: int
    watched: float


def totals(session: Session, person_id: int, now: datetime, zone: Any, days: int = LAST_DAYS) -> list[Total]:
    """Of each source that knows of a broadcast in the last days, or looked."""
    since = now - timedelta(days=days)
    found = []
    parts = _since(session, person_id, since)
    spans = heard(session, "affiliate", since, now, now, reasons=False)
    looked = sum(((span.end - span.start) for span in spans if span.heard), timedelta(0)) / (now - since)
    if parts or looked:
        inside = [(max(part.start, since), part.end) for part in parts]
        found.append(Total("affiliate", len(parts), len({start.astimezone(zone).date() for start, _ in inside}),
                           sum(round((end - start).total_seconds() / 60) for start, end in inside if end > start),
                           looked))
    told = _days(session, person_id, since.date(), now.date())
    if told:
        said = [minutes for minutes in told.values() if minutes is not None]
        found.append(Total("cbhours", None, sum(1 for minutes in said if minutes), sum(said),
                           min(len(said) / days, 1.0)))
    return found


def _since(session: Session, person_id: int, since: datetime) -> list[Part]:
    rows = session.scalars(select(Broadcast).where(
        Broadcast.person_id == person_id, Broadcast.started_at >= since - timedelta(days=2))).all()
    return [part for part in (_part(session, row) for row in rows) if part.end >= since]


def _days(session: Session, person_id: int, first: date, last: date) -> dict[date, int | None]:
    rows = session.execute(select(CbhoursDay.day, CbhoursDay.minutes).where(
        CbhoursDay.person_id == person_id, CbhoursDay.day > first, CbhoursDay.day <= last))
    return {row.day: row.minutes for row in rows}

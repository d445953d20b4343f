"""What charts are made of: every stored point of one number, kinds of shows, time on air, time watched.

All points of a period are read and thinned by `series`. Where they may be many the database hands them over as one text
a column, which takes a third of the time of as many rows; finding the lowest and the highest of each bucket in the
database takes longer, and where the line breaks must be asked for besides.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Text, case, cast, func, literal, literal_column, null, select, union_all
from sqlalchemy.orm import Session

from common.clock import moment_of
from server.charts import series, spans
from server.charts.series import Band, Course, Seen, Summary
from server.charts.spans import Span
from server.jobs.intervals import intervals
from server.ledger.queries import heard
from server.models import (
    AffiliateHour,
    AffiliatePoll,
    AffiliateShow,
    Broadcast,
    CbhoursDay,
    CbhoursLive,
    CbhoursSegment,
    CbhoursShow,
    CbhoursState,
    snapshots,
)
from server.priorities import fresh_for
from server.retention.rules import HOUR, PUBLIC

if TYPE_CHECKING:
    from server.charts.series import Numbers

LARGEST = 2**53 - 1  # what a browser's numbers hold exactly; a larger count is nobody's
AFFILIATE_FIELDS = {"followers": snapshots.c.followers, "viewers": snapshots.c.viewers}
CBHOURS_FIELDS = ("followers", "rank", "grank", "viewers")


class Stretch(NamedTuple):
    """A period in whole seconds since 1970, both in it."""

    low: int
    high: int

    @property
    def since(self) -> datetime:
        return datetime.fromtimestamp(self.low, UTC)

    @property
    def until(self) -> datetime:
        return datetime.fromtimestamp(self.high, UTC)


def first_told(session: Session, people: Sequence[int]) -> int | None:
    """The first second of which anything is stored about any of these people; None: nothing is."""
    firsts = [select(func.min(column).label("at")).where(owner == person)
              for person in people
              for owner, column in ((snapshots.c.person_id, snapshots.c.observed_at),
                                    (AffiliateHour.person_id, AffiliateHour.hour),
                                    (CbhoursSegment.person_id, CbhoursSegment.at),
                                    (CbhoursLive.person_id, CbhoursLive.checked_at))]
    found = [at for at in session.scalars(union_all(*firsts)) if at is not None]
    found += [int(at.timestamp()) for at in session.scalars(
        select(func.min(Broadcast.started_at)).where(Broadcast.person_id.in_(people))) if at is not None]
    return min(found, default=None)


def sources_of(session: Session, person: int) -> set[str]:
    """Which sources have ever told numbers of somebody."""
    asked = {"affiliate": ((snapshots.c.person_id, snapshots), (AffiliateHour.person_id, AffiliateHour)),
             "cbhours": ((CbhoursSegment.person_id, CbhoursSegment), (CbhoursLive.person_id, CbhoursLive))}
    row = session.execute(select(*(
        select(literal(1)).where(owner == person).limit(1).scalar_subquery() for tables in asked.values()
        for owner, _ in tables))).one()
    return {source for place, source in enumerate(asked) if row[2 * place] or row[2 * place + 1]}


def unknown_to_cbhours(session: Session, people: Sequence[int]) -> bool:
    """CBHours was asked for all of these people, and left them out of its answers."""
    trophies = session.scalars(select(CbhoursState.has_trophy).where(CbhoursState.person_id.in_(people))).all()
    return len(trophies) == len(people) and all(trophy is False for trophy in trophies)


# ---- lines


def course(session: Session, person: int, source: str, field: str, over: Stretch, now: datetime) -> Course:
    """Every stored point of a number as one source told it, and where its line breaks.

    source, field  affiliate: followers, viewers; cbhours: followers, rank, grank, viewers
    """
    if source == "cbhours":
        return _cbhours(session, person, field, over)
    return _affiliate(session, person, field, over, now)


def _cbhours(session: Session, person: int, field: str, over: Stretch) -> Course:
    told, live = getattr(CbhoursSegment, field), getattr(CbhoursLive, field)
    at, value = _columns(session, select(CbhoursSegment.at.label("at"), told.label("value")).where(
        CbhoursSegment.person_id == person, CbhoursSegment.at >= over.low, CbhoursSegment.at <= over.high,
        told <= LARGEST).order_by(CbhoursSegment.at))
    answers = _rows(session, select(CbhoursLive.checked_at, case((CbhoursLive.online, live), else_=null())).where(
        CbhoursLive.person_id == person, CbhoursLive.checked_at >= over.low, CbhoursLive.checked_at <= over.high,
        ~CbhoursLive.online | (live <= LARGEST)))
    return series.of_cbhours((at, value), answers, _longest(session, "cbhours"))


def cbhours_rows(session: Session, person: int, fields: Sequence[str],
                 over: Stretch) -> tuple[list[tuple[int | None, ...]], Course]:
    """Several numbers at once: their values, and a course whose values are places among them."""
    segments = _rows(session, select(CbhoursSegment.at, *(getattr(CbhoursSegment, name) for name in fields)).where(
        CbhoursSegment.person_id == person, CbhoursSegment.at >= over.low, CbhoursSegment.at <= over.high)
        .order_by(CbhoursSegment.at))
    answers = _rows(session, select(
        CbhoursLive.checked_at, CbhoursLive.online, *(getattr(CbhoursLive, name) for name in fields)).where(
        CbhoursLive.person_id == person, CbhoursLive.checked_at >= over.low, CbhoursLive.checked_at <= over.high)
        .order_by(CbhoursLive.checked_at))
    values = [row[1:] for row in segments] + [row[2:] for row in answers]
    live = [(row[0], len(segments) + place if row[1] else None) for place, row in enumerate(answers)]
    told = series.numbers([row[0] for row in segments]), series.numbers(range(len(segments)))
    return values, series.of_cbhours(told, live, _longest(session, "cbhours"))


def _affiliate(session: Session, person: int, field: str, over: Stretch, now: datetime) -> Course:
    seen = affiliate_points(session, person, field, over)
    if not seen:
        return Course.of([], [])
    polls = [at for at, in _rows(session, select(AffiliatePoll.observed_at).where(
        AffiliatePoll.observed_at >= seen[0].first, AffiliatePoll.observed_at <= seen[-1].last)
        .order_by(AffiliatePoll.observed_at))]
    stretches = [(one.start.timestamp(), one.end.timestamp()) for one in heard(
        session, "affiliate", moment_of(seen[0].first), moment_of(seen[-1].last + 1), now, reasons=False) if one.heard]
    return series.of_affiliate(seen, polls, _longest(session, "affiliate"), stretches)


def affiliate_points(session: Session, person: int, field: str, over: Stretch) -> list[Seen]:
    """Snapshots, and the hours into which older ones were rolled up: their followers as they were told last, of
    their viewers the lowest and the highest number, in the middle of the hour."""
    column = AFFILIATE_FIELDS[field]
    found = [Seen(at, value, at, at) for at, value in _rows(session, select(snapshots.c.observed_at, column).where(
        snapshots.c.person_id == person, snapshots.c.observed_at >= over.low, snapshots.c.observed_at <= over.high,
        column <= LARGEST).order_by(snapshots.c.observed_at))]
    hours = select(AffiliateHour.hour, AffiliateHour.followers_at, AffiliateHour.followers, AffiliateHour.viewers_min,
                   AffiliateHour.viewers_max).where(
        AffiliateHour.person_id == person, AffiliateHour.hour > over.low - HOUR, AffiliateHour.hour <= over.high,
        AffiliateHour.polls > 0)
    rolled = []
    for hour, second, followers, lowest, highest in _rows(session, hours):
        whole = (hour, hour + HOUR - 1)
        if field == "viewers" and lowest is not None:
            middle = min(max(hour + HOUR // 2, over.low), over.high)
            rolled += [Seen(middle, value, *whole) for value in dict.fromkeys((lowest, highest))]
        if field == "followers" and (followers or 0) <= LARGEST and second is not None \
                and over.low <= hour + second <= over.high:
            rolled.append(Seen(hour + second, followers, *whole))
    return sorted(found + rolled) if rolled else found


def summaries(session: Session, person: int, over: Stretch) -> dict[tuple[str, str], Summary]:
    """(source, field) -> its first, last, lowest and highest number in a period, without reading the points."""
    found = {}
    for source, told in (("affiliate", _affiliate_told(person, over)), ("cbhours", _cbhours_told(person, over))):
        fields = [name for name in told[0].selected_columns.keys() if name != "at"]  # noqa: SIM118
        asked = []
        for field in fields:
            parts = [part.where(part.selected_columns[field] <= LARGEST).subquery() for part in told]
            for order in ("first", "last"):
                asked.append(_end(parts, field, order == "last"))
        whole = union_all(*told).subquery() if len(told) > 1 else told[0].subquery()
        low_high = session.execute(select(*(
            pick(case((whole.c[field] <= LARGEST, whole.c[field]))) for field in fields
            for pick in (func.min, func.max)))).one()
        ends = session.execute(select(*asked)).one()
        for place, field in enumerate(fields):
            if low_high[2 * place] is not None:
                found[source, field] = Summary(ends[2 * place], ends[2 * place + 1], *low_high[2 * place:2 * place + 2])
    return found


def _end(parts: Sequence[Any], field: str, last: bool) -> Any:
    ends = [select(part.c.at.label("at"), part.c[field].label("value"))
            .order_by(part.c.at.desc() if last else part.c.at).limit(1).subquery() for part in parts]
    one = union_all(*(select(end.c.at, end.c.value) for end in ends)).subquery()
    return select(one.c.value).order_by(one.c.at.desc() if last else one.c.at).limit(1).scalar_subquery()


def _affiliate_told(person: int, over: Stretch) -> list[Any]:
    return [
        select(snapshots.c.observed_at.label("at"), snapshots.c.followers, snapshots.c.viewers).where(
            snapshots.c.person_id == person, snapshots.c.observed_at >= over.low,
            snapshots.c.observed_at <= over.high),
        *(select((AffiliateHour.hour + HOUR // 2).label("at"), AffiliateHour.followers, viewers.label("viewers")).where(
            AffiliateHour.person_id == person, AffiliateHour.hour > over.low - HOUR,
            AffiliateHour.hour <= over.high, AffiliateHour.polls > 0)
          for viewers in (AffiliateHour.viewers_min, AffiliateHour.viewers_max)),
    ]


def _cbhours_told(person: int, over: Stretch) -> list[Any]:
    return [
        select(CbhoursSegment.at, *(getattr(CbhoursSegment, name) for name in CBHOURS_FIELDS)).where(
            CbhoursSegment.person_id == person, CbhoursSegment.at >= over.low, CbhoursSegment.at <= over.high),
        select(CbhoursLive.checked_at.label("at"), *(getattr(CbhoursLive, name) for name in CBHOURS_FIELDS)).where(
            CbhoursLive.person_id == person, CbhoursLive.checked_at >= over.low, CbhoursLive.checked_at <= over.high,
            CbhoursLive.online),
    ]


def bands(session: Session, person: int, over: Stretch, width: int) -> list[Band]:
    """Kinds of shows other than public ones, by either source; put together where they are closer than `width`."""
    words = [{number: series.show_name(word) for number, word in session.execute(names)} for names in (
        select(AffiliateShow.id, AffiliateShow.name), select(CbhoursShow.id, CbhoursShow.name))]
    parts = []
    for source, owner, at, show, lasts in (
        (0, snapshots.c.person_id, snapshots.c.observed_at, snapshots.c.show_id, 0),
        (1, CbhoursSegment.person_id, CbhoursSegment.at, CbhoursSegment.show_id, spans.SEGMENT_LENGTH),
        (1, CbhoursLive.person_id, CbhoursLive.checked_at, CbhoursLive.show_id, 0),
    ):
        wanted = [number for number, word in words[source].items() if word != PUBLIC]
        if wanted:
            parts.append(select(literal_column(str(source)), show, func.min(at), func.max(at) + lasts).where(
                owner == person, at >= over.low, at <= over.high, show.in_(wanted))
                .group_by((at - over.low) // width, show))
    found = _rows(session, union_all(*parts)) if parts else []
    return series.bands(((words[source][show], first, last) for source, show, first, last in found), width)


# ---- time


def time_of(session: Session, person: int, over: Stretch, now: datetime) -> tuple[list[Span], list[Span]]:
    """(time on air, time watched): whoever was seen on air was watched, whatever else is known."""
    air = on_air(session, person, over)
    return air, spans.united([*watched(session, person, over, now), *air])


def on_air(session: Session, person: int, over: Stretch) -> list[Span]:
    """When somebody was proved to be broadcasting, by either source, as spans that do not touch."""
    newest = select(func.max(snapshots.c.observed_at)).where(snapshots.c.person_id == person).scalar_subquery()
    broadcasts = session.execute(
        select(Broadcast.started_at, Broadcast.first_seen_at, Broadcast.last_seen_at,
               case((Broadcast.closed, None), else_=newest)).where(
            Broadcast.person_id == person, Broadcast.started_at <= over.until,
            (Broadcast.last_seen_at >= over.since) | Broadcast.last_seen_at.is_(None)))
    found = []
    for started, first, last, seen in broadcasts:
        end = int((last or first).timestamp()) if seen is None or last is not None else seen
        found.append((int(started.timestamp()), end))
    found += _runs(session, spans.SEGMENT_LENGTH, select(
        CbhoursSegment.at.label("at")).where(CbhoursSegment.person_id == person, CbhoursSegment.at >= over.low,
                                             CbhoursSegment.at <= over.high), series.SEGMENT_GAP)
    found += _runs(session, 0, select(
        CbhoursLive.checked_at.label("at")).where(
        CbhoursLive.person_id == person, CbhoursLive.checked_at >= over.low, CbhoursLive.checked_at <= over.high,
        CbhoursLive.online), _longest(session, "cbhours"))
    return spans.united(spans.clipped(found, over.low, over.high))


def _runs(session: Session, lasts: int, query: Any, longest: int) -> list[Span]:
    """First and last second of each run of rows that are no further apart than `longest`."""
    at, = _columns(session, query.order_by("at"))
    if not len(at):
        return []
    first = [0, *series.apart(at, longest)]
    last = [*(place - 1 for place in first[1:]), len(at) - 1]
    return list(zip(at[first].tolist(), (at[last] + lasts).tolist(), strict=True))


def watched(session: Session, person: int, over: Stretch, now: datetime) -> list[Span]:
    """When somebody would have been seen broadcasting, had they been: a source was heard that knows them.

    The affiliate API counts for whoever it has shown before, CBHours for whoever it tells of; what CBHours has told
    of whole days counts as watched, too.
    """
    known = sources_of(session, person)
    if session.scalar(select(literal(1)).where(Broadcast.person_id == person).limit(1)):
        known.add("affiliate")
    found = [(int(one.start.timestamp()), int(one.end.timestamp())) for source in sorted(known)
             for one in heard(session, source, over.since, over.until, now, reasons=False) if one.heard]
    days = session.execute(select(CbhoursDay.day, CbhoursDay.minutes, CbhoursDay.segments, CbhoursDay.read_at).where(
        CbhoursDay.person_id == person).order_by(CbhoursDay.day)).all()
    found += spans.told_days([(day, minutes, segments, int(read_at.timestamp()))
                              for day, minutes, segments, read_at in days])
    return spans.united(spans.clipped(found, over.low, over.high))


# ---- shared


def _rows(session: Session, query: Any) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them, numbers only: an object for each would take longer than reading them."""
    with session.connection().execute(query) as result:
        return list(result.cursor.fetchall()) if result.cursor is not None else []


def _columns(session: Session, query: Any) -> list["Numbers"]:
    """The columns of a query for whole numbers, none of them null, in its order; each is read as one text."""
    import numpy as np

    rows = query.subquery()
    texts = session.execute(select(*(func.aggregate_strings(cast(column, Text), ",") for column in rows.c))).one()
    return [np.fromstring(text, dtype=np.int64, sep=",") if text else series.numbers([]) for text in texts]


def _longest(session: Session, source: str) -> int:
    """Seconds between two polls of a source that belong together."""
    return round(fresh_for(intervals(session)[source]).total_seconds())

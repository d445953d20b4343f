"""What each source holds about a person: rows, first, last, when it was not heard, and the raw answers behind it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from common.clock import moment_of
from server.ledger.queries import heard
from server.models import (
    AffiliateHour,
    AffiliateProfile,
    AffiliateSubject,
    AffiliateTags,
    Broadcast,
    CaptureRow,
    CbhoursDay,
    CbhoursLive,
    CbhoursPoll,
    CbhoursReading,
    CbhoursSegment,
    CbhoursTexts,
    FollowInterval,
    PersonNote,
    PersonPicture,
    PollCapture,
    Profile,
    Scan,
    ScanPageRow,
    snapshots,
)
from server.paging import decode_cursor, encode_cursor

LIVE = "Live answers, Online and Offline"
# source, what it is, table, the column of its moment: whole seconds, or moments
IN_SECONDS: tuple[tuple[str, str, Any, str], ...] = (
    ("affiliate", "Snapshots: a row a poll that showed them", snapshots.c, "observed_at"),
    ("affiliate", "Hours: what snapshots that grew old were rolled up to", AffiliateHour, "hour"),
    ("affiliate", "Profile data, a row a change", AffiliateProfile, "since"),
    ("affiliate", "Subjects, a row a change", AffiliateSubject, "since"),
    ("affiliate", "Tags, a row a change", AffiliateTags, "since"),
    ("cbhours", LIVE, CbhoursLive, "checked_at"),
    ("cbhours", "Subject, tags and gender, a row a change", CbhoursTexts, "since"),
    ("cbhours", "Activity: three minutes of a broadcast each", CbhoursSegment, "at"),
)
IN_MOMENTS: tuple[tuple[str, str, Any, str], ...] = (
    ("affiliate", "Broadcasts made of the snapshots", Broadcast, "started_at"),
    ("cbhours", "Readings of the activity", CbhoursReading, "observed_at"),
    ("browser", "Follows, in either direction", FollowInterval, "start_latest"),
    ("browser", "What the cards of the lists said last", Profile, "changed_at"),
    ("pictures", "Pictures that are kept here", PersonPicture, "first_seen_at"),
    ("manual", "Notes", PersonNote, "created_at"),
)
LAST = {"start_latest": "seen_at", "first_seen_at": "last_seen_at"}  # where the end is told by another column
SHOWN_GAPS = 5
PAGES_AT_ONCE = 400  # stored list pages that are looked through for a name in one request


class Holding(NamedTuple):
    """Rows of one kind. first, last: None where there is none; by_day: of days, not of moments."""

    source: str
    kind: str
    rows: int
    first: datetime | None
    last: datetime | None
    by_day: bool = False


class Gap(NamedTuple):
    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True)
class Hearing:
    """How well a source was heard since it first told something about a person. newest: the latest gaps."""

    source: str
    since: datetime
    share: float
    gaps: int
    longest: timedelta
    newest: Sequence[Gap]


def holdings(session: Session, person_id: int) -> list[Holding]:
    """Every kind of rows, by source, those without any row among them; in three statements."""
    found: dict[str, Holding] = {}
    for source, kind, count, first, last in session.execute(union_all(
            *(_count(*one, person_id) for one in IN_SECONDS))):
        found[kind] = Holding(source, kind, count, _moment(first), _moment(last))
    for source, kind, count, first, last in session.execute(union_all(
            *(_count(*one, person_id) for one in IN_MOMENTS))):
        found[kind] = Holding(source, kind, count, first, last)
    count, oldest, newest = session.execute(
        select(func.count(), func.min(CbhoursDay.day), func.max(CbhoursDay.day))
        .where(CbhoursDay.person_id == person_id)).one()
    kind = "Days and their minutes"
    found[kind] = Holding("cbhours", kind, count, _midnight(oldest), _midnight(newest), by_day=True)
    order = {source: number for number, source in enumerate(("affiliate", "cbhours", "browser", "pictures", "manual"))}
    return sorted(found.values(), key=lambda one: order[one.source])


def _count(source: str, kind: str, table: Any, column: str, person_id: int) -> Select[Any]:
    at = getattr(table, column)
    return select(literal(source), literal(kind), func.count(at), func.min(at),
                  func.max(getattr(table, LAST.get(column, column)))).where(table.person_id == person_id)


def hearing(session: Session, holding: Sequence[Holding], now: datetime) -> list[Hearing]:
    """Of each source that told something and is asked by a schedule. Activity of CBHours is told days afterwards, so
    there its live answers count."""
    found = []
    for source in ("affiliate", "cbhours", "browser"):
        told = [one for one in holding if one.source == source and (source != "cbhours" or one.kind == LIVE)]
        first = min((one.first for one in told if one.first is not None), default=None)
        if first is None or first >= now:
            continue
        spans = heard(session, source, first, now, now)
        silent = [span for span in spans if not span.heard]
        lost = sum((span.end - span.start for span in silent), timedelta(0))
        found.append(Hearing(source, first, 1 - lost / (now - first), len(silent),
                             max((span.end - span.start for span in silent), default=timedelta(0)),
                             [Gap(span.start, span.end, span.why) for span in silent[:-SHOWN_GAPS - 1:-1]]))
    return found


# ---- raw answers


class Raw(NamedTuple):
    """A raw answer. captures: of several the one that shows the person has still to be found; size: bytes as stored."""

    at: datetime
    what: str
    captures: Sequence[int]
    size: int


class Cut(NamedTuple):
    """next: cursor of the older ones; looked: list pages that were looked through for it."""

    rows: Sequence[Raw]
    next: str | None
    looked: int = 0


def raw_answers(session: Session, person_id: int, username: str, source: str, *, limit: int, after: str = "") -> Cut:
    """Raw answers of one source that showed the person and are still kept, newest first.

    source  affiliate, cbhours or browser
    raises  Refused 400 for a cursor that is not one of this list
    """
    if source == "browser":
        return _list_pages(session, person_id, username, limit, decode_cursor(after, int)[0] if after else None)
    behind = decode_cursor(after, datetime)[0] if after else None
    rows = (_polls if source == "affiliate" else _answers)(session, person_id, limit + 1, behind)
    shown = rows[:limit]
    return Cut(shown, encode_cursor(shown[-1].at) if len(rows) > limit else None)


def captures_of_poll(session: Session, observed_at: int) -> list[int]:
    """The raw answers of a poll."""
    return list(session.scalars(select(PollCapture.capture_id).where(PollCapture.observed_at == observed_at)
                                .order_by(PollCapture.capture_id)))


def is_reading_of(session: Session, person_id: int, capture_id: int) -> bool:
    """Whether a raw answer is one about this person alone: such a one need not name them."""
    return session.scalar(select(CbhoursReading.id).where(
        CbhoursReading.person_id == person_id, CbhoursReading.capture_id == capture_id).limit(1)) is not None


def _polls(session: Session, person_id: int, limit: int, behind: datetime | None) -> list[Raw]:
    oldest = session.scalar(select(func.min(PollCapture.observed_at)))  # older snapshots need not be looked at
    if oldest is None:
        return []
    kept = select(PollCapture.observed_at).where(PollCapture.observed_at == snapshots.c.observed_at).exists()
    query = (select(snapshots.c.observed_at)
             .where(snapshots.c.person_id == person_id, snapshots.c.observed_at >= oldest, kept)
             .order_by(snapshots.c.observed_at.desc()).limit(limit))
    if behind is not None:
        query = query.where(snapshots.c.observed_at < behind.timestamp())
    moments = list(session.scalars(query))
    found: dict[int, list[tuple[int, int]]] = {at: [] for at in moments}
    for at, capture, size in session.execute(
            select(PollCapture.observed_at, CaptureRow.id, CaptureRow.stored_bytes)
            .join(CaptureRow, CaptureRow.id == PollCapture.capture_id).where(PollCapture.observed_at.in_(moments))
            .order_by(CaptureRow.id)):
        found[at].append((capture, size))
    return [Raw(moment_of(at), "poll", [capture for capture, _ in told],
                sum(size for _, size in told)) for at, told in found.items()]


def _answers(session: Session, person_id: int, limit: int, behind: datetime | None) -> list[Raw]:
    """Live answers and readings of activity, newest first."""
    live = (select(CbhoursPoll.observed_at, CaptureRow.id, CaptureRow.stored_bytes)
            .join(CbhoursLive, CbhoursLive.checked_at == CbhoursPoll.observed_at)
            .join(CaptureRow, CaptureRow.id == CbhoursPoll.capture_id).where(CbhoursLive.person_id == person_id)
            .order_by(CbhoursLive.checked_at.desc()).limit(limit))
    activity = (select(CbhoursReading.observed_at, CaptureRow.id, CaptureRow.stored_bytes)
                .join(CaptureRow, CaptureRow.id == CbhoursReading.capture_id)
                .where(CbhoursReading.person_id == person_id)
                .order_by(CbhoursReading.observed_at.desc()).limit(limit))
    if behind is not None:
        live = live.where(CbhoursLive.checked_at < behind.timestamp())
        activity = activity.where(CbhoursReading.observed_at < behind)
    rows = [Raw(moment_of(at), "live", [capture], size)
            for at, capture, size in session.execute(live)]
    rows += [Raw(at, "activity", [capture], size) for at, capture, size in session.execute(activity)]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:limit]


def _list_pages(session: Session, person_id: int, username: str, limit: int, behind: int | None) -> Cut:
    """Stored pages of the lists on which the person stood. Who is on a page is known only by looking into it, so one
    request looks through so many."""
    follows = session.execute(select(FollowInterval.account_id, FollowInterval.direction).where(
        FollowInterval.person_id == person_id).distinct()).all()
    lists = {(account, "followers" if direction == "follower" else "following") for account, direction in follows}
    if not lists:
        return Cut([], None)
    query = (select(ScanPageRow.id, ScanPageRow.observed_at, ScanPageRow.people, CaptureRow.id,
                    Scan.account_id, Scan.list, CaptureRow.stored_bytes)
             .join(Scan, Scan.id == ScanPageRow.scan_id).join(CaptureRow, CaptureRow.id == ScanPageRow.capture_id)
             .order_by(ScanPageRow.id.desc()).limit(PAGES_AT_ONCE))
    if behind is not None:
        query = query.where(ScanPageRow.id < behind)
    mark, looked = f'"username":"{username}"'.encode(), 0
    found: list[Raw] = []
    last: int | None = None
    for number, at, people, capture, account, name, size in session.execute(query):
        last, looked = number, looked + 1
        if (account, name) in lists and mark in zlib.decompress(people):
            found.append(Raw(at, name, [capture], size))
            if len(found) == limit:
                break
    if last is None or (looked < PAGES_AT_ONCE and len(found) < limit):
        return Cut(found, None, looked)
    return Cut(found, encode_cursor(last), looked)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment_of(seconds)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)

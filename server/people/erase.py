"""Erase a person everywhere: identity, profile, tags, follows, snapshots, broadcasts, what CBHours said, pictures,
notes, their place in the queue, their name in stored scans, and raw pages that name them."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.orm import Session

from common.clock import iso_ms
from server.affiliate import store as affiliate
from server.follows.pages import pack, unpack_people
from server.models import (
    PLATFORM,
    Account,
    AffiliateHour,
    AffiliateProfile,
    AffiliateSubject,
    AffiliateTags,
    AuditEntry,
    Broadcast,
    CaptureRow,
    CbhoursCurrent,
    CbhoursDay,
    CbhoursLive,
    CbhoursPoll,
    CbhoursReading,
    CbhoursSegment,
    CbhoursState,
    CbhoursTexts,
    FollowInterval,
    Person,
    PersonCurrent,
    PersonDetails,
    PersonTag,
    PollCapture,
    Profile,
    Scan,
    ScanPageRow,
    snapshots,
)
from server.pictures import store as pictures
from server.profiles import notes
from server.queue import store as queue
from server.retention.rules import HOUR


class IsAnAccount(ValueError):
    """The name is one of the owner's own accounts, which is not erased like somebody else."""


def erase(session: Session, username: str, *, now: datetime, actor: str, platform: str = PLATFORM) -> dict[str, Any]:
    """Take a person out of everything that is stored; inside the caller's transaction.

    Raw pages that show the person are forgotten as a whole: they cannot be cut. Their files go with the next
    sweep of raw pages. The receipt counts what went; the audit keeps that somebody was erased, not who.

    raises  LookupError if nothing is known of anybody of this name; IsAnAccount
    """
    name = username.strip().lower()
    if session.scalar(select(Account.id).filter_by(platform=platform, username=name)) is not None:
        raise IsAnAccount(f"{name} is one of your own accounts")
    person_id = session.scalar(select(Person.id).filter_by(platform=platform, username=name))
    pages, captures, scans = _erase_from_scans(session, name)
    queued = queue.forget(session, name) if platform == PLATFORM else 0
    if person_id is None and not pages and not scans and not queued:
        raise LookupError(f"nobody of the name {name} is known")
    receipt: dict[str, Any] = {
        "username": name, "platform": platform, "erased_at": iso_ms(now),
        "persons": 0 if person_id is None else 1,
        "profiles": _count(session, Profile, person_id), "tags": _count(session, PersonTag, person_id),
        "follows": _count(session, FollowInterval, person_id),
        "snapshots": _count(session, snapshots.c, person_id), "hours": _count(session, AffiliateHour, person_id),
        "broadcasts": _count(session, Broadcast, person_id),
        "cbhours_live": _count(session, CbhoursLive, person_id),
        "cbhours_activity": _count(session, CbhoursSegment, person_id),
        "pictures": 0 if person_id is None else pictures.forget(session, person_id),
        "notes": 0 if person_id is None else notes.forget(session, person_id, name),
        "queue": queued, "scan_pages": pages, "scans": scans, "captures": captures,
    }
    if person_id is not None:
        receipt["captures"] += _forget(session, _answers_that_show(session, person_id) | _answers_of_cbhours(
            session, person_id, name))
        session.execute(delete(snapshots).where(snapshots.c.person_id == person_id))
        session.execute(delete(AffiliateHour).where(AffiliateHour.person_id == person_id))
        for table in (AffiliateProfile, AffiliateSubject, AffiliateTags, Broadcast, CbhoursLive, CbhoursTexts,
                      CbhoursSegment, CbhoursDay, CbhoursReading, CbhoursState, CbhoursCurrent, PersonCurrent,
                      PersonDetails, FollowInterval, PersonTag, Profile):
            session.execute(delete(table).where(table.person_id == person_id))
        affiliate.forget(session)
        session.execute(delete(Person).where(Person.id == person_id))
    session.add(AuditEntry(at=now, actor=actor, action="person erased", subject=""))
    session.flush()
    return receipt


def _count(session: Session, table: Any, person_id: int | None) -> int:
    if person_id is None:
        return 0
    return session.execute(select(func.count()).where(table.person_id == person_id)).scalar_one()


def _answers_that_show(session: Session, person_id: int) -> set[int]:
    """The raw answers of the polls in which the person was seen; of an hour that was rolled up, those of all polls."""
    seen = session.scalars(
        select(PollCapture.capture_id).join(snapshots, snapshots.c.observed_at == PollCapture.observed_at)
        .where(snapshots.c.person_id == person_id))
    rolled_up = session.scalars(
        select(PollCapture.capture_id).join(AffiliateHour, and_(
            PollCapture.observed_at >= AffiliateHour.hour, PollCapture.observed_at < AffiliateHour.hour + HOUR))
        .where(AffiliateHour.person_id == person_id, AffiliateHour.polls > 0))
    return {*seen, *rolled_up}


def _answers_of_cbhours(session: Session, person_id: int, name: str) -> set[int]:
    """The raw answers of CBHours that show the person, and those to questions that name them."""
    activity = session.scalars(select(CbhoursReading.capture_id).where(
        CbhoursReading.person_id == person_id, CbhoursReading.capture_id.is_not(None)))
    live = session.scalars(
        select(CbhoursPoll.capture_id).join(CbhoursLive, CbhoursLive.checked_at == CbhoursPoll.observed_at)
        .where(CbhoursLive.person_id == person_id, CbhoursPoll.capture_id.is_not(None)))
    asked = session.execute(
        select(CaptureRow.id, CaptureRow.url).join(CbhoursPoll, CbhoursPoll.capture_id == CaptureRow.id)
        .where(func.lower(CaptureRow.url).contains(name, autoescape=True)))
    named = re.compile(rf"(?<![a-z0-9_]){re.escape(name)}(?![a-z0-9_])|(?<=%2c){re.escape(name)}(?![a-z0-9_])")
    return {*activity, *live, *(capture for capture, url in asked if named.search(url.lower()))}


def _erase_from_scans(session: Session, name: str) -> tuple[int, int, int]:
    """How many stored pages, raw pages and scans named the person, who is no longer in them."""
    pages, captures = 0, set()
    stored = session.execute(select(ScanPageRow.id, ScanPageRow.people, ScanPageRow.capture_id)
                             .execution_options(yield_per=50))
    changed = []
    for page_id, packed, capture_id in stored:
        people = unpack_people(packed)
        others = [person for person in people if person["username"] != name]
        if len(others) < len(people):
            changed.append((page_id, pack(others)))
            if capture_id is not None:
                captures.add(capture_id)
    for page_id, packed in changed:
        pages += 1
        session.get_one(ScanPageRow, page_id).people = packed
    session.flush()
    scans = sum(_erase_from_scan(scan, name) for scan in session.scalars(select(Scan).execution_options(yield_per=50)))
    session.flush()
    return pages, _forget(session, captures), scans


def _erase_from_scan(scan: Scan, name: str) -> bool:
    """The name out of a scan's diff and out of the message that ended it."""
    touched = False
    if scan.diff and any(name in scan.diff.get(key, ()) for key in ("begin", "leave")):
        scan.diff = scan.diff | {key: _without(scan.diff[key], name) for key in ("begin", "leave")}
        touched = True
    end = scan.evidence.get("end") or {}
    if name in (end.get("json_online") or ()):
        scan.evidence = scan.evidence | {"end": end | {"json_online": _without(end["json_online"], name)}}
        touched = True
    return touched


def _without(names: Iterable[str], name: str) -> list[str]:
    return [one for one in names if one != name]


def _forget(session: Session, captures: set[int]) -> int:
    """Raw pages with these ids, and those with the same bytes, are forgotten."""
    if not captures:
        return 0
    same = select(CaptureRow.sha256).where(CaptureRow.id.in_(captures))
    ids = session.scalars(select(CaptureRow.id).where(CaptureRow.sha256.in_(same))).all()
    session.execute(update(ScanPageRow).where(ScanPageRow.capture_id.in_(ids)).values(capture_id=None))
    session.execute(delete(CaptureRow).where(CaptureRow.id.in_(ids)))
    return len(ids)

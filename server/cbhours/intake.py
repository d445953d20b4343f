"""Answers of CBHours, as the worker posts them, into the tables; inside the caller's transaction.

CBHours tells of those whom it was asked for, and makes nobody known: names that are not known here are rejected.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from common.clock import moment_of
from scraper.observations import Capture, CbhoursActivity, CbhoursLive, username
from server.cbhours import due, rules, store, tame
from server.cbhours.people import Desk, Record
from server.cbhours.tame import Rejected
from server.ingest import captures
from server.ingest.text import plain
from server.ledger.store import hear
from server.models import CbhoursPoll, CbhoursReading

UNKNOWN_HERE = "nobody of this name is known"
NOT_ASKED = "was not asked for"
NO_DAYS = "start_day, end_day: no days that can have been asked for"
_LARGEST = 2**31 - 1
_Written = Callable[[], tuple[list[captures.Written], list[str]]]


def take_live(session: Session, message: CbhoursLive, now: datetime,
              rejected: Sequence[Rejected] = ()) -> dict[str, Any]:
    """Store one live answer: those who are in it, those who are not, its raw bytes.

    rejected  entries that were set aside on the way in
    """
    with captures.writing(_captures(message)) as written:
        rooms, more = tame.check_rooms(message.rooms)
        asked = {name for name in map(_name, message.asked) if name}
        bad = [*rejected, *more]
        desk = Desk(session, now)
        people = desk.read(asked)
        told: dict[str, tame.Room] = {}
        for room in rooms:
            if room.username not in asked:
                bad.append({"item": room.username, "reason": NOT_ASKED})
            elif room.username in people:
                told.setdefault(room.username, tame.room_of(room))
        bad += [{"item": name, "reason": UNKNOWN_HERE} for name in sorted(asked - people.keys())]
        at = int(message.observed_at.timestamp())
        left_out = {name for name in map(_name, message.unknown) if name in asked and name not in told}
        distrusted = not rules.is_trusted([one for one in people.values() if one.known.has_trophy], told)
        _take_live(desk, message, people, told, set() if distrusted else left_out, at)
        if told or (left_out and not distrusted):  # an answer that could not be read is kept, too
            hear(session, message.run_id, due.LIVE, moment_of(at), desk.intervals["cbhours"])
        capture, reasons = _keep(session, message, now, written)
        bad += reasons
        online = sum(room.online for room in told.values())
        session.add(CbhoursPoll(
            observed_at=at, run_id=message.run_id, asked=len(asked), online=online, offline=len(told) - online,
            unknown=len(left_out), rejected=len(bad), capture_id=capture,
            problems=_problems(message.problems, {"distrusted": len(left_out)} if distrusted and left_out else {})))
        session.flush()
    return {"accepted": len(told), "rejected": bad}


def _take_live(desk: Desk, message: CbhoursLive, people: Mapping[str, Record], told: Mapping[str, tame.Room],
               left_out: set[str], at: int) -> None:
    moment = moment_of(at)
    new = store.keep_live(desk, {people[name].id: room for name, room in told.items()}, at)
    for name, one in people.items():
        asked = one.asked
        if asked["live_asked_at"] is None or moment > asked["live_asked_at"]:
            asked["live_asked_at"] = moment
        if name in told:
            before = one.known
            one.known = rules.after_hit(before, moment)
            if asked["problem"] == rules.NOT_SET_UP and one.known.has_trophy and not one.known.misses:
                asked |= {"problem": None, "detail": None, "activity_due_at": None}
            if one.id in new:
                one.hear(told[name], moment)
        elif name in left_out:
            one.known = rules.after_miss(one.known, moment, message.run_id)
    desk.write(people.values())


def take_activity(session: Session, message: CbhoursActivity, now: datetime,
                  rejected: Sequence[Rejected] = ()) -> dict[str, Any]:
    """Store one answer about one person's days.

    rejected  segments that were set aside on the way in
    returns   also how many segments were new, and how many said something else than before
    """
    with captures.writing(_captures(message)) as written:
        name = _name(message.username)
        span = tame.span_of(message.start_day, message.end_day, now)
        desk = Desk(session, now)
        one = desk.read([name]).get(name) if name else None
        if one is None or span is None:
            written()
            reason = UNKNOWN_HERE if one is None else NO_DAYS
            return {"accepted": 0, "added": 0, "changed": 0,
                    "rejected": [*rejected, {"item": plain(message.username, 100), "reason": reason}]}
        problem = plain(message.problem, 40) or "failed" if message.problem is not None else None
        detail = plain(message.detail, 2_000) if message.detail is not None else None
        segments, more = ([], []) if problem else tame.segments_of(message.segments, *span, now)
        bad = [*rejected, *more]
        at = moment_of(int(message.observed_at.timestamp()))
        newer = store.newer_readings(session, one.id, at)
        stored = store.Stored(0, 0)
        if problem is None:
            stored, counts = store.keep_segments(session, one.id, segments, *span, newer.late)
            said = tame.days_of(message.days, *span)
            store.keep_days(desk, one.id, rules.minutes_of_days(*span, said, message.total), counts, at)
            one.hear_segments(segments, newest=not newer.any)
        every = due.interval(session, due.ACTIVITY)
        store.note_reading(one, at, message.run_id, problem, detail, tame.months_of(message.months), every,
                           newest=not newer.any)
        if problem in (None, rules.NOT_SET_UP):  # that is an answer, too
            hear(session, message.run_id, due.ACTIVITY, at, every)
        desk.write([one])
        store.fulfil(session, one.id, message.observed_at)
        capture, reasons = _keep(session, message, now, written)
        bad += reasons
        session.add(CbhoursReading(
            person_id=one.id, observed_at=at, run_id=message.run_id, start_day=span[0], end_day=span[1],
            segments=len(segments), added=stored.added, changed=stored.changed, rejected=len(bad), problem=problem,
            detail=detail, capture_id=capture))
        session.flush()
    return {"accepted": len(segments), "added": stored.added, "changed": stored.changed, "rejected": bad}


def _captures(message: CbhoursLive | CbhoursActivity) -> list[Capture]:
    return [] if message.capture is None else [message.capture]


def _keep(session: Session, message: CbhoursLive | CbhoursActivity, now: datetime,
          written: _Written) -> tuple[int | None, list[Rejected]]:
    """The number of the raw answer that is kept, and why there is none."""
    files, reasons = written()
    rows = captures.add_rows(session, files, message.run_id, now)
    return rows[0].id if rows else None, [{"item": "capture", "reason": reason} for reason in reasons]


def _name(text: str) -> str:
    """The username in its one form; empty for what cannot be one."""
    try:
        return username(text)
    except ValueError:
        return ""


def _problems(said: Mapping[str, int], ours: Mapping[str, int]) -> dict[str, int]:
    return {plain(name, 60): max(0, min(count, _LARGEST)) for name, count in list(said.items())[:100]} | dict(ours)

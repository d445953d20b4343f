"""Polls of the affiliate API, as the worker posts them, into the tables; inside the caller's transaction."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scraper.observations import AffiliateRooms
from server.affiliate import months, store
from server.affiliate.rooms import Rejected, TamePoll, check_rooms, storable
from server.ingest import captures
from server.ingest.text import plain
from server.jobs.intervals import intervals
from server.ledger import store as ledger
from server.models import AffiliatePoll, PollCapture
from server.queue import store as queue
from server.retention.hours import is_rolled_up

_LARGEST = 2**31 - 1


def take_rooms(session: Session, message: AffiliateRooms, now: datetime,
               rejected: Sequence[Rejected] = ()) -> dict[str, Any]:
    """Store one poll: its rooms, its raw answers, and what it says about itself.

    rejected  what was set aside on the way in. A bad room costs that room, a bad raw answer that answer.
    """
    with captures.writing(message.captures) as written:
        return _take_rooms(session, message, now, rejected, written)


def _take_rooms(session: Session, message: AffiliateRooms, now: datetime, rejected: Sequence[Rejected],
                written: Callable[[], tuple[list[captures.Written], list[str]]]) -> dict[str, Any]:
    rooms, more = (message.rooms, []) if isinstance(message, TamePoll) else check_rooms(message.rooms)
    bad = [*rejected, *more]
    good = storable(rooms)
    at = int(message.observed_at.timestamp())
    months.make_room(session, message.observed_at, now)
    poll = store.Poll(session, at, now)
    # A poll that is handed over once more after its snapshots went into the hourly figures is in them already.
    new = [] if poll.late and is_rolled_up(session, at) else good
    poll.take(new, message.genders if message.saw_everyone else (),
              there=[*message.left_out_names, *(one["item"] for one in bad)], gone=message.absent)
    queue.settle(session, message.run_id, {room.username for room in good}, frozenset(message.absent),
                 message.observed_at, now)
    files, reasons = written()
    kept = captures.add_rows(session, files, message.run_id, now)
    bad += [{"item": "capture", "reason": reason} for reason in reasons]
    _keep_poll(session, message, at, len(good), len(bad), [row.id for row in kept])
    if message.pages:
        ledger.hear(session, message.run_id, "affiliate", datetime.fromtimestamp(at, UTC),
                    intervals(session)["affiliate"])
    return {"accepted": len(good), "rejected": bad}


def _keep_poll(session: Session, message: AffiliateRooms, at: int, rooms: int, rejected: int,
               kept: Sequence[int]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(AffiliatePoll).values(
        observed_at=at, finished_at=message.finished_at, run_id=message.run_id,
        genders=",".join(sorted(set(message.genders))), limit=_bounded(message.limit),
        min_followers=_bounded(message.min_followers),
        said_count=None if message.said_count is None else _bounded(message.said_count),
        saw_everyone=message.saw_everyone, pages=_bounded(message.pages), duplicates=_bounded(message.duplicates),
        left_out=_bounded(message.left_out), rooms=rooms, rejected=rejected,
        problems={plain(name, 60): _bounded(count) for name, count in list(message.problems.items())[:100]},
        stopped_by=None if message.stopped_by is None else plain(message.stopped_by, 40)).on_conflict_do_nothing())
    if kept:
        session.execute(dialect.insert(PollCapture).values(
            [{"observed_at": at, "capture_id": capture} for capture in kept]).on_conflict_do_nothing())


def _bounded(number: int) -> int:
    return max(-_LARGEST, min(number, _LARGEST))

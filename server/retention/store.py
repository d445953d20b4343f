"""One batch after the other, until nothing is too old any more.

    snapshots ─► months ─► CBHours ─► its activity ─► raw pages ─► their files ─► broadcasts ─► readings ─► runs
              ─► logs ─► receipts ─► queue ─► days ─► sizes

Each batch is one short transaction. Where the next one goes on is told by a place, which is no more than that: the
same batch again, or all over again from the start, finds what is left and does no harm.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, delete, exists, func, null, select, text, tuple_, update
from sqlalchemy.orm import Session, aliased

from server.affiliate import months
from server.database import reading, writing
from server.follows.pages import pack
from server.ingest import captures
from server.models import (
    Broadcast,
    CbhoursPoll,
    CbhoursReading,
    IngestBatch,
    QueueEntry,
    Run,
    Scan,
    ScanPageRow,
    StorageSample,
)
from server.queue.rules import OPEN
from server.retention import cbhours, days, hours, packing, rules, sizes
from server.retention.keeping import Keeping

MOST = 500  # rows of a batch, where they are large
SAMPLES_KEPT = timedelta(days=800)
ENOUGH = 0.5  # seconds after which a batch does not begin with another kind
_LOCK = 7_202_611_214


class Place(NamedTuple):
    """Where a batch begins: the step, and two numbers that mean something to this step alone."""

    step: str
    first: int = 0
    width: int = 0


class Batch(NamedTuple):
    """counts: what was deleted, rolled up and so on; next: None when all is done; wait: seconds until then."""

    counts: dict[str, int]
    next: Place | None
    wait: float = 0


class Desk(NamedTuple):
    """What every step works with."""

    session: Session
    keeping: Keeping
    now: datetime


def batch(session: Session, keeping: Keeping, now: datetime, place: Place | None = None) -> Batch:
    """Do the next batch and commit it. place None: from the start.

    raises  ValueError for a place that there is not
    """
    began, counts, desk = time.monotonic(), dict.fromkeys(COUNTERS, 0), Desk(session, keeping, now)
    names = list(STEPS)
    at: Place | None = place or Place(names[0])
    while at is not None:
        if at.step not in STEPS:
            raise ValueError(f"no step of this name: {at.step}")
        done = STEPS[at.step].work(desk, at)
        for name, count in done.counts.items():
            counts[name] += count
        following = names[names.index(at.step) + 1:]
        at = done.next or (Place(following[0]) if following else None)
        if done.next or done.counts.get("deleted") or time.monotonic() - began > ENOUGH:
            return Batch(counts, at, done.wait)
    return Batch(counts, None)


def run_all(session: Session, keeping: Keeping, now: datetime,
            each: Callable[[Batch], None] = lambda _: None) -> dict[str, int]:
    """Every batch, one after the other; what they did in all."""
    counts, place = dict.fromkeys(COUNTERS, 0), None
    while True:
        done = batch(session, keeping, now, place)
        counts = {name: count + done.counts[name] for name, count in counts.items()}
        each(done)
        place = done.next
        if place is None:
            return counts
        time.sleep(done.wait)


def words(place: Place) -> str:
    """What is done there."""
    return STEPS[place.step].words if place.step in STEPS else ""


def _alone(session: Session) -> None:
    """Two processes that clean up at the same time do it batch after batch."""
    if session.get_bind().dialect.name == "postgresql":  # on SQLite the transaction itself is the lock
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


# ---- the steps: each does one batch and commits

def _snapshots(desk: Desk, at: Place) -> Batch:
    """first: the person to begin with; width: how many people are looked at together."""
    cuts = desk.keeping.cuts(desk.now)
    if cuts.snapshots is None:
        return Batch({}, None)
    _alone(desk.session)
    done = hours.roll_up_some(desk.session, cuts, at.first, at.width)
    desk.session.commit()
    counts = {"deleted": done.snapshots + done.texts, "snapshots": done.snapshots, "hours": done.hours,
              "texts": done.texts}
    return Batch(counts, None if done.next_person is None else Place(at.step, done.next_person, done.span))


def _months(desk: Desk, at: Place) -> Batch:
    """first: how often the packing of a month was begun; width: how many months there were to pack before."""
    cut = desk.keeping.cuts(desk.now).snapshots
    dropped = months.drop_empty(desk.session, cut) if cut is not None and not at.first else 0
    desk.session.rollback()
    left = packing.left(desk.session, desk.now)
    desk.session.rollback()
    counts = {"months_dropped": dropped, "months_packed": max(0, at.width - left)}
    if not left:
        return Batch(counts, None)
    if packing.is_going_on(desk.session):
        desk.session.rollback()
        return Batch(counts, Place(at.step, max(at.first, 1), left), packing.LOOK_AGAIN)
    desk.session.rollback()
    if left == at.width and at.first > packing.TRIES:
        return Batch(counts, None)
    packing.begin(desk.now)
    return Batch(counts, Place(at.step, at.first + 1 if left == at.width else 1, left), packing.LOOK_SOON)


def _cbhours(desk: Desk, at: Place) -> Batch:
    """first: the person to begin with; width: how many people are looked at together."""
    return _delete_people(desk, at, cbhours.live(rules.cut(desk.now, desk.keeping.cbhours)))


def _cbhours_polls(desk: Desk, at: Place) -> Batch:
    return _delete(desk, at, "cbhours_polls", old_cbhours_polls(desk.keeping, desk.now), CbhoursPoll, CbhoursPoll.id)


def _activity(desk: Desk, at: Place) -> Batch:
    """first, width: as above."""
    return _delete_people(desk, at, cbhours.activity(rules.cut(desk.now, desk.keeping.activity)))


def _activity_readings(desk: Desk, at: Place) -> Batch:
    return _delete(desk, at, "activity_readings", old_activity_readings(desk.keeping, desk.now), CbhoursReading,
                   CbhoursReading.id)


def _captures(desk: Desk, at: Place) -> Batch:
    _alone(desk.session)
    digests = captures.sweep_some(desk.session, desk.keeping.captures, desk.now)
    desk.session.commit()
    removed = captures.remove_files(desk.session, digests)
    return Batch({"deleted": len(digests), "raw_pages": len(digests), "files": removed.files,
                  "bytes_on_disk": removed.bytes}, at if digests else None)


def _files(desk: Desk, at: Place) -> Batch:
    """first: the folder to begin with."""
    desk.session.rollback()
    began, number, files, size = time.monotonic(), max(at.first, 0), 0, 0
    while number < captures.FOLDERS and time.monotonic() - began < ENOUGH:
        removed = captures.sweep_files(desk.session, number)
        number, files, size = number + 1, files + removed.files, size + removed.bytes
    return Batch({"files": files, "bytes_on_disk": size},
                 Place(at.step, number) if number < captures.FOLDERS else None)


def _broadcasts(desk: Desk, at: Place) -> Batch:
    return _delete(desk, at, "broadcasts", old_broadcasts(desk.keeping, desk.now), Broadcast,
                   Broadcast.person_id, Broadcast.started_at)


def _runs(desk: Desk, at: Place) -> Batch:
    return _delete(desk, at, "runs", old_runs(desk.keeping, desk.now), Run, Run.id)


def _logs(desk: Desk, at: Place) -> Batch:
    return _empty(desk, at, "logs", old_logs(desk.keeping, desk.now), Run, {"log": null()})


def _pages(desk: Desk, at: Place) -> Batch:
    return _empty(desk, at, "pages_of_readings", old_pages(desk.keeping, desk.now), ScanPageRow, {"people": pack([])})


def _receipts(desk: Desk, at: Place) -> Batch:
    return _delete(desk, at, "receipts", old_receipts(desk.keeping, desk.now), IngestBatch, IngestBatch.batch_id)


def _queue(desk: Desk, at: Place) -> Batch:
    return _delete(desk, at, "queue_entries", old_queue(desk.keeping, desk.now), QueueEntry, QueueEntry.id)


def _days(desk: Desk, at: Place) -> Batch:
    desk.session.rollback()
    counted = days.count_next(desk.now, desk.keeping.cuts(desk.now).snapshots)
    return Batch({}, at if counted else None)


def _sizes(desk: Desk, _at: Place) -> Batch:
    desk.session.rollback()
    with reading() as session:
        measured = sizes.measure(session)
    with writing() as session:
        sizes.keep(session, measured, desk.now)
        session.execute(delete(StorageSample).where(StorageSample.at < desk.now - SAMPLES_KEPT))
    return Batch({}, None)


def _delete_people(desk: Desk, at: Place, parts: Sequence[cbhours.Part]) -> Batch:
    """Delete what is too old of whoever comes next."""
    if not parts:
        return Batch({}, None)
    _alone(desk.session)
    gone = cbhours.delete_some(desk.session, parts, at.first, at.width)
    desk.session.commit()
    return Batch({"deleted": sum(gone.counts.values()), **gone.counts},
                 None if gone.next_person is None else Place(at.step, gone.next_person, gone.span))


def _delete(desk: Desk, at: Place, name: str, query: Select[Any] | None, table: Any, *key: Any) -> Batch:
    """Delete a batch of the rows that a question finds."""
    if query is None:
        return Batch({}, None)
    _alone(desk.session)
    keys = [tuple(row) for row in desk.session.execute(query.with_only_columns(*key).limit(MOST))]
    if keys:
        mine = key[0].in_([one[0] for one in keys]) if len(key) == 1 else tuple_(*key).in_(keys)
        desk.session.execute(delete(table).where(mine).execution_options(synchronize_session=False))
    desk.session.commit()
    return Batch({"deleted": len(keys), name: len(keys)}, at if keys else None)


def _empty(desk: Desk, at: Place, name: str, query: Select[Any] | None, table: Any, values: dict[str, Any]) -> Batch:
    """Empty a column of a batch of the rows that a question finds."""
    if query is None:
        return Batch({}, None)
    _alone(desk.session)
    ids = desk.session.scalars(query.with_only_columns(table.id).limit(MOST)).all()
    desk.session.execute(update(table).where(table.id.in_(ids)).values(values)
                         .execution_options(synchronize_session=False))
    desk.session.commit()
    return Batch({"deleted": len(ids), name: len(ids)}, at if ids else None)


class Step(NamedTuple):
    words: str
    work: Callable[[Desk, Place], Batch]


STEPS: Mapping[str, Step] = {
    "snapshots": Step("rolling up old snapshots", _snapshots),
    "months": Step("packing months that are over", _months),
    "cbhours": Step("deleting old live answers of CBHours", _cbhours),
    "cbhours_polls": Step("forgetting old calls of CBHours", _cbhours_polls),
    "activity": Step("deleting old activity", _activity),
    "activity_readings": Step("forgetting when old activity was read", _activity_readings),
    "captures": Step("deleting old raw pages", _captures),
    "files": Step("looking for files that nothing needs", _files),
    "broadcasts": Step("deleting old broadcasts", _broadcasts),
    "pages": Step("forgetting who stood on which page of old readings", _pages),
    "runs": Step("deleting old runs", _runs),
    "logs": Step("deleting the log lines of old runs", _logs),
    "receipts": Step("deleting old receipts", _receipts),
    "queue": Step("deleting old entries of the queue", _queue),
    "days": Step("counting the days that are over", _days),
    "sizes": Step("measuring the tables", _sizes),
}
COUNTERS = ("deleted", "snapshots", "hours", "texts", "months_dropped", "months_packed", "raw_pages", "files",
            "bytes_on_disk", "broadcasts", "pages_of_readings", "runs", "logs", "receipts", "queue_entries",
            "cbhours_live", "cbhours_texts", "cbhours_polls", "activity", "activity_days", "activity_readings")


# ---- what is too old; None: it is kept for ever

def old_broadcasts(keeping: Keeping, now: datetime) -> Select[Any] | None:
    if not keeping.broadcasts:
        return None
    return select(Broadcast).where(Broadcast.closed, Broadcast.last_seen_at < now - timedelta(days=keeping.broadcasts))


def old_cbhours_polls(keeping: Keeping, now: datetime) -> Select[Any] | None:
    cut = rules.cut(now, keeping.cbhours)
    return None if cut is None else select(CbhoursPoll).where(CbhoursPoll.observed_at < cut)


def old_activity_readings(keeping: Keeping, now: datetime) -> Select[Any] | None:
    if not keeping.activity:
        return None
    return select(CbhoursReading).where(CbhoursReading.observed_at < now - timedelta(days=keeping.activity))


def old_runs(keeping: Keeping, now: datetime) -> Select[Any] | None:
    """Never the newest of a job: it tells when the job is due again."""
    if not keeping.runs:
        return None
    newer = aliased(Run)
    return select(Run).where(
        Run.state == "ended", Run.ended_at < now - timedelta(days=keeping.runs),
        exists().where(newer.job_id == Run.job_id, newer.state == "ended", newer.created_at > Run.created_at))


def old_pages(keeping: Keeping, now: datetime) -> Select[Any] | None:
    """Pages of readings that are decided, with people on them."""
    if not keeping.readings:
        return None
    return select(ScanPageRow).join(Scan, Scan.id == ScanPageRow.scan_id).where(
        Scan.state.in_(("applied", "dropped")), Scan.received_at < now - timedelta(days=keeping.readings),
        func.length(ScanPageRow.people) > 2 * len(pack([])))


def old_logs(keeping: Keeping, now: datetime) -> Select[Any] | None:
    if not keeping.logs:
        return None
    return select(Run).where(Run.state == "ended", Run.ended_at < now - timedelta(days=keeping.logs),
                             Run.log.is_not(null()))


def old_receipts(keeping: Keeping, now: datetime) -> Select[Any] | None:
    """Answers to what the worker handed over: nobody hands it over again so late."""
    if not keeping.batches:
        return None
    return select(IngestBatch).where(IngestBatch.received_at < now - timedelta(days=keeping.batches))


def old_queue(keeping: Keeping, now: datetime) -> Select[Any] | None:
    """Those that were to be read once, and of which it is known what came of it."""
    if not keeping.queue:
        return None
    return select(QueueEntry).where(QueueEntry.priority == 1, QueueEntry.state.not_in(OPEN),
                                    QueueEntry.ended_at < now - timedelta(days=keeping.queue))


def count(session: Session, query: Select[Any] | None) -> int:
    return 0 if query is None else session.scalar(select(func.count()).select_from(query.subquery())) or 0

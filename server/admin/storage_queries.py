"""What the storage page, its API and `flask --app server stats` ask: how large everything is, how it grows, how it goes
on, what the polls brought, what a run said. A constant number of statements; what is slow is measured by the job."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from server import settings
from server.jobs import queries as jobs
from server.jobs import rules, storage
from server.jobs.kinds import KINDS
from server.ledger import queries as ledger
from server.ledger.rules import is_quiet
from server.models import AffiliatePoll, CaptureRow, IngestBatch, Job, Picture, Run
from server.retention import days, sizes
from server.retention.keeping import JOB, Keeping, present

POLLER = "affiliate"
SNAPSHOTS = "affiliate_api_snapshots"
TEXTS = ("affiliate_subjects", "affiliate_tags", "affiliate_profiles")
HOURS = "affiliate_hourly"
QUICKLY_READ = 200_000  # snapshots that are counted while the page waits
ENOUGH_ROWS = 1_000  # with fewer, empty pages and the first text of each person are most of it
HOUR_BYTES = {"sqlite": 45, "postgresql": 112}  # of a row an hour, its key included
MOST_GROWTH_DAYS = 8  # growth is told from samples that are no older
LEAST_GROWTH_DAYS = 0.5
LEAST_POLLED_DAYS = 0.25
CYCLES = 20
LOG_LINES = 50
LOG_RUNS = 25


class TableRow(NamedTuple):
    """A table with its indexes. rows_a_day, bytes_a_day: None: not known yet."""

    name: str
    rows: int | None
    bytes: int | None
    rows_a_day: float | None
    bytes_a_day: float | None


class Measured(NamedTuple):
    """What polling really does here. None: not enough has been polled, or stored, to tell.

    snapshot_bytes  of a snapshot, its part of the texts and of the indexes included
    """

    polls_a_day: float | None
    rooms: float | None
    rows_a_day: float | None
    snapshot_bytes: float | None


class Line(NamedTuple):
    """A line that a run said. at: None: it did not say when."""

    at: datetime | None
    level: str
    text: str
    run: str


@dataclass(frozen=True)
class StorageView:
    """Everything on the storage page.

    measured_at  when the tables were measured; None: just now, as it never was before
    whole        bytes of the database, now; unused: of these, standing empty in an SQLite file
    free         bytes free on the disk of an SQLite file; None: PostgreSQL, whose disk is not ours to see
    a_day        bytes that the next day adds; None: not known yet; from_samples: days between the samples it is from,
                 None: reckoned from the polls
    ahead        (days, bytes) to come
    """

    kind: str
    measured_at: datetime | None
    whole: int
    unused: int
    free: int | None
    tables: Sequence[TableRow]
    a_day: float | None
    from_samples: float | None
    ahead: Sequence[tuple[int, float]]
    measured: Measured
    config: Mapping[str, Any]
    keeping: Keeping
    retention: jobs.JobView | None
    cycle: storage.Cycle | None
    days: Sequence[days.Day]
    advice: Sequence[str]

    @property
    def snapshots(self) -> TableRow | None:
        return next((table for table in self.tables if table.name == SNAPSHOTS), None)

    @property
    def rule_bytes(self) -> int:
        """At most so much a snapshot takes in this kind of database."""
        return storage.BYTES_A_SNAPSHOT[self.kind]


def storage_view(session: Session, now: datetime, zone: tzinfo, gap: timedelta) -> StorageView:
    kind = session.get_bind().dialect.name
    measured_at, present_sizes = sizes.newest(session)
    if not present_sizes:
        present_sizes = sizes.measure(session)
    before_at, before = _sample_before(session, measured_at)
    apart = (measured_at - before_at) / timedelta(days=1) if measured_at and before_at else None
    tables = _tables(present_sizes, before, apart)
    whole, keeping = sizes.whole(session), present(session)
    measured = _measured(session, now, tables)
    growth = _growth(session, now, kind, tables, measured, keeping)
    a_day = growth.today() if growth else _grown(present_sizes, before, apart)
    config = _config(session)
    free = _free_bytes(kind)
    retention = next(iter(jobs.job_views(session, now, zone, gap, name=JOB)), None)
    cycle = _cycle(session)
    unused = sizes.unused(session)
    few = not any(table.name == SNAPSHOTS and (table.rows or 0) > QUICKLY_READ for table in tables)
    return StorageView(
        kind=kind, measured_at=measured_at, whole=whole, unused=unused, free=free, tables=tables, a_day=a_day,
        from_samples=None if growth else apart, ahead=_ahead(whole, growth, a_day), measured=measured, config=config,
        keeping=keeping, retention=retention, cycle=cycle, days=days.newest(session, now, scan=few),
        advice=storage.advice(storage.Facts(
            interval_minutes=config["intervalMinutes"], limit=config["limit"], snapshot_days=keeping.snapshots,
            cycle=cycle, bytes_a_day=a_day,
            full_in=growth.days_until(whole, whole + free) if growth and free is not None else None,
            unused_share=unused / whole if whole else 0, on_sqlite=kind == "sqlite",
            not_cleaned_up=_why_not(retention))))


def log_lines(session: Session, name: str, count: int = LOG_LINES) -> list[Line]:
    """The last lines that the runs of a job said, newest first."""
    runs = session.scalars(
        select(Run).join(Job, Job.id == Run.job_id).where(Job.name == name, Run.state == "ended")
        .order_by(Run.created_at.desc(), Run.id.desc()).limit(LOG_RUNS).options(undefer(Run.log)))
    lines: list[Line] = []
    for run in runs:
        lines += [Line(_moment(line.get("at")), str(line.get("level", "")), str(line.get("text", "")), str(run.id))
                  for line in reversed(run.log or [])]
        if len(lines) >= count:
            break
    return lines[:count]


def _moment(said: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _sample_before(session: Session, newest: datetime | None) -> tuple[datetime | None, Mapping[str, sizes.Size]]:
    """The sample that the newest one is compared with."""
    if newest is None:
        return None, {}
    oldest, latest = newest - timedelta(days=MOST_GROWTH_DAYS), newest - timedelta(days=LEAST_GROWTH_DAYS)
    moment = next((at for at in sizes.moments(session) if oldest <= at <= latest), None)
    return moment, {size.name: size for size in sizes.at(session, moment)[1]}


def _tables(measured: Sequence[sizes.Size], before: Mapping[str, sizes.Size], apart: float | None) -> list[TableRow]:
    found = []
    for size in measured:
        old = before.get(size.name)
        if size.name != sizes.WHOLE:
            found.append(TableRow(size.name, size.rows, size.bytes, _a_day(size.rows, old and old.rows, apart),
                                  _a_day(size.bytes, old and old.bytes, apart)))
    return sorted(found, key=lambda table: (-(table.bytes or 0), -(table.rows or 0), table.name))


def _a_day(new: int | None, old: int | None, apart: float | None) -> float | None:
    return None if new is None or old is None or not apart else (new - old) / apart


def _grown(measured: Sequence[sizes.Size], before: Mapping[str, sizes.Size], apart: float | None) -> float | None:
    whole = next((size.bytes for size in measured if size.name == sizes.WHOLE), None)
    old = before.get(sizes.WHOLE)
    return _a_day(whole, old and old.bytes, apart)


def _measured(session: Session, now: datetime, tables: Sequence[TableRow]) -> Measured:
    """Over the last seven days, or as long as there are polls; what nobody watched in them left out.

    Quiet hours stay in: they come every day.
    """
    since = int((now - timedelta(days=7)).timestamp())
    polls, rooms, first = session.execute(
        select(func.count(), func.sum(AffiliatePoll.rooms), func.min(AffiliatePoll.observed_at))
        .where(AffiliatePoll.observed_at >= since)).one()
    told = {table.name: table for table in tables}
    rows = told[SNAPSHOTS].rows if SNAPSHOTS in told else None
    taken = [told[name].bytes for name in (SNAPSHOTS, *TEXTS) if name in told]
    each = sum(size or 0 for size in taken) / rows if rows and rows >= ENOUGH_ROWS and None not in taken else None
    if not polls:
        return Measured(None, None, None, each)
    began = datetime.fromtimestamp(first, UTC)
    silent = sum((one.length for one in ledger.heard(session, "affiliate", began, now, now)
                  if not one.heard and not is_quiet(one)), timedelta(0))
    span = (now - began - silent) / timedelta(days=1)
    if span < LEAST_POLLED_DAYS:
        return Measured(None, float(rooms / polls), None, each)
    return Measured(polls / span, float(rooms / polls), float(rooms / span), each)


class Files(NamedTuple):
    """Bytes of files in the data folder, beside the database."""

    raw_pages: int
    pictures: int


def files(session: Session) -> Files:
    """How large the files are that the rows know of; the same raw page or picture is one file."""
    pages = select(func.max(CaptureRow.stored_bytes).label("bytes")).group_by(CaptureRow.sha256).subquery()
    found = session.execute(select(
        select(func.sum(pages.c.bytes)).scalar_subquery(),
        select(func.sum(Picture.bytes + Picture.thumb_bytes)).scalar_subquery())).one()
    return Files(*(int(size or 0) for size in found))


def _growth(session: Session, now: datetime, kind: str, tables: Sequence[TableRow], measured: Measured,
            keeping: Keeping) -> storage.Growth | None:
    """What a day adds, from what is polled; the tables that polling does not fill grow as their samples say."""
    told = {table.name: table for table in tables}
    rows = told[SNAPSHOTS].rows if SNAPSHOTS in told else None
    if measured.rows_a_day is None or measured.snapshot_bytes is None or not rows:
        return None
    first = session.scalar(select(func.min(AffiliatePoll.observed_at))) or 0
    age = (now.timestamp() - first) / 86_400
    narrow = (told[SNAPSHOTS].bytes or 0) / rows
    texts = max(keeping.texts, keeping.snapshots) if keeping.texts and keeping.snapshots else 0
    per_hour = max((measured.polls_a_day or 0) / 24, 1)
    others = sum(max(table.bytes_a_day or 0, 0) for table in tables if table.name not in (SNAPSHOTS, HOURS, *TEXTS))
    return storage.Growth(
        snapshots=storage.Kind(measured.rows_a_day * narrow, age, keeping.snapshots),
        texts=storage.Kind(measured.rows_a_day * (measured.snapshot_bytes - narrow), age, texts),
        hours_a_day=measured.rows_a_day / per_hour * HOUR_BYTES[kind], others_a_day=others)


def _ahead(whole: int, growth: storage.Growth | None, a_day: float | None) -> list[tuple[int, float]]:
    steps = (30, 90, 365)
    if growth is not None:
        return [(ahead, growth.after(whole, ahead)) for ahead in steps]
    return [] if a_day is None else [(ahead, whole + a_day * ahead) for ahead in steps]


def _config(session: Session) -> dict[str, Any]:
    stored = session.scalar(select(Job.config).where(Job.name == POLLER).limit(1)) or {}
    return rules.present_config(KINDS[POLLER], stored)


def _free_bytes(kind: str) -> int | None:
    if kind != "sqlite":
        return None
    return shutil.disk_usage(settings.current().data_folder).free


def _why_not(retention: jobs.JobView | None) -> str | None:
    """Why nothing is cleaned up, in words; None: it is."""
    if retention is None:
        return "the job Retention is not there yet: start the server once."
    if retention.state.state in ("stopped", "disabled", "paused", "failing"):
        return f"the job Retention is {retention.state.state}: {retention.state.reason}"
    return None


def _cycle(session: Session) -> storage.Cycle | None:
    """The last polls that went well, on average."""
    runs = session.execute(
        select(Run.id, Run.started_at, Run.ended_at, Run.waiting_ms, Run.working_ms)
        .join(Job, Job.id == Run.job_id)
        .where(Job.name == POLLER, Run.state == "ended", Run.outcome.in_(("ok", "partial")))
        .order_by(Run.created_at.desc(), Run.id.desc()).limit(CYCLES)).all()
    if not runs:
        return None
    stored = session.scalar(select(func.avg(IngestBatch.took_ms)).where(
        IngestBatch.kind == "affiliate-rooms", IngestBatch.run_id.in_([run.id for run in runs])))
    database = None if stored is None else float(stored) / 1000
    whole = sum((run.ended_at - run.started_at).total_seconds() for run in runs)
    api, reading = (sum(getattr(run, name) for run in runs) / 1000 for name in ("waiting_ms", "working_ms"))
    return storage.Cycle(len(runs), whole / len(runs), api / len(runs), reading / len(runs), database)

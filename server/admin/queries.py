"""What the admin pages ask: readings with their evidence, and how the installation is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import Session

from server.models import Account, CaptureRow, IngestBatch, KeyValue, Run, Scan, ScanPageRow
from server.paging import decode_cursor, encode_cursor, refused_cursor
from server.retention import sizes

PAGE = 50
BATCHES = 20
STATES = ("all", "applied", "held", "dropped", "receiving")
LISTS = ("all", "following", "followers")


class ScanRow(NamedTuple):
    scan: Scan
    account: str


class ScanCut(NamedTuple):
    """Readings of one page, newest first, and cursors to the pages beside it."""

    rows: list[ScanRow]
    previous: str | None
    next: str | None


def scans(session: Session, *, account_id: int | None = None, list_name: str = "all", state: str = "all",
          after: str = "", before: str = "") -> ScanCut:
    """Readings, newest first."""
    query = select(Scan, Account.username).join(Account, Account.id == Scan.account_id)
    if account_id is not None:
        query = query.where(Scan.account_id == account_id)
    if list_name != "all":
        query = query.where(Scan.list == list_name)
    if state != "all":
        query = query.where(Scan.state == state)
    backwards = bool(before)
    if before or after:
        at, identity = decode_cursor(before or after, datetime, str)
        try:
            last = UUID(identity)
        except ValueError as error:
            raise refused_cursor() from error
        query = query.where(or_(Scan.received_at > at, and_(Scan.received_at == at, Scan.id > last)) if backwards else
                            or_(Scan.received_at < at, and_(Scan.received_at == at, Scan.id < last)))
    order = (Scan.received_at, Scan.id) if backwards else (Scan.received_at.desc(), Scan.id.desc())
    found = [ScanRow(*row) for row in session.execute(query.order_by(*order).limit(PAGE + 1))]
    more = len(found) > PAGE
    found = found[:PAGE]
    if backwards:
        found.reverse()
    has_previous, has_next = (more, True) if backwards else (bool(after), more)
    return ScanCut(found, _edge(found[0]) if found and has_previous else None,
                   _edge(found[-1]) if found and has_next else None)


def _edge(row: ScanRow) -> str:
    return encode_cursor(row.scan.received_at, str(row.scan.id))


class PageRow(NamedTuple):
    """One page of a reading: its facts (see scraper.observations.PageFacts), without the people on it."""

    observed_at: datetime
    facts: dict[str, Any]
    capture_id: int | None
    capture_bytes: int | None


@dataclass(frozen=True)
class ScanView:
    """A reading with all its evidence. run: None when it did not come from a run."""

    scan: Scan
    account: Account
    pages: Sequence[PageRow]
    run: Run | None


def scan_view(session: Session, scan_id: UUID) -> ScanView | None:
    """One reading, in two statements; None: there is none."""
    found = session.execute(
        select(Scan, Account, Run).join(Account, Account.id == Scan.account_id)
        .outerjoin(Run, Run.id == Scan.run_id).where(Scan.id == scan_id)).one_or_none()
    if found is None:
        return None
    scan, account, run = found
    pages = session.execute(
        select(ScanPageRow.observed_at, ScanPageRow.facts, ScanPageRow.capture_id, CaptureRow.stored_bytes)
        .outerjoin(CaptureRow, CaptureRow.id == ScanPageRow.capture_id)
        .where(ScanPageRow.scan_id == scan_id).order_by(ScanPageRow.id))
    return ScanView(scan, account, [PageRow(*page) for page in pages], run)


def held_count(session: Session) -> int:
    """Readings that wait for the owner."""
    return session.execute(select(func.count()).select_from(Scan).where(Scan.state == "held")).scalar_one()


@dataclass(frozen=True)
class SystemView:
    """How the installation is. tables: name and rows, as of `measured_at` (None: just now); captures: count, bytes
    before and after packing."""

    kind: str
    version: str
    size: int
    tables: Sequence[tuple[str, int]]
    measured_at: datetime | None
    facts: Sequence[KeyValue]
    batches: Sequence[IngestBatch]
    captures: tuple[int, int, int]
    oldest_capture: datetime | None


def system_view(session: Session) -> SystemView:
    """Kind and size of the database, rows, what came in last; a constant number of statements. Rows are counted here
    only until the job `retention` has measured them: of a large table that takes long."""
    kind, version, size = _database(session)
    measured_at, measured = sizes.newest(session)
    tables = [(one.name, one.rows) for one in measured or sizes.measure(session) if one.rows is not None]
    captures = session.execute(select(
        func.count(), func.coalesce(func.sum(CaptureRow.raw_bytes), 0),
        func.coalesce(func.sum(CaptureRow.stored_bytes), 0), func.min(CaptureRow.created_at))).one()
    return SystemView(
        kind=kind, version=version, size=size,
        tables=sorted(tables), measured_at=measured_at,
        facts=session.scalars(select(KeyValue).order_by(KeyValue.name)).all(),
        batches=session.scalars(select(IngestBatch).order_by(IngestBatch.received_at.desc()).limit(BATCHES)).all(),
        captures=(captures[0], int(captures[1]), int(captures[2])), oldest_capture=captures[3])


def _database(session: Session) -> tuple[str, str, int]:
    """Kind, version, bytes on disk."""
    if session.get_bind().dialect.name == "postgresql":
        row = session.execute(text(
            "SELECT current_setting('server_version'), pg_database_size(current_database())")).one()
        return "PostgreSQL", str(row[0]), int(row[1])
    row = session.execute(text(
        "SELECT sqlite_version(), (SELECT page_count FROM pragma_page_count()) * "
        "(SELECT page_size FROM pragma_page_size())")).one()
    return "SQLite", str(row[0]), int(row[1])

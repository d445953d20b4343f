"""Raw pages, kept as files that are named by their content: `captures/<ab>/<sha256>.gz` in the data folder.

The file is on disk, synced, before the row that finds it is committed; a file without a row is swept away
later, a row without a file cannot be.
"""

import base64
import binascii
import fcntl
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from common.files import sync, unfinished, write_new
from scraper.observations import Capture
from server import settings
from server.ingest.body import BadGzip, TooLarge, gunzip
from server.ingest.text import plain
from server.models import CaptureRow

LARGEST_CAPTURE = 16 * 1024 * 1024
YOUNG = timedelta(hours=1)  # a file this young may belong to a row that is not committed yet
SWEEP_BATCH = 500
FOLDERS = 256


class BadCapture(ValueError):
    """A raw page that cannot be kept: not base64, not gzip, or too large when unpacked."""


class Removed(NamedTuple):
    """Files that were removed, and their bytes."""

    files: int
    bytes: int


def unpacked(capture: Capture) -> bytes:
    """The raw bytes of a capture.

    raises  BadCapture
    """
    return _opened(capture)[1]


def _opened(capture: Capture) -> tuple[bytes, bytes]:
    """The bytes as they came, gzip, and what is in them."""
    try:
        packed = base64.b64decode(capture.body, validate=True)
        return packed, gunzip(io.BytesIO(packed), LARGEST_CAPTURE)
    except (binascii.Error, ValueError) as error:
        if isinstance(error, TooLarge):
            raise BadCapture("larger than 16 MiB when unpacked") from error
        raise BadCapture("not base64 of gzip" + (f": {error}" if isinstance(error, BadGzip) else "")) from error


class Written(NamedTuple):
    """A raw page whose file is on disk."""

    capture: Capture
    sha256: str
    raw_bytes: int
    stored_bytes: int


def keep(session: Session, capture: Capture, run_id: UUID | None, now: datetime) -> CaptureRow:
    """Keep a raw page as it was packed; the same bytes again need no second file.

    raises  BadCapture
    """
    written, reasons = write([capture])
    if reasons:
        raise BadCapture(reasons[0])
    return add_rows(session, written, run_id, now)[0]


def write(captures: Iterable[Capture]) -> tuple[list[Written], list[str]]:
    """The files of raw pages, waiting for the disk once for all of them, and why others cannot be kept."""
    opened, files, reasons = [], {}, []
    for capture in captures:
        try:
            packed, raw = _opened(capture)
        except BadCapture as error:
            reasons.append(str(error))
            continue
        digest = hashlib.sha256(raw).hexdigest()
        opened.append((capture, digest, len(raw)))
        files[_path(digest)] = packed
    stored = _write(files)
    return [Written(*one, stored[_path(one[1])]) for one in opened], reasons


@contextmanager
def writing(captures: Iterable[Capture]) -> Iterator[Callable[[], tuple[list[Written], list[str]]]]:
    """The same while the block does something else, which may ask for the result: disk and database wait together."""
    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(copy_context().run, write, captures).result


def add_rows(session: Session, written: Iterable[Written], run_id: UUID | None, now: datetime) -> list[CaptureRow]:
    rows = [CaptureRow(sha256=one.sha256, url=plain(one.capture.url, 2000), content_type=plain(
        one.capture.content_type, 100), raw_bytes=one.raw_bytes, stored_bytes=one.stored_bytes, run_id=run_id,
        created_at=now) for one in written]
    session.add_all(rows)
    session.flush()
    return rows


def read(row: CaptureRow) -> bytes:
    """The raw bytes of a kept page.

    raises  FileNotFoundError if the file was taken away from outside
    """
    with _path(row.sha256).open("rb") as file:
        return gunzip(file, LARGEST_CAPTURE)


def sweep(session: Session, days: int, now: datetime) -> dict[str, int]:
    """Delete raw pages older than so many days (0: none), in small transactions, and files without a row.

    returns  {"captures": rows, "files": files, "bytes": bytes on disk} that were deleted
    """
    gone = {"captures": 0, "files": 0, "bytes": 0}
    while digests := sweep_some(session, days, now):
        session.commit()
        gone["captures"] += len(digests)
    session.commit()
    for number in range(FOLDERS):
        removed = sweep_files(session, number)
        gone["files"] += removed.files
        gone["bytes"] += removed.bytes
    return gone


def sweep_some(session: Session, days: int, now: datetime) -> list[str]:
    """Forget a batch of raw pages older than so many days (0: none), inside the caller's transaction.

    returns  the digests of what was forgotten, for `remove_files` once that is committed
    """
    if days <= 0:
        return []
    ids = session.scalars(old_captures(select(CaptureRow.id), days, now).order_by(CaptureRow.id)
                          .limit(SWEEP_BATCH)).all()
    return list(session.scalars(delete(CaptureRow).where(CaptureRow.id.in_(ids)).returning(CaptureRow.sha256)))


def old_captures(query: Any, days: int, now: datetime) -> Any:
    """A question about raw pages, asked of those older than so many days."""
    return query.where(CaptureRow.created_at < now - timedelta(days=days))


def remove_files(session: Session, digests: Iterable[str]) -> Removed:
    """Remove the files of these raw pages where no row needs them any more; outside any transaction."""
    return _remove(session, (_path(digest) for digest in set(digests)))


def sweep_files(session: Session, number: int) -> Removed:
    """Remove the files without a row in one of the `FOLDERS` folders; outside any transaction.

    Such files are left behind where a process is killed between its rows and its files.
    """
    return _remove(session, _files_without_row(session, f"{number:02x}"))


def _remove(session: Session, paths: Iterable[Path]) -> Removed:
    sizes = [size for path in paths if (size := _remove_if_unused(session, path)) is not None]
    return Removed(len(sizes), sum(sizes))


def _folder() -> Path:
    folder = settings.current().data_folder / "captures"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _path(digest: str) -> Path:
    return _folder() / digest[:2] / f"{digest}.gz"


def _files_without_row(session: Session, folder: str) -> Iterator[Path]:
    """Files of a folder that no row refers to at the moment."""
    files = _folder().glob(f"{folder}/*.gz")
    while some := {path.name.removesuffix(".gz"): path for path in islice(files, SWEEP_BATCH)}:
        used = set(session.scalars(select(CaptureRow.sha256).where(CaptureRow.sha256.in_(some))))
        session.rollback()
        yield from (path for digest, path in some.items() if digest not in used)


@contextmanager
def _only_one() -> Iterator[None]:
    """One process at a time writes or removes files here."""
    with (_folder() / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(files: Mapping[Path, bytes]) -> dict[Path, int]:
    """The bytes on disk, whole and synced; how many each file has.

    All are written before the first is waited for: the disk takes them together.
    """
    fresh: dict[Path, Path] = {}
    if not files:
        return {}
    with _only_one():
        try:
            for path, packed in files.items():
                if path.exists():
                    os.utime(path)
                    continue
                path.parent.mkdir(mode=0o700, exist_ok=True)
                fresh[path] = unfinished(path)
                write_new(fresh[path], packed, synced=False)
            for temporary in fresh.values():
                sync(temporary)
            for path, temporary in fresh.items():
                temporary.replace(path)
        except BaseException:
            for temporary in fresh.values():
                temporary.unlink(missing_ok=True)
            raise
        for folder in {path.parent for path in fresh} | {path.parent.parent for path in fresh}:
            sync(folder)
        return {path: path.stat().st_size for path in files}


def _remove_if_unused(session: Session, path: Path) -> int | None:
    """Remove a file that no row refers to and that is not young; its size, or None if it stays."""
    with _only_one():
        if not path.exists():  # another process has just removed it
            return None
        status = path.stat()
        oldest_allowed = _disk_now(path.parent.parent) - YOUNG.total_seconds()
        used = session.scalar(select(exists().where(CaptureRow.sha256 == path.name.removesuffix(".gz"))))
        session.rollback()
        if used or status.st_mtime > oldest_allowed:
            return None
        path.unlink()
        return status.st_size


def _disk_now(folder: Path) -> float:
    """The present moment by the clock that dates files."""
    mark = folder / ".lock"
    os.utime(mark)
    return mark.stat().st_mtime



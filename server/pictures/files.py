"""The files of pictures: `images/<ab>/<sha256>.webp` and `….<size>.webp` in the data folder.

They are on disk, synced, before the row that finds them is committed; files without a row are swept away later, a
row without files cannot be. What was touched a short while ago may belong to a row that is not committed yet.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.files import sync, write_whole
from server import settings
from server.pictures.making import SIZES

YOUNG_SECONDS = 3600.0
SHA256 = re.compile(r"[0-9a-f]{64}")


def path_of(sha256: str, size: int = 0) -> Path:
    """Where this picture lies in this size; 0: whole.

    raises  ValueError for anything else than a hash and a size that is made
    """
    if not SHA256.fullmatch(sha256) or size not in (0, *SIZES):
        raise ValueError("not a picture's name")
    return _folder() / sha256[:2] / f"{sha256}{f'.{size}' if size else ''}.webp"


def read(sha256: str, size: int = 0) -> bytes:
    """The bytes of a file.

    raises  OSError if it is not there; a symbolic link is never followed
    """
    with os.fdopen(os.open(path_of(sha256, size), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read()


def write(sha256: str, files: Mapping[int, bytes]) -> None:
    """All files of a picture on disk, whole and synced. Those that are there are only marked as used just now."""
    with _only_one():
        folder = path_of(sha256).parent
        folder.mkdir(mode=0o700, exist_ok=True)
        for size, content in sorted(files.items(), reverse=True):  # the whole picture last: with it, all are there
            path = path_of(sha256, size)
            if path.exists():
                os.utime(path)
            else:
                write_whole(path, content)
        for one in (folder, folder.parent):
            sync(one)


def disk_now() -> float:
    """The moment by the clock that dates these files."""
    with _only_one() as lock:
        os.utime(lock)
        return lock.stat().st_mtime


def remove(sha256: str, *, touched_before: float, used: Callable[[str], bool]) -> int | None:
    """Remove a picture's files unless they were touched meanwhile or are used; their bytes, None if they stay.

    used  asked while nobody can write here
    """
    with _only_one():
        there = [path for path in (path_of(sha256, size) for size in (0, *SIZES)) if path.is_file()]
        if not there or max(path.stat().st_mtime for path in there) >= touched_before or used(sha256):
            return None
        size = 0
        for path in there:  # the whole picture first: what is left of a picture without it is swept away
            size += path.stat().st_size
            path.unlink()
        sync(there[0].parent)
        return size


def kept() -> Iterator[str]:
    """The hash of every picture of which any file is there."""
    for folder in sorted(_folder().glob("[0-9a-f][0-9a-f]")):
        yield from sorted({path.name[:64] for path in folder.glob("*.webp") if SHA256.match(path.name)})


def remove_unfinished() -> None:
    """Files that a process left behind which was killed while it wrote them."""
    with _only_one():
        for path in _folder().glob("[0-9a-f][0-9a-f]/.*"):
            path.unlink(missing_ok=True)


def _folder() -> Path:
    folder = settings.current().data_folder / "images"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def _only_one() -> Iterator[Path]:
    """One process at a time writes or removes files here."""
    path = _folder() / ".lock"
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path

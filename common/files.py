"""Files that are there whole or not at all, whatever happens while they are written."""

import os
import secrets
from pathlib import Path


def unfinished(path: Path) -> Path:
    """Where the bytes of this file stand until all of them do: hidden, beside it, and of this process alone."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")


def write_new(path: Path, content: bytes, *, synced: bool = True) -> None:
    """Write a file that is not there yet, for its owner's eyes alone. synced: wait until the disk has it.

    raises  FileExistsError
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        if synced:
            file.flush()
            os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place, instead of the one that may be there: a power cut leaves the old one or the new one."""
    fresh = unfinished(path)
    try:
        write_new(fresh, content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

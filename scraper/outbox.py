"""What the server has not yet taken: an ordered queue of messages on disk.

    <data>/outbox/000000000007-scan-page-<batch_id>.json.gz   waits; gzip of {"path": …, "body": {…}}
                 .new-…                                       being written; without worth until it is renamed
                 .put.lock  .deliver.lock                     held (flock) while writing, while handing over
                 answers/<scan_id>.json                       what the server said about the newest scans
                 refused/….json.gz  ….answer.json             what the server will never take, and why

A message exists from its rename on, which comes after its bytes are safe on the disk: a kill at any moment leaves
it wholly there or not at all. It goes away after the server has said yes; a kill between the two hands it over once
more, which changes nothing on the server. Any number of processes may put; one at a time hands over, in order.
"""

import fcntl
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog

from common.files import sync
from scraper.errors import CannotKeep, RunEnded, ServerRefused, ServerUnreachable
from scraper.observations import Message

log = structlog.get_logger(__name__)

ANSWERS_KEPT = 100
_UNFINISHED = ".new-"
_SUFFIX = ".json.gz"


class Door(Protocol):
    """Where messages are handed in: `ServerClient`."""

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass
class DeliveryReport:
    """What one delivery did.

    left        messages that still wait
    stopped_by  why it ended before the queue was empty; None: it did not, or it was asked to stop
    busy        another process is handing over just now; this one did nothing
    """

    delivered: int = 0
    refused: int = 0
    left: int = 0
    stopped_by: ServerUnreachable | None = None
    busy: bool = False
    refusals: list[str] = field(default_factory=list)


class Outbox:
    """The queue in one folder. May be used by several threads and processes at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            for part in (folder, folder / "refused", folder / "answers"):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_keep(error, folder) from error

    @classmethod
    def of(cls, data_folder: Path) -> "Outbox":
        """The outbox of this data folder."""
        return cls(data_folder / "outbox")

    def put(self, message: Message) -> None:
        """Keep a message for the server; when this returns it survives a power cut.

        raises  CannotKeep when the disk takes nothing more; nothing is left behind then
        """
        kind = str(message.model_dump(include={"kind"})["kind"])
        self._keep(kind, message.batch_id, f"/api/ingest/{kind}", message.model_dump(mode="json", exclude_none=True))

    def put_request(self, path: str, payload: Mapping[str, Any]) -> None:
        """Keep a request that has to arrive after everything put before it.

        raises  CannotKeep
        """
        self._keep("request", uuid4(), path, payload)

    def deliver(self, door: Door, stop: Callable[[], bool] = lambda: False) -> DeliveryReport:
        """Hand over what waits, oldest first, one message in memory at a time; ends at the first that is not taken.

        stop    asked before each message
        raises  CannotKeep when the folder cannot be changed
        """
        report = DeliveryReport()
        with self._lock(".deliver.lock", wait=False) as ours:
            report.busy = not ours
            while ours and not stop() and (names := self.waiting()):
                for name in names:
                    if stop() or not self._deliver_one(name, door, report):
                        report.left = len(self.waiting())
                        return report
        report.left = len(self.waiting())
        return report

    def waiting(self) -> list[str]:
        """Names of the messages that wait, oldest first."""
        return sorted(path.name for path in self.folder.iterdir() if _is_message(path.name))

    def answer(self, scan_id: UUID) -> dict[str, Any] | None:
        """What the server answered to the end of this scan; None: it has not answered yet."""
        try:
            found = json.loads((self.folder / "answers" / f"{scan_id}.json").read_bytes())
        except FileNotFoundError:
            return None
        return found if isinstance(found, dict) else None

    def _keep(self, label: str, ident: UUID, path: str, body: Mapping[str, Any]) -> None:
        packed = gzip.compress(_json({"path": path, "body": body}), compresslevel=5, mtime=0)
        try:
            with self._lock(".put.lock"):
                last = self._sweep()
                unfinished = self.folder / f"{_UNFINISHED}{ident}"
                try:
                    _write(unfinished, packed)
                    unfinished.rename(self.folder / f"{last + 1:012d}-{label}-{ident}{_SUFFIX}")
                except OSError:
                    with suppress(OSError):
                        unfinished.unlink()
                    raise
                sync(self.folder)
        except OSError as error:
            raise _cannot_keep(error, self.folder) from error

    def _sweep(self) -> int:
        """The number of the newest message (0: none), after removing what killed writers left.

        Called with the lock of the writers held, so that nobody is writing what it removes.
        """
        last = 0
        for path in self.folder.iterdir():
            if path.name.startswith(_UNFINISHED):
                path.unlink(missing_ok=True)
            elif _is_message(path.name):
                last = max(last, int(path.name.partition("-")[0]))
        return last

    def _deliver_one(self, name: str, door: Door, report: DeliveryReport) -> bool:
        """Hand over one message. False: the delivery ends here, and the message waits."""
        path = self.folder / name
        try:
            request = json.loads(gzip.decompress(path.read_bytes()))
            address, body = str(request["path"]), dict(request["body"])
        except FileNotFoundError:
            return True  # taken away by hand
        except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, KeyError, TypeError) as error:
            self._set_aside(path, {"error": {"code": "damaged", "message": f"the file is damaged: {error}"}}, report)
            return True
        try:
            answer = door.post(address, body)
        except ServerUnreachable as error:
            report.stopped_by = error
            return False
        except RunEnded as error:
            if not address.startswith("/api/worker/"):
                self._refused(path, body, error, report)
                return True
            log.info("the server had already ended this run", request=address)
        except ServerRefused as error:
            self._refused(path, body, error, report)
            return True
        else:
            self._keep_answer(body, answer)
        report.delivered += 1
        _remove(path)
        return True

    def _refused(self, path: Path, body: Mapping[str, Any], error: ServerRefused, report: DeliveryReport) -> None:
        answer = {"error": {"code": error.reason or error.code, "message": str(error), "status": error.status}}
        self._keep_answer(body, answer)
        self._set_aside(path, answer | {"answer": error.answer}, report)

    def _set_aside(self, path: Path, answer: Mapping[str, Any], report: DeliveryReport) -> None:
        """Move a message out of the way of those behind it, with what the server said beside it."""
        words = str(answer["error"]["message"])
        log.error("the server refused a message; it is set aside in the outbox's refused folder",
                  message=path.name, reason=words)
        report.refused += 1
        report.refusals.append(words)
        refused = self.folder / "refused"
        with suppress(OSError):  # a full disk: the reason is in the log, and moving needs no room
            _replace(refused / f"{path.name.removesuffix(_SUFFIX)}.answer.json", _json(answer))
        try:
            path.rename(refused / path.name)
            sync(refused)
            sync(self.folder)
        except OSError as error:
            raise _cannot_keep(error, self.folder) from error

    def _keep_answer(self, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Keep what the server said of a whole scan, for whoever put it and waits to read it."""
        if body.get("kind") != "scan-end":
            return
        answers = self.folder / "answers"
        try:
            _replace(answers / f"{UUID(str(body['scan_id']))}.json", _json(answer))
            kept = sorted((path for path in answers.iterdir() if path.suffix == ".json"),
                          key=lambda path: path.stat().st_mtime)
            for path in kept[:-ANSWERS_KEPT]:
                path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the server's answer could not be kept", reason=str(error))

    @contextmanager
    def _lock(self, name: str, wait: bool = True) -> Iterator[bool]:
        """Hold one of the folder's locks; False when it is not to be had and we do not wait for it."""
        try:
            handle = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _cannot_keep(error, self.folder) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)


def _is_message(name: str) -> bool:
    return name.endswith(_SUFFIX) and name.partition("-")[0].isdigit()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _write(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{_UNFINISHED}{path.name}")
    _write(unfinished, content)
    unfinished.replace(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_keep(error, path.parent) from error


def _cannot_keep(error: OSError, folder: Path) -> CannotKeep:
    return CannotKeep(f"cannot write to {folder}: {error.strerror or error}")

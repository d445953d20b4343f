"""What a run says while it goes on: its log lines and its progress, kept to be shown on the run's page."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from common.clock import Clock, iso_ms
from common.logs import masked
from scraper.jobs import Progress

MOST_LINES = 200
LONGEST_LINE = 500
_OF_EVERY_LINE = frozenset({"event", "level", "logger", "timestamp", "exception"})


class RunLog(logging.Handler):
    """Collects the newest lines. May be used by several threads at a time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(logging.INFO)
        self._clock = clock
        self._lines: deque[dict[str, str]] = deque(maxlen=MOST_LINES)
        self._said = ""

    @property
    def lines(self) -> list[dict[str, str]]:
        """[{"at": "2026-01-31T12:00:00.000Z", "level": "info", "text": "…"}, …], oldest first."""
        return list(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        said = record.msg
        self._keep(record.levelname.lower(), _in_words(said) if isinstance(said, dict) else record.getMessage())

    def progress(self, progress: Progress) -> None:
        """Note how far the run is; the same again is not noted."""
        text = f"{progress.phase}: {progress.done}" + (f" of {progress.total}" if progress.total is not None else "")
        text += f" ({progress.detail})" if progress.detail else ""
        if text != self._said:
            self._said = text
            self._keep("info", text)

    def _keep(self, level: str, text: str) -> None:
        self._lines.append({"at": iso_ms(self._clock()), "level": level, "text": masked(text)[:LONGEST_LINE]})


def _in_words(event: dict[str, Any]) -> str:
    more = [f"{name}={value}" for name, value in event.items()
            if name not in _OF_EVERY_LINE and not name.startswith("_") and value is not None]
    return " ".join([str(event.get("event", "")), *more])


@contextmanager
def listening(clock: Clock) -> Iterator[RunLog]:
    """While inside, what the worker logs is collected."""
    lines, logger = RunLog(clock), logging.getLogger("scraper")
    logger.addHandler(lines)
    try:
        yield lines
    finally:
        logger.removeHandler(lines)

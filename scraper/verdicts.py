"""What the server made of a scan: fetched, said in plain words, and turned into an exit status."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from scraper.errors import ScraperError, ServerRefused
from scraper.running import Desk, hand_over

PARTIAL = 5

# Another process may be handing over the same outbox; it needs a moment for what we put.
PATIENCE = timedelta(minutes=2)
_NAP = timedelta(milliseconds=200)
_COUNTS = ("new", "returned", "missing", "unfollowed")


def answer_to(desk: Desk, scan_id: UUID, patience: timedelta = PATIENCE) -> Mapping[str, Any]:
    """Hand over what waits, and read what the server said to the end of this scan.

    returns  {"id", "verdict", "state", "reason", "explanation", "expected", "found", "stats": {…}}
    raises   ServerUnreachable  everything is kept in the outbox
             ServerRefused      the server will never take the scan
    """
    ends = time.monotonic() + patience.total_seconds()
    while True:
        report, _ = hand_over(desk, lambda: time.monotonic() > ends)
        answer = desk.outbox.answer(scan_id)
        if answer is not None:
            break
        if report.stopped_by:
            raise report.stopped_by
        if time.monotonic() > ends:
            raise ScraperError(f"the outbox was not handed over within {patience.total_seconds():.0f} seconds; "
                               f"{report.left} messages wait in it")
        time.sleep(_NAP.total_seconds())
    scan = answer.get("scan")
    if not isinstance(scan, dict):
        error = answer.get("error", {})
        raise ServerRefused(str(error.get("message", "the server said nothing about the scan")),
                            reason=str(error.get("code", "")))
    return scan


def deliver_all(desk: Desk, patience: timedelta = PATIENCE) -> None:
    """Hand over everything that waits.

    raises  ServerUnreachable  it is kept in the outbox
    """
    ends = time.monotonic() + patience.total_seconds()
    while True:
        report, _ = hand_over(desk, lambda: time.monotonic() > ends)
        if report.stopped_by:
            raise report.stopped_by
        if not report.left:
            return
        if time.monotonic() > ends:
            raise ScraperError(f"the outbox was not handed over within {patience.total_seconds():.0f} seconds; "
                               f"{report.left} messages wait in it")
        time.sleep(_NAP.total_seconds())


def in_words(scan: Mapping[str, Any]) -> list[str]:
    """Lines for the owner: what the reading is worth, and what it changed."""
    lines = [f"{str(scan.get('verdict')).capitalize()}. {scan.get('explanation') or ''}".rstrip()]
    if scan.get("state") == "held":
        lines.append("Held back: an unusual number of people would leave at once. Nothing was changed; look at it and "
                     "accept or reject it on the panel's page /admin/scans.")
    elif scan.get("state") == "dropped" and scan.get("verdict") != "rejected":
        lines.append("Not used: a later reading of the same list had already been applied.")
    elif scan.get("state") == "applied":
        stats = scan.get("stats") or {}
        counts = ", ".join(f"{stats.get(name) or 0} {name}" for name in _COUNTS)
        lines.append(f"{stats.get('total') or 0} people read: {counts}.")
    return lines


def status_of(scan: Mapping[str, Any]) -> int:
    """The exit status for a verdict: 0 complete, 5 partial, 1 rejected."""
    return {"complete": 0, "partial": PARTIAL}.get(str(scan.get("verdict")), 1)

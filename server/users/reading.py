"""The button that reads a list: can it work, what goes on, and what came of it last time. In words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.jobs import queries as jobs
from server.jobs import rules
from server.jobs.api import minimum_gap
from server.jobs.kinds import KINDS
from server.jobs.store import WORKER_SEEN
from server.models import Account, FollowInterval, FollowList, KeyValue, Run, Scan
from server.time import now, owner_zone

COLOURS = {"complete": "success", "partial": "warning", "rejected": "danger", "ok": "success", "cancelled": "secondary"}
WORDS = {
    "ok": "read", "partial": "partly read", "blocked": "blocked by the site", "signed_out": "signed out",
    "failed": "failed", "cancelled": "stopped", "lost": "lost",
}
STATS = (("new", "new"), ("returned", "came back"), ("missing", "missing"), ("unfollowed", "unfollowed"))


@dataclass(frozen=True)
class Result:
    """What came of the last reading. at: when it ended; counts: '1,204 people, 3 new, 1 missing'."""

    word: str
    colour: str
    at: datetime | None
    counts: str
    words: str
    advice: str
    scan_id: UUID | None


@dataclass(frozen=True)
class Reading:
    """The state of one list's reading. phase, done, total, detail: progress.

    version  changes whenever the list did; -1: there is no account yet
    """

    version: int
    button: str
    complete_at: datetime | None
    missing: int
    held: int
    blocked: bool
    warnings: list[str]
    active: bool = False
    run_id: UUID | None = None
    phase: str = ""
    done: int = 0
    total: int | None = None
    detail: str = ""
    result: Result | None = None

    @property
    def held_words(self) -> str:
        one = self.held == 1
        return (f"{self.held} reading{'' if one else 's'} would take many people away at once and wait"
                f"{'s' if one else ''} for you.")


def without_account(list_name: str) -> Reading:
    """There is nobody whose list could be read."""
    return Reading(version=-1, button=KINDS[list_name].button, complete_at=None, missing=0, held=0, blocked=True,
                   warnings=["No account yet: sign in once with `.venv/bin/python -m scraper login`; see below."])


def reading(session: Session, account: Account, list_name: str) -> Reading:
    """The state of the reading of `following` or `followers`."""
    direction = "following" if list_name == "following" else "follower"
    missing = select(func.count()).where(
        FollowInterval.account_id == account.id, FollowInterval.direction == direction,
        FollowInterval.end_latest.is_(None), FollowInterval.missing_since.is_not(None)).scalar_subquery()
    held = select(func.count()).where(
        Scan.account_id == account.id, Scan.list == list_name, Scan.state == "held").scalar_subquery()
    state = select(FollowList.version, FollowList.complete_finished_at).where(
        FollowList.account_id == account.id, FollowList.direction == direction).subquery()
    worker = select(KeyValue.at).where(KeyValue.name == WORKER_SEEN).scalar_subquery()
    present = select(func.coalesce(select(state.c.version).scalar_subquery(), 0),
                     select(state.c.complete_finished_at).scalar_subquery(), missing, held, worker)
    version, complete_at, missing_count, held_count, worker_at = session.execute(present).one()
    views = jobs.job_views(session, now(), owner_zone(), minimum_gap(), name=list_name, account_id=account.id)
    scan = session.scalar(
        select(Scan).where(Scan.account_id == account.id, Scan.list == list_name, Scan.finished_at.is_not(None))
        .order_by(Scan.finished_at.desc()).limit(1))
    view = views[0] if views else None
    common: dict[str, Any] = {
        "version": version, "button": KINDS[list_name].button, "complete_at": complete_at,
        "missing": missing_count, "held": held_count,
    }
    if view is not None and view.active is not None and view.state.state != "failing":
        return Reading(**common, blocked=False, warnings=[], active=True, **_progress(view))
    last = view.recent[0] if view and view.recent else None
    return Reading(**common, blocked=view is None or view.state.state == "disabled",
                   warnings=_warnings(view, worker_at), result=_result(scan, last))


def _progress(view: jobs.JobView) -> dict[str, Any]:
    run, said = view.active, view.active.progress if view.active else {}
    if run is None or view.state.state == "starting" or run.cancel_requested or not said:
        return {"run_id": run.id if run else None, "phase": view.state.reason}
    return {"run_id": run.id, "phase": str(said.get("phase") or "Reading"), "done": said.get("done") or 0,
            "total": said.get("total"), "detail": str(said.get("detail") or "")}


def _warnings(view: jobs.JobView | None, seen: datetime | None) -> list[str]:
    """Why pressing the button would not help now, most telling first."""
    if view is None or view.state.state == "disabled":
        return [view.state.reason if view else "No account yet: run `python -m scraper login`"]
    found = []
    if view.state.state == "failing":
        found.append(view.state.reason)
    elif view.account and view.account.session_state == "unknown":
        found.append("Nobody has signed in to this account yet: run `.venv/bin/python -m scraper login` in the panel's "
                     "folder, on the computer where it runs.")
    if seen is None:
        found.append("The program that reads the site (the worker) is not running: start everything with "
                     "`scripts/start`, or it alone with `python -m scraper run`. The reading then begins by itself.")
    elif now() - seen > rules.WORKER_SILENT_AFTER:
        found.append("The worker is silent: the program that reads the site has stopped. Start everything with "
                     "`scripts/start`, or it alone with `python -m scraper run`. The reading then begins by itself.")
    return found


def _result(scan: Scan | None, run: Run | None) -> Result | None:
    """The newest of both: what the list gave, or why there is none."""
    if run is not None and (scan is None or scan.run_id != run.id) and (
            scan is None or scan.finished_at is None or (run.ended_at and run.ended_at > scan.finished_at)):
        return Result(WORDS.get(run.outcome or "", run.outcome or "ended"), COLOURS.get(run.outcome or "", "danger"),
                      run.ended_at, "", run.error_message or "", run.error_advice or "", None)
    if scan is None:
        return None
    if scan.state == "held":
        return Result("held", "warning", scan.finished_at, "", scan.explanation or "", "", scan.id)
    trouble = run if run is not None and run.id == scan.run_id and scan.verdict != "complete" else None
    return Result(scan.verdict or "ended", COLOURS.get(scan.verdict or "", "secondary"), scan.finished_at,
                  counts(scan) if scan.state == "applied" else "",
                  "" if scan.verdict == "complete" else scan.explanation or "",
                  (trouble.error_advice or "") if trouble else "", scan.id)


def counts(scan: Scan) -> str:
    """'1,204 people, 3 new, 1 missing'."""
    parts = [f"{scan.found or 0:,} people"]
    parts += [f"{scan.stats[key]:,} {word}" for key, word in STATS if scan.stats.get(key)]
    return ", ".join(parts)

"""The shapes in which jobs and runs leave the server as JSON. Moments are ISO 8601 UTC with milliseconds and Z."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from common.clock import iso_ms
from server.jobs import rules
from server.jobs.kinds import KINDS, JobKind
from server.jobs.queries import JobView, RunView
from server.models import Account, Job, Run
from server.openapi import When


class Problem(BaseModel):
    code: str
    message: str | None = Field(description="what happened, in words")
    advice: str | None = Field(description="what to do about it")


class RunProgress(BaseModel):
    """How far a run is; empty before its first report."""

    phase: str | None = None
    done: int | None = None
    total: int | None = Field(None, description="null: not known")
    detail: str | None = None


class RunAnswer(BaseModel):
    """One execution of a job."""

    id: str
    job: str
    account: str | None = Field(description="null: the job belongs to no account")
    state: str = Field(description="queued, running or ended")
    trigger: str = Field(description="manual, schedule, confirm, priority (for the queue), or once (from a terminal)")
    requested_by: str | None
    worker: str | None
    created_at: When
    started_at: When | None
    ended_at: When | None
    lease_until: When | None
    cancel_requested: bool
    progress: RunProgress
    counters: dict[str, int]
    waiting_ms: int = Field(description="waiting for the platform")
    working_ms: int = Field(description="our own work")
    outcome: str | None = Field(description="ok, partial, blocked, signed_out, failed, cancelled or lost")
    error: Problem | None
    result: dict[str, Any] | None


class RawPage(BaseModel):
    id: int
    url: str
    bytes: int = Field(description="its size, unpacked")


class WholeRunAnswer(RunAnswer):
    """A run with what it left."""

    scan_id: str | None
    captures: list[RawPage]
    log: list[dict[str, str]] = Field(description="what the worker said while it went on: at, level, text")


class JobStats(BaseModel):
    """What a job has done since its statistics were reset; `total…` and `lastRun…` for each counter of the job."""

    model_config = ConfigDict(extra="allow")

    lastRun: When | None
    lastOutcome: str | None = Field(None, description="of the list jobs")
    totalRuns: int
    totalFailed: int


class LastError(Problem):
    """Why the last run did not go well."""

    run: str = Field(description="its id")
    at: When | None


class SourceAnswer(BaseModel):
    """How the job's source has answered, as the last run found it."""

    reachable: bool | None = Field(description="null: the last run does not tell, or there was none")
    successRate: float | None = Field(description="calls that were answered with what was asked for, from 0 to 1; "
                                                  "null: none was counted")
    meanResponseMs: int | None = Field(description="until the whole answer was there")
    restUntil: When | None = Field(description="the source asked to be left alone until then; null: it did not")


def _part(kind: JobKind, part: str, names: Sequence[str]) -> type[BaseModel]:
    """A part of what a job may be told, as the status tells it."""
    told: dict[str, Any] = {name: (kind.config.model_fields[name].annotation,
                                   Field(description=kind.config.model_fields[name].description)) for name in names}
    return create_model(f"{kind.config.__name__}{part}", __config__=ConfigDict(extra="forbid"), **told)


_DISTINCT = list({kind.config: kind for kind in KINDS.values()}.values())
_Config = reduce(or_, [_part(kind, "Told", kind.config_fields) for kind in _DISTINCT])
_Options = reduce(or_, [_part(kind, "Options", kind.option_fields) for kind in _DISTINCT])


class StatusAnswer(BaseModel):
    """A job of one account, or of none."""

    job: str
    account: str | None = Field(description="null: it belongs to no account, or there is no account yet")
    isRunning: bool = Field(description="on its schedule, or a run is going on")
    isPaused: bool
    state: str = Field(description="stopped, starting, processing, waiting, paused, disabled or failing")
    reason: str = Field(description="why, in words")
    alert: str | None = Field(description="what every page says while it has failed too often in a row")
    failuresInRow: int
    nextRun: When | None = Field(description="when it runs by itself")
    config: _Config = Field(description="what it is told")  # type: ignore[valid-type]
    options: _Options = Field(  # type: ignore[valid-type]
        description="what else it may be told; it is changed by the same call as `config`")
    stats: JobStats
    source: SourceAnswer
    lastError: LastError | None = Field(description="null: the last run went well, or there was none")
    run: RunAnswer | None = Field(description="the run that is queued or going on")


class JobsAnswer(BaseModel):
    jobs: list[StatusAnswer]


class RunsAnswer(BaseModel):
    runs: list[RunAnswer]
    next_cursor: str | None


def status(view: JobView) -> dict[str, Any]:
    """A job's status."""
    kind = KINDS[view.job.name]
    return {
        "job": kind.name, "account": view.account.username if view.account else None,
        "isRunning": view.job.scheduled or view.active is not None, "isPaused": view.job.paused,
        "state": view.state.state, "reason": view.state.reason, "alert": view.state.alert,
        "failuresInRow": view.job.failures_in_row,
        "nextRun": iso_ms(view.state.next_run) if view.state.next_run else None,
        **_told(kind, view.job.config), "stats": rules.present_stats(kind, view.job.stats),
        "source": _source(view.source), "lastError": _last_error(view.recent[0]) if view.recent else None,
        "run": run(view.active, view.job, view.account) if view.active else None,
    }


def _source(source: rules.Source) -> dict[str, Any]:
    return {"reachable": source.reachable, "successRate": source.success, "meanResponseMs": source.mean_response_ms,
            "restUntil": iso_ms(source.rest_until) if source.rest_until else None}


def _last_error(last: Run) -> dict[str, Any] | None:
    if not last.error_code:
        return None
    return {"code": last.error_code, "message": last.error_message, "advice": last.error_advice, "run": str(last.id),
            "at": iso_ms(last.ended_at) if last.ended_at else None}


def status_without_account(name: str) -> dict[str, Any]:
    """The status of a job of which nobody has an account yet."""
    kind = KINDS[name]
    return {"job": name, "account": None, "isRunning": False, "isPaused": False, "state": "disabled",
            "reason": "No account yet: run python -m scraper login", "alert": None, "failuresInRow": 0, "nextRun": None,
            **_told(kind, {}), "stats": rules.present_stats(kind, {}), "source": _source(rules.Source()),
            "lastError": None, "run": None}


def _told(kind: JobKind, stored: Mapping[str, Any]) -> dict[str, Any]:
    present = rules.present_config(kind, stored)
    return {"config": {name: present[name] for name in kind.config_fields},
            "options": {name: present[name] for name in kind.option_fields}}


def run(row: Run, job: Job, account: Account | None) -> dict[str, Any]:
    """One run."""
    return {
        "id": str(row.id), "job": job.name, "account": account.username if account else None, "state": row.state,
        "trigger": row.trigger,
        "requested_by": row.requested_by, "worker": row.worker,
        **{name: iso_ms(moment) if (moment := getattr(row, name)) else None
           for name in ("created_at", "started_at", "ended_at", "lease_until")},
        "cancel_requested": row.cancel_requested, "progress": row.progress, "counters": row.counters,
        "waiting_ms": row.waiting_ms, "working_ms": row.working_ms, "outcome": row.outcome,
        "error": {"code": row.error_code, "message": row.error_message, "advice": row.error_advice}
        if row.error_code else None,
        "result": row.result,
    }


def whole_run(view: RunView) -> dict[str, Any]:
    """One run with its scan and its raw pages."""
    return run(view.run, view.job, view.account) | {
        "scan_id": str(view.scan.id) if view.scan else None,
        "captures": [{"id": capture.id, "url": capture.url, "bytes": capture.raw_bytes} for capture in view.captures],
        "log": view.run.log or [],
    }

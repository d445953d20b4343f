"""`/api/job` and `/api/runs`: what jobs do, did and shall do."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from server import settings
from server.access.guard import actor, requires
from server.database import reading
from server.errors import ErrorAnswer, Refused
from server.jobs import answers, queries, store
from server.jobs.kinds import KINDS, JobKind
from server.ledger import store as ledger
from server.models import Account, Job, db
from server.people.store import picked_account
from server.time import now, owner_zone

LONGEST_WAIT = 300  # seconds
WAITS_AT_ONCE = 4  # so that waiting calls leave threads for everybody else
LOOK_EVERY = 0.2  # seconds

tag = Tag(name="Jobs", description="What runs, when, and how it went")
bp = APIBlueprint("jobs_api", __name__, url_prefix="/api", abp_tags=[tag],
                  abp_responses={400: ErrorAnswer, 404: ErrorAnswer})
_waits = threading.BoundedSemaphore(WAITS_AT_ONCE)
_pause = threading.Event()


class JobPath(BaseModel):
    job: str = Field(description="the job's name", json_schema_extra={"enum": list(KINDS)})


class RunPath(BaseModel):
    run_id: UUID


class AccountQuery(BaseModel):
    account: str | None = Field(None, max_length=60, description="which account, when there are several; jobs that "
                                "belong to none take no notice of it")


class RunQuery(AccountQuery):
    wait: float = Field(0, ge=0, le=LONGEST_WAIT, description="seconds to wait for the end of the run")


class RunsQuery(AccountQuery):
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=600)


class ConfigBody(BaseModel):
    """Any part of the configuration."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False, "properties": {
        name: told for kind in KINDS.values() for name, told in kind.config.model_json_schema()["properties"].items()}})


def minimum_gap() -> timedelta:
    """The time that lies between two runs of a list by themselves."""
    return timedelta(minutes=settings.current().minimum_gap)


def known_kind(name: str) -> JobKind:
    if name not in KINDS:
        raise Refused(404, "unknown_job", f"There is no job of this name; there are: {', '.join(KINDS)}.")
    return KINDS[name]


def account_for(session: Session, kind: JobKind, name: str | None) -> Account | None:
    """The account whose job is meant; None for a job that belongs to none."""
    return picked_account(session, name) if kind.per_account else None


@bp.get("/job", responses={200: answers.JobsAnswer})
@requires("view_stats")
def jobs() -> dict[str, Any]:
    """All jobs with state, next due and statistics"""
    views = queries.job_views(db.session(), now(), owner_zone(), minimum_gap())
    told = [answers.status(view) for view in views]
    if not any(view.account for view in views):
        told += [answers.status_without_account(kind.name) for kind in KINDS.values() if kind.per_account]
    return {"jobs": told}


@bp.get("/job/<string:job>/status", responses={200: answers.StatusAnswer})
@requires("view_stats")
def job_status(path: JobPath, query: AccountQuery) -> dict[str, Any]:
    """A job's state, configuration and statistics"""
    kind = known_kind(path.job)
    try:
        account = account_for(db.session(), kind, query.account)
    except Refused as refused:
        if refused.code != "no_account":
            raise
        return answers.status_without_account(path.job)
    return _status(db.session(), path.job, account)


@bp.post("/job/<string:job>/config", responses={200: answers.StatusAnswer})
@requires("manage_jobs")
def job_config(path: JobPath, query: AccountQuery, body: ConfigBody) -> dict[str, Any]:
    """Change any part of a job's configuration"""
    given = body.model_extra or {}
    return _change(path, query, lambda session, job: store.configure(session, job, given, now(), minimum_gap()))


@bp.post("/job/<string:job>/start", responses={200: answers.StatusAnswer, 409: ErrorAnswer})
@requires("manage_jobs")
def job_start(path: JobPath, query: AccountQuery) -> dict[str, Any]:
    """Put a job on its schedule"""
    return _change(path, query, lambda session, job: store.start(session, job, now(), minimum_gap()))


@bp.post("/job/<string:job>/stop", responses={200: answers.StatusAnswer})
@requires("manage_jobs")
def job_stop(path: JobPath, query: AccountQuery) -> dict[str, Any]:
    """Take a job off its schedule and end what it is doing"""
    return _change(path, query, lambda session, job: store.stop(session, job, now(), minimum_gap()))


@bp.post("/job/<string:job>/pause", responses={200: answers.StatusAnswer})
@requires("manage_jobs")
def job_pause(path: JobPath, query: AccountQuery) -> dict[str, Any]:
    """Start nothing by itself, keep the schedule"""
    return _change(path, query, store.pause)


@bp.post("/job/<string:job>/resume", responses={200: answers.StatusAnswer})
@requires("manage_jobs")
def job_resume(path: JobPath, query: AccountQuery) -> dict[str, Any]:
    """Go on with the schedule"""
    return _change(path, query, store.resume)


@bp.post("/job/<string:job>/reset-stats", responses={200: answers.StatusAnswer})
@requires("manage_jobs")
def job_reset_stats(path: JobPath, query: AccountQuery) -> dict[str, Any]:
    """Set every counter to zero"""
    return _change(path, query, store.reset_stats)


@bp.post("/job/<string:job>/run", responses={200: answers.WholeRunAnswer, 202: answers.WholeRunAnswer,
                                             409: ErrorAnswer})
@requires("manage_jobs")
def job_run(path: JobPath, query: RunQuery) -> tuple[dict[str, Any], int]:
    """Run once now; 202 with the run, or 200 when it has ended within `wait` seconds"""
    kind = known_kind(path.job)
    account = account_for(db.session(), kind, query.account)
    job = store.job_of(db.session(), kind, account)
    run = store.request(db.session(), job, by=actor().name, now=now(), minimum_gap=minimum_gap())
    run_id = run.id
    db.session.commit()
    answer = _answer_when_ended(run_id, query.wait)
    return answer, 200 if answer["state"] == "ended" else 202


@bp.get("/job/<string:job>/runs", responses={200: answers.RunsAnswer})
@requires("view_stats")
def job_runs(path: JobPath, query: RunsQuery) -> dict[str, Any]:
    """A job's runs, newest first"""
    kind = known_kind(path.job)
    account = account_for(db.session(), kind, query.account)
    job = store.job_of(db.session(), kind, account)
    runs, next_cursor = queries.runs_of(db.session(), job.id, limit=query.limit, cursor=query.cursor)
    return {"runs": [answers.run(run, job, account) for run in runs], "next_cursor": next_cursor}


@bp.get("/runs/<uuid:run_id>", responses={200: answers.WholeRunAnswer})
@requires("view_stats")
def run(path: RunPath) -> dict[str, Any]:
    """One run with progress, counters, outcome and error"""
    return _whole_run(db.session(), path.run_id)


@bp.post("/runs/<uuid:run_id>/cancel", responses={200: answers.WholeRunAnswer, 409: ErrorAnswer})
@requires("manage_jobs")
def run_cancel(path: RunPath) -> dict[str, Any]:
    """Stop a run: at once while it is queued, else as soon as its worker hears of it"""
    store.cancel(db.session(), path.run_id, now(), minimum_gap())
    db.session.commit()
    with reading() as session:
        return _whole_run(session, path.run_id)


def _change(path: JobPath, query: AccountQuery, change: Callable[[Session, Job], None]) -> dict[str, Any]:
    """Change one job and answer its status, read without a lock after the change is kept."""
    kind = known_kind(path.job)
    account = account_for(db.session(), kind, query.account)
    job = store.job_of(db.session(), kind, account)
    change(db.session(), job)
    ledger.plan(db.session(), job.id, now())
    db.session.commit()
    with reading() as session:
        return _status(session, path.job, account_for(session, kind, query.account))


def _status(session: Session, name: str, account: Account | None) -> dict[str, Any]:
    views = queries.job_views(session, now(), owner_zone(), minimum_gap(), name=name,
                              account_id=account.id if account else None)
    return answers.status(views[0]) if views else answers.status_without_account(name)


def _whole_run(session: Session, run_id: UUID) -> dict[str, Any]:
    view = queries.run_view(session, run_id)
    if view is None:
        raise Refused(404, "unknown_run", "There is no such run.")
    return answers.whole_run(view)


def _answer_when_ended(run_id: UUID, seconds: float) -> dict[str, Any]:
    """The run when it has ended or the time is over; no transaction is open between two looks."""
    until = time.monotonic() + seconds
    waits = seconds > 0 and _waits.acquire(blocking=False)
    try:
        while True:
            with reading() as session:
                answer = _whole_run(session, run_id)
            if answer["state"] == "ended" or not waits or time.monotonic() >= until:
                return answer
            _pause.wait(min(LOOK_EVERY, max(0.0, until - time.monotonic())))
    finally:
        if waits:
            _waits.release()

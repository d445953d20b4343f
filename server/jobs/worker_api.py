"""What the worker asks and tells about runs, with its own token only."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field
from sqlalchemy import Engine

from common.clock import iso_ms
from server.access.guard import WORKER, requires
from server.affiliate import months
from server.errors import ErrorAnswer
from server.ingest.body import unpack_body
from server.ingest.text import plain, plain_json
from server.jobs import rules, store
from server.jobs.api import account_for, known_kind, minimum_gap
from server.jobs.credentials import able
from server.jobs.kinds import KINDS, AnyConfig
from server.models import Run, db
from server.openapi import When
from server.queue import store as queue
from server.time import now, owner_zone

MOST_LINES = 200  # kept of what a run said
ASK_AGAIN = 2  # seconds until a worker without work asks again
LOOK_AHEAD_EVERY = timedelta(hours=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_INT = 2**31 - 1

log = structlog.get_logger(__name__)
_made_ahead: "WeakKeyDictionary[Engine, datetime]" = WeakKeyDictionary()
bp = APIBlueprint("worker_api", __name__, url_prefix="/api/worker",
                  abp_tags=[Tag(name="Worker", description="What the worker says and asks")],
                  abp_responses={400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer})
bp.before_request(unpack_body)


class Force(BaseModel):
    job: str = Field(max_length=30)
    account: str | None = Field(None, max_length=60)


class ClaimBody(BaseModel):
    worker: str = Field(min_length=1, max_length=120, description="who asks: host, process and a random part")
    jobs: list[str] = Field(max_length=50, description="the jobs that this worker can do")
    force: Force | None = Field(None, description="make this run now, whatever the schedule")


class ClaimedRun(BaseModel):
    id: str
    job: str
    account: str | None = Field(description="null: the job belongs to no account")
    trigger: str
    config: AnyConfig
    lease_seconds: float
    priority: dict[str, Literal["m", "f", "t", "c"] | None] = Field(
        description="people in the queue, who are to be looked for and kept whatever the configuration says; with the "
                    "gender where looking there is enough")


class ClaimAnswer(BaseModel):
    run: ClaimedRun | None
    retry_after: float = Field(description="seconds until it is worth asking again")


class RunPath(BaseModel):
    run_id: UUID


class ProgressBody(BaseModel):
    phase: str = Field("", max_length=200)
    done: int = Field(0, ge=0, le=_LARGEST_INT)
    total: int | None = Field(None, ge=0, le=_LARGEST_INT)
    detail: str = Field("", max_length=2000)


class ProgressAnswer(BaseModel):
    cancel: bool = Field(description="a person asked this run to stop")
    lease_until: When


class ErrorBody(BaseModel):
    code: str
    message: str = ""
    advice: str | None = None


class LogLine(BaseModel):
    at: str = Field("", max_length=40)
    level: str = Field("info", max_length=20)
    text: str


class FinishBody(BaseModel):
    outcome: Literal["ok", "partial", "blocked", "signed_out", "failed", "cancelled", "lost"] = Field(
        description="lost: said by the next worker about a run whose process was killed")
    error: ErrorBody | None = None
    counters: dict[str, int] = {}
    waiting_ms: int = Field(0, ge=0)
    working_ms: int = Field(0, ge=0)
    retry_after_seconds: float | None = Field(None, description="what the platform asked for; kept within bounds")
    log: list[LogLine] = Field([], max_length=1_000, description="what the worker said while the run went on")


class FinishAnswer(BaseModel):
    ok: bool


@bp.post("/claim", responses={200: ClaimAnswer})
@requires(WORKER)
def claim(body: ClaimBody) -> dict[str, Any]:
    """Take the work that is due, under a lease"""
    moment, worker = now(), plain(body.worker, 120)
    store.worker_seen(db.session(), worker, moment)
    if body.force:
        run: Run | None = _forced(body.force, worker)
    else:
        run = store.claim(db.session(), worker=worker, jobs=able(body.jobs), now=moment,
                          minimum_gap=minimum_gap(), zone=owner_zone())
    answer = _claimed(run) if run else None
    db.session.commit()
    if answer:
        log.info("run claimed", run=answer["id"], job=answer["job"], worker=worker, trigger=answer["trigger"])
    else:
        _make_months_ahead(moment)
    return {"run": answer, "retry_after": ASK_AGAIN}


def _make_months_ahead(moment: datetime) -> None:
    """The worker is the only clock: when it has nothing else to do, the month of snapshots that is near is made."""
    engine = db.engine
    if moment - _made_ahead.get(engine, NEVER) >= LOOK_AHEAD_EVERY:
        months.make_room(db.session(), moment)
        db.session.commit()
        _made_ahead[engine] = moment


def _forced(force: Force, worker: str) -> Run:
    kind = known_kind(force.job)
    job = store.job_of(db.session(), kind, account_for(db.session(), kind, force.account))
    return store.claim_now(db.session(), worker=worker, job=job, now=now(), minimum_gap=minimum_gap())


def _claimed(run: Run) -> dict[str, Any]:
    job, account = store.job_and_account(db.session(), run)
    priority = queue.take_up(db.session(), run.id, now()) if KINDS[job.name].reads_queue else {}
    return {"id": str(run.id), "job": job.name, "account": account.username if account else None,
            "trigger": run.trigger, "config": rules.present_config(KINDS[job.name], job.config),
            "lease_seconds": rules.LEASE.total_seconds(), "priority": priority}


@bp.post("/runs/<uuid:run_id>/progress", responses={200: ProgressAnswer})
@requires(WORKER)
def progress(path: RunPath, body: ProgressBody) -> dict[str, Any]:
    """Renew the lease and say how far the run is"""
    run = store.progress(db.session(), path.run_id, plain_json(body.model_dump()), now())
    answer = {"cancel": run.cancel_requested, "lease_until": iso_ms(rules.lease_until(now()))}
    worker = run.worker or ""
    db.session.commit()
    store.worker_seen(db.session(), worker, now())
    return answer


@bp.post("/runs/<uuid:run_id>/finish", responses={200: FinishAnswer})
@requires(WORKER)
def finish(path: RunPath, body: FinishBody) -> dict[str, Any]:
    """Say how the run ended; the same again is answered the same"""
    run = store.finish(db.session(), path.run_id, _end(body), now(), minimum_gap())
    outcome = run.outcome
    db.session.commit()
    log.info("run ended", run=str(path.run_id), outcome=outcome, code=body.error.code if body.error else None)
    return {"ok": True}


def _end(body: FinishBody) -> store.End:
    asked = body.retry_after_seconds
    error = body.error or ErrorBody(code="")
    return store.End(
        outcome=body.outcome,
        error_code=plain(error.code, 40) or None,
        error_message=plain(error.message, 2000) or None,
        error_advice=plain(error.advice or "", 2000) or None,
        counters={plain(name, 60): _bounded(count) for name, count in list(body.counters.items())[:100]},
        waiting_ms=_bounded(body.waiting_ms), working_ms=_bounded(body.working_ms),
        log=[{"at": plain(line.at, 40), "level": plain(line.level, 20), "text": plain(line.text, 500)}
             for line in body.log[-MOST_LINES:]],
        asked=timedelta(seconds=min(asked, rules.LONGEST_ASKED.total_seconds())) if asked and asked > 0 else None)


def _bounded(count: int) -> int:
    return max(-_LARGEST_INT, min(count, _LARGEST_INT))

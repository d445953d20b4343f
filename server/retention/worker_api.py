"""The job `retention`, as the worker does it: it asks for one batch after the other, the server does them."""

from typing import Any
from uuid import UUID

import structlog
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field
from sqlalchemy import select

from server import settings
from server.access.guard import WORKER, requires
from server.errors import ErrorAnswer, Refused
from server.ingest.body import unpack_body
from server.jobs import rules
from server.jobs.kinds import KINDS
from server.models import Job, Run, db
from server.paging import decode_cursor, encode_cursor, refused_cursor
from server.retention import store as retention
from server.retention.keeping import JOB, Keeping
from server.retention.store import Place
from server.time import now

log = structlog.get_logger(__name__)
bp = APIBlueprint("retention_worker_api", __name__, url_prefix="/api/worker",
                  abp_tags=[Tag(name="Worker", description="What the worker says and asks")],
                  abp_responses={400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer})
bp.before_request(unpack_body)


class BatchBody(BaseModel):
    run_id: UUID = Field(description="the run that this batch belongs to; it must be going on")
    cursor: str | None = Field(None, max_length=600, description="of the answer before; null: from the start")


class BatchAnswer(BaseModel):
    """The same batch again finds what is left, and does no harm."""

    more: bool = Field(description="there is more to do: ask again with `cursor`")
    cursor: str | None
    wait: float = Field(description="seconds until that is worth it")
    doing: str = Field(description="what comes next, in words; empty at the end")
    deleted: dict[str, int] = Field(description="what this batch deleted, rolled up or packed, by kind")


@bp.post("/retention", responses={200: BatchAnswer})
@requires(WORKER)
def batch(body: BatchBody) -> dict[str, Any]:
    """Do one small batch of what is too old"""
    found = db.session.execute(select(Run.state, Job.name, Job.config).join(Job, Job.id == Run.job_id)
                               .where(Run.id == body.run_id)).one_or_none()
    if found is None:
        raise Refused(404, "unknown_run", "There is no such run.")
    if found.name != JOB or found.state != "running":
        raise Refused(409, "run_ended", "This run is not going on any more.")
    keeping = Keeping.of(rules.present_config(KINDS[JOB], found.config), settings.current().capture_days)
    db.session.rollback()
    place = Place(*decode_cursor(body.cursor, str, int, int)) if body.cursor else None
    if place is not None and place.step not in retention.STEPS:
        raise refused_cursor()
    done = retention.batch(db.session(), keeping, now(), place)
    if any(done.counts.values()):
        log.info("retention", run=str(body.run_id), **{name: count for name, count in done.counts.items() if count})
    return {"more": done.next is not None, "cursor": encode_cursor(*done.next) if done.next else None,
            "wait": done.wait, "doing": retention.words(done.next) if done.next else "", "deleted": done.counts}

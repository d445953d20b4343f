"""The door in: `POST /api/ingest/<kind>`, for the worker alone."""

from typing import Any
from uuid import UUID

import structlog
from flask import Response, jsonify, request
from flask_openapi import APIBlueprint, Tag
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from scraper.observations import MESSAGES
from server.access.guard import WORKER, requires
from server.affiliate.rooms import check_rooms
from server.errors import ErrorAnswer, Refused
from server.follows.intake import check_items
from server.ingest import store
from server.ingest.body import unpack_body
from server.ingest.schema import NotAMessage, checked, clock_skew, corrected
from server.models import db
from server.time import now

log = structlog.get_logger(__name__)
bp = APIBlueprint("ingest_api", __name__, url_prefix="/api",
                  abp_tags=[Tag(name="Worker", description="What the worker says and asks")],
                  abp_responses={400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer, 413: ErrorAnswer,
                                 415: ErrorAnswer})
bp.before_request(unpack_body)


class KindPath(BaseModel):
    kind: str = Field(description="what was seen: " + ", ".join(MESSAGES))


class Batch(BaseModel):
    """One message of `scraper.observations`, by kind; plain or gzip.

    The header `X-MHC-Sent-At` carries the worker's clock, by which the moments are corrected.
    """

    model_config = ConfigDict(extra="allow")

    batch_id: UUID = Field(description="the same batch again is answered as before and changes nothing")
    run_id: UUID | None = None
    observed_at: AwareDatetime


class SetAside(BaseModel):
    item: str
    reason: str


class BatchAnswer(BaseModel):
    """What became of a batch; kinds add what they have to say, such as `scan`."""

    model_config = ConfigDict(extra="allow")

    accepted: int
    rejected: list[SetAside] = Field(description="items that could not be taken, the first 200")
    rejected_total: int


@bp.post("/ingest/<string:kind>", responses={200: BatchAnswer})
@requires(WORKER)
def ingest(path: KindPath, body: Batch) -> Response:
    """Take what the worker saw, once"""
    if path.kind not in MESSAGES:
        raise Refused(404, "unknown_kind", f"There is no kind of this name; there are: {', '.join(MESSAGES)}.")
    received_at = now()
    try:
        skew = clock_skew(request.headers.get("X-MHC-Sent-At"), received_at)
        items, rejected = _check_items(path.kind, dict(body))
        message = corrected(checked(path.kind, items), skew, received_at)
    except NotAMessage as error:
        raise Refused(400, "invalid", error.message, field=error.field) from error
    answer, repeated = store.take(db.session(), path.kind, message, rejected, observed_at=body.observed_at,
                                  received_at=received_at, skew=skew)
    db.session.commit()
    log.info("batch", kind=path.kind, batch=str(body.batch_id), repeated=repeated, accepted=answer.get("accepted"),
             rejected=answer.get("rejected_total"))
    response = jsonify(answer)
    if repeated:
        response.headers["X-MHC-Repeated"] = "1"
    return response


def _check_items(kind: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The body with its good items only, and the bad ones with their reasons."""
    if kind == "affiliate-rooms" and isinstance(body.get("rooms"), list):
        rooms, rejected = check_rooms(body["rooms"])
        return body | {"rooms": rooms}, rejected
    return check_items(kind, body)

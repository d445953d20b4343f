"""The door in: `POST /api/ingest/<kind>`, for the worker alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from flask import Response, jsonify, request
from flask_openapi import APIBlueprint, Tag
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, ValidationError

from scraper.observations import MESSAGES, Message
from server.access.guard import WORKER, requires
from server.affiliate.rooms import check_rooms, tame_poll
from server.cbhours import tame as cbhours
from server.errors import ErrorAnswer, Refused, invalid_request
from server.follows.answers import ScanAnswer, ScanStats, SetAside
from server.follows.intake import check_items
from server.ingest import store
from server.ingest.body import unpack_body
from server.ingest.memory import no_collection
from server.ingest.schema import NotAMessage, checked, clock_skew, corrected, with_possible_moments
from server.models import db
from server.openapi import describe
from server.time import now

log = structlog.get_logger(__name__)
bp = APIBlueprint("ingest_api", __name__, url_prefix="/api",
                  abp_tags=[Tag(name="Worker", description="What the worker says and asks")],
                  abp_responses={409: ErrorAnswer})
bp.before_request(unpack_body)


class KindPath(BaseModel):
    kind: str = Field(description="what was seen", json_schema_extra={"enum": list(MESSAGES)})


class Batch(BaseModel):
    """What every message has. The whole of it is checked by its kind, its items one by one."""

    model_config = ConfigDict(extra="allow")

    batch_id: UUID = Field(description="the same batch again is answered as before and changes nothing")
    run_id: UUID | None = None
    observed_at: AwareDatetime


class Taken(BaseModel):
    """What became of a batch."""

    accepted: int
    rejected: list[SetAside] = Field(description="items that could not be taken, the first 200")
    rejected_total: int


class ScanStarted(BaseModel):
    id: str
    state: str


class ScanPageTaken(Taken):
    scan: ScanStarted


class ScanEndTaken(Taken):
    """The verdict on the whole scan, and what it changed."""

    scan: ScanAnswer
    stats: ScanStats


class SessionTaken(Taken):
    account: str
    state: str = Field(description="what is now known of the account's sign-in")


class FollowEventsTaken(Taken):
    changed: int = Field(description="follows that began, ended or got a more exact moment")


class ActivityTaken(Taken):
    added: int = Field(description="segments that were new")
    changed: int = Field(description="segments that say something else than before")


class IngestAnswer(RootModel[ScanPageTaken | ScanEndTaken | SessionTaken | FollowEventsTaken | ActivityTaken
                             | Taken]):
    """By kind; with the header `X-MHC-Repeated: 1` if the batch was taken before."""


_BODY: dict[str, Any] = {
    "description": (
        "One message of the kind in the address, plain or gzip (`Content-Encoding: gzip`, at most 64 MiB unpacked). "
        "The header `X-MHC-Sent-At` carries the worker's clock, by which the moments are corrected. Items of `people`, "
        "`items`, `rooms` and `segments` that fail their check are set aside, the others are taken."),
    "content": {"application/json": {"schema": {"oneOf": describe(bp, *MESSAGES.values(), required=["batch_id"])}}},
    "required": True,
}


@bp.post("/ingest/<string:kind>", responses={200: IngestAnswer}, request_body=_BODY)
@requires(WORKER)
def ingest(path: KindPath) -> Response:
    """Take what the worker saw, once"""
    if path.kind not in MESSAGES:
        raise Refused(404, "unknown_kind", f"There is no kind of this name; there are: {', '.join(MESSAGES)}.")
    with no_collection():
        return _taken(path.kind, now())


def _taken(kind: str, received_at: datetime) -> Response:
    try:
        skew = clock_skew(request.headers.get("X-MHC-Sent-At"), received_at)
        said, rejected = _read(kind)
        message = corrected(said, skew, received_at)
    except ValidationError as error:
        return invalid_request(error)
    except NotAMessage as error:
        raise Refused(400, "invalid", error.message, field=error.field) from error
    answer, repeated = store.take(db.session(), kind, message, rejected, observed_at=said.observed_at,
                                  received_at=received_at, skew=skew)
    db.session.commit()
    log.info("batch", kind=kind, batch=str(message.batch_id), repeated=repeated, accepted=answer.get("accepted"),
             rejected=answer.get("rejected_total"))
    response = jsonify(answer)
    if repeated:
        response.headers["X-MHC-Repeated"] = "1"
    return response


def _read(kind: str) -> tuple[Message, list[dict[str, str]]]:
    """The message in the body with its good items only, and the bad ones with their reasons.

    raises  ValidationError, NotAMessage
    """
    if kind == "affiliate-rooms" and request.is_json and (poll := tame_poll(request.get_data())) is not None:
        return with_possible_moments(poll), []
    if kind == "cbhours-activity" and request.is_json:
        told = cbhours.tame_activity(request.get_data())
        if told is not None:
            return with_possible_moments(told), []
    body = Batch.model_validate(request.get_json(silent=True))
    items, rejected = _check_items(kind, dict(body))
    return checked(kind, items), rejected


def _check_items(kind: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The body with its good items only, and the bad ones with their reasons."""
    if kind == "affiliate-rooms" and isinstance(body.get("rooms"), list):
        rooms, rejected = check_rooms(body["rooms"])
        return body | {"rooms": rooms}, rejected
    if kind == "cbhours-live" and isinstance(body.get("rooms"), list):
        entries, rejected = cbhours.check_rooms(body["rooms"])
        return body | {"rooms": entries}, rejected
    if kind == "cbhours-activity" and isinstance(body.get("segments"), list):
        segments, rejected = cbhours.check_segments(body["segments"])
        return body | {"segments": segments}, rejected
    return check_items(kind, body)

"""Which pictures the worker is to fetch, told to its own token only."""

from typing import Any

import structlog
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from server.access.guard import WORKER, requires
from server.database import reading
from server.errors import ErrorAnswer
from server.ingest.body import unpack_body
from server.models import db
from server.pictures import store
from server.time import now

log = structlog.get_logger(__name__)
bp = APIBlueprint("pictures_worker_api", __name__, url_prefix="/api/worker/pictures",
                  abp_tags=[Tag(name="Worker", description="What the worker says and asks")],
                  abp_responses={400: ErrorAnswer})
bp.before_request(unpack_body)


class WantedBody(BaseModel):
    limit: int = Field(200, ge=1, le=5_000, description="how many at most")


class WantedPicture(BaseModel):
    username: str
    url: str = Field(description="as a source said it; where it may lead is the worker's to judge")


class WantedAnswer(BaseModel):
    pictures: list[WantedPicture] = Field(description="the most wanted first")


@bp.post("/wanted", responses={200: WantedAnswer})
@requires(WORKER)
def wanted(body: WantedBody) -> dict[str, Any]:
    """Which pictures to fetch now; old ones that nobody shows any more are removed first"""
    gone = store.sweep(db.session(), now())
    if gone["pictures"]:
        log.info("pictures that are nobody's any more removed", **gone)
    with reading() as session:
        found = store.wanted(session, now(), body.limit)
    return {"pictures": [one._asdict() for one in found]}

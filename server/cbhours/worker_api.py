"""Whom the worker is to ask for at CBHours, told to its own token only."""

from typing import Any, Literal

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from server.access.guard import WORKER, requires
from server.cbhours import due
from server.database import reading
from server.errors import ErrorAnswer
from server.ingest.body import unpack_body
from server.time import now

bp = APIBlueprint("cbhours_worker_api", __name__, url_prefix="/api/worker/cbhours",
                  abp_tags=[Tag(name="Worker", description="What the worker says and asks")],
                  abp_responses={400: ErrorAnswer})
bp.before_request(unpack_body)


class CbhoursWantedBody(BaseModel):
    action: Literal["live", "activity"] = Field(description="which call is to be made")
    limit: int = Field(2_000, ge=1, le=20_000, description="how many people at most")


class CbhoursWantedPerson(BaseModel):
    username: str
    start_day: str | None = Field(description="activity: the first day to ask for, by UTC")
    end_day: str | None = Field(description="activity: the last day to ask for, by UTC")
    months: bool = Field(description="activity: ask for the list of months, too")


class CbhoursWantedAnswer(BaseModel):
    people: list[CbhoursWantedPerson] = Field(description="the most wanted first")


@bp.post("/wanted", responses={200: CbhoursWantedAnswer})
@requires(WORKER)
def wanted(body: CbhoursWantedBody) -> dict[str, Any]:
    """Whom to ask for now"""
    with reading() as session:
        found = (due.live if body.action == "live" else due.activity)(session, now(), body.limit)
    return {"people": [{
        "username": one.username, "start_day": one.days.start.isoformat() if one.days else None,
        "end_day": one.days.end.isoformat() if one.days else None, "months": bool(one.days and one.days.months),
    } for one in found]}

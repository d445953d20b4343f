"""`/api/queue`: who is read first, and who is put in and taken off."""

from typing import Any, Literal

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from common.clock import iso_ms
from server.access.guard import actor, requires
from server.cbhours import due
from server.cbhours import store as cbhours
from server.errors import ErrorAnswer
from server.jobs.api import minimum_gap
from server.models import QueueEntry, db
from server.openapi import When
from server.people import names
from server.pictures import store as pictures
from server.queue import queries, store
from server.time import now, owner_zone

tag = Tag(name="Queue", description="People who are read first: P1 once, as soon as possible; P2 at every poll")
bp = APIBlueprint("queue_api", __name__, url_prefix="/api", abp_tags=[tag], abp_responses={400: ErrorAnswer})


class QueueQuery(BaseModel):
    priority: Literal["1", "2"] | None = None
    state: Literal["queued", "processing", "complete", "not_found"] | None = None
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=600, description="`next_cursor` of the page before")


class PersonPath(BaseModel):
    username: str = Field(max_length=200)


class PriorityQuery(BaseModel):
    priority: Literal["1", "2"] | None = Field(None, description="which entry; left out: whatever there is")


class PriorityBody(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"priority": 1}, "required": ["priority"], "properties": {
        "priority": {"type": "integer", "enum": [1, 2], "title": "Priority",
                     "description": "1: read once, as soon as possible; 2: read at every poll, until taken off"}}})

    priority: Any = None


class QueueEntryAnswer(BaseModel):
    """Somebody in the queue."""

    username: str
    platform: str
    priority: int = Field(description="1: once, as soon as possible; 2: at every poll")
    state: str = Field(description="queued, processing, complete or not_found")
    requested_by: str
    requested_at: When
    started_at: When | None = Field(description="when the poll that looks for them, or looked last, was taken up")
    ended_at: When | None = Field(description="when it was known what came of it")
    tries: int = Field(description="polls that ended without a word on them")
    run_id: str | None = Field(description="that poll")
    detail: str | None = Field(description="what came of the last poll, in words")
    waits_for: str | None = Field(description="what is waited for, in words; null where nothing is")


class QueueAnswer(BaseModel):
    queue: list[QueueEntryAnswer]
    total: int
    next_cursor: str | None


class RemovedAnswer(BaseModel):
    username: str
    removed: int = Field(description="how many entries there were")


@bp.get("/queue", responses={200: QueueAnswer})
@requires("view_users")
def queue(query: QueueQuery) -> dict[str, Any]:
    """Everybody in the queue, the newest wish first"""
    at = now()
    view = queries.poller(db.session(), at, owner_zone(), minimum_gap())
    cut = queries.entries(db.session(), view, at, priority=int(query.priority) if query.priority else None,
                          state=query.state, limit=query.limit, after=query.cursor or "")
    return {"queue": [told(row) for row in cut.rows], "total": cut.total, "next_cursor": cut.next}


@bp.post("/persons/<string:username>/queue", responses={200: QueueEntryAnswer, 409: ErrorAnswer})
@requires("manage_priorities")
def add_to_queue(path: PersonPath, body: PriorityBody) -> dict[str, Any]:
    """Put a person in the queue, known or not; again: nothing changes, or a P1 that has ended is read once more"""
    at = now()
    entry = ask(db.session(), path.username, body.priority)
    view = queries.poller(db.session(), at, owner_zone(), minimum_gap())
    answer = told(queries.row_of(entry, True, view, at))
    db.session.commit()
    return answer


@bp.delete("/persons/<string:username>/queue", responses={200: RemovedAnswer})
@requires("manage_priorities")
def remove_from_queue(path: PersonPath, query: PriorityQuery) -> dict[str, Any]:
    """Take a person off the queue; who is not in it stays so"""
    removed = store.remove(db.session(), path.username, int(query.priority) if query.priority else None, actor().name,
                           now())
    db.session.commit()
    return {"username": store.checked(path.username), "removed": removed}


def ask(session: Session, username: str, priority: object) -> QueueEntry:
    """Put somebody in the queue for whoever asks; a P1 gets a new picture, too, and where it is switched on, their
    activity is read at CBHours.

    raises  Refused 400 naming the field; 409
    """
    entry = store.add(session, username, store.checked_priority(priority), actor().name, now())
    if entry.priority == 1:
        person_id = names.person_id(session, entry.username)
        if person_id is not None:
            pictures.want(session, person_id, now())
            told = due.config(session, due.ACTIVITY)
            if told["readPriority"] and told["enabled"]:
                cbhours.want(session, person_id, actor().name, now())
    return entry


def told(row: queries.Row) -> dict[str, Any]:
    entry = row.entry
    return {
        "username": entry.username, "platform": entry.platform, "priority": entry.priority, "state": entry.state,
        "requested_by": entry.requested_by,
        **{name: iso_ms(moment) if (moment := getattr(entry, name)) else None
           for name in ("requested_at", "started_at", "ended_at")},
        "tries": entry.tries, "run_id": str(entry.run_id) if entry.run_id else None, "detail": entry.detail,
        "waits_for": row.waits or None,
    }

"""`/api/persons/<username>/cbhours`: where somebody stands with CBHours, and reading their activity by hand."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from common.clock import iso_ms
from server.access.guard import actor, requires
from server.cbhours import due, queries, rules, store
from server.database import reading
from server.errors import ErrorAnswer
from server.jobs.api import minimum_gap
from server.jobs.queries import job_views
from server.models import db
from server.openapi import When
from server.people.names import known_person
from server.time import now, owner_zone

bp = APIBlueprint("cbhours_api", __name__, url_prefix="/api",
                  abp_tags=[Tag(name="CBHours", description="What CBHours says, and whom it knows")],
                  abp_responses={404: ErrorAnswer})


class CbhoursPersonPath(BaseModel):
    username: str = Field(max_length=50)


class CbhoursStanding(BaseModel):
    """Where somebody stands with CBHours."""

    username: str
    has_trophy: bool | None = Field(description="whether CBHours knows them; null: not asked for yet")
    proved_at: When | None = Field(description="the newest answer that showed them")
    misses: int = Field(description="answers in a row that did not know them, one a run")
    missed_at: When | None
    ask_again_at: When | None = Field(description="not asked for before then, but by hand")
    live_asked_at: When | None = Field(description="when they were asked for last by the live poll")
    activity_read_at: When | None
    activity_due_at: When | None = Field(description="when their activity is due again; null: it never was read")
    wanted_at: When | None = Field(description="somebody asked by hand for their activity, and it was not read yet")
    wanted_by: str | None
    problem: str | None = Field(description="why the newest reading of their activity came to nothing, in a word: "
                                            "not_set_up (CBHours asks for its trophy or calendar in the bio, and for "
                                            "one search in its studio tool) or another")
    detail: str | None = Field(description="the same in the words of CBHours")
    months: list[str] | None = Field(description="months that CBHours holds, newest first; null: never asked")
    months_at: When | None
    reads_at: When | None = Field(description="when their activity is read next by itself; null: it is not")
    reason: str = Field(description="what it waits for, in words")


@bp.get("/persons/<string:username>/cbhours", responses={200: CbhoursStanding})
@requires("view_users")
def standing(path: CbhoursPersonPath) -> dict[str, Any]:
    """Whether CBHours knows somebody, when they were asked for, and when they are read next"""
    return _standing(db.session(), path.username, now())


@bp.post("/persons/<string:username>/cbhours", responses={202: CbhoursStanding, 409: ErrorAnswer})
@requires("scrape_profiles")
def read_activity(path: CbhoursPersonPath) -> tuple[dict[str, Any], int]:
    """Have somebody's activity read as soon as a worker is free, also if CBHours did not know them"""
    store.want(db.session(), known_person(db.session(), path.username), actor().name, now())
    db.session.commit()
    with reading() as session:
        return _standing(session, path.username, now()), 202


def _standing(session: Session, username: str, moment: datetime) -> dict[str, Any]:
    state = queries.state_of(session, known_person(session, username)) or queries.NEVER_ASKED
    job = job_views(session, moment, owner_zone(), minimum_gap(), name=due.ACTIVITY)[0].state
    reads_at, reason = rules.next_reading(state, moment, job.next_run, job.reason)
    told = {name: iso_ms(value) if isinstance(value, datetime) else value for name, value in asdict(state).items()}
    return {"username": username.strip().lower(), **told, "reads_at": iso_ms(reads_at) if reads_at else None,
            "reason": reason}

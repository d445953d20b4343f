"""`/api/sources/<source>/gaps`: when a source was heard, when it was not, and why."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask_openapi import APIBlueprint, Tag
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from common.clock import iso_ms
from server.access.guard import requires
from server.errors import ErrorAnswer, Refused
from server.ledger import queries, rules
from server.models import db
from server.openapi import When
from server.people.store import picked_account
from server.time import now

LAST_DAYS = 30
FIRST = datetime(2000, 1, 1, tzinfo=UTC)

bp = APIBlueprint("ledger_api", __name__, url_prefix="/api",
                  abp_tags=[Tag(name="Sources", description="What each source covers, and how fresh it is")],
                  abp_responses={400: ErrorAnswer, 404: ErrorAnswer})


class SourcePath(BaseModel):
    source: str = Field(max_length=30, description="browser: the lists it reads",
                        json_schema_extra={"enum": list(queries.SOURCES)})


class GapsQuery(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    since: AwareDatetime | None = Field(None, alias="from", description=f"default: {LAST_DAYS} days before `to`")
    until: AwareDatetime | None = Field(None, alias="to", description="default: now; what is to come is left out")
    account: str | None = Field(None, max_length=60, description="of `browser`: the lists of this account; default: "
                                                                 "of all")


class GapAnswer(BaseModel):
    start: When
    end: When
    seconds: int
    reason: str = Field(description="in words; several in the order in which they came up")


class GapsAnswer(BaseModel):
    """A source is heard as long as its newest word is believed: 1.5 of its intervals, 10 minutes at least."""

    source: str
    start: When
    end: When
    heard: float | None = Field(description="how much of the period, from 0 to 1; null: none of it has passed")
    gaps: list[GapAnswer] = Field(description="oldest first")


@bp.get("/sources/<string:source>/gaps", responses={200: GapsAnswer})
@requires("view_stats")
def gaps(path: SourcePath, query: GapsQuery) -> dict[str, Any]:
    """When a source was not heard, and why"""
    if path.source not in queries.SOURCES:
        raise Refused(404, "unknown_source", f"There is no such source; there are {', '.join(queries.SOURCES)}.")
    at = now()
    until = min(query.until or at, at)
    since = max(query.since or until - timedelta(days=LAST_DAYS), FIRST)
    if since > until:
        raise Refused(400, "invalid", "from: lies behind `to`, or in the future.", field="from")
    account = picked_account(db.session(), query.account).id if query.account else None
    spans = queries.heard(db.session(), path.source, since, until, at, account_id=account)
    return {"source": path.source, "start": iso_ms(since), "end": iso_ms(until), "heard": rules.share(spans),
            "gaps": [{"start": iso_ms(one.start), "end": iso_ms(one.end), "reason": one.why,
                      "seconds": round(one.length.total_seconds())} for one in spans if not one.heard]}

"""`/api/sources`: what each source covers, and how old its newest word is."""

from typing import Any

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from common.clock import iso_ms
from server.access.guard import requires
from server.admin.coverage import coverage
from server.models import db
from server.openapi import When
from server.time import now

bp = APIBlueprint("sources_api", __name__, url_prefix="/api",
                  abp_tags=[Tag(name="Sources", description="What each source covers, and how fresh it is")])


class CoveredAnswer(BaseModel):
    source: str
    people: int = Field(description="about whom it has ever said anything")
    fresh: int = Field(description="those of them of whom its newest word is recent enough to be believed")
    live: int = Field(description="shown as live on its word now")
    newest: When | None = Field(description="its newest word about anybody; null: not heard yet")
    age_seconds: int | None
    interval_minutes: float | None = Field(description="how often it is asked by itself; null: by hand only")
    heard: bool = Field(description="its newest word is recent enough")


class CoverageAnswer(BaseModel):
    everybody: int
    sources: list[CoveredAnswer]


@bp.get("/sources", responses={200: CoverageAnswer})
@requires("view_stats")
def sources() -> dict[str, Any]:
    """How many people each source covers, and how fresh its words are"""
    at = now()
    found = coverage(db.session(), at)
    return {"everybody": found.everybody, "sources": [{
        "source": one.source, "people": one.people, "fresh": one.fresh, "live": one.live,
        "newest": iso_ms(one.newest) if one.newest else None,
        "age_seconds": round((at - one.newest).total_seconds()) if one.newest else None,
        "interval_minutes": one.interval.total_seconds() / 60 if one.interval else None, "heard": one.heard,
    } for one in found.sources]}

"""`/api/persons/<username>/sessions` and `/history`: when somebody broadcast, and how their numbers moved."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from flask_openapi import APIBlueprint, Tag
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from common.clock import iso_ms
from server.access.guard import requires
from server.affiliate import queries
from server.charts.history import FIELDS, TELLS
from server.charts.history import history as all_told
from server.errors import ErrorAnswer, Refused
from server.models import PLATFORM, db
from server.paging import decode_cursor, encode_cursor
from server.people.names import known_person
from server.profiles import sessions as broadcasts
from server.time import now

LAST_DAYS = 30
tag = Tag(name="People", description="Everybody known, and what is known of them")
bp = APIBlueprint("history_api", __name__, url_prefix="/api", abp_tags=[tag],
                  abp_responses={400: ErrorAnswer, 404: ErrorAnswer})


class PersonPath(BaseModel):
    username: str = Field(max_length=50)


class SessionsQuery(BaseModel):
    platform: str = Field(PLATFORM, max_length=20)
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=600, description="`next_cursor` of the page before")


class HistoryQuery(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    platform: str = Field(PLATFORM, max_length=20)
    fields: str = Field("followers,viewers", max_length=60, description=(
        "any of followers, viewers, rank, gender_rank; commas between. Ranks come from CBHours alone"))
    source: Literal["affiliate", "cbhours"] | None = Field(
        None, description="points of this source alone; default: of all that tell any of the fields")
    since: AwareDatetime | None = Field(None, alias="from", description=f"default: {LAST_DAYS} days before `to`")
    until: AwareDatetime | None = Field(None, alias="to", description="default: now")
    points: int = Field(1000, ge=10, le=20_000, description="about so many at most; peaks are never lost")


class SessionAnswer(BaseModel):
    start: str = Field(description="by the time online that the platform states")
    end: str | None = Field(description="last seen in it; null while it goes on")
    end_latest: str | None = Field(description="first proved absence; null while it goes on or when nobody looked")
    last_seen_at: str
    going_on: bool
    minutes: int = Field(description="proved ones")
    polls: int = Field(description="how often it was seen")
    peak_viewers: int | None
    mean_viewers: float | None
    followers_gained: int | None
    subjects: list[str]
    tags: list[str]
    source: str


class SessionsAnswer(BaseModel):
    sessions: list[SessionAnswer] = Field(description="newest first")
    next_cursor: str | None


class SeriesAnswer(BaseModel):
    """Points of all sources in one line of time: moments, sources, and for each field its values, side by side.

    A point is of one source; null: this source does not tell the field, or did not then. A point of which nothing is
    known breaks the line of its source: the person was not seen, or nobody looked.
    """

    username: str
    source: str | None = Field(description="the one asked for; null: all")
    hourly_before: str | None = Field(
        description="before it a point of the affiliate API stands for an hour, whose snapshots were rolled up when "
                    "they were too old: viewers on average, followers at its end; null: every point is a poll")
    moments: list[str]
    sources: list[str] = Field(description="of each point: affiliate or cbhours")
    values: dict[str, list[int | None]]
    lowest: dict[str, list[int | None]] = Field(description="of the hour that a point stands for; else its value")
    highest: dict[str, list[int | None]] = Field(description="of the hour that a point stands for; else its value")


@bp.get("/persons/<string:username>/sessions", responses={200: SessionsAnswer})
@requires("view_stats")
def sessions(path: PersonPath, query: SessionsQuery) -> dict[str, Any]:
    """When somebody broadcast, with the figures of each broadcast: those of the affiliate API where it saw it"""
    person = known_person(db.session(), path.username, query.platform)
    before = decode_cursor(query.cursor, datetime)[0] if query.cursor else None
    cut = broadcasts.page(db.session(), person, before=before, limit=query.limit)
    return {"sessions": [_session(one) for one in broadcasts.shown(db.session(), person, cut, now())],
            "next_cursor": encode_cursor(cut.next) if cut.next else None}


@bp.get("/persons/<string:username>/history", responses={200: SeriesAnswer})
@requires("view_stats")
def history(path: PersonPath, query: HistoryQuery) -> dict[str, Any]:
    """How somebody's numbers moved"""
    fields = [name.strip() for name in query.fields.split(",")]
    strangers = [name for name in fields if name not in FIELDS]
    if strangers or len(set(fields)) != len(fields):
        raise Refused(400, "invalid", f"fields: any of {', '.join(FIELDS)}, each once.", field="fields")
    sources = [source for source, told in TELLS.items()
               if query.source in (None, source) and any(name in told for name in fields)]
    if not sources:
        raise Refused(400, "invalid", f"source: {query.source} tells none of these fields.", field="source")
    until = query.until or now()
    since = query.since or max(until - timedelta(days=LAST_DAYS), datetime(1970, 1, 2, tzinfo=UTC))
    if since > until:
        raise Refused(400, "invalid", "from: lies behind `to`.", field="from")
    person = known_person(db.session(), path.username, query.platform)
    told = all_told(db.session(), person, fields, sources, since, until, query.points)
    points = [one.point for one in told]
    rolled_up = queries.kept_since(db.session()) if "affiliate" in sources else None
    return {
        "username": path.username.strip().lower(), "source": query.source,
        "hourly_before": None if rolled_up is None or rolled_up <= since else iso_ms(rolled_up),
        "moments": [iso_ms(datetime.fromtimestamp(point.at, UTC)) for point in points],
        "sources": [one.source for one in told],
        "values": {name: [point.values[column] for point in points] for column, name in enumerate(fields)},
        "lowest": {name: [point.least(column) for point in points] for column, name in enumerate(fields)},
        "highest": {name: [point.most(column) for point in points] for column, name in enumerate(fields)},
    }


def _session(one: broadcasts.Shown) -> dict[str, Any]:
    row, told = one.row, one.row.figures[0]
    return {
        "start": iso_ms(told.start), "end": None if row.going_on else iso_ms(told.end),
        "end_latest": iso_ms(row.ended_latest) if row.ended_latest else None,
        "last_seen_at": iso_ms(told.end), "going_on": row.going_on, "minutes": told.minutes,
        "polls": told.sightings, "peak_viewers": told.peak,
        "mean_viewers": None if told.mean is None else round(told.mean, 1), "followers_gained": told.gained,
        "subjects": list(one.subjects), "tags": list(one.tags), "source": told.source,
    }

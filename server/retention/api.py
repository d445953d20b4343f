"""`/api/storage` and `/api/retention/dry-run`: how large everything is, and what would go."""

from typing import Any

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from common.clock import iso_ms
from server.access.guard import requires
from server.admin import storage_queries as queries
from server.jobs.api import minimum_gap
from server.models import db
from server.openapi import When
from server.retention.keeping import present
from server.retention.plan import plan
from server.time import now, owner_zone

bp = APIBlueprint("storage_api", __name__, url_prefix="/api",
                  abp_tags=[Tag(name="Storage", description="How large everything is, how it grows, what goes")])


class TableAnswer(BaseModel):
    """A table with its indexes; `…_a_day` null: not measured on two days yet."""

    name: str
    rows: int | None
    bytes: int | None = Field(description="null: this SQLite cannot tell")
    rows_a_day: float | None
    bytes_a_day: float | None


class MeasuredAnswer(BaseModel):
    """What polling really does here; null: not enough has been polled or stored to tell."""

    polls_a_day: float | None
    rooms_a_poll: float | None
    snapshots_a_day: float | None
    bytes_a_snapshot: float | None = Field(description="its part of the texts and of the indexes included")


class CycleAnswer(BaseModel):
    """A poll in seconds, on average over the last ones."""

    polls: int
    whole: float
    api: float = Field(description="waiting for the API")
    reading: float = Field(description="reading its answers")
    database: float | None = Field(description="storing; null: not measured yet")


class AheadAnswer(BaseModel):
    days: int
    bytes: int


class DayAnswer(BaseModel):
    day: str = Field(description="a day of the owner's")
    polls: int
    snapshots: int
    people: int | None = Field(description="distinct ones; null: counted by the next run of the job retention")


class StorageAnswer(BaseModel):
    database: str = Field(description="sqlite or postgresql")
    bytes: int = Field(description="of the whole database")
    bytes_unused: int = Field(description="of these, standing empty in an SQLite file")
    measured_at: When | None = Field(description="when the tables were measured; null: just now")
    bytes_a_day: float | None = Field(description="that the next day adds; null: not known yet")
    ahead: list[AheadAnswer]
    measured: MeasuredAnswer
    cycle: CycleAnswer | None
    days: list[DayAnswer] = Field(description="newest first; the first is today so far")
    tables: list[TableAnswer] = Field(description="the largest first")
    advice: list[str]


class PlannedAnswer(BaseModel):
    kind: str
    words: str
    days: int = Field(description="that it is kept; 0: for ever")
    would_go: int
    bytes: int | None = Field(description="on disk; null: rows of the database")


class PlanAnswer(BaseModel):
    kinds: list[PlannedAnswer]


@bp.get("/storage", responses={200: StorageAnswer})
@requires("view_stats")
def storage() -> dict[str, Any]:
    """How large everything is, how it grows, how long a poll takes, and what to do about it"""
    view = queries.storage_view(db.session(), now(), owner_zone(), minimum_gap())
    measured = view.measured
    return {
        "database": view.kind, "bytes": view.whole, "bytes_unused": view.unused,
        "measured_at": iso_ms(view.measured_at) if view.measured_at else None, "bytes_a_day": view.a_day,
        "ahead": [{"days": days, "bytes": round(size)} for days, size in view.ahead],
        "measured": {"polls_a_day": measured.polls_a_day, "rooms_a_poll": measured.rooms,
                     "snapshots_a_day": measured.rows_a_day, "bytes_a_snapshot": measured.snapshot_bytes},
        "cycle": view.cycle._asdict() if view.cycle else None,
        "days": [day._asdict() | {"day": day.day.isoformat()} for day in view.days],
        "tables": [table._asdict() for table in view.tables], "advice": list(view.advice),
    }


@bp.get("/retention/dry-run", responses={200: PlanAnswer})
@requires("view_stats")
def dry_run() -> dict[str, Any]:
    """What is too old now, without touching it"""
    return {"kinds": [one._asdict() for one in plan(db.session(), present(db.session()), now())]}

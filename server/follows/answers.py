"""The shapes in which follows and scans leave the server as JSON. Moments are ISO 8601 UTC with milliseconds and Z."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from scraper.observations import PageFacts
from server.follows.queries import Edge, FollowRow, PageEvidence
from server.models import Scan
from server.openapi import When
from server.people.answers import PersonFields, iso, person_fields
from server.people.rows import Freshness

BEST = ("the best single moment: the latest bound, which is the first proof. Null while only that bound is known "
        "(the very first reading: it began \"before\")")


class FollowAnswer(PersonFields):
    """A person on a list; of the four moments those that belong to the list."""

    state: str = Field(description="current, missing (absent from one complete reading, waits for another), or ended")
    missing_since: When | None = Field(description="first proved absence of somebody who is missing")
    returned: bool = Field(description="had left before and came back")
    source: str = Field(description="where the start comes from: browser, import, manual or events")


class FollowingAnswer(FollowAnswer):
    following_since: When | None = Field(description=f"when the account began to follow; {BEST}")
    following_since_earliest: When | None = Field(description="last proved absence; null: unknown")
    following_since_latest: When = Field(description="first proved presence")
    unfollowed_at: When | None = Field(description=f"when the account ended it; {BEST}; null while it goes on")
    unfollowed_at_earliest: When | None = Field(description="last proved presence; null while it goes on")
    unfollowed_at_latest: When | None = Field(description="first proved absence; null while it goes on")


class FollowerAnswer(FollowAnswer):
    follower_since: When | None = Field(description=f"when they began to follow; {BEST}")
    follower_since_earliest: When | None = Field(description="last proved absence; null: unknown")
    follower_since_latest: When = Field(description="first proved presence")
    unfollower_at: When | None = Field(description=f"when they left; {BEST}; null while it goes on")
    unfollower_at_earliest: When | None = Field(description="last proved presence; null while it goes on")
    unfollower_at_latest: When | None = Field(description="first proved absence; null while it goes on")


class FollowingList(BaseModel):
    following: list[FollowingAnswer]
    total: int = Field(description="how many the filters find in all")
    next_cursor: str | None


class FollowersList(BaseModel):
    followers: list[FollowerAnswer]
    total: int = Field(description="how many the filters find in all")
    next_cursor: str | None


class InsightsAnswer(BaseModel):
    total: int = Field(description="how many follows ended in the period")
    average_days: float | None = Field(
        description="how long they had lasted on average, from the first to the last proved presence")
    average_days_at_least: bool = Field(description="some began before the first reading, so they had lasted longer")
    rate: float | None = Field(description="follows that ended in the period / (follows at its beginning + new in it)")


class EndedFields(BaseModel):
    """What an ended follow has beside the fields of its list."""

    days_followed: float = Field(description=(
        "days between the best single moments; where the start is unknown, `days_followed_least`"))
    days_followed_at_least: bool = Field(description="the start is unknown, so it was longer")
    days_followed_least: float = Field(description="days that are proved: first to last proved presence")
    days_followed_most: float | None = Field(
        description="days that it cannot have exceeded: last absence before to first absence after; null: unknown")
    back: bool = Field(description="follows again by now")
    end_source: str | None = Field(description="where the end comes from: browser, import, manual or events")


class EndedFollowing(EndedFields, FollowingAnswer):
    """Somebody whom the account followed."""


class EndedFollower(EndedFields, FollowerAnswer):
    """Somebody who followed the account."""


class UnfollowedList(BaseModel):
    unfollowed: list[EndedFollower | EndedFollowing] = Field(description="by the direction that was asked for")
    total: int
    insights: InsightsAnswer
    next_cursor: str | None


class EdgeAnswer(BaseModel):
    """One begin or end of a follow."""

    username: str
    direction: str = Field(description="following or follower")
    event: str = Field(description="follow or unfollow")
    at: When | None = Field(description=BEST)
    at_earliest: When | None = Field(description="it was not before; null: unknown")
    at_latest: When = Field(description="it was not after")
    source: str
    scan_id: str | None


class HistoryAnswer(BaseModel):
    history: list[EdgeAnswer]
    total: int
    next_cursor: str | None


class ScanStats(BaseModel):
    total: int = Field(description="people in this reading")
    new: int
    returned: int = Field(description="had left before and came back")
    missing: int = Field(description="absent for the first time; they wait for another complete reading")
    unfollowed: int = Field(description="absent again, or known to have left: their follow ended")


class ScanUnended(BaseModel):
    """Empty: the end of the scan has not arrived yet."""

    model_config = ConfigDict(extra="forbid")


class CheckAnswer(BaseModel):
    name: str
    passed: bool
    detail: str


class ScanDiff(BaseModel):
    """What a held scan would change: the first 500 names of each, and how many there are."""

    begin: list[str]
    begin_count: int
    leave: list[str]
    leave_count: int
    present: int
    limit: int = Field(description="so many may leave at once without the owner being asked")


class SetAside(BaseModel):
    """An entry that could not be taken."""

    item: str
    reason: str


class PageEvidenceAnswer(BaseModel):
    """One page of a scan: what it said about itself."""

    facts: PageFacts
    observed_at: When
    capture_id: int | None


class ScanAnswer(BaseModel):
    """One reading of one whole list."""

    id: str
    account: str
    list_: str = Field(alias="list", description="following or followers")
    source: str
    run_id: str | None
    state: str = Field(description="receiving, applied, held or dropped")
    verdict: str | None = Field(description="complete, partial or rejected; null while its pages come in")
    reason: str | None
    explanation: str | None
    started_at: When
    finished_at: When | None
    received_at: When
    expected: int | None = Field(description="the site's own total")
    found: int | None
    pages: int | None
    duplicates: int | None
    rejected: int = Field(description="entries that were set aside")
    layout: str | None
    stats: ScanStats | ScanUnended
    checks: list[CheckAnswer]
    timings: dict[str, int] = Field(description="milliseconds by what they were spent on")
    diff: ScanDiff | None = Field(description="of a held scan: who would come and who would go")
    decided_at: When | None
    decided_by: str | None


class ScansAnswer(BaseModel):
    scans: list[ScanAnswer]
    total: int
    next_cursor: str | None


class ScanDetail(ScanAnswer):
    evidence: list[PageEvidenceAnswer]


class ScanOne(BaseModel):
    scan: ScanDetail


class UploadAnswer(BaseModel):
    stats: ScanStats
    scan: ScanAnswer
    rejected: list[SetAside]


def follow(row: FollowRow, about: Freshness) -> dict[str, Any]:
    """A follow with its bounds under the names of its direction."""
    return person_fields(row.person, about) | {
        "state": row.state, "missing_since": iso(row.missing_since), "returned": row.returned,
        "source": row.start_source,
    } | bounds(row)


def bounds(row: FollowRow) -> dict[str, str | None]:
    start, end = (("following_since", "unfollowed_at") if row.direction == "following"
                  else ("follower_since", "unfollower_at"))
    return {
        start: iso(row.since), f"{start}_earliest": iso(row.start_earliest), f"{start}_latest": iso(row.start_latest),
        end: iso(row.end_latest), f"{end}_earliest": iso(row.end_earliest), f"{end}_latest": iso(row.end_latest),
    }


def ended(row: FollowRow, about: Freshness) -> dict[str, Any]:
    return follow(row, about) | days(row) | {"back": row.back, "end_source": row.end_source}


def days(row: FollowRow) -> dict[str, Any]:
    """How long an ended follow lasted: the best single number and its bounds. All null while it goes on."""
    return {"days_followed": row.days_followed, "days_followed_at_least": row.since is None,
            "days_followed_least": row.days_at_least, "days_followed_most": row.days_at_most}


def edge(row: Edge) -> dict[str, Any]:
    return {
        "username": row.username, "direction": row.direction, "event": row.event, "at": iso(row.at),
        "at_earliest": iso(row.earliest), "at_latest": iso(row.latest), "source": row.source,
        "scan_id": str(row.scan_id) if row.scan_id else None,
    }


def scan(row: Scan, account: str) -> dict[str, Any]:
    return {
        "id": str(row.id), "account": account, "list": row.list, "source": row.source,
        "run_id": str(row.run_id) if row.run_id else None, "state": row.state, "verdict": row.verdict,
        "reason": row.reason, "explanation": row.explanation, "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at), "received_at": iso(row.received_at), "expected": row.expected,
        "found": row.found, "pages": row.pages, "duplicates": row.duplicates, "rejected": row.rejected_items,
        "layout": row.layout, "stats": row.stats, "checks": row.evidence.get("checks", []),
        "timings": row.evidence.get("timings", {}), "diff": row.diff, "decided_at": iso(row.decided_at),
        "decided_by": row.decided_by,
    }


def evidence(page: PageEvidence) -> dict[str, Any]:
    return {"facts": page.facts, "observed_at": iso(page.observed_at), "capture_id": page.capture_id}

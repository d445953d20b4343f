"""`/api/followers/…` and `/api/scans`: who follows whom, since when, until when, and the readings behind it."""

from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID

from flask import request
from flask_openapi import APIBlueprint, Tag
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from scraper.observations import ListName
from server.access.guard import actor, requires
from server.errors import ErrorAnswer, Refused
from server.exports import streams as exports
from server.exports.formats import FORMAT, Format
from server.follows import answers, queries, store, uploads
from server.models import Account, Scan, db
from server.people.directory import Wanted
from server.people.rows import freshness
from server.people.store import picked_account
from server.time import now, owner_zone
from server.users.counts import tab_counts
from server.users.queries import insights, period

tag = Tag(name="Follows", description="Who follows whom, since when, until when, and the readings behind it")
bp = APIBlueprint("follows_api", __name__, url_prefix="/api", abp_tags=[tag], abp_responses={404: ErrorAnswer})

_SEARCH = Field(None, max_length=50, description="part of the username")
_TAG = Field(None, max_length=60, description="only people who have this tag")
_ROLE = Field(None, description="models: model or both; viewers: viewer or both")
Roles = Literal["all", "models", "viewers"]
CurrentSort = Literal["since", "-since", "username", "-username", "age", "-age", "followers", "-followers", "rank",
                      "-rank", "gender_rank", "-gender_rank", "seen", "-seen"]
EndedSort = Literal["until", "-until", "since", "-since", "username", "-username", "age", "-age", "seen", "-seen"]


class AccountQuery(BaseModel):
    account: str | None = Field(None, max_length=60, description="which account; needed when there are several")


class ListQuery(AccountQuery):
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=600, description="`next_cursor` of the page before")


class FollowsQuery(ListQuery):
    role: Roles | None = _ROLE
    tag: str | None = _TAG
    q: str | None = _SEARCH
    sort: CurrentSort = Field("-since", description="- for the other way round; who has no such value comes last")
    format: Format | None = FORMAT


class UnfollowedQuery(ListQuery):
    days: Literal["7", "30", "90", "all"] = Field("all", description="how far back")
    direction: Literal["follower", "following"] = Field(
        "follower", description="follower: who left the account; following: whom the account left")
    role: Roles | None = _ROLE
    tag: str | None = _TAG
    q: str | None = _SEARCH
    sort: EndedSort = Field("-until", description="- for the other way round; who has no such value comes last")
    format: Format | None = FORMAT


class HistoryQuery(ListQuery):
    username: str | None = Field(None, max_length=50)
    direction: Literal["following", "follower"] | None = None
    since: AwareDatetime | date | None = Field(None, description="a moment with its zone, or a day of the owner's zone")
    until: AwareDatetime | date | None = Field(None, description="the same; a moment itself is left out, a day is in")


class ScansQuery(ListQuery):
    list: Literal["following", "followers"] | None = None
    state: Literal["receiving", "applied", "held", "dropped"] | None = None


class ScanPath(BaseModel):
    scan_id: UUID


class UploadBody(BaseModel):
    """Either `html` or `usernames`."""

    model_config = ConfigDict(extra="forbid")

    html: str | list[str] | None = Field(None, description="the saved page, or all pages of the list")
    usernames: list[Any] | None = Field(None, description="what cannot be a username is set aside and counted")
    complete: bool = Field(False, description="the usernames are the whole list; only then may anyone be taken away")
    observed_at: AwareDatetime | None = Field(None, description="when the list looked so; left out: now")

    @field_validator("html")
    @classmethod
    def _pages(cls, value: str | list[str] | None) -> str | list[str] | None:
        return [value] if isinstance(value, str) else value


_UPLOAD: dict[str, Any] = {"content": {
    "application/json": {"schema": UploadBody.model_json_schema()},
    "multipart/form-data": {"schema": {"type": "object", "properties": {
        "files": {"type": "array", "items": {"type": "string", "format": "binary"},
                  "description": "saved pages, or texts with one username a line"},
        "complete": {"type": "boolean", "description": UploadBody.model_fields["complete"].description},
        "observed_at": {"type": "string", "format": "date-time",
                        "description": UploadBody.model_fields["observed_at"].description}},
        "required": ["files"]}},
}, "required": True}


@bp.get("/followers/following", responses={200: answers.FollowingList})
@requires("view_users")
def following(query: FollowsQuery) -> Any:
    """Whom the account follows now"""
    return _current("following", "following", query)


@bp.get("/followers/followers", responses={200: answers.FollowersList})
@requires("view_users")
def followers(query: FollowsQuery) -> Any:
    """Who follows the account now"""
    return _current("followers", "follower", query)


@bp.get("/followers/unfollowed", responses={200: answers.UnfollowedList})
@requires("view_users")
def unfollowed(query: UnfollowedQuery) -> Any:
    """Who left, how long they had followed, and what that says"""
    account_id, wanted, at = _account_id(query), _wanted(query), now()
    since = None if query.days == "all" else at - timedelta(days=int(query.days))
    if query.format:
        return exports.unfollowed(account_id, query.direction, since, wanted, query.format)
    cut = queries.unfollowed(db.session(), account_id, query.direction, since, wanted, at)
    found = insights(db.session(), account_id, query.direction, since)
    about = freshness(db.session(), at)
    return {
        "unfollowed": [answers.ended(row, about) for row in cut.rows],
        "total": queries.count_unfollowed(db.session(), account_id, query.direction, since, wanted, at),
        "insights": {
            "total": found.total, "average_days": None if found.average_days is None else round(found.average_days, 2),
            "average_days_at_least": found.at_least, "rate": None if found.rate is None else round(found.rate, 4)},
        "next_cursor": cut.next,
    }


@bp.get("/followers/history", responses={200: answers.HistoryAnswer})
@requires("view_users")
def history(query: HistoryQuery) -> dict[str, Any]:
    """Every begin and end of a follow, with its bounds, its source and its scan"""
    page = queries.history(
        db.session(), _account_id(query), username=query.username, direction=query.direction,
        since=_moment(query.since), until=_moment(query.until, end_of_day=True), limit=query.limit,
        cursor=query.cursor)
    return {"history": [answers.edge(row) for row in page.rows], "total": page.total, "next_cursor": page.next_cursor}


@bp.post("/followers/update-following", responses={200: answers.UploadAnswer}, request_body=_UPLOAD)
@requires("manage_scans")
def update_following(query: AccountQuery) -> dict[str, Any]:
    """Hand over saved pages or usernames of those whom the account follows"""
    return _update("following", query)


@bp.post("/followers/update-followers", responses={200: answers.UploadAnswer}, request_body=_UPLOAD)
@requires("manage_scans")
def update_followers(query: AccountQuery) -> dict[str, Any]:
    """Hand over saved pages or usernames of those who follow the account"""
    return _update("followers", query)


@bp.get("/scans", responses={200: answers.ScansAnswer})
@requires("view_stats")
def scans(query: ScansQuery) -> dict[str, Any]:
    """Readings of lists, newest first"""
    account = picked_account(db.session(), query.account) if query.account else None
    page = queries.scans(db.session(), account_id=account.id if account else None, list_name=query.list,
                         state=query.state, limit=query.limit, cursor=query.cursor)
    return {"scans": [answers.scan(row, name) for row, name in page.rows], "total": page.total,
            "next_cursor": page.next_cursor}


@bp.get("/scans/<uuid:scan_id>", responses={200: answers.ScanOne})
@requires("view_stats")
def scan(path: ScanPath) -> dict[str, Any]:
    """One reading with its evidence"""
    return _scan_answer(_scan(path))


@bp.post("/scans/<uuid:scan_id>/accept", responses={200: answers.ScanOne, 409: ErrorAnswer})
@requires("manage_scans")
def accept(path: ScanPath) -> dict[str, Any]:
    """What a held reading says is true: apply it"""
    row = _scan(path)
    store.accept(db.session(), row, actor().name, now())
    db.session.commit()
    return _scan_answer(row)


@bp.post("/scans/<uuid:scan_id>/reject", responses={200: answers.ScanOne, 409: ErrorAnswer})
@requires("manage_scans")
def reject(path: ScanPath) -> dict[str, Any]:
    """What a held reading says is wrong: it changes nothing"""
    row = _scan(path)
    store.reject(db.session(), row, actor().name, now())
    db.session.commit()
    return _scan_answer(row)


def _current(name: str, direction: queries.Direction, query: FollowsQuery) -> Any:
    account_id, wanted, at = _account_id(query), _wanted(query), now()
    if query.format:
        return exports.current(account_id, direction, wanted, query.format)
    cut = queries.current(db.session(), account_id, direction, wanted, at)
    about = freshness(db.session(), at)
    if wanted.narrowed:
        total = queries.count_current(db.session(), account_id, direction, wanted, at)
    else:
        total = getattr(tab_counts(db.session(), account_id, period("30", at), at), name)
    return {name: [answers.follow(row, about) for row in cut.rows], "total": total, "next_cursor": cut.next}


def _wanted(query: FollowsQuery | UnfollowedQuery) -> Wanted:
    return Wanted(query.sort, query.role or "all", query.q or "", query.tag or "", after=query.cursor or "",
                  limit=query.limit)


def _update(list_name: ListName, query: AccountQuery) -> dict[str, Any]:
    handed = _take_files(query.account, list_name) if request.files else _take_json(query.account, list_name)
    db.session.commit()
    return {"stats": handed.scan.stats, "scan": answers.scan(handed.scan, handed.account.username),
            "rejected": list(handed.rejected)}


def _take_files(account: str | None, list_name: ListName) -> uploads.Handed:
    body = _body({name: request.form[name] for name in ("complete", "observed_at") if name in request.form})
    files = [file for _, file in request.files.items(multi=True)]
    return uploads.take_uploads(db.session(), account, list_name, files, now(), complete=body.complete,
                                observed_at=body.observed_at)


def _take_json(account: str | None, list_name: ListName) -> uploads.Handed:
    body = _body(request.get_json())
    if (body.html is None) == (body.usernames is None):
        raise Refused(400, "invalid", "Give either `html` or `usernames`.", field="html")
    if body.usernames is not None:
        return uploads.take_usernames(db.session(), account, list_name, body.usernames, now(), complete=body.complete,
                                      observed_at=body.observed_at)
    return uploads.take_pages(db.session(), account, list_name, list(body.html or []), now(),
                              observed_at=body.observed_at)


def _body(told: Any) -> UploadBody:
    try:
        return UploadBody.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = str(first["loc"][0]) if first["loc"] else None
        raise Refused(400, "invalid", f"{field or 'body'}: {first['msg']}", field=field) from error


def _account_id(query: AccountQuery) -> int:
    """The account that is asked about; before there is any, an id that nobody has: nothing is known yet."""
    try:
        return picked_account(db.session(), query.account).id
    except Refused as refused:
        if refused.code == "no_account":
            return 0
        raise


def _moment(given: datetime | date | None, *, end_of_day: bool = False) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given + timedelta(days=1 if end_of_day else 0), time(), owner_zone())


def _scan(path: ScanPath) -> Scan:
    found = db.session.get(Scan, path.scan_id)
    if found is None:
        raise Refused(404, "unknown_scan", "There is no such scan.")
    return found


def _scan_answer(row: Scan) -> dict[str, Any]:
    account = db.session.get_one(Account, row.account_id)
    pages = [answers.evidence(page) for page in queries.scan_pages(db.session(), row.id)]
    return {"scan": answers.scan(row, account.username) | {"evidence": pages}}

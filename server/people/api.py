"""`/api/persons`: the directory, one person with the origin of every value, and erasing a person."""

from datetime import datetime, timedelta
from typing import Any, Literal

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from common.clock import iso_ms
from server.access.guard import actor, requires
from server.errors import ErrorAnswer, Refused
from server.follows import answers as follow_answers
from server.follows.queries import FollowRow, of_person
from server.models import PLATFORM, Person, Profile, db
from server.openapi import When
from server.people import queries
from server.people.erase import IsAnAccount, erase
from server.people.store import picked_account
from server.time import now

tag = Tag(name="People", description="Everybody known, and what is known of them")
bp = APIBlueprint("people_api", __name__, url_prefix="/api", abp_tags=[tag], abp_responses={404: ErrorAnswer})

FIELDS = ("display_name", "age", "gender", "country", "location", "subject", "tags", "image_url")


class DirectoryQuery(BaseModel):
    role: Literal["all", "models", "viewers", "model", "viewer", "both", "unknown"] | None = Field(
        None, description="models: model or both; viewers: viewer or both")
    tag: str | None = Field(None, max_length=60, description="only people who have this tag")
    q: str | None = Field(None, max_length=50, description="part of the username")
    sort: Literal["username", "-username", "seen", "-seen"] = Field("username", description="- for the other way round")
    live: bool | None = Field(None, description="true: seen broadcasting in the last minutes; false: the others")
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=600, description="`next_cursor` of the page before")


class PersonPath(BaseModel):
    username: str = Field(max_length=50)


class PlatformQuery(BaseModel):
    platform: str = Field(PLATFORM, max_length=20)


class PersonQuery(PlatformQuery):
    account: str | None = Field(None, max_length=60, description="only the follows of this account")


class DirectoryPerson(follow_answers.PersonFields):
    platform: str
    live: bool = Field(description="seen broadcasting so recently that it can be believed")
    following: bool = Field(description="an account follows them now")
    follower: bool = Field(description="they follow an account now")


class DirectoryAnswer(BaseModel):
    persons: list[DirectoryPerson]
    total: int
    next_cursor: str | None


class OtherValue(BaseModel):
    """What another source said of the same field."""

    value: Any
    source: str
    observed_at: When


class Value(BaseModel):
    """One field with its origin."""

    value: Any
    source: str | None = Field(description="null: no source has said anything yet")
    observed_at: When | None
    fresh: bool = Field(description="not older than 10 minutes, or 1.5 times the interval at which the lists are read")
    others: list[OtherValue]


class PersonFollow(BaseModel):
    """One follow of this person. Its four moments are named by its direction, as in the lists."""

    account: str
    direction: str = Field(description="following: the account follows them; follower: they follow the account")
    state: str = Field(description="current, missing or ended")
    missing_since: When | None
    source: str
    end_source: str | None
    days_followed: float | None = Field(description="null while it goes on")
    days_followed_at_least: bool
    days_followed_least: float | None
    days_followed_most: float | None


class PersonFollowing(PersonFollow):
    following_since: When | None
    following_since_earliest: When | None
    following_since_latest: When
    unfollowed_at: When | None
    unfollowed_at_earliest: When | None
    unfollowed_at_latest: When | None


class PersonFollower(PersonFollow):
    follower_since: When | None
    follower_since_earliest: When | None
    follower_since_latest: When
    unfollower_at: When | None
    unfollower_at_earliest: When | None
    unfollower_at_latest: When | None


class PersonAnswer(BaseModel):
    """One person. Every field says where it comes from."""

    id: str
    username: str
    platform: str
    role: Value
    display_name: Value
    age: Value
    gender: Value
    country: Value
    location: Value
    subject: Value
    tags: Value
    image_url: Value
    live: Value
    last_seen_at: Value
    follows: list[PersonFollowing | PersonFollower] = Field(
        description="every follow in either direction with its bounds, newest first")


class Receipt(BaseModel):
    """What was erased, counted."""

    username: str
    platform: str
    erased_at: When
    persons: int
    profiles: int
    tags: int
    follows: int
    snapshots: int = Field(description="what polls of the affiliate API said of the person")
    broadcasts: int
    queue: int = Field(description="wishes to have the person read first")
    scan_pages: int = Field(description="stored list pages that named the person")
    scans: int = Field(description="scans whose diff or cross-check named the person")
    captures: int = Field(description="raw pages that showed the person; they are forgotten as a whole")


@bp.get("/persons", responses={200: DirectoryAnswer})
@requires("view_users")
def persons(query: DirectoryQuery) -> dict[str, Any]:
    """Everybody known"""
    at = now()
    page = queries.directory(
        db.session(), now=at, role=None if query.role == "all" else query.role, tag=query.tag, search=query.q,
        live=query.live, sort=query.sort, limit=query.limit, cursor=query.cursor)
    return {"persons": [_directory_person(row, at) for row in page.rows], "total": page.total,
            "next_cursor": page.next_cursor}


@bp.get("/persons/<string:username>", responses={200: PersonAnswer})
@requires("view_users")
def person(path: PersonPath, query: PersonQuery) -> dict[str, Any]:
    """One person, each value with its source, its moment and what others said"""
    found = queries.person(db.session(), path.username, query.platform)
    if found is None:
        raise _unknown()
    who, profile = found
    account = picked_account(db.session(), query.account) if query.account else None
    follows = of_person(db.session(), who.id, account.id if account else None)
    said = _person(who, profile, now(), queries.fresh_within(db.session()))
    return said | {"follows": [_follow(name, row) for name, row in follows]}


@bp.delete("/persons/<string:username>", responses={200: Receipt, 409: ErrorAnswer})
@requires("erase_persons")
def erase_person(path: PersonPath, query: PlatformQuery) -> dict[str, Any]:
    """Erase a person everywhere"""
    try:
        receipt = erase(db.session(), path.username, now=now(), actor=actor().name, platform=query.platform)
    except LookupError as error:
        raise _unknown() from error
    except IsAnAccount as error:
        raise Refused(409, "own_account", "This is one of your own accounts; it is not erased as a person.") from error
    db.session.commit()
    return receipt


def _follow(account: str, row: FollowRow) -> dict[str, Any]:
    said: dict[str, Any] = {
        "account": account, "direction": row.direction, "state": row.state, "missing_since": _iso(row.missing_since),
        "source": row.start_source, "end_source": row.end_source,
    }
    return said | follow_answers.days(row) | follow_answers.bounds(row)


def _directory_person(row: queries.DirectoryRow, at: datetime) -> dict[str, Any]:
    return {
        "id": str(row.uuid), "platform": row.platform, "username": row.username, "role": row.role,
        "display_name": row.display_name, "age": row.age, "gender": row.gender, "country": row.country,
        "location": row.location, "subject": row.subject, "tags": None if row.tags is None else list(row.tags),
        "image_url": row.image_url, "last_seen_at": _iso(row.last_seen_at),
        "live": queries.is_live(row.last_seen_at, at), "following": row.following, "follower": row.follower,
    }


def _person(who: Person, profile: Profile | None, at: datetime, fresh: timedelta) -> dict[str, Any]:
    source = profile.source if profile else None
    changed_at = profile.changed_at if profile else None
    online_at = profile.last_online_at if profile else None
    values = {name: _value(getattr(profile, name, None), source, changed_at, at, fresh) for name in FIELDS}
    live = queries.is_live(online_at, at)
    return {
        "id": str(who.uuid), "username": who.username, "platform": who.platform,
        "role": _value(who.role, "browser", who.created_at, at, fresh),
        **values,
        "live": _value(live or None, source, online_at, at, fresh) | {"value": live},
        "last_seen_at": _value(_iso(online_at), source, online_at, at, fresh),
    }


def _value(value: Any, source: str | None, observed_at: datetime | None, at: datetime,
           fresh: timedelta) -> dict[str, Any]:
    """A field as the one source that knows it so far says it; without a value there is no origin either."""
    known = value is not None and observed_at is not None
    return {
        "value": value, "source": source if known else None, "observed_at": _iso(observed_at) if known else None,
        "fresh": bool(known and observed_at and at - observed_at <= fresh), "others": [],
    }


def _unknown() -> Refused:
    return Refused(404, "unknown_person", "Nobody of this name is known here.")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso_ms(moment)

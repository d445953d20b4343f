"""`/api/persons`: the directory, one person with the origin of every value, and erasing a person."""

from typing import Any, Literal

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from server.access.guard import actor, requires
from server.errors import ErrorAnswer, Refused
from server.exports import streams as exports
from server.exports.formats import FORMAT, Format
from server.follows import answers as follow_answers
from server.follows.queries import FollowRow, of_person
from server.models import PLATFORM, db
from server.openapi import When
from server.people import answers, values
from server.people.answers import iso
from server.people.counts import total
from server.people.directory import COUNT_CAP, Wanted, directory
from server.people.erase import IsAnAccount, erase
from server.people.rows import freshness, row_of
from server.people.store import picked_account
from server.time import now

tag = Tag(name="People", description="Everybody known, and what is known of them")
bp = APIBlueprint("people_api", __name__, url_prefix="/api", abp_tags=[tag], abp_responses={404: ErrorAnswer})

Sort = Literal["seen", "-seen", "username", "-username", "age", "-age", "followers", "-followers", "rank", "-rank",
               "gender_rank", "-gender_rank"]


class DirectoryQuery(BaseModel):
    role: Literal["all", "models", "viewers", "model", "viewer", "both", "unknown"] | None = Field(
        None, description="models: model or both; viewers: viewer or both")
    tag: str | None = Field(None, max_length=60, description="only people who have this tag")
    q: str | None = Field(None, max_length=50, description="part of the username")
    sort: Sort = Field("username", description="- for the other way round; who has no such value comes last")
    live: bool | None = Field(None, description="true: who may be shown as live now; false: the others")
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=600, description="`next_cursor` of the page before")
    format: Format | None = FORMAT


class PersonPath(BaseModel):
    username: str = Field(max_length=50)


class PlatformQuery(BaseModel):
    platform: str = Field(PLATFORM, max_length=20)


class PersonQuery(PlatformQuery):
    account: str | None = Field(None, max_length=60, description="only the follows of this account")


class OtherValue(BaseModel):
    """What another source said of the same field."""

    value: Any
    source: str
    observed_at: When


class Value(BaseModel):
    """One field with its origin."""

    value: Any
    source: str | None = Field(description="null: no source has said anything yet")
    observed_at: When | None = Field(description="the newest moment at which it is proved")
    fresh: bool = Field(description="not older than 10 minutes, or 1.5 times the interval at which the source is asked")
    others: list[OtherValue] = Field(description="what other sources said last, where it is not the same")


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
    birthday: Value
    country: Value
    location: Value
    spoken_languages: Value
    is_new: Value
    subject: Value
    tags: Value
    image: Value = Field(description="address of the picture that is kept here")
    image_url: Value
    image_url_360x270: Value
    live: Value = Field(description="whether they may be shown as live now")
    current_show: Value = Field(description="the last known where it is not fresh")
    viewers: Value = Field(description="the last known where it is not fresh")
    seconds_online: Value = Field(description="the last known where it is not fresh")
    is_hd: Value
    followers: Value
    rank: Value
    gender_rank: Value
    snapshots: Value
    last_seen_at: Value
    has_cbhours_trophy: bool | None = Field(description=answers.TROPHY)
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
    cbhours_live: int = Field(description="live answers of CBHours about the person")
    cbhours_activity: int = Field(description="segments of activity that CBHours told of the person")
    notes: int = Field(description="what was written down about the person")
    queue: int = Field(description="wishes to have the person read first")
    scan_pages: int = Field(description="stored list pages that named the person")
    scans: int = Field(description="scans whose diff or cross-check named the person")
    captures: int = Field(description="raw pages that showed the person; they are forgotten as a whole")


@bp.get("/persons", responses={200: answers.DirectoryAnswer})
@requires("view_users")
def persons(query: DirectoryQuery) -> Any:
    """Everybody known"""
    at = now()
    wanted = Wanted(query.sort, query.role or "all", query.q or "", query.tag or "", query.live,
                    after=query.cursor or "", limit=query.limit)
    if query.format:
        return exports.everybody(wanted, query.format)
    cut = directory(db.session(), wanted, at)
    about, count = freshness(db.session(), at), total(db.session(), wanted, cut, at)
    return {"persons": [answers.directory_person(row, about) for row in cut.rows], "total": min(count, COUNT_CAP)
            if wanted.narrowed else count, "total_is_at_least": wanted.narrowed and count > COUNT_CAP,
            "next_cursor": cut.next}


@bp.get("/persons/<string:username>", responses={200: PersonAnswer})
@requires("view_users")
def person(path: PersonPath, query: PersonQuery) -> dict[str, Any]:
    """One person, each value with its source, its moment and what others said"""
    row = row_of(db.session(), path.username, query.platform)
    if row is None:
        raise _unknown()
    account = picked_account(db.session(), query.account) if query.account else None
    follows = of_person(db.session(), row.person_id, account.id if account else None)
    about = freshness(db.session(), now())
    told = {one.name: _value(one) for one in values.of_person(db.session(), row, about)}
    return {"id": str(row.uuid), "username": row.username, "platform": row.platform, **told,
            "has_cbhours_trophy": row.has_trophy,
            "follows": [_follow(name, follow) for name, follow in follows]}


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
        "account": account, "direction": row.direction, "state": row.state, "missing_since": iso(row.missing_since),
        "source": row.start_source, "end_source": row.end_source,
    }
    return said | follow_answers.days(row) | follow_answers.bounds(row)


def _value(one: values.Said) -> dict[str, Any]:
    return {"value": one.value, **answers.origin(one.origin), "others": [
        {"value": other.value, "source": other.source, "observed_at": iso(other.at)} for other in one.others]}


def _unknown() -> Refused:
    return Refused(404, "unknown_person", "Nobody of this name is known here.")

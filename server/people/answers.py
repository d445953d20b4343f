"""The shapes in which people leave the server as JSON. Moments are ISO 8601 UTC with milliseconds and Z."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from common.clock import iso_ms
from server.openapi import When
from server.people.rows import Freshness, PersonRow, told
from server.priorities import Origin

OUTSIDE = {"show": "current_show"}  # fields that are called otherwise outside
TROPHY = "whether CBHours can be asked for the person; null: not yet known"


class OriginAnswer(BaseModel):
    """Where values come from."""

    source: str | None = Field(description="affiliate, cbhours, browser, import, manual; null: nobody has said it")
    observed_at: When | None = Field(description="the newest moment at which they are proved")
    fresh: bool = Field(description="not older than 10 minutes, or 1.5 times the interval at which the source is asked")


class Origins(BaseModel):
    """The origin of each group of values."""

    role: OriginAnswer
    profile: OriginAnswer = Field(description="of display_name, age, gender, country, location and the picture")
    tags: OriginAnswer = Field(description="of subject and tags")
    live: OriginAnswer = Field(description="of live")
    numbers: OriginAnswer = Field(description="of current_show and viewers")
    followers: OriginAnswer
    rank: OriginAnswer = Field(description="of rank and gender_rank")
    seen: OriginAnswer = Field(description="of last_seen_at")
    snapshots: OriginAnswer
    apart: dict[str, OriginAnswer] = Field(
        description="single fields, such as gender, whose origin is not the one of their group")


class PersonFields(BaseModel):
    """What is known of a person; null: not known yet."""

    id: str
    username: str
    role: str = Field(description="model, viewer, both or unknown")
    display_name: str | None
    age: int | None
    gender: str | None
    country: str | None = Field(description="ISO 3166 alpha-2")
    location: str | None
    subject: str | None
    tags: list[str] | None
    image: str | None = Field(description="address of the picture that is kept here; null: none is")
    image_url: str | None = Field(description="address at the source; it may have expired")
    live: bool = Field(description="seen broadcasting so recently that it can be believed")
    current_show: str | None = Field(description="public, private, …; null: not live, or not said")
    viewers: int | None = Field(description="null: not live, or not said")
    followers: int | None
    rank: int | None = Field(description="1 is the top; CBHours alone tells it")
    gender_rank: int | None = Field(description="the same among those of the same gender")
    has_cbhours_trophy: bool | None = Field(description=TROPHY)
    snapshots: int = Field(description="how many polls have shown the person")
    last_seen_at: When | None = Field(description="last seen broadcasting")
    origins: Origins


class DirectoryPerson(PersonFields):
    platform: str
    following: bool = Field(description="an account follows them now")
    follower: bool = Field(description="they follow an account now")


class DirectoryAnswer(BaseModel):
    persons: list[DirectoryPerson]
    total: int = Field(description="how many fit in all; filtered lists are counted up to 10,000")
    total_is_at_least: bool = Field(description="more than `total` fit")
    next_cursor: str | None


def person_fields(row: PersonRow, about: Freshness) -> dict[str, Any]:
    now = told(row, about)
    person, live = now.person, now.live
    of_now = {name: live and now.apart.get(name, now.origins["numbers"]).fresh for name in ("show", "viewers")}
    return {
        "id": str(person.uuid), "username": person.username, "role": person.role, "display_name": person.display_name,
        "age": person.age, "gender": person.gender, "country": person.country, "location": person.location,
        "subject": person.subject, "tags": None if person.tags is None else list(person.tags), "image": image(person),
        "image_url": person.image_url_360x270 or person.image_url, "live": live,
        "current_show": person.show if of_now["show"] else None,
        "viewers": person.viewers if of_now["viewers"] else None,
        "followers": person.followers, "rank": person.rank, "gender_rank": person.gender_rank,
        "has_cbhours_trophy": person.has_trophy, "snapshots": person.snapshots or 0,
        "last_seen_at": iso(person.last_seen_at),
        "origins": {name: origin(one) for name, one in now.origins.items()} | {
            "apart": {OUTSIDE.get(name, name): origin(one) for name, one in now.apart.items()
                      if OUTSIDE.get(name, name) in PersonFields.model_fields}},
    }


def directory_person(row: PersonRow, about: Freshness) -> dict[str, Any]:
    return person_fields(row, about) | {
        "platform": row.platform, "following": row.following, "follower": row.follower}


def image(row: PersonRow) -> str | None:
    return None if row.picture is None else f"/images/{row.picture}.webp"


def origin(one: Origin) -> dict[str, Any]:
    return {"source": one.source, "observed_at": iso(one.at), "fresh": one.fresh}


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso_ms(moment)

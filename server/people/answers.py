"""The shapes in which people leave the server as JSON. Moments are ISO 8601 UTC with milliseconds and Z."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from common.clock import iso_ms
from server.openapi import When
from server.people.rows import Freshness, PersonRow, is_live, origins
from server.priorities import Origin


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
    numbers: OriginAnswer = Field(description="of current_show, viewers and is_hd, which are of the newest poll")
    followers: OriginAnswer
    rank: OriginAnswer = Field(description="of rank and gender_rank")
    seen: OriginAnswer = Field(description="of last_seen_at")
    snapshots: OriginAnswer


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
    rank: int | None
    gender_rank: int | None
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
    live = is_live(row, about.now)
    return {
        "id": str(row.uuid), "username": row.username, "role": row.role, "display_name": row.display_name,
        "age": row.age, "gender": row.gender, "country": row.country, "location": row.location,
        "subject": row.subject, "tags": None if row.tags is None else list(row.tags), "image": image(row),
        "image_url": row.image_url_360x270 or row.image_url, "live": live,
        "current_show": row.show if live and _polled(row, about.now) else None,
        "viewers": row.viewers if live and _polled(row, about.now) else None,
        "followers": row.followers, "rank": row.rank, "gender_rank": row.gender_rank, "snapshots": row.snapshots or 0,
        "last_seen_at": iso(row.last_seen_at),
        "origins": {name: origin(one) for name, one in origins(row, about).items()},
    }


def directory_person(row: PersonRow, about: Freshness) -> dict[str, Any]:
    return person_fields(row, about) | {
        "platform": row.platform, "following": row.following, "follower": row.follower}


def _polled(row: PersonRow, now: datetime) -> bool:
    """The numbers of the newest poll are still of now."""
    return row.live_until is not None and row.live_until >= now


def image(row: PersonRow) -> str | None:
    return None if row.picture is None else f"/images/{row.picture}.webp"


def origin(one: Origin) -> dict[str, Any]:
    return {"source": one.source, "observed_at": iso(one.at), "fresh": one.fresh}


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso_ms(moment)

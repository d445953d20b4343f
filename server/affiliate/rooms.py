"""Rooms of a poll as they can be stored: hostile texts tamed, impossible values left out. Pure.

One bad value costs that value, one bad room costs that room, never the poll.
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from scraper.observations import AffiliateRoom, username
from server.ingest.text import plain

Rejected = dict[str, str]
MOST_TAGS = 100
LONGEST_TAG = 100
LONGEST_SHOWN_TAG = 60
LONGEST_SHOW = 40
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_ROOMS = TypeAdapter(list[AffiliateRoom])
_NAME = re.compile(r"[a-z0-9_]{1,50}").fullmatch
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]").search
_LONGEST = {"display_name": 200, "birthday": 40, "location": 1000, "spoken_languages": 1000, "room_subject": 4000,
            "image_url": 2000, "image_url_360x270": 2000, "current_show": LONGEST_SHOW}
_ADDRESS = re.compile(r"(https?:)?//[^\s/\\]+/").match
_COUNTRY = re.compile("[A-Z]{2}").fullmatch
_INT4, _INT8 = 2**31 - 1, 2**63 - 1
_LARGEST = {"num_users": _INT4, "seconds_online": _INT4, "num_followers": _INT8, "age": 2**15 - 1}


class Room(NamedTuple):
    """profile: display_name, age, birthday, gender, location, country, spoken_languages, is_new, both image
    addresses. seconds_online, viewers, followers, show, is_hd: as of the poll. tags: as JSON."""

    username: str
    profile: tuple[Any, ...]
    subject: str | None
    tags: str | None
    seconds_online: int | None
    viewers: int | None
    followers: int | None
    show: str | None
    is_hd: bool | None

    @property
    def gender(self) -> str | None:
        gender: str | None = self.profile[3]
        return gender

    def shown_tags(self) -> str | None:
        """The tags as they are filtered by, none longer than a filter takes."""
        if self.tags is None or len(self.tags) <= LONGEST_SHOWN_TAG:
            return self.tags
        return _json([tag[:LONGEST_SHOWN_TAG] for tag in json.loads(self.tags)])


PROFILE = ("display_name", "age", "birthday", "gender", "location", "country", "spoken_languages", "is_new",
           "image_url", "image_url_360x270")


def check_rooms(items: list[Any]) -> tuple[list[AffiliateRoom], list[Rejected]]:
    """The rooms of a message with the bad values left out, and the bad rooms with their reasons."""
    try:
        rooms = _ROOMS.validate_python(items)
    except ValidationError:
        rooms, rejected = [], []
        for item in items:
            try:
                rooms.append(_one(item))
            except ValueError as error:
                rejected.append({"item": _shown(item), "reason": plain(str(error), 300)})
    else:
        rejected = []
    good = []
    for room in rooms:
        if not _NAME(room.username):
            try:
                room.username = username(room.username)
            except ValueError as error:
                rejected.append({"item": _shown(room.username), "reason": plain(str(error), 300)})
                continue
        good.append(room)
    return good, rejected


def _one(item: Any) -> AffiliateRoom:
    """A room without the values that cannot be; raises ValueError for what is no room at all."""
    if not isinstance(item, Mapping):
        raise ValueError("not a room")
    told = {key: value for key, value in item.items() if key in AffiliateRoom.model_fields}
    told["username"] = username(told.get("username"))
    try:
        return AffiliateRoom.model_validate(told)
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors(include_url=False, include_input=False)}
        return AffiliateRoom.model_validate({key: value for key, value in told.items() if key not in wrong})


def storable(rooms: Iterable[AffiliateRoom]) -> list[Room]:
    """The rooms as they are stored, each person once: the first word counts. In the order of their names."""
    found: dict[str, Room] = {}
    for room in rooms:
        if room.username not in found:
            found[room.username] = _storable(room)
    return [found[name] for name in sorted(found)]


def _storable(room: AffiliateRoom) -> Room:
    value = room.__dict__
    if _needs_taming(value):
        value = _tamed(value)
    tags = value["tags"]
    return Room(
        value["username"], tuple(map(value.__getitem__, PROFILE)), value["room_subject"],
        None if tags is None else _json(tags),
        value["seconds_online"], value["num_users"], value["num_followers"], value["current_show"], value["is_hd"])


def _needs_taming(value: Mapping[str, Any]) -> bool:
    """Quick for the usual room, in which nothing is wrong."""
    texts = [text for name in _LONGEST if (text := value[name])]
    texts += value["tags"] or ()
    joined = "".join(texts)
    country = value["country"]
    return (
        (len(joined) > LONGEST_SHOW and any(len(value[name] or "") > longest for name, longest in _LONGEST.items()))
        or (not joined.isprintable() and _UNSTORABLE(joined) is not None)
        or any((number := value[name]) is not None and not 0 <= number <= largest
               for name, largest in _LARGEST.items())
        or (country is not None and _COUNTRY(country) is None)
        or any((address := value[name]) is not None and _ADDRESS(address) is None
               for name in ("image_url", "image_url_360x270"))
        or any(len(tag) > LONGEST_TAG for tag in value["tags"] or ()) or len(value["tags"] or ()) > MOST_TAGS
    )


def _tamed(value: Mapping[str, Any]) -> dict[str, Any]:
    tame = dict(value)
    for name, longest in _LONGEST.items():
        if tame[name] is not None:
            tame[name] = plain(tame[name], longest)
    for name, largest in _LARGEST.items():
        if tame[name] is not None and not 0 <= tame[name] <= largest:
            tame[name] = None
    if tame["country"] is not None:
        code = tame["country"].strip().upper()
        tame["country"] = code if _COUNTRY(code) else None
    for name in ("image_url", "image_url_360x270"):
        if tame[name] is not None and not _ADDRESS(tame[name]):
            tame[name] = None
    if tame["tags"] is not None:
        tame["tags"] = [tag for tag in (plain(one, LONGEST_TAG) for one in tame["tags"]) if tag][:MOST_TAGS]
    return tame


def mark(value: tuple[Any, ...] | str | None) -> int:
    """A digest of a value, the same in every process, in 64 bits."""
    text = value if isinstance(value, str) else repr(value)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def _shown(item: Any) -> str:
    return plain(str(item.get("username", item) if isinstance(item, Mapping) else item), 100)

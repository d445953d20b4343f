"""Rooms of a poll as they can be stored: hostile texts tamed, impossible values left out. Pure.

One bad value costs that value, one bad room costs that room, never the poll.
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from operator import itemgetter
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs it; the one of `typing` tells it too little before 3.12

from scraper.observations import AffiliateRoom, AffiliateRooms, Gender, username
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
    addresses. seconds_online, viewers, followers, show, is_hd: as of the poll. tags: as JSON. hashes: of profile,
    subject and tags, by which this process knows them again."""

    username: str
    profile: tuple[Any, ...]
    subject: str | None
    tags: str | None
    seconds_online: int | None
    viewers: int | None
    followers: int | None
    show: str | None
    is_hd: bool | None
    hashes: tuple[int, int, int]

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


# What every room of a usual poll looks like, checked while the message is read: nothing in it has to be tamed.
_PLAIN = "[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*"
_Plain = Annotated[str, Field(pattern=f"^{_PLAIN}$")]


def _text(name: str, *, pattern: str = _PLAIN) -> Any:
    return Field(pattern=f"^{pattern}$", max_length=_LONGEST[name])


def _picture(name: str) -> Any:
    return _text(name, pattern=rf"(https?:)?//[^\s/\\]+/{_PLAIN}")


def _number(name: str) -> Any:
    return Field(ge=0, le=_LARGEST[name])


class TameRoom(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    username: Annotated[str, Field(pattern="^[a-z0-9_]{1,50}$")]
    display_name: Annotated[str | None, _text("display_name")]
    gender: Gender | None
    age: Annotated[int | None, _number("age")]
    birthday: Annotated[str | None, _text("birthday")]
    location: Annotated[str | None, _text("location")]
    country: Annotated[str | None, Field(pattern="^[A-Z]{2}$")]
    spoken_languages: Annotated[str | None, _text("spoken_languages")]
    current_show: Annotated[str | None, _text("current_show")]
    room_subject: Annotated[str | None, _text("room_subject")]
    tags: Annotated[list[Annotated[str, Field(pattern=f"^{_PLAIN}$", max_length=LONGEST_TAG)]] | None,
                    Field(max_length=MOST_TAGS)]
    is_new: bool | None
    is_hd: bool | None
    num_users: Annotated[int | None, _number("num_users")]
    num_followers: Annotated[int | None, _number("num_followers")]
    seconds_online: Annotated[int | None, _number("seconds_online")]
    image_url: Annotated[str | None, _picture("image_url")]
    image_url_360x270: Annotated[str | None, _picture("image_url_360x270")]


class TamePoll(AffiliateRooms):
    """A poll in which everything is as it should be."""

    rooms: list[TameRoom]  # type: ignore[assignment]
    stopped_by: _Plain | None = None
    stopped_detail: _Plain | None = None
    left_out_names: list[_Plain] = []
    absent: list[_Plain] = []


def tame_poll(body: bytes) -> TamePoll | None:
    """The poll in a body, read at once; None if anything in it needs a closer look."""
    try:
        return TamePoll.model_validate_json(body)
    except ValidationError:
        return None


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


def storable(rooms: Iterable[AffiliateRoom | Mapping[str, Any]]) -> list[Room]:
    """The rooms as they are stored, each person once: the first word counts. In the order of their names.

    rooms  as `check_rooms` gives them, or those of a `TamePoll`
    """
    found: dict[str, Room] = {}
    for room in rooms:
        value = room if isinstance(room, dict) else _tame(room)
        name, subject, tags, *numbers = _rest(value)
        if name not in found:
            profile, said = _profile(value), None if tags is None else _list(tags)
            found[name] = Room._make((
                name, profile, subject, said, *numbers, (hash(profile), hash(subject), hash(said))))
    return [found[name] for name in sorted(found)]


_profile = itemgetter(*PROFILE)
_rest = itemgetter("username", "room_subject", "tags", "seconds_online", "num_users", "num_followers", "current_show",
                   "is_hd")


def _list(tags: list[str]) -> str:
    """As a JSON list."""
    joined = '","'.join(tags)
    if not tags or "\\" in joined or joined.count('"') != 2 * len(tags) - 2 or not joined.isprintable():
        return _json(tags)
    return f'["{joined}"]'


def _tame(room: Any) -> Mapping[str, Any]:
    value: dict[str, Any] = room.__dict__
    return _tamed(value) if _needs_taming(value) else value


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

"""Answers of the affiliate API: bytes in, rooms out. Pure.

Tolerant value by value: what cannot be understood is None and counted under its field's name in `problems`; a room
without a usable name is left out and counted as "username". Nothing that one room says can spoil another one.
"""

import html
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from scraper.errors import UnknownAnswer, WrongUse
from scraper.observations import AffiliateRoom, Gender, username

GENDERS: tuple[Gender, ...] = get_args(Gender)
LARGEST_NUMBER = 2**63 - 1
OLDEST = 150
LONGEST = {"display_name": 200, "birthday": 40, "location": 300, "spoken_languages": 300, "current_show": 50,
           "room_subject": 2000}
LONGEST_ADDRESS = 1000
LONGEST_TAG = 100
MOST_TAGS = 100
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ADDRESS = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?", re.I)
_WHOLE = re.compile(r"[+-]?\d{1,30}(?:\.0*)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,\u00a0\u202f ]\d{3})+")
_LONGEST_DIGITS = 30


@dataclass
class Page:
    """What one answer says.

    count     how many rooms match; None: nothing usable
    listed    how many entries the answer holds, readable or not: so far the next offset moves
    problems  what was wrong, by field
    """

    count: int | None
    listed: int
    rooms: list[AffiliateRoom] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)


def asked_genders(text: str) -> list[Gender]:
    """'m' -> ['m'], 'f, m' -> ['m', 'f']: each once, in the order m, f, c, t.

    raises  WrongUse for anything else
    """
    words = [word.strip().lower() for word in text.split(",")]
    found = [gender for gender in GENDERS if gender in words]
    if not found or any(word not in GENDERS for word in words):
        raise WrongUse(f"gender must be m, f, t, c or several of them, such as m,f: {text!r:.40}")
    return found


def parse_page(body: bytes) -> Page:
    """The rooms of one answer, in its order.

    raises  UnknownAnswer when it is not an object with a list of results
    """
    try:
        said = json.loads(body.decode("utf-8-sig", "replace"), parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise UnknownAnswer(f"not JSON: {_short(error)}") from None
    results = said.get("results") if isinstance(said, dict) else None
    if not isinstance(results, list):
        raise UnknownAnswer("no list of results in it")
    page = Page(count=None, listed=len(results))
    page.count = _number(page.problems, "count", said.get("count"))
    for item in results:
        room = _room(page.problems, item)
        if room is not None:
            page.rooms.append(room)
    return page


def only(body: bytes, names: Collection[str]) -> bytes:
    """The answer as it came, without the rooms of anybody but these.

    body  one that `parse_page` could read
    """
    said = json.loads(body.decode("utf-8-sig", "replace"), parse_int=_whole)
    said["results"] = [item for item in said["results"] if _name(item) in names]
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")


def _name(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    try:
        return username(item.get("username") or item.get("slug"))
    except ValueError:
        return None


def _room(problems: Counter[str], item: Any) -> AffiliateRoom | None:
    """One room; None where it cannot be said whose it is."""
    name = _name(item)
    if name is None:
        problems["username"] += 1
        return None
    return AffiliateRoom(
        username=name,
        **{key: _text(problems, key, item.get(key)) for key in ("display_name", "birthday", "location")},
        gender=_gender(problems, item.get("gender")),
        age=_number(problems, "age", item.get("age"), most=OLDEST),
        country=_country(problems, item.get("country")),
        spoken_languages=_languages(problems, item.get("spoken_languages")),
        current_show=_show(problems, item.get("current_show")),
        room_subject=_subject(problems, item.get("room_subject")),
        tags=_tags(problems, item.get("tags")),
        is_new=_flag(problems, "is_new", item.get("is_new")),
        is_hd=_flag(problems, "is_hd", item.get("is_hd")),
        num_users=_number(problems, "num_users", item.get("num_users")),
        num_followers=_number(problems, "num_followers", item.get("num_followers")),
        seconds_online=_number(problems, "seconds_online", item.get("seconds_online")),
        image_url=_address(problems, "image_url", item.get("image_url")),
        image_url_360x270=_address(problems, "image_url_360x270", item.get("image_url_360x270")),
    )


def _text(problems: Counter[str], key: str, value: Any) -> str | None:
    """A text without what no database can hold, cut to its length; numbers become their digits."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        problems[key] += 1
        return None
    text = _UNSTORABLE.sub("", str(value))
    if len(text) > LONGEST[key]:
        problems[key] += 1
    return text[:LONGEST[key]]


def _subject(problems: Counter[str], value: Any) -> str | None:
    text = _text(problems, "room_subject", html.unescape(value) if isinstance(value, str) else value)
    return text if text is None else text.strip()


def _show(problems: Counter[str], value: Any) -> str | None:
    """Known words and new ones alike; an empty one says nothing."""
    text = _text(problems, "current_show", value)
    return text.strip().lower() or None if text is not None else None


def _gender(problems: Counter[str], value: Any) -> Gender | None:
    if value is None or value == "":
        return None
    letter = value.strip().lower() if isinstance(value, str) else ""
    for gender in GENDERS:
        if letter == gender or (letter == "s" and gender == "t"):
            return gender
    problems["gender"] += 1
    return None


def _country(problems: Counter[str], value: Any) -> str | None:
    if value is None or value == "":
        return None
    code = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch("[A-Z]{2}", code):
        problems["country"] += 1
        return None
    return code


def _languages(problems: Counter[str], value: Any) -> str | None:
    """The broadcaster's own words; a list of them, as one client has it, becomes one text."""
    if isinstance(value, list):
        value = ", ".join(word for word in value if isinstance(word, str))
    return _text(problems, "spoken_languages", value)


def _tags(problems: Counter[str], value: Any) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = re.split(r"[\s,]+", value)
    if not isinstance(value, list):
        problems["tags"] += 1
        return None
    tags: dict[str, None] = {}
    for one in value:
        if isinstance(one, bool) or not isinstance(one, str | int):
            problems["tags"] += 1
            continue
        tag = _UNSTORABLE.sub("", str(one)).strip().lstrip("#").lower()
        if len(tag) > LONGEST_TAG or len(tags) >= MOST_TAGS:
            problems["tags"] += 1
        elif tag:
            tags[tag] = None
    return list(tags)


def _flag(problems: Counter[str], key: str, value: Any) -> bool | None:
    """true, 1 and "true" are the same."""
    if value is None or isinstance(value, bool):
        return value
    known: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, str | int) and str(value).strip().lower() in known:
        return known[str(value).strip().lower()]
    problems[key] += 1
    return None


def _number(problems: Counter[str], key: str, value: Any, *, most: int = LARGEST_NUMBER) -> int | None:
    """A whole number from 0; numbers as text ("41,867") are numbers; zero is a value."""
    if value is None or value == "":
        return None
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and math.isfinite(value) and value == int(value):
        number = int(value)
    elif isinstance(value, str):
        text = value.strip()
        if _THOUSANDS.fullmatch(text):
            number = int(re.sub(r"\D", "", text))
        elif _WHOLE.fullmatch(text):
            number = int(text.partition(".")[0])
    if number is None or not 0 <= number <= most:
        problems[key] += 1
        return None
    return number


def _address(problems: Counter[str], key: str, value: Any) -> str | None:
    """An http(s) address; anything else, `javascript:` and `data:` above all, is none."""
    if value is None or value == "":
        return None
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith("//"):
        text = f"https:{text}"
    if len(text) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(text) or _UNSTORABLE.search(text):
        problems[key] += 1
        return None
    return text


def _whole(digits: str) -> int | str:
    """A number of a reasonable length; a longer one stays text, which is no number to anybody."""
    return int(digits) if len(digits) <= _LONGEST_DIGITS else digits


def _short(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:100]

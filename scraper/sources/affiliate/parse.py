"""Answers of the affiliate API: bytes in, rooms out. Pure.

Tolerant value by value: what cannot be understood is None and counted under its field's name in `problems`; a room
without a usable name is left out and counted as "username". Nothing that one room says can spoil another one.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from scraper.errors import UnknownAnswer, WrongUse
from scraper.observations import AffiliateRoom, Gender, username
from scraper.tolerant import GENDERS, flag_of, gender_of, json_of, number_of, storable, tags_of, text_of, word_of

OLDEST = 150
LONGEST = {"display_name": 200, "birthday": 40, "location": 300, "spoken_languages": 300, "current_show": 50,
           "room_subject": 2000}
LONGEST_ADDRESS = 1000
GENDER_WORDS: dict[str, Gender] = {"s": "t"}
_ADDRESS = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?", re.I)


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
    said = json_of(body)
    results = said.get("results") if isinstance(said, dict) else None
    if not isinstance(results, list):
        raise UnknownAnswer("no list of results in it")
    page = Page(count=None, listed=len(results))
    page.count = number_of(page.problems, "count", said.get("count"))
    for item in results:
        room = _room(page.problems, item)
        if room is not None:
            page.rooms.append(room)
    return page


def only(body: bytes, names: Collection[str]) -> bytes:
    """The answer as it came, without the rooms of anybody but these.

    body  one that `parse_page` could read
    """
    said = json_of(body)
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
        gender=gender_of(problems, "gender", item.get("gender"), GENDER_WORDS),
        age=number_of(problems, "age", item.get("age"), most=OLDEST),
        country=_country(problems, item.get("country")),
        spoken_languages=_languages(problems, item.get("spoken_languages")),
        current_show=word_of(problems, "current_show", item.get("current_show"), LONGEST["current_show"]),
        room_subject=_subject(problems, item.get("room_subject")),
        tags=tags_of(problems, "tags", item.get("tags")),
        is_new=flag_of(problems, "is_new", item.get("is_new")),
        is_hd=flag_of(problems, "is_hd", item.get("is_hd")),
        num_users=number_of(problems, "num_users", item.get("num_users")),
        num_followers=number_of(problems, "num_followers", item.get("num_followers")),
        seconds_online=number_of(problems, "seconds_online", item.get("seconds_online")),
        image_url=_address(problems, "image_url", item.get("image_url")),
        image_url_360x270=_address(problems, "image_url_360x270", item.get("image_url_360x270")),
    )


def _text(problems: Counter[str], key: str, value: Any) -> str | None:
    return text_of(problems, key, value, LONGEST[key])


def _subject(problems: Counter[str], value: Any) -> str | None:
    text = _text(problems, "room_subject", html.unescape(value) if isinstance(value, str) else value)
    return text if text is None else text.strip()


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


def _address(problems: Counter[str], key: str, value: Any) -> str | None:
    """An http(s) address; anything else, `javascript:` and `data:` above all, is none."""
    if value is None or value == "":
        return None
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith("//"):
        text = f"https:{text}"
    if len(text) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(text) or storable(text) != text:
        problems[key] += 1
        return None
    return text

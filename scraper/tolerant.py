"""Values as APIs write them, understood as far as they mean something. Pure.

What cannot be understood is None and counted under its field's name in `problems`; None itself and "" say nothing and
are no problem. Zero is a value.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, get_args

from scraper.errors import UnknownAnswer
from scraper.observations import Gender

GENDERS: tuple[Gender, ...] = get_args(Gender)
LARGEST_NUMBER = 2**63 - 1
LONGEST_TAG = 100
MOST_TAGS = 100
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_WHOLE = re.compile(r"[+-]?\d{1,30}(?:\.0*)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,\u00a0\u202f ]\d{3})+")
_LONGEST_DIGITS = 30

Problems = Counter[str]


def json_of(body: bytes) -> Any:
    """The value of a JSON text.

    raises  UnknownAnswer
    """
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), parse_int=_short_enough)
    except (ValueError, RecursionError) as error:
        words = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:100]
        raise UnknownAnswer(f"not JSON: {words}") from None


def storable(text: str) -> str:
    """The text without what no database can hold."""
    return _UNSTORABLE.sub("", text)


def text_of(problems: Problems, key: str, value: Any, longest: int) -> str | None:
    """A storable text, cut to its length; numbers become their digits."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        problems[key] += 1
        return None
    text = storable(str(value))
    if len(text) > longest:
        problems[key] += 1
    return text[:longest]


def word_of(problems: Problems, key: str, value: Any, longest: int) -> str | None:
    """A word of an open list, in lower case: known ones and new ones alike; an empty one says nothing."""
    text = text_of(problems, key, value, longest)
    return text.strip().lower() or None if text is not None else None


def gender_of(problems: Problems, key: str, value: Any, words: Mapping[str, Gender]) -> Gender | None:
    """words: what else a gender may be called than by its letter, in lower case."""
    if value is None or value == "":
        return None
    said = value.strip().lower() if isinstance(value, str) else ""
    found = next((gender for gender in GENDERS if gender == said), words.get(said))
    if found is None:
        problems[key] += 1
    return found


def tags_of(problems: Problems, key: str, value: Any) -> list[str] | None:
    """Tags without '#', in lower case, each once; from a list or one text."""
    if value is None:
        return None
    if isinstance(value, str):
        value = re.split(r"[\s,]+", value)
    if not isinstance(value, list):
        problems[key] += 1
        return None
    tags: dict[str, None] = {}
    for one in value:
        if isinstance(one, bool) or not isinstance(one, str | int):
            problems[key] += 1
            continue
        tag = storable(str(one)).strip().lstrip("#").lower()
        if len(tag) > LONGEST_TAG or len(tags) >= MOST_TAGS:
            problems[key] += 1
        elif tag:
            tags[tag] = None
    return list(tags)


def flag_of(problems: Problems, key: str, value: Any) -> bool | None:
    """true, 1 and "true" are the same."""
    if value is None or isinstance(value, bool):
        return value
    known: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, str | int) and str(value).strip().lower() in known:
        return known[str(value).strip().lower()]
    problems[key] += 1
    return None


def number_of(problems: Problems, key: str, value: Any, *, most: int = LARGEST_NUMBER) -> int | None:
    """A whole number from 0; numbers as text ("41,867") are numbers."""
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


def _short_enough(digits: str) -> int | str:
    """A number of a reasonable length; a longer one stays text, which is no number to anybody."""
    return int(digits) if len(digits) <= _LONGEST_DIGITS else digits

"""Text from outside, in a form that every database and page can hold. Pure."""

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
LONGEST_TEXT = 4000
DEEPEST = 24


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text without NUL, control characters and half surrogates, cut to a length."""
    return _UNSTORABLE.sub("", text)[:longest]


def plain_json(value: Any, *, depth: int = 0) -> Any:
    """The same for every text in a JSON value.

    raises  ValueError if it is nested more deeply than anything we know
    """
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [plain_json(item, depth=depth + 1) for item in value]
    if isinstance(value, dict):
        return {plain(str(key), 200): plain_json(item, depth=depth + 1) for key, item in value.items()}
    return value

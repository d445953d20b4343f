"""A raw answer as text to be read, the person's own part of it first. Pure: bytes in, text out; nothing is rendered."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

PART = 40_000  # characters of one page
WHOLE = 1_000_000  # at most so many are shown at once
OWN_PARTS = 3
AROUND = 400  # characters on either side of a name in a page's source


class Text(NamedTuple):
    """kind: json or text; own: the pieces that are about the person; whole: everything, JSON with its lines set."""

    kind: str
    own: list[str]
    whole: str


def names(raw: bytes, username: str) -> bool:
    """Whether the bytes hold this username as a whole word."""
    return _pattern(username).search(raw.decode("utf-8", "replace")) is not None


def text_of(raw: bytes, username: str) -> Text:
    """What is in a raw answer. JSON that cannot be read as such is text like everything else."""
    plain = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    if plain.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(plain)
            own = [_written(one) for one, _ in zip(_own(value, username), range(OWN_PARTS), strict=False)]
            return Text("json", own, _written(value))
        except (ValueError, RecursionError):
            pass
    return Text("text", _excerpts(plain, username), plain)


def part_of(text: str, number: int | None) -> tuple[str, int, int]:
    """A part of a long text, its number from 1 and how many there are. None: the whole, if it is not too long."""
    count = max(1, -(-len(text) // PART))
    if number is None and len(text) <= WHOLE:
        return text, 1, 1
    number = min(max(number or 1, 1), count)
    return text[(number - 1) * PART:number * PART], number, count


def _pattern(username: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_]){re.escape(username)}(?![A-Za-z0-9_])", re.IGNORECASE)


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _own(value: Any, username: str) -> Iterator[Any]:
    """The innermost objects that carry the name as a value, and whatever stands under the name as a key."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if any(isinstance(word, str) and word.lower() == username for word in one.values()):
                yield one
                continue
            for key, inner in one.items():
                if key.lower() == username:
                    yield {key: inner}
                else:
                    stack.append(inner)
        elif isinstance(one, list):
            stack.extend(reversed(one))


def _excerpts(text: str, username: str) -> list[str]:
    found, end = [], 0
    for match in _pattern(username).finditer(text):
        if match.start() < end:
            continue
        start, end = max(0, match.start() - AROUND), match.end() + AROUND
        found.append(("… " if start else "") + text[start:end] + (" …" if end < len(text) else ""))
        if len(found) == OWN_PARTS:
            break
    return found

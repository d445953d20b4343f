"""Pages of a list: one cut of rows, the whole count, and an opaque cursor that goes on from the last row.

A cursor holds the sort word and the sort values of the last row shown, so a deep page costs no more than the
first and nobody is shown twice or skipped because of rows that moved before it.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from server.errors import Refused

Row = TypeVar("Row")
LONGEST_CURSOR = 600


@dataclass(frozen=True)
class Page(Generic[Row]):
    """rows: this cut; total: how many rows the filter finds in all; next_cursor: null on the last page."""

    rows: Sequence[Row]
    total: int
    next_cursor: str | None


def encode_cursor(*values: str | int | datetime) -> str:
    plain = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values]
    packed = json.dumps(plain, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(text: str, *kinds: type) -> tuple[Any, ...]:
    """The values of a cursor that `encode_cursor` made.

    kinds   the type of each value: str, int or datetime
    raises  Refused 400 naming the field `cursor` for anything else, or a cursor of another list
    """
    try:
        if len(text) > LONGEST_CURSOR:
            raise ValueError("too long")
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError("another list's cursor")
        return tuple(_value(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, binascii.Error, UnicodeError, RecursionError) as error:
        raise refused_cursor() from error


def refused_cursor() -> Refused:
    return Refused(400, "invalid", "This is not a cursor of this list: use `next_cursor` of the page before.",
                   field="cursor")


def _value(value: Any, kind: type) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            raise ValueError("not a moment")
        return moment.astimezone(UTC)
    if kind is int and (isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63):
        raise ValueError("not a number")
    if not isinstance(value, kind) or (isinstance(value, str) and "\x00" in value):
        raise ValueError("not of this kind")
    return value

"""Rows as lines of a file. Pure.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, also behind
blanks; strangers choose their own texts. Such a text gets an apostrophe in front, which spreadsheets do not show.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from server.frame import clean

Format = Literal["csv", "jsonl"]
FORMAT: Any = Field(None, description=(
    "csv or jsonl: everything that fits as one file, instead of a page; `limit` and `cursor` do not count then"))
MEDIA = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
BLANKS = " \u00a0\u200b\ufeff"
BOM = "\ufeff"  # so that spreadsheets read UTF-8


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A head and a line for each row; the values of nested objects are columns such as `origins.tags.source`."""
    yield BOM + _line(columns)
    for row in rows:
        yield _line([cell(_picked(row, column)) for column in columns])


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """An object a line, as the API tells it."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def cell(value: Any) -> str:
    """A value as a spreadsheet may have it: no formula, no control characters, lists with blanks between."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    text = " ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
    shown = " ".join(clean(text).replace("\t", " ").splitlines())
    runs = any(one.lstrip(BLANKS).startswith(DANGEROUS) for one in (text, shown))
    return f"'{shown}" if runs else shown


def _picked(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for name in column.split("."):
        value = value[name]
    return value


def _line(cells: Iterable[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue()

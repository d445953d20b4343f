"""The files of the four lists, sent while they are read: a batch of rows is all that is ever held."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from server.exports import formats
from server.exports.formats import Format
from server.follows import answers as follow_answers
from server.follows import queries as follows
from server.models import db
from server.people import answers as people_answers
from server.people.directory import Cut, Wanted, directory
from server.people.rows import Freshness, freshness
from server.time import now

BATCH = 1_000

PERSON = (
    "username", "role", "display_name", "age", "gender", "country", "location", "tags", "subject", "live",
    "current_show", "viewers", "followers", "rank", "gender_rank", "has_cbhours_trophy", "snapshots", "last_seen_at",
    "image_url",
    *(f"origins.{group}.{what}" for group in ("profile", "tags", "followers", "rank", "live")
      for what in ("source", "observed_at", "fresh")),
)
DIRECTORY = (*PERSON, "following", "follower")
FOLLOW = ("state", "missing_since", "returned", "source")
DAYS = ("days_followed", "days_followed_at_least", "days_followed_least", "days_followed_most", "back", "end_source")
MOMENTS: dict[str, tuple[str, str]] = {
    "following": ("following_since", "unfollowed_at"), "follower": ("follower_since", "unfollower_at")}
LISTS = {"following": "following", "follower": "followers"}

Page = Callable[[Session, Wanted, datetime], Cut]
Tell = Callable[[Any, Freshness], Mapping[str, Any]]


def everybody(wanted: Wanted, kind: Format) -> Response:
    """Everybody in the directory who fits."""
    return _file("directory", DIRECTORY, wanted, kind, directory, people_answers.directory_person)


def current(account_id: int, direction: follows.Direction, wanted: Wanted, kind: Format) -> Response:
    """Everybody on a list who fits."""
    def page(session: Session, wanted: Wanted, at: datetime) -> Cut:
        return follows.current(session, account_id, direction, wanted, at)

    columns = (*PERSON, *FOLLOW, *_bounds(MOMENTS[direction][0]))
    return _file(LISTS[direction], columns, wanted, kind, page, follow_answers.follow)


def unfollowed(account_id: int, direction: follows.Direction, since: datetime | None, wanted: Wanted,
               kind: Format) -> Response:
    """Every ended follow that fits."""
    def page(session: Session, wanted: Wanted, at: datetime) -> Cut:
        return follows.unfollowed(session, account_id, direction, since, wanted, at)

    columns = (*PERSON, *FOLLOW, *(name for moment in MOMENTS[direction] for name in _bounds(moment)), *DAYS)
    return _file("unfollowed", columns, wanted, kind, page, follow_answers.ended)


def _bounds(name: str) -> tuple[str, ...]:
    return name, f"{name}_earliest", f"{name}_latest"


def _file(name: str, columns: tuple[str, ...], wanted: Wanted, kind: Format, page: Page, tell: Tell) -> Response:
    at = now()
    rows = _rows(db.engine, wanted, page, tell, at)
    first = next(rows, None)  # what goes wrong at once is still answered as an error
    whole = _again(first, rows)
    lines = formats.csv_lines(columns, whole) if kind == "csv" else formats.json_lines(whole)
    answer = Response(_in_blocks(lines), content_type=formats.MEDIA[kind])
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _rows(engine: Engine, wanted: Wanted, page: Page, tell: Tell, at: datetime) -> Iterator[Mapping[str, Any]]:
    """All rows as they were at one moment, in the order asked for. Goes on when the request is over, so it knows
    nothing of it."""
    options: dict[str, Any] = {"mhc_writes": False}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**options) as connection, Session(connection) as session:
        about = freshness(session, at)
        wanted = replace(wanted, after="", before="", limit=BATCH)
        while True:
            cut = page(session, wanted, at)
            for row in cut.rows:
                yield tell(row, about)
            if cut.next is None:
                return
            wanted = replace(wanted, after=cut.next)


def _again(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
        yield from rest


def _in_blocks(lines: Iterator[str], least: int = 32_768) -> Iterator[str]:
    """Few large pieces: each one costs a system call."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= least:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)

"""What CBHours said and is too old: live answers with their texts, segments of activity and their days.

Whoever comes next, a range of people at a time: their rows lie together. A batch that is repeated finds nothing. Of
texts the newest before the cut stays: it is the one in force at the cut.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.orm import Session

from common.clock import moment_of
from server.models import CbhoursDay, CbhoursLive, CbhoursSegment, CbhoursTexts, Person

MOST = 20_000  # rows of a batch
FIRST_SPAN, WIDEST_SPAN = 64, 4_096  # people looked at in one statement
ENOUGH = 0.5  # seconds a batch goes on looking for something to do


class Part(NamedTuple):
    """A kind of rows that goes. name: how it is counted; old: which rows of the table are too old."""

    name: str
    table: Any
    old: ColumnElement[bool]


class Gone(NamedTuple):
    """What a batch deleted, by kind. next_person: where the next one goes on, None: this was the last; span: how many
    people it looks at in one statement."""

    counts: dict[str, int]
    next_person: int | None
    span: int


def live(cut: int | None) -> list[Part]:
    """What goes of live answers before this second; None: nothing."""
    if cut is None:
        return []
    other = CbhoursTexts.__table__.alias()
    in_force = (select(func.max(other.c.since)).where(other.c.person_id == CbhoursTexts.person_id,
                                                      other.c.since <= cut)
                .correlate(CbhoursTexts.__table__).scalar_subquery())
    return [Part("cbhours_live", CbhoursLive, CbhoursLive.checked_at < cut),
            Part("cbhours_texts", CbhoursTexts, and_(CbhoursTexts.since < cut, CbhoursTexts.since < in_force))]


def activity(cut: int | None) -> list[Part]:
    """What goes of activity before this second; None: nothing."""
    if cut is None:
        return []
    return [Part("activity", CbhoursSegment, CbhoursSegment.at < cut),
            Part("activity_days", CbhoursDay, CbhoursDay.day < moment_of(cut).date())]


def waiting(session: Session, parts: Sequence[Part]) -> dict[str, int]:
    """How many rows of each kind are too old."""
    return {part.name: session.scalar(select(func.count()).select_from(part.table).where(part.old)) or 0
            for part in parts}


def delete_some(session: Session, parts: Sequence[Part], first: int = 0, span: int = 0, most: int = MOST) -> Gone:
    """One batch, inside the caller's transaction: whoever comes next from person `first` on, about `most` rows."""
    counts = dict.fromkeys((part.name for part in parts), 0)
    first, span = max(first, 0), min(span, WIDEST_SPAN) if span > 0 else FIRST_SPAN
    last = session.scalar(select(func.max(Person.id))) or 0
    began = time.monotonic()
    while parts:
        while span > 1 and _count(session, parts, first, first + span) > most:  # one person goes as a whole
            span = max(1, span // 2)
        before = sum(counts.values())
        for part in parts:
            counts[part.name] += session.execute(delete(part.table).where(
                _of(part.table, first, first + span), part.old).execution_options(
                    synchronize_session=False)).rowcount  # type: ignore[attr-defined]
        first += span
        if sum(counts.values()) - before < most // 4:
            span = min(2 * span, WIDEST_SPAN)
        if first > last:
            break
        if sum(counts.values()) >= most // 2 or time.monotonic() - began > ENOUGH:
            return Gone(counts, first, span)
    return Gone(counts, None, span)


def _count(session: Session, parts: Sequence[Part], first: int, end: int) -> int:
    return sum(session.execute(select(*(
        select(func.count()).select_from(part.table).where(_of(part.table, first, end), part.old).scalar_subquery()
        for part in parts))).one())


def _of(table: Any, first: int, end: int) -> ColumnElement[bool]:
    return and_(table.person_id >= first, table.person_id < end)

"""Old snapshots and texts out of the tables, what they add up to into the hourly figures; in the same transaction.

A snapshot is counted in its hour in the transaction that deletes it, and in no other: a batch that is repeated finds
nothing, one that is killed has changed nothing, and a snapshot that comes in late is put to its hour by the next one.

A broadcast's snapshots stay until all of them are too old, so that its figures can still be made (and made again,
where it goes on after all). Of texts by change the newest before the cut stays: it is the one in force at the cut.
"""

import time
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from common.clock import moment_of
from server.models import (
    AffiliateHour,
    AffiliatePoll,
    AffiliateProfile,
    AffiliateShow,
    AffiliateSubject,
    AffiliateTags,
    Broadcast,
    KeyValue,
    Person,
    snapshots,
)
from server.models.rowset import rows_table
from server.retention.rules import PUBLIC, Hour, Snapshot, all_merged, roll_up

TEXTS = (AffiliateProfile, AffiliateSubject, AffiliateTags)
ROLLED_UP = "retention.rolled_up"  # polls before its moment may be in the hourly figures
MOST = 20_000  # rows of a batch
FIRST_SPAN, WIDEST_SPAN = 256, 4_096  # people looked at in one statement
MOST_HELD = 200
ENOUGH = 0.5  # seconds a batch goes on looking for something to do

_COLUMNS: dict[str, TypeEngine[Any]] = {
    name: AffiliateHour.__table__.c[name].type for name in ("person_id", "hour", *Hour._fields)}


class Cuts(NamedTuple):
    """First seconds that are kept. None: all are. texts: never later than that of the snapshots, which need them."""

    snapshots: int | None
    texts: int | None


class Done(NamedTuple):
    """What a batch did. next_person: where the next one goes on, None: this was the last; span: how many people it
    looks at in one statement."""

    snapshots: int
    hours: int
    texts: int
    next_person: int | None
    span: int


class _Range(NamedTuple):
    """People from `first` to before `end`; held: those with a broadcast that lasts over the cut -> its first second."""

    first: int
    end: int
    held: Mapping[int, int]

    def of(self, column: Any) -> ColumnElement[bool]:
        return and_(column >= self.first, column < self.end)

    def old_snapshots(self, cut: int) -> ColumnElement[bool]:
        person, at = snapshots.c.person_id, snapshots.c.observed_at
        old = and_(self.of(person), at < cut)
        return and_(old, at < case(self.held, value=person, else_=literal(cut))) if self.held else old

    def old_texts(self, table: Any, cut: int) -> ColumnElement[bool]:
        rows = and_(self.of(table.person_id), table.since < cut)
        return and_(rows, table.person_id.not_in(self.held)) if self.held else rows


def roll_up_some(session: Session, cuts: Cuts, first: int = 0, span: int = 0, most: int = MOST) -> Done:
    """One batch, inside the caller's transaction: whoever comes next from person `first` on, about `most` rows.

    span  how many people are looked at in one statement; it changes with how much they have
    """
    first, span = max(first, 0), min(span, WIDEST_SPAN) if span > 0 else FIRST_SPAN
    last = session.scalar(select(func.max(Person.id))) or 0
    began, done = time.monotonic(), Done(0, 0, 0, first, span)
    while True:
        part = _next_range(session, cuts, first, span, most)
        rows = _delete_snapshots(session, part, cuts.snapshots)
        hours = _put(session, rows, cuts.snapshots or 0)
        texts = _delete_texts(session, part, cuts.texts)
        few = len(rows) + texts < most // 4
        first, span = part.end, min(part.end - part.first, WIDEST_SPAN) * (2 if few else 1)
        span = min(span, WIDEST_SPAN)
        done = Done(done.snapshots + len(rows), done.hours + hours, done.texts + texts,
                    first if first <= last else None, span)
        if done.next_person is None or done.snapshots + done.texts >= most // 2 or time.monotonic() - began > ENOUGH:
            return done


def waiting(session: Session, cuts: Cuts) -> tuple[int, int]:
    """How many snapshots and texts are too old now; inside a transaction that reads."""
    everybody = _range(session, cuts, 0, (session.scalar(select(func.max(Person.id))) or 0) + 1)
    old = 0
    if cuts.snapshots is not None:
        rows = rows_table(session, "held", {"person_id": Integer(), "since": Integer()}, everybody.held.items())
        held = session.scalar(select(func.count()).select_from(rows).join(snapshots, and_(
            snapshots.c.person_id == rows.c.person_id, snapshots.c.observed_at >= rows.c.since,
            snapshots.c.observed_at < cuts.snapshots))) or 0
        old = (session.scalar(select(func.count()).select_from(snapshots).where(
            snapshots.c.observed_at < cuts.snapshots)) or 0) - held
    return old, 0 if cuts.texts is None else sum(  # all but the newest of each person
        session.scalar(select(func.count() - func.count(table.person_id.distinct())).where(
            table.since <= cuts.texts, table.person_id.not_in(everybody.held))) or 0 for table in TEXTS)


def is_rolled_up(session: Session, at: int) -> bool:
    """Was the poll of this second taken before, so long ago that its snapshots may be in the hourly figures already?"""
    return session.scalar(
        select(AffiliatePoll.observed_at)
        .where(AffiliatePoll.observed_at == at,
               select(KeyValue.at).where(KeyValue.name == ROLLED_UP).scalar_subquery() > moment_of(at))) is not None


def _next_range(session: Session, cuts: Cuts, first: int, span: int, most: int) -> _Range:
    """The next people, few enough for one batch; a single person goes as a whole, however much there is."""
    while True:
        part = _range(session, cuts, first, first + span)
        if span == 1 or (len(part.held) <= MOST_HELD and _count(session, part, cuts) <= most):
            return part
        span = max(1, span // 2)


def _range(session: Session, cuts: Cuts, first: int, end: int) -> _Range:
    if cuts.snapshots is None:
        return _Range(first, end, {})
    cut = moment_of(cuts.snapshots)
    held: dict[int, int] = {}
    for person, seen in session.execute(
        select(Broadcast.person_id, Broadcast.first_seen_at)
        .where(Broadcast.person_id >= first, Broadcast.person_id < end, Broadcast.first_seen_at < cut,
               or_(~Broadcast.closed, Broadcast.last_seen_at >= cut))):
        since = int(seen.timestamp())
        held[person] = min(held.get(person, since), since - since % 3600)
    return _Range(first, end, held)


def _count(session: Session, part: _Range, cuts: Cuts) -> int:
    counts = []
    if cuts.snapshots is not None:
        counts.append(select(func.count()).select_from(snapshots).where(part.old_snapshots(cuts.snapshots)))
    if cuts.texts is not None:
        counts += [select(func.count()).select_from(table).where(part.old_texts(table, cuts.texts)) for table in TEXTS]
    return sum(session.execute(select(*(count.scalar_subquery() for count in counts))).one()) if counts else 0


def _delete_snapshots(session: Session, part: _Range, cut: int | None) -> list[Any]:
    """One statement deletes and tells what it deleted: what comes in meanwhile is in neither, and waits."""
    if cut is None:
        return []
    return list(session.execute(delete(snapshots).where(part.old_snapshots(cut)).returning(
        snapshots.c.person_id, snapshots.c.observed_at, snapshots.c.viewers, snapshots.c.followers,
        snapshots.c.seconds_online, snapshots.c.show_id)))


def _put(session: Session, rows: Iterable[Any], cut: int) -> int:
    """What these snapshots add up to, put to what is kept of their hours; how many hours.

    Hours in which nobody polled get no row: the broadcast tells that it went on in them.
    """
    rows = sorted(rows, key=itemgetter(0, 1))
    if not rows:
        return 0
    public = session.scalar(select(AffiliateShow.id).where(AffiliateShow.name == PUBLIC))
    told = {person: roll_up(Snapshot(at, viewers, followers, seconds, show is not None and show == public)
                            for _, at, viewers, followers, seconds, show in those)
            for person, those in groupby(rows, key=itemgetter(0))}
    kept = _kept(session, told)
    new = [(person, hour, *figures) for person, hours in told.items()
           for hour, figures in all_merged(kept.get(person, {}), hours).items() if figures.polls]
    source = rows_table(session, "rolled", _COLUMNS, new)
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    write = insert(AffiliateHour).from_select(list(_COLUMNS), select(*(
        source.c[name] for name in _COLUMNS)).where(true()))
    session.execute(write.on_conflict_do_update(
        index_elements=["person_id", "hour"], set_={name: write.excluded[name] for name in Hour._fields}))
    mark = insert(KeyValue).values(name=ROLLED_UP, value="", at=moment_of(cut))
    session.execute(mark.on_conflict_do_update(
        index_elements=["name"], set_={"at": mark.excluded.at}, where=KeyValue.at < mark.excluded.at))
    return len(new)


def _kept(session: Session, told: Mapping[int, Mapping[int, Hour]]) -> dict[int, dict[int, Hour]]:
    asked = rows_table(session, "asked", {"person_id": Integer(), "hour": Integer()}, (
        (person, hour) for person, hours in told.items() for hour in hours))
    kept: dict[int, dict[int, Hour]] = {}
    for person, hour, *figures in session.execute(
        select(asked.c.person_id, asked.c.hour, *(getattr(AffiliateHour, name) for name in Hour._fields))
        .select_from(asked)  # outer: else SQLite may start from the hours, and read all that are asked for each of them
        .outerjoin(AffiliateHour, and_(AffiliateHour.person_id == asked.c.person_id,
                                       AffiliateHour.hour == asked.c.hour))
    ):
        if figures[0] is not None:
            kept.setdefault(person, {})[hour] = Hour(*figures)
    return kept


def _delete_texts(session: Session, part: _Range, cut: int | None) -> int:
    if cut is None:
        return 0
    return sum(session.execute(
        delete(table).where(part.old_texts(table, cut), table.since < _in_force(table, cut))
        .execution_options(synchronize_session=False)).rowcount for table in TEXTS)  # type: ignore[attr-defined]


def _in_force(table: Any, cut: int) -> Any:
    """The moment of a person's newest text up to the cut."""
    other = table.__table__.alias()
    return (select(func.max(other.c.since)).where(other.c.person_id == table.person_id, other.c.since <= cut)
            .correlate(table).scalar_subquery())

"""A poll that arrives after a newer one: it finds its place in the history, and changes nothing that is newer.

Broadcasts stay as the newer polls have made them; the figures of one that goes on are counted again when it ends.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Integer, and_, func, or_, select
from sqlalchemy.orm import Session

from server.affiliate import statements
from server.affiliate.rooms import PROFILE, Room
from server.models import AffiliateProfile, AffiliateSubject, AffiliateTags, PersonCurrent, snapshots
from server.models.rowset import rows_table


class Late(Protocol):
    """The poll: `server.affiliate.store.Poll`."""

    session: Session
    dialect: Any
    at: int
    moment: datetime

    def same_for_all(self) -> dict[str, Any]: ...


def take(poll: Late, rooms: Mapping[int, Room], shows: Mapping[str, int]) -> None:
    """Store the rooms of those of whom this moment has no snapshot yet."""
    there = _who_is_there(poll, rooms)
    rooms = {person: room for person, room in rooms.items() if person not in there}
    if not rooms:
        return
    newest = _whose_newest(poll, list(rooms))
    _between(poll, AffiliateProfile, PROFILE, [(person, room.profile) for person, room in rooms.items()])
    _between(poll, AffiliateSubject, ("subject",), [(person, (room.subject,)) for person, room in rooms.items()])
    _between(poll, AffiliateTags, ("tags",), [(person, (room.tags,)) for person, room in rooms.items()])
    columns = statements.numbers(rooms, shows, [None] * len(rooms))
    statements.LATE_NUMBERS.run(poll.session, columns, **poll.same_for_all())
    told = {person: room for person, room in rooms.items() if person in newest}
    statements.PROFILES_NOW.run(poll.session, statements.profiles(told), moment=poll.moment)
    texts = statements.texts({person: (room, True, True) for person, room in told.items()})
    statements.TEXTS_NOW.run(poll.session, texts, moment=poll.moment)


def _who_is_there(poll: Late, people: Mapping[int, Room]) -> set[int]:
    rows = rows_table(poll.session, "late", {"person_id": Integer()}, ((person,) for person in people))
    return set(poll.session.scalars(select(snapshots.c.person_id).join(
        rows, and_(rows.c.person_id == snapshots.c.person_id, snapshots.c.observed_at == poll.at))))


def _whose_newest(poll: Late, people: Sequence[int]) -> set[int]:
    """Of these, those of whom no newer poll has told anything."""
    rows = rows_table(poll.session, "late", {"person_id": Integer()}, ((person,) for person in people))
    return set(poll.session.scalars(
        select(PersonCurrent.person_id).join(rows, rows.c.person_id == PersonCurrent.person_id)
        .where(or_(PersonCurrent.affiliate_at.is_(None), PersonCurrent.affiliate_at < poll.moment))))


def _between(poll: Late, table: Any, names: Sequence[str], said: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
    """Put what was said then between the words before and after it.

    The snapshot that follows must still say what it said: if this word is another one than the word before,
    that one is written once more at the moment of that snapshot.
    """
    columns = [getattr(table, name) for name in names]
    for person, values in said:
        before = poll.session.execute(
            select(*columns).where(table.person_id == person, table.since <= poll.at)
            .order_by(table.since.desc()).limit(1)).one_or_none()
        if before is not None and tuple(before) == values:
            continue
        following = poll.session.scalar(
            select(func.min(snapshots.c.observed_at))
            .where(snapshots.c.person_id == person, snapshots.c.observed_at > poll.at))
        if following is not None and before is not None:
            _write(poll, table, {"person_id": person, "since": following} | dict(zip(names, before, strict=True)))
        _write(poll, table, {"person_id": person, "since": poll.at} | dict(zip(names, values, strict=True)))


def _write(poll: Late, table: Any, values: dict[str, Any]) -> None:
    poll.session.execute(poll.dialect.insert(table).values(values).on_conflict_do_nothing())

"""Notes about people: read by everybody who sees profiles, written by those who may."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from server.access.guard import Actor
from server.errors import Refused
from server.ingest.text import plain
from server.models import AuditEntry, PersonNote
from server.paging import decode_cursor, encode_cursor

LONGEST = 4000  # characters
MOST = 10_000  # notes about one person
AUDIT = "note:"  # how every action with notes begins in the audit
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would turn the text around the note


class Cut(NamedTuple):
    """Notes, newest first; total: how many there are in all; next: cursor of the older ones."""

    notes: Sequence[PersonNote]
    total: int
    next: str | None


def of_person(session: Session, person_id: int, *, limit: int, after: str = "") -> Cut:
    """raises  Refused 400 for a cursor that is not one of this list"""
    query = (select(PersonNote).where(PersonNote.person_id == person_id)
             .order_by(PersonNote.created_at.desc(), PersonNote.id.desc()).limit(limit + 1))
    if after:
        at, number = decode_cursor(after, datetime, int)
        query = query.where(tuple_(PersonNote.created_at, PersonNote.id) < (at, number))
    found = session.scalars(query).all()
    shown = found[:limit]
    more = len(found) > limit
    total = len(found) if not more and not after else count(session, person_id)
    return Cut(shown, total, encode_cursor(shown[-1].created_at, shown[-1].id) if more else None)


def count(session: Session, person_id: int) -> int:
    return session.scalar(select(func.count()).where(PersonNote.person_id == person_id)) or 0


def name_of(who: Actor) -> str:
    """Under which name somebody writes. A token's begins with "token ", which no user's can: they hold no blanks."""
    return who.name[:80]


def checked(text: object) -> str:
    """The text as it is kept: plain, lines ended by \\n, without blanks around it.

    raises  Refused 400 naming the field
    """
    if not isinstance(text, str):
        raise Refused(400, "invalid", "text: must be a text.", field="text")
    if len(text) > 2 * LONGEST:  # not even its line ends can make up for that
        raise _too_long()
    kept = _TURNS.sub("", plain(_LINE_ENDS.sub("\n", text), 2 * LONGEST)).strip()
    if not kept:
        raise Refused(400, "invalid", "A note needs some words.", field="text")
    if len(kept) > LONGEST:
        raise _too_long()
    return kept


def add(session: Session, person_id: int, username: str, text: object, who: Actor, now: datetime) -> PersonNote:
    """raises  Refused 400 naming the field; 409 `too_many`"""
    kept = checked(text)
    if count(session, person_id) >= MOST:
        raise Refused(409, "too_many", f"There are {MOST:,} notes about {username}. Delete some first.")
    note = PersonNote(person_id=person_id, text=kept, author=name_of(who), created_at=now)
    session.add(note)
    _audit(session, "add", username, who, now)
    session.flush()
    return note


def change(session: Session, person_id: int, username: str, note_id: int, text: object, who: Actor,
           now: datetime) -> PersonNote:
    """Write a note of one's own anew.

    raises  Refused 400 naming the field; 403 `not_yours`; 404 `unknown_note`
    """
    kept, note = checked(text), _note(session, person_id, note_id)
    if note.author != name_of(who):
        raise Refused(403, "not_yours", f"{note.author} wrote this note; only they can change it.")
    if note.text != kept:
        note.text, note.changed_at, note.changed_by = kept, now, name_of(who)
        _audit(session, "change", username, who, now)
        session.flush()
    return note


def remove(session: Session, person_id: int, username: str, note_id: int, who: Actor, now: datetime) -> None:
    """Whoever may write notes may delete any.

    raises  Refused 404 `unknown_note`
    """
    session.delete(_note(session, person_id, note_id))
    _audit(session, "delete", username, who, now)
    session.flush()


def forget(session: Session, person_id: int, username: str) -> int:
    """No note about this person is left, and no audit of notes names them; how many notes that were."""
    gone = session.execute(delete(PersonNote).where(PersonNote.person_id == person_id)).rowcount  # type: ignore[attr-defined]
    session.execute(update(AuditEntry).where(AuditEntry.action.startswith(AUDIT), AuditEntry.subject == username)
                    .values(subject="").execution_options(synchronize_session=False))
    return int(gone)


def _note(session: Session, person_id: int, note_id: int) -> PersonNote:
    note = session.scalar(select(PersonNote).filter_by(id=note_id, person_id=person_id))
    if note is None:
        raise Refused(404, "unknown_note", "There is no such note; somebody may have deleted it.")
    return note


def _too_long() -> Refused:
    return Refused(400, "invalid", f"A note has {LONGEST:,} characters at most. Write two.", field="text")


def _audit(session: Session, action: str, username: str, who: Actor, now: datetime) -> None:
    session.add(AuditEntry(at=now, actor=name_of(who), action=f"{AUDIT} {action}", subject=username))

"""What changed about a person, newest first: texts, profile data, tags, pictures, role and trophy, each with its source
and the bounds of its moment.

Sources keep a text from the moment on at which they first told it. What they told last before is proved by the newest
sighting before it, so a change lies between the two.
"""

import heapq
import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from common.clock import moment_of
from server.models import (
    AffiliatePoll,
    AffiliateProfile,
    AffiliateSubject,
    AffiliateTags,
    Broadcast,
    CbhoursLive,
    CbhoursState,
    CbhoursTexts,
    PersonPicture,
    Profile,
    snapshots,
)
from server.paging import decode_cursor, encode_cursor
from server.people.rows import PersonRow
from server.profiles.queries import Follow

KINDS = ("subject", "tags", "profile", "pictures", "state")
CHUNK = 40  # rows of one source that are read at once
FIELDS = ("display_name", "age", "gender", "birthday", "country", "location", "spoken_languages", "is_new")
_END = datetime(9999, 1, 1, tzinfo=UTC)


class Changed(NamedTuple):
    """One field. before: None where nothing was told before; after: None where it is told no more."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Event:
    """Something that became so.

    at        the first proof of it; earliest: the last proof of what was before, None: nothing was known before
    key       tells events of one moment apart
    first     nothing was told of it before
    fields    what changed; came, went: tags; picture: SHA-256; words: of a state, what it is
    """

    at: datetime
    key: str
    kind: str
    source: str
    earliest: datetime | None = None
    first: bool = False
    fields: Sequence[Changed] = ()
    came: Sequence[str] = ()
    went: Sequence[str] = ()
    picture: str | None = None
    words: str = ""
    _old: int | None = field(default=None, repr=False)  # since when it had been as before, in whole seconds


class Cut(NamedTuple):
    events: Sequence[Event]
    next: str | None


def changes(session: Session, person: PersonRow, follows: Sequence[Follow], *, kind: str | None, limit: int,
            after: str = "") -> Cut:
    """A page of what changed.

    kind    one of KINDS, None: all of them
    raises  Refused 400 for a cursor that is not one of this list
    """
    newest, key = decode_cursor(after, datetime, str) if after else (_END, "")
    kinds = KINDS if kind is None else (kind,)
    feeds = _feeds(session, person, follows, newest, kinds)
    merged = heapq.merge(*feeds, key=lambda event: (event.at, event.key), reverse=True)
    behind = (event for event in merged if not after or (event.at, event.key) < (newest, key))
    found = list(islice(behind, limit + 1))
    shown = found[:limit]
    return Cut(_with_bounds(session, person.person_id, shown),
               encode_cursor(shown[-1].at, shown[-1].key) if len(found) > limit else None)


def _feeds(session: Session, person: PersonRow, follows: Sequence[Follow], newest: datetime,
           kinds: Sequence[str]) -> list[Iterator[Event]]:
    """One feed for each place where changes of these kinds are kept; newest first, read as far as it is needed."""
    own, until = person.person_id, int(newest.timestamp())
    feeds = {
        "subject": [_subjects(session, own, until)], "tags": [_tags(session, own, until)],
        "profile": [_profiles(session, own, until), _cached(session, own, newest)],
        "pictures": [_pictures(session, own, newest)], "state": [_states(session, person, follows, newest)],
    }
    texts = (event for event in _cbhours(session, own, until) if event.kind in kinds)
    return [texts, *(feed for kind in kinds for feed in feeds[kind])]


# ---- the affiliate API


def _subjects(session: Session, person_id: int, until: int) -> Iterator[Event]:
    for row, old in _pairs(session, AffiliateSubject, person_id, until):
        yield from _text(row, old, "affiliate", "as")


def _tags(session: Session, person_id: int, until: int) -> Iterator[Event]:
    for row, old in _pairs(session, AffiliateTags, person_id, until):
        yield from _tag_list(row, old, "affiliate", "at")


def _profiles(session: Session, person_id: int, until: int) -> Iterator[Event]:
    for row, old in _pairs(session, AffiliateProfile, person_id, until):
        yield from _fields(row, old, FIELDS, "affiliate", "ap")


# ---- CBHours


def _cbhours(session: Session, person_id: int, until: int) -> Iterator[Event]:
    """One row holds all its texts, so one may be several events, the greatest key first."""
    for row, old in _pairs(session, CbhoursTexts, person_id, until):
        yield from _tag_list(row, old, "cbhours", "ct")
        yield from _text(row, old, "cbhours", "cs")
        yield from _fields(row, old, ("gender", "is_new"), "cbhours", "cp")


# ---- what all texts by change have in common


def _pairs(session: Session, table: Any, person_id: int, until: int) -> Iterator[tuple[Any, Any]]:
    """Each row with the one before it, newest first; the oldest with None."""
    behind, held = until + 1, None
    while True:
        rows = session.scalars(select(table).where(table.person_id == person_id, table.since < behind)
                               .order_by(table.since.desc()).limit(CHUNK)).all()
        for row in rows:
            if held is not None:
                yield held, row
            held = row
        if len(rows) < CHUNK:
            break
        behind = rows[-1].since
    if held is not None:
        yield held, None


def _text(row: Any, old: Any, source: str, key: str) -> Iterator[Event]:
    before = old.subject if old is not None else None
    if row.subject != before:
        yield _event(row, old, "subject", source, key, fields=[Changed("subject", before, row.subject)])


def _tag_list(row: Any, old: Any, source: str, key: str) -> Iterator[Event]:
    now, before = _read(row.tags), _read(old.tags) if old is not None else []
    came, went = [tag for tag in now if tag not in before], [tag for tag in before if tag not in now]
    if came or went:
        yield _event(row, old, "tags", source, key, came=came, went=went)


def _fields(row: Any, old: Any, names: Sequence[str], source: str, key: str) -> Iterator[Event]:
    changed = [Changed(name, getattr(old, name) if old is not None else None, getattr(row, name)) for name in names]
    changed = [one for one in changed if one.before != one.after]
    if changed:
        yield _event(row, old, "profile", source, key, fields=changed)


def _event(row: Any, old: Any, kind: str, source: str, key: str, **more: Any) -> Event:
    return Event(moment_of(row.since), key, kind, source, first=old is None,
                 _old=old.since if old is not None else None, **more)


def _read(tags: str | None) -> list[str]:
    return [] if tags is None else list(dict.fromkeys(map(str, json.loads(tags))))


# ---- what lists, pictures and proofs tell


def _cached(session: Session, person_id: int, newest: datetime) -> Iterator[Event]:
    """What the lists said last; what they said before it is not kept."""
    row = session.get(Profile, person_id)
    if row is None or row.changed_at > newest:
        return
    known = [Changed(name, None, value) for name in ("display_name", "age", "gender", "country", "location", "subject")
             if (value := getattr(row, name)) is not None]
    if known or row.tags:
        yield Event(row.changed_at, "br", "profile", row.source, first=True, fields=known, came=row.tags or ())


def _pictures(session: Session, person_id: int, newest: datetime) -> Iterator[Event]:
    rows = session.execute(
        select(PersonPicture.sha256, PersonPicture.first_seen_at, PersonPicture.last_seen_at)
        .where(PersonPicture.person_id == person_id)
        .order_by(PersonPicture.first_seen_at.desc(), PersonPicture.sha256.desc())).all()
    ends = sorted(last for _, _, last in rows)
    for number, (sha256, first, _) in enumerate(rows):
        place = bisect_left(ends, first)
        if first <= newest:
            yield Event(first, f"pi{sha256}", "pictures", "affiliate", earliest=ends[place - 1] if place else None,
                        first=number == len(rows) - 1, picture=sha256)


def _states(session: Session, person: PersonRow, follows: Sequence[Follow], newest: datetime) -> Iterator[Event]:
    """The first proofs of what a person is."""
    own = person.person_id
    seen, asked = session.execute(select(
        select(func.min(Broadcast.first_seen_at)).where(Broadcast.person_id == own).scalar_subquery(),
        select(func.min(CbhoursLive.checked_at)).where(CbhoursLive.person_id == own).scalar_subquery())).one()
    state = session.get(CbhoursState, own)
    found = [Event(person.created_at, "s0", "state", "", first=True, words="known")]
    if seen is not None:
        found.append(Event(seen, "s1", "state", "affiliate", first=True, words="model"))
    fans = sorted((follow.interval for follow in follows if follow.interval.direction == "follower"),
                  key=lambda interval: interval.start_latest)
    if fans:
        first = fans[0]
        found.append(Event(first.start_latest, "s2", "state", first.start_source, first.start_earliest, first=True,
                           words="viewer"))
    if asked is not None:
        found.append(Event(moment_of(asked), "s3", "state", "cbhours", first=True, words="trophy"))
    if state is not None and state.has_trophy is False and state.missed_at is not None:
        found.append(Event(state.missed_at, "s4", "state", "cbhours", state.proved_at, words="no_trophy"))
    yield from sorted((event for event in found if event.at <= newest), key=lambda event: (event.at, event.key),
                      reverse=True)


# ---- when it was last as before


def _with_bounds(session: Session, person_id: int, events: Sequence[Event]) -> list[Event]:
    """The events with the last proof of what was before them."""
    polled = {int(event.at.timestamp()) for event in events if event._old is not None and event.source == "affiliate"}
    asked = {int(event.at.timestamp()) for event in events if event._old is not None and event.source == "cbhours"}
    seen = {"affiliate": _seen_before(session, person_id, polled), "cbhours": _asked_before(session, person_id, asked)}
    found = []
    for event in events:
        if event._old is not None:
            proof = seen[event.source].get(int(event.at.timestamp()), event._old)
            event = replace(event, earliest=moment_of(max(proof, event._old)))
        found.append(event)
    return found


def _seen_before(session: Session, person_id: int, moments: set[int]) -> dict[int, int]:
    """By moment the newest proof before it that a poll showed the person: the poll right before it, else the
    broadcast that went on, else the end of the one before."""
    if not moments:
        return {}
    before = _polls_before(session, moments)
    proved = set(session.scalars(select(snapshots.c.observed_at).where(
        snapshots.c.person_id == person_id, snapshots.c.observed_at.in_([at for at in before.values() if at]))))
    ends = sorted(int(at.timestamp()) for row in session.execute(
        select(Broadcast.first_seen_at, Broadcast.last_seen_at).where(and_(
            Broadcast.person_id == person_id, Broadcast.first_seen_at < moment_of(max(moments))))) for at in row if at)
    found = {}
    for at in moments:
        poll, place = before.get(at), bisect_left(ends, at)
        if poll in proved:
            found[at] = poll
        elif place:
            found[at] = ends[place - 1]
    return {at: proof for at, proof in found.items() if proof is not None}


def _polls_before(session: Session, moments: set[int]) -> dict[int, int]:
    """The newest poll before each of these polls."""
    one, other = AffiliatePoll.__table__.alias(), AffiliatePoll.__table__.alias()
    before = select(func.max(other.c.observed_at)).where(other.c.observed_at < one.c.observed_at).scalar_subquery()
    return {at: poll for at, poll in session.execute(
        select(one.c.observed_at, before).where(one.c.observed_at.in_(moments))) if poll is not None}


def _asked_before(session: Session, person_id: int, moments: set[int]) -> dict[int, int]:
    """By moment the newest answer of CBHours before it that said Online: only those tell texts."""
    if not moments:
        return {}
    one, other = CbhoursLive.__table__.alias(), CbhoursLive.__table__.alias()
    before = select(func.max(other.c.checked_at)).where(
        other.c.person_id == person_id, other.c.online, other.c.checked_at < one.c.checked_at).scalar_subquery()
    return {at: answer for at, answer in session.execute(
        select(one.c.checked_at, before).where(one.c.person_id == person_id, one.c.checked_at.in_(moments)))
        if answer is not None}

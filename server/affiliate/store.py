"""A poll into the tables: numbers of everybody, texts of those who changed, the current rows, broadcasts.

What is already known of each room (person and digests of its texts) is kept in the process, so an ordinary poll
reads almost nothing. A token in the database says whether it still holds: another server process, an erased person
or a transaction that was rolled back leave another token there, and it is read again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import ne
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, insert, literal, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server import priorities
from server.affiliate import broadcasts, late, rules, statements
from server.affiliate.memory import STATE, forget
from server.affiliate.rooms import Room, mark
from server.ingest.memory import no_collection
from server.jobs.intervals import intervals
from server.models import AffiliateShow, Key, KeyValue, PersonCurrent, PersonDetails
from server.models.rowset import rows_table
from server.people.seen import add_persons, raise_role

__all__ = ["Poll", "forget"]

SOURCE = statements.SOURCE
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
MOST_KNOWN = 400_000
_STATE = select(KeyValue.value, KeyValue.at).where(KeyValue.name == STATE).with_for_update()
_NEW_STATE = update(KeyValue).where(KeyValue.name == STATE).values(value=bindparam("token"), at=bindparam("newest"))


@dataclass
class Known:
    """What this process knows; valid while `token` is the one in the database.

    rooms     username -> person, and hashes of profile, subject and tags as last said
    going_on  person -> broadcast that goes on
    shows     word -> its number
    """

    token: str = ""
    rooms: dict[str, tuple[int, tuple[int, int, int]]] = field(default_factory=dict)
    going_on: dict[int, rules.Open] = field(default_factory=dict)
    shows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """Whose texts are not what they were. all: person -> room, by number of the person.

    texts  person -> (room, is the subject another one?, are the tags?)
    back   whose subject or tags another source has taken over meanwhile
    """

    all: dict[int, Room]
    profiles: dict[int, Room]
    texts: dict[int, tuple[Room, bool, bool]]
    back: dict[int, Room]


_known: "WeakKeyDictionary[Any, Known]" = WeakKeyDictionary()


class Poll:
    """One poll being stored, inside the caller's transaction; polls wait for each other."""

    def __init__(self, session: Session, at: int, now: datetime) -> None:
        self.session, self.at, self.now = session, at, now
        self.moment = datetime.fromtimestamp(at, UTC)
        self.dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        token, newest = self._locked_state()
        self.late = at <= newest
        self.newest = max(at, newest)
        self.known = _known.setdefault(session.get_bind().engine, Known())
        if not token or self.known.token != token:
            self.known.rooms, self.known.going_on, self.known.shows = {}, broadcasts.going_on(session), {}
        elif len(self.known.rooms) > MOST_KNOWN:
            self.known.rooms = {}
        self.known.token = ""  # until this poll is through

    def take(self, rooms: Sequence[Room], covers: Collection[str], *, there: Collection[str] = (),
             gone: Collection[str] = ()) -> None:
        """Store the rooms.

        covers  the genders of which the poll saw everyone
        there   usernames of those who are online and were not kept; gone: of those who surely are not online
        """
        with no_collection():
            changed = self._changed(rooms)
            shows = self._shows({room.show for room in changed.all.values() if room.show is not None})
            if self.late:
                late.take(self, changed.all, shows)
                self.known.rooms = {}  # texts of people whose newest word this is have changed: they are read again
            else:
                going_on = broadcasts.take(self.session, self.known.going_on, changed.all, self.at, frozenset(covers),
                                           frozenset(there), frozenset(gone))
                self._write_numbers(changed.all, going_on, shows)
                self._write_texts(changed)
                self.known.going_on = going_on
        self._finish()

    def _locked_state(self) -> tuple[str, int]:
        """The token in the database and the moment of the newest poll; nobody else takes a poll from here on."""
        if self.dialect is postgresql:
            # What a poll touches is found by its key. Left to guess how much that is, PostgreSQL likes to read all.
            self.session.connection().exec_driver_sql(
                "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL random_page_cost = 1.1")
        found = self.session.execute(_STATE).one_or_none()
        if found is None:
            self.session.execute(self.dialect.insert(KeyValue).values(name=STATE, value="", at=NEVER)
                                 .on_conflict_do_nothing())
            found = self.session.execute(_STATE).one()
        return found[0], round(found[1].timestamp())

    def _finish(self) -> None:
        token = uuid4().hex
        newest = datetime.fromtimestamp(self.newest, UTC)
        self.session.connection().execute(_NEW_STATE, {"token": token, "newest": newest})
        self.known.token = token

    # ---- who is who, and what has changed

    def _changed(self, rooms: Sequence[Room]) -> Changed:
        known = self.known.rooms
        fresh = self._look_up([room for room in rooms if room.username not in known])
        everybody: dict[int, Room] = {}
        profiles: dict[int, Room] = {}
        texts: dict[int, tuple[Room, bool, bool]] = {}
        back: dict[int, Room] = {}
        for room in rooms:
            before = known.get(room.username)
            if before is not None:
                person, said = before
                everybody[person] = room
                if said == room.hashes:
                    continue
                new_profile, new_subject, new_tags = map(ne, said, room.hashes)
            else:
                person, *told, subject_source, tags_source = fresh[room.username]
                everybody[person] = room
                new_profile, new_subject, new_tags = map(ne, told, map(mark, (room.profile, room.subject, room.tags)))
                if (room.subject is not None and subject_source not in (None, SOURCE)) or (
                        room.tags is not None and tags_source not in (None, SOURCE)):
                    back[person] = room
            if new_profile:
                profiles[person] = room
            if new_subject or new_tags:
                texts[person] = room, new_subject, new_tags
            known[room.username] = person, room.hashes
        # Rows that lie together are written together.
        return Changed(dict(sorted(everybody.items())), profiles, texts, back)

    def _look_up(self, rooms: Sequence[Room]) -> dict[str, tuple[Any, ...]]:
        """username -> person, the marks of what was last said, whose subject and whose tags are shown; whoever is new
        is added, as a model."""
        if not rooms:
            return {}
        names = [room.username for room in rooms]
        found = self._read_marks(names)
        missing = [name for name in names if name not in found]
        if missing:
            add_persons(self.session, missing, "model", self.now)
            found |= self._read_marks(missing)
        unproved = [name for name, row in found.items() if row[1] not in ("model", "both")]
        if unproved:
            raise_role(self.session, unproved, "model")
        without = [row[0] for row in found.values() if row[2] is None]
        if without:
            rows = rows_table(self.session, "fresh", {"person_id": Key}, ((person,) for person in sorted(without)))
            self.session.execute(self.dialect.insert(PersonCurrent).from_select(
                ["person_id", "snapshots"], select(rows.c.person_id, literal(0)).where(true()))
                .on_conflict_do_nothing())
            self.session.execute(self.dialect.insert(PersonDetails).from_select(
                ["person_id"], select(rows.c.person_id).where(true())).on_conflict_do_nothing())
        return {name: (row[0], *row[3:]) for name, row in found.items()}

    def _read_marks(self, names: Iterable[str]) -> dict[str, tuple[Any, ...]]:
        # From the names outwards: else SQLite may read all of them for each person.
        return {row[0]: tuple(row[1:]) for row in statements.KNOWN.of(self.session, list(names)) if row[1] is not None}

    def _shows(self, names: set[str]) -> dict[str, int]:
        """Numbers of these shows; a new word gets the next number."""
        known = self.known.shows
        if not names <= known.keys():
            known |= {name: number for number, name in self.session.execute(select(AffiliateShow.id,
                                                                                   AffiliateShow.name))}
            for name in sorted(names - known.keys()):
                known[name] = max(known.values(), default=0) + 1
                self.session.execute(insert(AffiliateShow).values(id=known[name], name=name))
        return known

    # ---- numbers of everybody, texts of those who changed

    def _write_numbers(self, rooms: Mapping[int, Room], going_on: Mapping[int, rules.Open],
                       shows: Mapping[str, int]) -> None:
        statements.NUMBERS.run(self.session, statements.numbers(rooms, shows, [
            going_on[person].first_seen for person in rooms]), **self.same_for_all())

    def same_for_all(self) -> dict[str, Any]:
        """What is the same for all rows of numbers."""
        every = intervals(self.session)
        return {"at": self.at, "moment": self.moment,
                "until": self.moment + priorities.fresh_for(every[SOURCE]),
                "strong_since": self.moment - priorities.fresh_for(every["cbhours"])}

    def _write_texts(self, changed: Changed) -> None:
        when = {"at": self.at, "moment": self.moment}
        statements.PROFILES.run(self.session, statements.profiles(changed.profiles), **when)
        statements.TEXTS.run(self.session, statements.texts(changed.texts), **when)
        again = {person: (room, True, True) for person, room in changed.back.items()}
        statements.TEXTS_NOW.run(self.session, statements.texts(again), moment=self.moment)

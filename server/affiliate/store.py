"""A poll into the tables: numbers of everybody, texts of those who changed, the current row, broadcasts.

What is already known of each room (person and digests of its texts) is kept in the process, so an ordinary poll
reads almost nothing. A token in the database says whether it still holds: another server process, an erased person
or a transaction that was rolled back leave another token there, and it is read again.

The numbers travel once, to a staging table (COPY on PostgreSQL, executemany on SQLite); sets do the rest.
"""

import gc
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from server import priorities
from server.affiliate import rules
from server.affiliate.rooms import PROFILE, Room, mark, tags_of
from server.models import (
    PLATFORM,
    AffiliateProfile,
    AffiliateShow,
    AffiliateSubject,
    AffiliateTags,
    Broadcast,
    Job,
    Json,
    Key,
    KeyValue,
    Moment,
    Person,
    PersonCurrent,
    PersonDetails,
    snapshots,
)
from server.models.rowset import rows_table
from server.people.seen import add_persons, raise_role, write_tags

SOURCE = "affiliate"
STATE = "affiliate.state"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
USUAL_INTERVAL = timedelta(minutes=30)
MOST_KNOWN = 400_000
LONGEST_SHOWN_TAG = 60

_staging = MetaData()
stage = Table(
    "stage_rooms", _staging,
    Column("person_id", Integer), Column("seconds_online", Integer), Column("viewers", Integer),
    Column("followers", BigInteger), Column("show_id", SmallInteger), Column("show", Text), Column("is_hd", Boolean),
    prefixes=["TEMPORARY"], postgresql_on_commit="DELETE ROWS",
)
_NUMBERS = ("person_id", "seconds_online", "viewers", "followers", "show_id", "is_hd")


@dataclass
class Known:
    """What this process knows; valid while `token` is the one in the database.

    rooms    username -> person and hashes of profile, subject and tags as last said
    going_on  person -> broadcast that goes on
    """

    token: str = ""
    rooms: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    going_on: dict[int, rules.Open] = field(default_factory=dict)
    shows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """Rooms whose profile, subject or tags are not what they were; all: person -> room."""

    all: dict[int, Room]
    profiles: list[tuple[int, Room]]
    subjects: list[tuple[int, Room]]
    tags: list[tuple[int, Room]]


_known: "WeakKeyDictionary[Any, Known]" = WeakKeyDictionary()


class Poll:
    """One poll being stored, inside the caller's transaction; polls wait for each other."""

    def __init__(self, session: Session, at: int, now: datetime) -> None:
        self.session, self.at, self.now = session, at, now
        self.moment = datetime.fromtimestamp(at, UTC)
        self.postgresql = session.get_bind().dialect.name == "postgresql"
        self.dialect: Any = postgresql if self.postgresql else sqlite
        token, newest = self._locked_state()
        self.late = at <= newest
        self.newest = max(at, newest)
        self.known = _known.setdefault(session.get_bind().engine, Known())
        if not token or self.known.token != token:
            self.known.rooms, self.known.going_on, self.known.shows = {}, _read_going_on(session), {}
        elif len(self.known.rooms) > MOST_KNOWN:
            self.known.rooms = {}
        self.known.token = ""  # until this poll is through

    def take(self, rooms: Sequence[Room], covers: Collection[str], *, there: Collection[str] = (),
             gone: Collection[str] = ()) -> None:
        """Store the rooms.

        covers  the genders of which the poll saw everyone
        there   usernames of those who are online and were not kept; gone: of those who surely are not online
        """
        with _no_collection():
            changed = self._changed(rooms)
            self._load(changed.all)
        if self.late:
            self._take_late(changed.all)
        else:
            self._write_snapshots()
            self._write_texts(changed)
            self._update_numbers()
            self._broadcasts(changed.all, frozenset(covers), frozenset(there), frozenset(gone))
        self._finish()

    def _locked_state(self) -> tuple[str, int]:
        """The token in the database and the moment of the newest poll; nobody else takes a poll from here on."""
        new = self.dialect.insert(KeyValue).values(name=STATE, value="", at=NEVER).on_conflict_do_nothing()
        self.session.execute(new)
        token, at = self.session.execute(
            select(KeyValue.value, KeyValue.at).where(KeyValue.name == STATE).with_for_update()).one()
        return token, round(at.timestamp())

    def _finish(self) -> None:
        token = uuid4().hex
        self.session.execute(
            update(KeyValue).where(KeyValue.name == STATE)
            .values(value=token, at=datetime.fromtimestamp(self.newest, UTC))
            .execution_options(synchronize_session=False))
        self.known.token = token

    # ---- who is who, and what has changed

    def _changed(self, rooms: Sequence[Room]) -> Changed:
        known = self.known.rooms
        strangers = [room for room in rooms if room.username not in known]
        fresh = self._look_up(strangers) if strangers else {}
        found = Changed({}, [], [], [])
        for room in rooms:
            marks = (hash(room.profile), hash(room.subject), hash(room.tags))
            before = known.get(room.username)
            if before is not None:
                person = before[0]
                same = tuple(map(int.__eq__, before[1:], marks))
            else:
                person, *said = fresh[room.username]
                same = (said[0] == mark(room.profile), said[1] == mark(room.subject), said[2] == mark(room.tags))
            found.all[person] = room
            for unchanged, changed in zip(same, (found.profiles, found.subjects, found.tags), strict=True):
                if not unchanged:
                    changed.append((person, room))
            if not self.late:
                known[room.username] = (person, *marks)
        return found

    def _look_up(self, rooms: Sequence[Room]) -> dict[str, tuple[int, int | None, int | None, int | None]]:
        """username -> person and the marks of what was last said; whoever is new is added, as a model."""
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
        rows = rows_table(self.session, "asked", {"username": String(50)}, ((name,) for name in names))
        query = (
            select(rows.c.username, Person.id, Person.role, PersonDetails.person_id, PersonDetails.profile_mark,
                   PersonDetails.subject_mark, PersonDetails.tags_mark)
            .select_from(rows)  # outer: else SQLite may start from the persons, and read all names for each of them
            .outerjoin(Person, and_(Person.platform == PLATFORM, Person.username == rows.c.username))
            .outerjoin(PersonDetails, PersonDetails.person_id == Person.id)
        )
        return {row[0]: tuple(row[1:]) for row in self.session.execute(query) if row[1] is not None}

    # ---- numbers of everybody

    def _load(self, rooms: Mapping[int, Room]) -> None:
        """The numbers into the staging table."""
        shows = self._shows({room.show for room in rooms.values() if room.show is not None})
        connection = self.session.connection()
        _staging.create_all(connection, checkfirst=False) if not self._has_stage() else None
        self.session.execute(delete(stage))
        if self.postgresql:
            lines = io.StringIO("".join(
                f"{person}\t{_n(room.seconds_online)}\t{_n(room.viewers)}\t{_n(room.followers)}\t"
                f"{_n(shows[room.show]) if room.show is not None else _N}\t{_s(room.show)}\t{_n(room.is_hd)}\n"
                for person, room in rooms.items()))
            raw: Any = connection.connection.driver_connection
            with raw.cursor() as cursor:
                cursor.copy_expert(f"COPY {stage.name} FROM STDIN", lines)
            return
        raw = connection.connection.driver_connection
        raw.executemany(f"INSERT INTO {stage.name} VALUES (?, ?, ?, ?, ?, ?, ?)", [  # noqa: S608
            (person, room.seconds_online, room.viewers, room.followers,
             None if room.show is None else shows[room.show], room.show, room.is_hd)
            for person, room in rooms.items()])

    def _has_stage(self) -> bool:
        connection = self.session.connection()
        if self.postgresql:
            return connection.exec_driver_sql(f"SELECT to_regclass('pg_temp.{stage.name}')").scalar() is not None
        return connection.exec_driver_sql(
            f"SELECT 1 FROM sqlite_temp_master WHERE name = '{stage.name}'").scalar() is not None  # noqa: S608

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

    def _write_snapshots(self) -> None:
        columns = [stage.c[name] for name in _NUMBERS]
        self.session.execute(insert(snapshots).from_select(
            [*_NUMBERS, "observed_at"], select(*columns, literal(self.at, Integer))))

    def _update_numbers(self) -> None:
        now = PersonCurrent
        until = self.moment + priorities.fresh_for(affiliate_interval(self.session))
        stronger = priorities.stronger("followers", SOURCE)
        kept = or_(stage.c.followers.is_(None), and_(
            now.followers_source.in_(stronger),
            now.followers_at >= self.moment - priorities.fresh_for(timedelta(0))))
        values: dict[str, Any] = {
            "show": stage.c.show, "viewers": stage.c.viewers, "seconds_online": stage.c.seconds_online,
            "is_hd": stage.c.is_hd, "live_source": SOURCE, "live_at": self.moment, "live_until": until,
            "followers": case((kept, now.followers), else_=stage.c.followers),
            "followers_source": case((kept, now.followers_source), else_=SOURCE),
            "followers_at": case((kept, now.followers_at), else_=literal(self.moment, Moment())),
            "affiliate_at": self.moment, "last_seen_at": self.moment, "snapshots": now.snapshots + 1,
        }
        change = update(now).where(now.person_id == stage.c.person_id)
        if self.late:
            change = change.where(or_(now.affiliate_at.is_(None), now.affiliate_at < self.moment))
            values["snapshots"] = now.snapshots
        if not self.postgresql:
            # SQLite walks through the whole table otherwise; the same words make PostgreSQL slower.
            change = change.where(now.person_id.in_(select(stage.c.person_id)))
        self.session.execute(change.values(values).execution_options(synchronize_session=False))

    # ---- texts of those who changed

    def _write_texts(self, changed: Changed) -> None:
        session, at = self.session, self.at
        if changed.profiles:
            rows = rows_table(session, "profile", _PROFILE_TYPES, (
                (person, *room.profile) for person, room in changed.profiles))
            told = [rows.c[name] for name in PROFILE]
            session.execute(insert(AffiliateProfile).from_select(
                ["person_id", "since", *PROFILE], select(rows.c.person_id, literal(at, Integer), *told)))
            _update_each(session, PersonDetails, ("person_id",), _PROFILE_TYPES | {"profile_mark": BigInteger()}, (
                (person, *room.profile, mark(room.profile)) for person, room in changed.profiles),
                {"profile_source": SOURCE, "profile_at": self.moment})
        if changed.subjects:
            rows = rows_table(session, "subject", {"person_id": Integer(), "text": Text()}, (
                (person, room.subject) for person, room in changed.subjects))
            session.execute(insert(AffiliateSubject).from_select(
                ["person_id", "since", "subject"], select(rows.c.person_id, literal(at, Integer), rows.c.text)))
        if changed.tags:
            rows = rows_table(session, "tags", {"person_id": Integer(), "text": Text()}, (
                (person, room.tags) for person, room in changed.tags))
            session.execute(insert(AffiliateTags).from_select(
                ["person_id", "since", "tags"], select(rows.c.person_id, literal(at, Integer), rows.c.text)))
            write_tags(session, [(person, [tag[:LONGEST_SHOWN_TAG] for tag in tags])
                                 for person, tags in tags_of_pairs(changed.tags)])
        self._update_texts(changed)

    def _update_texts(self, changed: Changed) -> None:
        """Subject and tags as they are now; what the API does not say leaves the last known."""
        touched = sorted((dict(changed.subjects) | dict(changed.tags)).items())
        types: dict[str, TypeEngine[Any]] = {
            "person_id": Integer(), "subject": Text(), "tags": Text(), "subject_mark": BigInteger(),
            "tags_mark": BigInteger()}
        _update_each(self.session, PersonDetails, ("person_id",), types, (
            (person, room.subject, room.tags, mark(room.subject), mark(room.tags)) for person, room in touched),
            {"tags_source": SOURCE, "tags_at": self.moment}, keeps=("subject", "tags"))

    # ---- broadcasts

    def _broadcasts(self, rooms: Mapping[int, Room], covers: frozenset[str], there: frozenset[str],
                    gone: frozenset[str]) -> None:
        seen = {person: room.seconds_online for person, room in rooms.items()}
        names = self._names_of_unseen(seen) if there or gone else {}
        what = rules.changes(self.known.going_on, seen, self.at, covers,
                             there={person for person, name in names.items() if name in there},
                             gone={person for person, name in names.items() if name in gone})
        going_on = rules.after(self.known.going_on, what, seen, self.at,
                               {person: room.gender for person, room in rooms.items()})
        _end(self.session, what.end)
        for person, again in _begin(self.session, what.begin, self.moment).items():
            going_on[person] = going_on[person]._replace(started=again.started, first_seen=again.first_seen)
        going = (~Broadcast.closed,)
        _update_each(self.session, Broadcast, ("person_id",),
                     {"person_id": Integer(), "misses": Integer(), "missed_at": Moment()},
                     ((person, misses, _moment(first)) for person, (misses, first) in what.miss.items()), only=going)
        _update_each(self.session, Broadcast, ("person_id",), {"person_id": Integer()},
                     ((person,) for person in what.heal), {"misses": 0, "missed_at": null()}, only=going)
        self.known.going_on = going_on

    def _names_of_unseen(self, seen: Collection[int]) -> dict[int, str]:
        """Whose broadcasts go on without a room in this poll."""
        rows = rows_table(self.session, "unseen", {"person_id": Integer()}, (
            (person,) for person in self.known.going_on if person not in seen))
        found = self.session.execute(select(Person.id, Person.username).join(rows, rows.c.person_id == Person.id))
        return {person: username for person, username in found}  # noqa: C416 - rows are not pairs to the type checker

    # ---- a poll that arrives after a newer one

    def _take_late(self, rooms: Mapping[int, Room]) -> None:
        """Its snapshots and texts find their place in the history; nothing newer is changed by it.

        Broadcasts stay as the newer polls have made them.
        """
        there = exists().where(snapshots.c.person_id == stage.c.person_id, snapshots.c.observed_at == self.at)
        self.session.execute(delete(stage).where(there))
        left = set(self.session.scalars(select(stage.c.person_id)))
        self._write_snapshots()
        now = PersonCurrent
        self.session.execute(
            update(now).where(now.person_id.in_(select(stage.c.person_id))).values(snapshots=now.snapshots + 1)
            .execution_options(synchronize_session=False))
        people = [(person, room) for person, room in rooms.items() if person in left]
        newest = self._whose_newest([person for person, _ in people])
        self._late_texts(AffiliateProfile, PROFILE, [(person, room.profile) for person, room in people])
        self._late_texts(AffiliateSubject, ("subject",), [(person, (room.subject,)) for person, room in people])
        self._late_texts(AffiliateTags, ("tags",), [(person, (room.tags,)) for person, room in people])
        self._update_numbers()
        for person, room in people:
            if person in newest:
                self._newest_word(person, room)
        # Marks of people whose newest word this is have changed: they are read again.
        self.known.rooms = {}

    def _whose_newest(self, people: Sequence[int]) -> set[int]:
        """Of these, those of whom no newer poll has told anything."""
        rows = rows_table(self.session, "late", {"person_id": Integer()}, ((person,) for person in people))
        return set(self.session.scalars(
            select(PersonCurrent.person_id).join(rows, rows.c.person_id == PersonCurrent.person_id)
            .where(or_(PersonCurrent.affiliate_at.is_(None), PersonCurrent.affiliate_at < self.moment))))

    def _newest_word(self, person: int, room: Room) -> None:
        now = self.session.get_one(PersonDetails, person, populate_existing=True)
        for name, value in zip(PROFILE, room.profile, strict=True):
            setattr(now, name, value)
        now.profile_source, now.profile_at, now.profile_mark = SOURCE, self.moment, mark(room.profile)
        now.tags_source, now.tags_at = SOURCE, self.moment
        now.subject_mark, now.tags_mark = mark(room.subject), mark(room.tags)
        now.subject = room.subject if room.subject is not None else now.subject
        if room.tags is not None:
            now.tags = room.tag_list()
            write_tags(self.session, [(person, [tag[:LONGEST_SHOWN_TAG] for tag in room.tag_list()])])
        self.session.flush()

    def _late_texts(self, table: Any, names: Sequence[str], said: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        """Put what was said then between the words before and after it.

        The snapshot that follows must still say what it said: if this word is another one than the word before,
        that one is written once more at the moment of that snapshot.
        """
        columns = [getattr(table, name) for name in names]
        for person, values in said:
            before = self.session.execute(
                select(*columns).where(table.person_id == person, table.since <= self.at)
                .order_by(table.since.desc()).limit(1)).one_or_none()
            if before is not None and tuple(before) == values:
                continue
            following = self.session.scalar(
                select(func.min(snapshots.c.observed_at))
                .where(snapshots.c.person_id == person, snapshots.c.observed_at > self.at))
            if following is not None and before is not None:
                self.session.execute(self.dialect.insert(table).values(
                    {"person_id": person, "since": following} | dict(zip(names, before, strict=True))
                ).on_conflict_do_nothing())
            self.session.execute(self.dialect.insert(table).values(
                {"person_id": person, "since": self.at} | dict(zip(names, values, strict=True)))
                .on_conflict_do_nothing())


@contextmanager
def _no_collection() -> Iterator[None]:
    """Thousands of small objects are made here and none in a circle: looking for circles in all that the process
    holds takes longer than the work itself."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def affiliate_interval(session: Session) -> timedelta:
    """How often the rooms are polled, as configured."""
    config = session.scalar(select(Job.config).where(Job.name == SOURCE).limit(1)) or {}
    minutes = config.get("intervalMinutes")
    return timedelta(minutes=minutes) if isinstance(minutes, int) and minutes > 0 else USUAL_INTERVAL


def forget(session: Session) -> None:
    """Let every process read again what it knows of rooms: a person has gone, or a history was changed."""
    session.execute(update(KeyValue).where(KeyValue.name == STATE).values(value="")
                    .execution_options(synchronize_session=False))


def tags_of_pairs(pairs: Sequence[tuple[int, Room]]) -> list[tuple[int, list[str]]]:
    whose = {id(room): person for person, room in pairs}
    return tags_of([room for _, room in pairs], lambda room: whose[id(room)])


def _read_going_on(session: Session) -> dict[int, rules.Open]:
    query = (
        select(Broadcast.person_id, Broadcast.started_at, Broadcast.first_seen_at, PersonCurrent.affiliate_at,
               PersonDetails.gender, Broadcast.misses, Broadcast.missed_at)
        .join(PersonCurrent, PersonCurrent.person_id == Broadcast.person_id)
        .join(PersonDetails, PersonDetails.person_id == Broadcast.person_id).where(~Broadcast.closed)
    )
    return {person: rules.Open(_seconds(started), _seconds(first), _seconds(last or first), gender, misses,
                               None if missed is None else _seconds(missed))
            for person, started, first, last, gender, misses, missed in session.execute(query)}


def _end(session: Session, ends: Mapping[int, rules.End]) -> None:
    if not ends:
        return
    rows = rows_table(session, "ended", {"person_id": Integer(), "first": Integer(), "last": Integer()},
                      ((person, end.first_seen, end.last_seen) for person, end in ends.items()))
    points: dict[int, list[tuple[int | None, int | None]]] = {person: [] for person in ends}
    query = (
        select(snapshots.c.person_id, snapshots.c.viewers, snapshots.c.followers)
        .join(rows, and_(rows.c.person_id == snapshots.c.person_id, snapshots.c.observed_at >= rows.c.first,
                         snapshots.c.observed_at <= rows.c.last))
        .where(snapshots.c.observed_at >= min(end.first_seen for end in ends.values()))
        .order_by(snapshots.c.person_id, snapshots.c.observed_at)
    )
    for person, viewers, followers in session.execute(query):
        points[person].append((viewers, followers))
    _update_each(session, Broadcast, ("person_id",), {
        "person_id": Integer(), "last_seen_at": Moment(), "ended_latest": Moment(), "polls": Integer(),
        "viewers_peak": Integer(), "viewers_mean": Float(), "followers_first": BigInteger(),
        "followers_last": BigInteger()}, (
        (person, _moment(end.last_seen), None if end.absent is None else _moment(end.absent),
         *rules.figures(points[person])) for person, end in ends.items()), {"closed": True}, only=(~Broadcast.closed,))


def _begin(session: Session, begins: Mapping[int, int], at: datetime) -> dict[int, rules.Open]:
    """Write what begins; one that was held to have ended and did not goes on: person -> that one."""
    if not begins:
        return {}
    near = timedelta(seconds=rules.TOLERANCE)
    rows = rows_table(session, "begun", {"person_id": Integer(), "low": Moment(), "high": Moment()},
                      ((person, _moment(start) - near, _moment(start) + near) for person, start in begins.items()))
    again = {
        person: rules.Open(_seconds(started), _seconds(first), 0, None)
        for person, started, first in session.execute(
            select(Broadcast.person_id, Broadcast.started_at, Broadcast.first_seen_at)
            .join(rows, and_(Broadcast.person_id == rows.c.person_id, Broadcast.started_at >= rows.c.low,
                             Broadcast.started_at <= rows.c.high))
            .order_by(Broadcast.started_at))}
    _update_each(session, Broadcast, ("person_id", "started_at"), {"person_id": Integer(), "started_at": Moment()},
                 ((person, _moment(known.started)) for person, known in again.items()), _GOES_ON)
    new = rows_table(session, "new", {"person_id": Integer(), "started_at": Moment()}, (
        (person, _moment(start)) for person, start in begins.items() if person not in again))
    session.execute(insert(Broadcast).from_select(
        ["person_id", "started_at", "first_seen_at", "misses", "closed"],
        select(new.c.person_id, new.c.started_at, bindparam(None, at, Moment()), literal(0), literal(False))))
    return again


def _update_each(session: Session, model: Any, key: Sequence[str], types: Mapping[str, TypeEngine[Any]],
                 rows: Iterable[Sequence[Any]], same: Mapping[str, Any] | None = None, *, only: Sequence[Any] = (),
                 keeps: Collection[str] = ()) -> None:
    """Set columns of single rows, found by their key, to values of their own.

    types  the columns of `rows`, those of the key among them; same: further values, the same for all
    keeps  columns in which None leaves what is there

    PostgreSQL takes all in one statement. SQLite would look through all `rows` for each row that it changes; by
    the key, one after the other within the transaction, it is quick.
    """
    rows = list(rows)
    if not rows:
        return
    table = model.__table__
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    given: dict[str, Any]
    if on_postgresql:
        source = rows_table(session, "given", types, rows)
        given = {name: source.c[name].cast(Json) if table.c[name].type is Json else source.c[name] for name in types}
    else:
        given = {name: bindparam(f"given_{name}", type_=type_) for name, type_ in types.items()}
    values = {name: func.coalesce(value, table.c[name]) if name in keeps else value
              for name, value in given.items() if name not in key}
    change = update(table).where(*(table.c[name] == given[name] for name in key), *only).values(
        values | dict(same or {}))
    if on_postgresql:
        session.execute(change)
    else:
        session.connection().execute(change, [
            {f"given_{name}": value for name, value in zip(types, row, strict=True)} for row in rows])


_GOES_ON: dict[str, Any] = {"closed": False} | {"misses": 0} | dict.fromkeys((
    "missed_at", "last_seen_at", "ended_latest", "polls", "viewers_peak", "viewers_mean", "followers_first",
    "followers_last"))
_PROFILE_TYPES: dict[str, TypeEngine[Any]] = {"person_id": Integer()} | {
    name: AffiliateProfile.__table__.c[name].type for name in PROFILE}
_N = "\\N"


def _n(value: int | bool | None) -> str:
    return _N if value is None else str(value)


def _s(text: str | None) -> str:
    if text is None:
        return _N
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _seconds(moment: datetime) -> int:
    return round(moment.timestamp())

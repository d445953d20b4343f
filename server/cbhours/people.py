"""What is known of the people in an answer, read at once, changed in memory, written back at once.

Whoever takes an answer waits for the one before and for a poll of the affiliate API that is being stored: both write
the current rows, and what is read here must still hold when it is written.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import String, and_, case, literal, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from common.clock import moment_of
from server import priorities
from server.affiliate import store as affiliate
from server.affiliate.rooms import mark
from server.cbhours import rules
from server.cbhours.tame import Room, Segment, shown_tags
from server.jobs.intervals import intervals
from server.models import (
    PLATFORM,
    CbhoursCurrent,
    CbhoursState,
    Json,
    Key,
    KeyValue,
    Person,
    PersonCurrent,
    PersonDetails,
)
from server.models.rowset import rows_table
from server.people.seen import raise_role, write_tags

SOURCE = "cbhours"
STATE = "cbhours.state"
_KNOWN = rules.Known._fields
_ASKED = ("live_asked_at", "activity_read_at", "activity_due_at", "problem", "detail", "months", "months_at")
_CURRENT = tuple(column.name for column in CbhoursCurrent.__table__.columns if column.name != "person_id")
_NUMBERS = ("cbhours_at", "cbhours_live_until", "followers", "followers_source", "followers_at", "rank", "gender_rank",
            "rank_at", "last_seen_at")
_MARKS = {"subject": "subject_mark", "tags": "tags_mark"}
NOT_SAID = mark(None)
_WORDS = ("subject", "subject_source", "subject_at", "tags", "tags_source", "tags_at")


@dataclass
class Record:
    """A person as CBHours knows them. said: the columns of `cbhours_current`; numbers, words: those of the current
    rows that CBHours may win; poll: what the affiliate API said last of the followers, and when; unsaid: the texts of
    which it said nothing then."""

    id: int
    username: str
    role: str
    known: rules.Known
    asked: dict[str, Any]
    said: dict[str, Any]
    numbers: dict[str, Any]
    poll: tuple[int | None, datetime | None]
    words: dict[str, Any]
    unsaid: frozenset[str]
    news: bool = False
    broadcasts: bool = False
    taken_over: set[str] = field(default_factory=set)

    def hear(self, room: Room, at: datetime) -> None:
        """A live answer. What is older than what is known changes nothing that is newer."""
        said = self.said
        if said["at"] is None or at > said["at"]:
            said |= {"at": at, "online": room.online}
        if room.online:
            self.broadcasts = True
            if said["online_at"] is None or at > said["online_at"]:
                said |= {"online_at": at, "viewers": room.viewers, "show": room.show, "gender": room.gender,
                         "is_new": room.is_new, "subject": room.subject, "tags": room.tags}
            self._numbers(room.followers, room.rank, room.grank, at, at_least=True)
        self.news = True

    def hear_segments(self, segments: Sequence[Segment], *, newest: bool = True) -> None:
        """The newest of each number in segments, which are in order. newest: the newest answer tells them, so that
        it corrects what an older one said of the same moment."""
        if not segments:
            return
        self.broadcasts = self.news = True
        self._seen(moment_of(segments[-1][0]))
        told = next((one for one in reversed(segments) if one[6] is not None), None)
        if told:
            self._numbers(told[6], None, None, moment_of(told[0]), at_least=newest)
        told = next((one for one in reversed(segments) if one[3:5] != (None, None)), None)
        if told:
            self._numbers(None, *told[3:5], moment_of(told[0]), at_least=newest)

    def _numbers(self, followers: int | None, rank: int | None, grank: int | None, at: datetime, *,
                 at_least: bool = False) -> None:
        """at_least: of two words of the same moment this is the one that counts."""
        said = self.said
        if followers is not None and _newer(at, said["followers_at"], at_least):
            said |= {"followers": followers, "followers_at": at}
        if (rank, grank) != (None, None) and _newer(at, said["rank_at"], at_least):
            said |= {"rank": rank, "grank": grank, "rank_at": at}

    def _seen(self, at: datetime) -> None:
        before = self.numbers["last_seen_at"]
        self.numbers["last_seen_at"] = at if before is None else max(at, before)

    def settle(self, desk: "Desk") -> None:
        """Who wins now, into the current rows."""
        said, numbers = self.said, self.numbers
        numbers |= {"cbhours_at": said["at"], "rank": said["rank"], "gender_rank": said["grank"],
                    "rank_at": said["rank_at"],
                    "cbhours_live_until": said["at"] + desk.fresh if said["online"] else None}
        if said["online_at"] is not None:
            self._seen(said["online_at"])
        self._settle_followers(desk)
        for name in ("subject", "tags") if said["online"] else ():
            self._settle_words(name, desk)

    def _settle_followers(self, desk: "Desk") -> None:
        words = [priorities.Word(value, source, at) for value, source, at in (
            (self.said["followers"], SOURCE, self.said["followers_at"]), (self.poll[0], affiliate.SOURCE, self.poll[1]))
            if at is not None]
        best = priorities.winner("followers", words, desk.intervals, desk.now)
        if best is not None and best.source == SOURCE:
            self.numbers |= {"followers": best.value, "followers_source": SOURCE, "followers_at": best.at}

    def _settle_words(self, name: str, desk: "Desk") -> None:
        """What CBHours says of the broadcast that goes on stands where nobody stronger is to be believed."""
        value, source, at = self.words[name], self.words[f"{name}_source"], self.words[f"{name}_at"]
        at = self.poll[1] if source == affiliate.SOURCE and name not in self.unsaid else at
        words = [priorities.Word(self.said[name], SOURCE, self.said["online_at"])]
        if value is not None and source is not None and source != SOURCE and at is not None:
            words.append(priorities.Word(value, source, at))
        best = priorities.winner("tags", words, desk.intervals, desk.now)
        if best is None or best.source != SOURCE:
            return
        value = shown_tags(best.value) if name == "tags" else best.value
        if source != SOURCE:
            self.taken_over.add(name)
        elif self.words[name] != value:
            self.taken_over.add(f"{name} changed")
        self.words |= {name: value, f"{name}_source": SOURCE, f"{name}_at": best.at}


class Desk:
    """Where answers are stored, one after the other, inside the caller's transaction."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session, self.now = session, now
        self.dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        self.intervals = intervals(session)
        self.fresh = priorities.fresh_for(self.intervals[SOURCE])
        self._wait_for_others()

    def _wait_for_others(self) -> None:
        for name in (STATE, affiliate.STATE):
            state = select(KeyValue.at).where(KeyValue.name == name).with_for_update()
            if self.session.scalar(state) is None:  # nobody was first; or somebody is just now, and is waited for
                self.session.execute(self.dialect.insert(KeyValue).values(name=name, value="", at=affiliate.NEVER)
                                     .on_conflict_do_nothing())
                self.session.scalar(state)

    def read(self, usernames: Collection[str]) -> dict[str, Record]:
        """Those of these people who are known to us; one statement."""
        if not usernames:
            return {}
        rows = rows_table(self.session, "asked", {"username": String(50)}, ((name,) for name in sorted(usernames)))
        parts: list[tuple[Any, tuple[str, ...]]] = [
            (CbhoursState, (*_KNOWN, *_ASKED)), (CbhoursCurrent, _CURRENT),
            (PersonCurrent, (*_NUMBERS, "affiliate_followers", "affiliate_at")),
            (PersonDetails, (*_WORDS, *_MARKS.values()))]
        query = (select(Person.id, Person.username, Person.role,
                        *(getattr(table, name) for table, names in parts for name in names))
                 .select_from(rows)
                 .join(Person, and_(Person.platform == PLATFORM, Person.username == rows.c.username)))
        for table, _names in parts:
            query = query.outerjoin(table, table.person_id == Person.id)
        found = {}
        for person_id, username, role, *values in self.session.execute(query.order_by(Person.id)):
            taken = iter(values)
            state, said, numbers, words = ({name: next(taken) for name in names} for _, names in parts)
            found[username] = Record(
                person_id, username, role, rules.Known(**{name: state[name] for name in _KNOWN} | {
                    "misses": state["misses"] or 0}),
                {name: state[name] for name in _ASKED}, said, {name: numbers[name] for name in _NUMBERS},
                (numbers["affiliate_followers"], numbers["affiliate_at"]), {name: words[name] for name in _WORDS},
                frozenset(name for name, digest in _MARKS.items() if words[digest] == NOT_SAID))
        return found

    def write(self, people: Iterable[Record]) -> None:
        """States of all of these, and the current rows of those of whom there is news; the same number of statements
        whatever their number."""
        people = sorted(people, key=lambda one: one.id)
        self._put(CbhoursState, (*_KNOWN, *_ASKED), [(one.id, *one.known, *one.asked.values()) for one in people])
        told = [one for one in people if one.news]
        if not told:
            return
        for one in told:
            one.settle(self)
        self._put(CbhoursCurrent, _CURRENT, [(one.id, *one.said.values()) for one in told])
        self._put_numbers([(one.id, *one.numbers.values()) for one in told])
        changed = [one for one in told if any(one.words[f"{name}_source"] == SOURCE for name in ("subject", "tags"))]
        self._put(PersonDetails, _WORDS, [(one.id, *one.words.values()) for one in changed])
        tagged = [(one.id, one.words["tags"]) for one in changed if one.taken_over & {"tags", "tags changed"}]
        write_tags(self.session, tagged)
        if any(one.taken_over & {"subject", "tags"} for one in changed):
            affiliate.forget(self.session)  # its polls write what differs from what they know: they look again
        proved = [one.username for one in told if one.broadcasts and one.role not in ("model", "both")]
        if proved:
            raise_role(self.session, proved, "model")

    def _put(self, table: Any, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        source = self._rows(table, names, rows)
        new = self.dialect.insert(table).from_select(["person_id", *names], select(*source.c).where(true()))
        self.session.execute(new.on_conflict_do_update(index_elements=["person_id"], set_={
            name: new.excluded[name] for name in names}))

    def _put_numbers(self, rows: list[tuple[Any, ...]]) -> None:
        source = self._rows(PersonCurrent, _NUMBERS, rows)
        new = self.dialect.insert(PersonCurrent).from_select(
            ["person_id", *_NUMBERS, "snapshots"], select(*source.c, literal(0)).where(true()))
        before, told = PersonCurrent.last_seen_at, new.excluded.last_seen_at
        later = case((or_(before.is_(None), told > before), told), else_=before)  # a list may have said more meanwhile
        self.session.execute(new.on_conflict_do_update(index_elements=["person_id"], set_={
            name: later if name == "last_seen_at" else new.excluded[name] for name in _NUMBERS}))

    def _rows(self, table: Any, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Any:
        types = {"person_id": Key} | {name: table.__table__.c[name].type for name in names}
        types |= {name: Json for name in ("tags", "months") if name in names}
        return rows_table(self.session, "told", types, rows)


def _newer(at: datetime, before: datetime | None, at_least: bool) -> bool:
    return before is None or at > before or (at_least and at == before)

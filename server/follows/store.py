"""Changes of follows → tables. Set-based: the number of statements does not depend on the length of a list.

The open follows of a list are loaded with one statement, the difference is made in Python by `rules.changes`,
and only what changed is written, each kind of change by one statement whose rows travel in one parameter.
Everything happens inside the caller's transaction. Writers of one list wait for each other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    Subquery,
    and_,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scraper.observations import FollowEvent, ScanEnd
from scraper.verdict import Verdict, judge
from server.errors import Refused
from server.follows import rules
from server.follows.pages import StoredPage, stored_pages
from server.jobs.store import request_confirm
from server.ledger import store as ledger
from server.models import PLATFORM, FollowInterval, FollowList, Key, Moment, Person, Run, Scan
from server.models.rowset import rows_table
from server.people import seen as people

DIRECTION = {"following": "following", "followers": "follower"}
SHOWN_IN_DIFF = 500
MISSING, SEEN_LATER = 1, 2  # what the state of an open follow is the sum of
NO_STATS = {"total": 0, "new": 0, "returned": 0, "missing": 0, "unfollowed": 0}
# Two lists share their people; taking turns keeps PostgreSQL from finding two writers waiting for each other.
_TURN = 0x4D48_4346

_Interval = FollowInterval.__table__.c


# ---- a scan ---------------------------------------------------------------------------------------------------


def apply(session: Session, scan: Scan, verdict: Verdict, pages: Sequence[StoredPage], now: datetime, *,
          accepted: bool = False) -> None:
    """Apply a judged scan: intervals, people, the scan's own state and stats.

    accepted  the owner has looked at the scan that the mass-change brake held, and says that it is true
    """
    scan.stats = dict(NO_STATS, total=len(verdict.usernames))
    scan.diff = None
    if verdict.verdict == "rejected":
        scan.state = "dropped"
        return
    follow_list = locked_list(session, scan.account_id, DIRECTION[scan.list])
    reading = rules.Span(scan.started_at, scan.finished_at or scan.started_at)
    last_complete = complete_span(follow_list)
    whole = verdict.verdict == "complete"
    follows, seen_later = _open_follows(session, follow_list, reading)
    fresh = [name for name in verdict.usernames if name not in follows.present and name not in follows.missing]
    changes = rules.changes(
        follows, verdict.usernames, verdict.verdict, reading,
        last_complete=last_complete,
        ended=_ended(session, follow_list, fresh),
        seen_later=seen_later,
        accepted=accepted,
    )
    if changes.held:
        _hold(session, scan, changes, present=len(follows.present))
        return
    scan.state = "applied"
    _heard(session, scan)
    if changes.late:
        _sharpen(session, follow_list, verdict, reading)
        scan.explanation = (f"{verdict.explanation} A newer reading was applied before, so this one began and ended "
                            "nothing; it only narrowed down when things happened.")
        return
    _write(session, follow_list, scan, changes, reading, last_complete, now)
    people.record(session, people.seen_people(pages, verdict.usernames))
    scan.stats = {
        "total": len(verdict.usernames),
        "new": sum(not begun.returned for begun in changes.begin),
        "returned": sum(begun.returned for begun in changes.begin),
        "missing": len(changes.go_missing),
        "unfollowed": len(changes.end),
    }
    follow_list.version += 1
    if whole:
        follow_list.complete_scan_id = scan.id
        follow_list.complete_started_at, follow_list.complete_finished_at = reading
        _overtake(session, scan)
    session.flush()
    if last_complete is None and changes.begin:
        _refresh_statistics(session)
    if changes.go_missing and scan.source == "browser" and not _confirms(session, scan):
        request_confirm(session, scan.account_id, scan.list, now)


def accept(session: Session, scan: Scan, actor: str, now: datetime) -> None:
    """The owner says that a held scan is true: it is applied as of its own time.

    raises  Refused 409 if the scan is not held (any more)
    """
    _still_held(session, scan)
    pages = stored_pages(session, scan.id)
    verdict = judge_scan(scan, pages)
    scan.decided_at, scan.decided_by = now, actor
    scan.reason, scan.explanation = None, verdict.explanation
    apply(session, scan, verdict, pages, now, accepted=True)


def reject(session: Session, scan: Scan, actor: str, now: datetime) -> None:
    """The owner says that a held scan is wrong: it changes nothing.

    raises  Refused 409 if the scan is not held (any more)
    """
    _still_held(session, scan)
    scan.decided_at, scan.decided_by = now, actor
    scan.state, scan.reason = "dropped", "rejected_by_owner"
    scan.explanation = "You rejected this reading. It changed nothing."


def judge_scan(scan: Scan, pages: Sequence[StoredPage]) -> Verdict:
    """The verdict on a scan from what is stored of it."""
    end = ScanEnd.model_validate(scan.evidence["end"])
    return judge(end, [page.read for page in pages], set_aside=scan.rejected_items)


def locked_list(session: Session, account_id: int, direction: str) -> FollowList:
    """The state of a list, locked until the transaction ends. SQLite has one writer at a time by itself."""
    if _on_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(_TURN)))
    dialect = postgresql if _on_postgresql(session) else sqlite
    session.execute(dialect.insert(FollowList).values(account_id=account_id, direction=direction, version=0)
                    .on_conflict_do_nothing(index_elements=["account_id", "direction"]))
    query = select(FollowList).filter_by(account_id=account_id, direction=direction).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def complete_span(follow_list: FollowList) -> rules.Span | None:
    """When the newest complete scan that was applied was read."""
    if follow_list.complete_started_at is None or follow_list.complete_finished_at is None:
        return None
    return rules.Span(follow_list.complete_started_at, follow_list.complete_finished_at)


def _still_held(session: Session, scan: Scan) -> None:
    locked_list(session, scan.account_id, DIRECTION[scan.list])
    session.refresh(scan, ["state"])
    if scan.state != "held":
        raise Refused(409, "not_held", "This scan does not wait for a decision (any more).")


def _hold(session: Session, scan: Scan, changes: rules.Changes, present: int) -> None:
    leaving = len(changes.would_leave)
    scan.state, scan.reason = "held", "mass_change"
    scan.explanation = (f"{leaving:,} of {present:,} people would be gone at once. Nothing was changed: accept the "
                        "scan if that is true, reject it if not. The next reading that disagrees replaces it.")
    scan.diff = {
        "begin": list(changes.would_begin[:SHOWN_IN_DIFF]), "begin_count": len(changes.would_begin),
        "leave": list(changes.would_leave[:SHOWN_IN_DIFF]), "leave_count": leaving,
        "present": present, "limit": rules.hold_limit(present),
    }
    _overtake(session, scan)


def _overtake(session: Session, scan: Scan) -> None:
    """Older scans of this list that still wait for a decision are answered by this one."""
    session.execute(
        update(Scan)
        .where(Scan.account_id == scan.account_id, Scan.list == scan.list, Scan.state == "held", Scan.id != scan.id)
        .values(state="dropped", reason="superseded",
                explanation="A later complete reading has taken its place. This one changed nothing.")
    )


def _heard(session: Session, scan: Scan) -> None:
    """A list that the browser has read was heard, also where a part of it was missing; one handed over was not."""
    if scan.source == "browser" and scan.finished_at is not None:
        ledger.hear_list(session, scan.account_id, scan.list, scan.finished_at)


def _confirms(session: Session, scan: Scan) -> bool:
    """Whether this scan is itself the one that was to confirm who is missing."""
    run = session.get(Run, scan.run_id) if scan.run_id else None
    return run is not None and run.trigger == "confirm"


# ---- what is there --------------------------------------------------------------------------------------------


def _named(rows: Subquery) -> ColumnElement[bool]:
    """The person of each row. Joined from the rows outwards: SQLite would else read all persons for each row."""
    return and_(Person.platform == PLATFORM, Person.username == rows.c.username)


def _of_list(follow_list: FollowList) -> ColumnElement[bool]:
    return and_(_Interval.account_id == follow_list.account_id, _Interval.direction == follow_list.direction)


def _of_person_in(follow_list: FollowList) -> ColumnElement[bool]:
    """The same for a few people: the sum keeps SQLite from reading the whole list for each of them."""
    return and_(_Interval.account_id + 0 == follow_list.account_id, _Interval.direction == follow_list.direction)


def _open_follows(session: Session, follow_list: FollowList,
                  reading: rules.Span) -> tuple[rules.OpenFollows, frozenset[int]]:
    """The open follows of a list; and which of them are proved to go on after this reading began, by an event or
    another reading."""
    later = or_(_Interval.seen_at >= reading.started_at, _Interval.start_latest >= reading.started_at)
    state = case((later, SEEN_LATER), else_=0) + case((_Interval.missing_since.is_not(None), MISSING), else_=0)
    persons = Person.__table__
    query = (
        select(persons.c.username, _Interval.id, state)
        .join(persons, persons.c.id == _Interval.person_id)
        .where(_of_list(follow_list), _Interval.end_latest.is_(None))
    )
    session.flush()
    # Numbers and texts need no conversion: the driver's own rows spare two objects for each of many names.
    result: Any = session.connection().execute(query)
    rows = result.cursor.fetchall()
    result.close()
    return (rules.OpenFollows({username: id_ for username, id_, state in rows if not state & MISSING},
                              {username: id_ for username, id_, state in rows if state & MISSING}),
            frozenset(id_ for _, id_, state in rows if state & SEEN_LATER))


def _ended(session: Session, follow_list: FollowList, usernames: Collection[str]) -> dict[str, datetime]:
    """Who of these people followed before, and when the last of it ended."""
    rows = rows_table(session, "fresh", {"username": String(50)}, ((name,) for name in sorted(usernames)))
    query = (
        select(rows.c.username, func.max(_Interval.end_latest, type_=Moment()))
        .select_from(rows)
        .outerjoin(Person, _named(rows))
        .outerjoin(FollowInterval, and_(_Interval.person_id == Person.id, _of_person_in(follow_list),
                                        _Interval.end_latest.is_not(None)))
        .group_by(rows.c.username)
    )
    return {username: at for username, at in session.execute(query) if at is not None}


# ---- what changes ---------------------------------------------------------------------------------------------


def _write(session: Session, follow_list: FollowList, scan: Scan, changes: rules.Changes, reading: rules.Span,
           last_complete: rules.Span | None, now: datetime) -> None:
    _begin(session, follow_list, scan, changes.begin, reading, now)
    healthy = {"missing_since": None, "missing_seen_at": None, "missing_scan_id": None}
    seen_at = _later(session, _Interval.seen_at, reading.started_at)
    _update(session, changes.heal, seen_at=seen_at, **healthy)
    _update(session, changes.refresh, seen_at=seen_at)
    # First the end: who goes missing by this very scan must not end by it.
    _update(session, changes.end, end_earliest=_Interval.missing_seen_at, end_latest=_Interval.missing_since,
            end_source=scan.source, end_scan_id=scan.id, missing_since=None, missing_seen_at=None)
    last_seen = _later(session, _Interval.seen_at, last_complete.started_at) if last_complete else _Interval.seen_at
    _update(session, changes.go_missing, missing_since=reading.finished_at, missing_seen_at=last_seen,
            missing_scan_id=scan.id)


def _begin(session: Session, follow_list: FollowList, scan: Scan, begun: Sequence[rules.Begin],
           reading: rules.Span, now: datetime) -> None:
    if not begun:
        return
    names = [new.username for new in begun]
    viewers = follow_list.direction == "follower"
    people.add_persons(session, names, "viewer" if viewers else "unknown", now)
    if viewers:
        people.raise_role(session, names, "viewer")
    rows = rows_table(session, "begun", {"username": String(50), "earliest": Moment(), "latest": Moment()},
                      ((new.username, new.start_earliest, new.start_latest) for new in begun))
    session.execute(insert(FollowInterval).from_select(
        ["account_id", "direction", "person_id", "start_earliest", "start_latest", "start_source", "start_scan_id",
         "seen_at"],
        select(literal(follow_list.account_id, Key), literal(follow_list.direction), Person.id, rows.c.earliest,
               rows.c.latest, literal(scan.source), literal(scan.id, _Interval.start_scan_id.type),
               literal(reading.started_at, Moment()))
        .select_from(rows).outerjoin(Person, _named(rows)),
    ))


def _update(session: Session, ids: Sequence[int], **values: Any) -> None:
    """The same change for all these intervals, by one statement."""
    if not ids:
        return
    rows = rows_table(session, "changed", {"id": Key}, ((one,) for one in ids))
    session.execute(update(FollowInterval).where(_Interval.id.in_(select(rows.c.id))).values(**values)
                    .execution_options(synchronize_session=False))


def _later(session: Session, column: ColumnElement[Any], moment: datetime) -> ColumnElement[Any]:
    """The later one of the two."""
    return case((column < literal(moment, Moment()), literal(moment, Moment())), else_=column)


def _sharpen(session: Session, follow_list: FollowList, verdict: Verdict, reading: rules.Span) -> None:
    """Narrow the bounds of what is known by a reading that came late."""
    uncertain_start = and_(_Interval.start_latest > reading.started_at,
                           or_(_Interval.start_earliest.is_(None), _Interval.start_earliest < reading.finished_at))
    uncertain_end = and_(_Interval.end_latest > reading.started_at, _Interval.end_earliest < reading.finished_at)
    query = _stored_intervals().where(_of_list(follow_list), or_(uncertain_start, uncertain_end))
    whole = verdict.verdict == "complete"
    narrowed = []
    for username, interval in _read_intervals(session.execute(query)):
        sharper = rules.sharpened(interval, present=username in verdict.usernames, reading=reading, whole=whole)
        if sharper != interval:
            narrowed.append(sharper)
    _rewrite(session, narrowed)
    if narrowed:
        follow_list.version += 1


def _refresh_statistics(session: Session) -> None:
    """A first import fills empty tables; PostgreSQL's plans for them would rest on nothing until its own ANALYZE."""
    if _on_postgresql(session):
        session.execute(text("ANALYZE persons, profiles, follow_intervals"))


# ---- events ---------------------------------------------------------------------------------------------------


def apply_events(session: Session, account_id: int, direction: str, events: Iterable[FollowEvent],
                 now: datetime) -> int:
    """Apply exact follow and unfollow events of many people; answers how many intervals changed."""
    by_person = {name: list(group) for name, group in
                 groupby(sorted(events, key=lambda event: (event.username, event.at)), lambda event: event.username)}
    if not by_person:
        return 0
    follow_list = locked_list(session, account_id, direction)
    last_complete = complete_span(follow_list)
    known = _intervals_of(session, follow_list, by_person)
    changed: list[rules.Interval] = []
    fresh: list[tuple[str, rules.Interval]] = []
    for username, told in by_person.items():
        before = known.get(username, [])
        after = before
        for event in told:
            after = rules.with_event(after, event.event, event.at, last_complete=last_complete)
        changed += [interval for interval in after if interval.id is not None and interval not in before]
        fresh += [(username, interval) for interval in after if interval.id is None]
    _rewrite(session, changed)
    _add(session, follow_list, fresh, now)
    if changed or fresh:
        follow_list.version += 1
    return len(changed) + len(fresh)


def _intervals_of(session: Session, follow_list: FollowList,
                  usernames: Iterable[str]) -> Mapping[str, list[rules.Interval]]:
    rows = rows_table(session, "told", {"username": String(50)}, ((name,) for name in usernames))
    query = (
        select(rows.c.username, *(_Interval[name] for name in _FIELDS))
        .select_from(rows)
        .outerjoin(Person, _named(rows))
        .outerjoin(FollowInterval, and_(_Interval.person_id == Person.id, _of_person_in(follow_list)))
    )
    found: dict[str, list[rules.Interval]] = {}
    for username, interval in _read_intervals(row for row in session.execute(query) if row.id is not None):
        found.setdefault(username, []).append(interval)
    return found


_FIELDS = ("start_earliest", "start_latest", "seen_at", "start_source", "missing_since", "missing_seen_at",
           "end_earliest", "end_latest", "end_source", "id")


def _stored_intervals() -> Any:
    return (select(Person.username, *(_Interval[name] for name in _FIELDS))
            .join_from(FollowInterval, Person, Person.id == _Interval.person_id))


def _read_intervals(rows: Iterable[Any]) -> Iterable[tuple[str, rules.Interval]]:
    for username, *values in rows:
        yield username, rules.Interval(*values)


def _rewrite(session: Session, intervals: Sequence[rules.Interval]) -> None:
    """Store changed intervals, each in its own row, by one statement."""
    if not intervals:
        return
    types = {name: _Interval[name].type for name in _FIELDS} | {"id": Key}
    rows = rows_table(session, "new", types,
                      ([getattr(interval, name) for name in _FIELDS] for interval in intervals))
    new = rows.c
    still_missing = or_(new.missing_since.is_not(None), new.end_latest.is_not(None))
    by_scan = and_(new.end_latest.is_not(None), func.coalesce(new.end_source, "") != "events")
    change = update(FollowInterval).where(_Interval.id == new.id).values(
        {name: new[name] for name in _FIELDS if name != "id"} | {
            "start_scan_id": case((new.start_source != "events", _Interval.start_scan_id), else_=null()),
            "missing_scan_id": case((still_missing, _Interval.missing_scan_id), else_=null()),
            "end_scan_id": case((by_scan, func.coalesce(_Interval.end_scan_id, _Interval.missing_scan_id)),
                                else_=null()),
        })
    if not _on_postgresql(session):
        change = change.where(_Interval.id.in_(select(new.id)))  # without it SQLite reads the whole table
    session.execute(change.execution_options(synchronize_session=False))


def _add(session: Session, follow_list: FollowList, fresh: Sequence[tuple[str, rules.Interval]],
         now: datetime) -> None:
    if not fresh:
        return
    names = {username for username, _ in fresh}
    viewers = follow_list.direction == "follower"
    people.add_persons(session, names, "viewer" if viewers else "unknown", now)
    if viewers:
        people.raise_role(session, names, "viewer")
    fields = [name for name in _FIELDS if name != "id"]
    types: dict[str, Any] = {"username": String(50)} | {name: _Interval[name].type for name in fields}
    rows = rows_table(session, "new", types, ((username, *(getattr(interval, name) for name in fields))
                                              for username, interval in fresh))
    session.execute(insert(FollowInterval).from_select(
        ["account_id", "direction", "person_id", *fields],
        select(literal(follow_list.account_id, Key), literal(follow_list.direction), Person.id,
               *(rows.c[name] for name in fields))
        .select_from(rows).outerjoin(Person, _named(rows)),
    ))


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"

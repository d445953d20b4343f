"""On PostgreSQL the snapshots are split by month: made ahead of time, and packed once a month is over.

An open month is indexed by person; as every person occurs many times, that index takes 8 to 11 bytes a row, where a
unique key by person and moment takes 31 (127 bytes a snapshot in all, and storing takes half as long again).
A closed month lies sorted by person in the table itself, so a tiny block index does.
That a person has one snapshot a moment is seen to by `server.affiliate.late`: polls wait for each other, and one
that is not newer than all before it leaves out who is there already. A late snapshot may go into a closed month.

A month whose snapshots have all gone is dropped as a whole, which gives its space back at once.

SQLite keeps everything in one table that is its own key; all of this does nothing there.
"""

from calendar import timegm
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

TABLE = "affiliate_api_snapshots"
AHEAD = timedelta(days=7)  # the next month is made this early
CLOSED_AFTER = timedelta(days=3)  # a month is packed this long after its end: what was late has come in
LOCK_WAIT = "3s"  # whoever needs a table to itself gives up after this: everybody else waits behind him meanwhile
_LOCK = 7_202_611_212
_PACKING = 7_202_611_213
_there: "WeakKeyDictionary[Any, set[Month]]" = WeakKeyDictionary()
_BLOCKS = 32  # pages an entry of the block index stands for


class Month(NamedTuple):
    """One month, with its first second and the first second after it."""

    year: int
    month: int

    @property
    def name(self) -> str:
        return f"{TABLE}_y{self.year:04}m{self.month:02}"

    @property
    def begin(self) -> int:
        return timegm((self.year, self.month, 1, 0, 0, 0))

    @property
    def end(self) -> int:
        return self.next.begin

    @property
    def next(self) -> "Month":
        return Month(self.year + self.month // 12, self.month % 12 + 1)


def month_of(moment: datetime) -> Month:
    moment = moment.astimezone(UTC)
    return Month(moment.year, moment.month)


def make_room(session: Session, *moments: datetime) -> None:
    """Make the months that these moments fall into, and the next one where it is near. Inside the caller's
    transaction; two processes at the same time make one. A month that is not over and was there once is not looked
    for again."""
    if session.get_bind().dialect.name != "postgresql":
        return
    connection = session.connection()
    there, present = _there.setdefault(connection.engine, set()), month_of(max(moments))
    wanted = {month for moment in moments for month in (month_of(moment), month_of(moment + AHEAD))}
    wanted = {month for month in wanted if month < present or month not in there}  # past ones may have been dropped
    if not wanted:
        return
    known = _known(connection)
    there |= known & wanted
    if known >= wanted:
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    for month in sorted(wanted - _known(connection)):
        for statement in (
            f"CREATE TABLE {month.name} (LIKE {TABLE} INCLUDING DEFAULTS)",
            f"CREATE INDEX {_open(month)} ON {month.name} (person_id)",
            f"ALTER TABLE {TABLE} ATTACH PARTITION {month.name} FOR VALUES FROM ({month.begin}) TO ({month.end})",
        ):
            connection.exec_driver_sql(statement)


def months(session: Session) -> list[Month]:
    """The months that there are, oldest first; none on SQLite."""
    return sorted(_known(session.connection())) if session.get_bind().dialect.name == "postgresql" else []


def is_closed(session: Session, month: Month) -> bool:
    return not session.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": _open(month)})


def to_close(session: Session, now: datetime) -> list[Month]:
    """The months that are over and still open, oldest first."""
    return [month for month in months(session)
            if datetime.fromtimestamp(month.end, UTC) + CLOSED_AFTER <= now and not is_closed(session, month)]


def is_packing(session: Session) -> bool:
    """Is a month being packed just now, by whichever process? Inside a transaction that ends soon."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    return not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _PACKING})


def close_next(session: Session, now: datetime) -> Month | None:
    """Pack the oldest month that is over and still open, and commit; None: there is none.

    The month is copied in the order of persons and moments, without that index, and takes the old one's place. That
    takes a while for a large one. Meanwhile it can be read; what is late for it waits, nothing else does.

    raises  sqlalchemy.exc.OperationalError if the tables were too busy for the exchange; nothing has changed then
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PACKING})
    month = next(iter(to_close(session, now)), None)
    if month is None:
        session.rollback()
        return None
    _close(session.connection(), month)
    session.commit()
    return month


def drop_empty(session: Session, before: int) -> int:
    """Drop the months that end before this second and hold nothing any more, each in a transaction of its own;
    returns how many. One that is in use just now stays until the next time."""
    gone = 0
    for month in months(session):
        if month.end > before or not _is_empty(session, month):
            continue
        try:
            session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
            # In the order in which a poll takes them: neither waits for the other in a circle.
            session.execute(text(f"LOCK TABLE ONLY {TABLE}, ONLY {month.name} IN ACCESS EXCLUSIVE MODE"))
            if _is_empty(session, month):  # nothing came in late while we waited
                session.execute(text(f"DROP TABLE {month.name}"))
                gone += 1
            session.commit()
        except OperationalError:
            session.rollback()
    return gone


def _is_empty(session: Session, month: Month) -> bool:
    return not session.scalar(text(f"SELECT EXISTS (SELECT FROM {month.name})"))  # noqa: S608


def _close(connection: Connection, month: Month) -> None:
    packed, closed = f"{month.name}_packed", f"{month.name}_person"
    for statement in (
        f"LOCK TABLE {month.name} IN SHARE ROW EXCLUSIVE MODE",
        f"CREATE TABLE {packed} (LIKE {TABLE} INCLUDING DEFAULTS)",
        f"INSERT INTO {packed} SELECT * FROM {month.name} ORDER BY person_id, observed_at",  # noqa: S608
        f"CREATE INDEX {closed} ON {packed} USING brin (person_id) WITH (pages_per_range = {_BLOCKS}, "
        "autosummarize = on)",
        f"ALTER TABLE {packed} ADD CHECK (observed_at >= {month.begin} AND observed_at < {month.end})",
        f"ANALYZE {packed}",
        f"SET LOCAL lock_timeout = '{LOCK_WAIT}'",
        f"ALTER TABLE {TABLE} DETACH PARTITION {month.name}",
        f"DROP TABLE {month.name}",
        f"ALTER TABLE {packed} RENAME TO {month.name}",
        f"ALTER TABLE {TABLE} ATTACH PARTITION {month.name} FOR VALUES FROM ({month.begin}) TO ({month.end})",
    ):
        connection.exec_driver_sql(statement)


def _open(month: Month) -> str:
    return f"{month.name}_open"


def _known(connection: Connection) -> set[Month]:
    names = connection.execute(text(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass(:name)"), {"name": TABLE}).scalars()
    return {Month(int(name[-7:-3]), int(name[-2:])) for name in names}

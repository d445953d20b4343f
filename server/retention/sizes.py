"""How large each table is, with its indexes: measured by the job once a day, and kept, so that growth can be told."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from server.models import Base, StorageSample

WHOLE = "*"  # the whole database
COUNTED = 64 * 2**20  # bytes up to which PostgreSQL counts rows; beyond, what it reckons itself is taken


class Size(NamedTuple):
    """rows: counted, or estimated by PostgreSQL where a table is large; bytes: None where SQLite cannot tell."""

    name: str
    rows: int | None
    bytes: int | None


def measure(session: Session) -> list[Size]:
    """Every table of the panel, and the whole database under `*`. Reads a good part of a large SQLite file."""
    return _postgresql(session) if session.get_bind().dialect.name == "postgresql" else _sqlite(session)


def keep(session: Session, measured: Iterable[Size], now: datetime) -> None:
    insert: Any = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    session.execute(insert(StorageSample).on_conflict_do_nothing(), [
        {"at": now, "name": size.name, "rows": size.rows, "bytes": size.bytes} for size in measured])


def newest(session: Session) -> tuple[datetime | None, list[Size]]:
    """The newest measurement and its moment; None: nothing has been measured yet."""
    return at(session, session.scalar(select(func.max(StorageSample.at))))


def at(session: Session, moment: datetime | None) -> tuple[datetime | None, list[Size]]:
    rows: Any = session.execute(select(StorageSample.name, StorageSample.rows, StorageSample.bytes)
                                .where(StorageSample.at == moment)) if moment else []
    return moment, [Size(*row) for row in rows]


def moments(session: Session) -> Sequence[datetime]:
    """When it was measured, oldest first."""
    return session.scalars(select(StorageSample.at).where(StorageSample.name == WHOLE)
                           .order_by(StorageSample.at)).all()


def whole(session: Session) -> int:
    """Bytes of the whole database, now."""
    if session.get_bind().dialect.name == "postgresql":
        return int(session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    return int(session.execute(text(
        "SELECT (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size())"
    )).scalar_one())


def unused(session: Session) -> int:
    """Bytes of an SQLite file that stand empty since rows were deleted; new rows go there first."""
    if session.get_bind().dialect.name == "postgresql":
        return 0
    return int(session.execute(text(
        "SELECT (SELECT freelist_count FROM pragma_freelist_count()) * (SELECT page_size FROM pragma_page_size())"
    )).scalar_one())


def _names() -> list[str]:
    return sorted(Base.metadata.tables)


def _count(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Rows of these tables; names are our own, or those of months."""
    if not names:
        return {}
    counts = [select(func.count()).select_from(table(name)).scalar_subquery() for name in names]
    return dict(zip(names, session.execute(select(*counts)).one(), strict=True))


def _sqlite(session: Session) -> list[Size]:
    names = _names()
    pages: dict[str, int] = {}
    rows = _count(session, names)
    with suppress(OperationalError):  # this SQLite was built without `dbstat`
        for name, size in session.execute(text(
                "SELECT m.tbl_name, sum(s.pgsize) FROM (SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE) s "
                "JOIN sqlite_master m ON m.name = s.name GROUP BY m.tbl_name")):
            pages[name] = size
    return [*(Size(name, rows[name], pages.get(name)) for name in names), Size(WHOLE, None, whole(session))]


def _postgresql(session: Session) -> list[Size]:
    """A table that is split counts with all its parts."""
    parts = session.execute(text(
        "SELECT coalesce(p.relname, c.relname), c.relname, c.relkind = 'p', "
        "greatest(pg_stat_get_live_tuples(c.oid), CASE WHEN pg_stat_get_live_tuples(c.oid) = 0 THEN c.reltuples END), "
        "pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent "
        "WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p')")).all()
    ours = set(_names())
    parts = [part for part in parts if part[0] in ours]
    small = [part[1] for part in parts if not part[2] and (part[4] <= COUNTED or part[3] < 0)]
    counted = _count(session, small)
    rows: dict[str, int] = {}
    size: dict[str, int] = {}
    for name, part, is_split, estimate, of_part in parts:
        size[name] = size.get(name, 0) + int(of_part)
        rows[name] = rows.get(name, 0) + (0 if is_split else counted.get(part, int(estimate)))
    return [*(Size(name, rows.get(name, 0), size.get(name, 0)) for name in _names()),
            Size(WHOLE, None, whole(session))]

"""Changes of many rows, written down once for both databases.

    GONE = Bulk({"person": "integer"}, ("at",),
                Update("broadcasts", "person_id = {person}", {"missed_at": "{at}", "misses": "t.misses + 1"}))
    GONE.run(session, [[7, 12, 19]], at=now)

PostgreSQL gets each column as one array and makes all changes of a bulk in a single statement. SQLite runs each
change once a row, by the key, prepared once: it has no other way that is as quick. Neither builds a statement
anew, and the database takes no row apart from text but its own arrays.

`{name}` stands for a column of the rows or for a value that is the same for all; `t` is the row that is changed.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

Column = Sequence[Any]


@dataclass(frozen=True)
class Insert:
    """values: column -> expression; where: only the rows for which this holds; ignore: one that is there stays."""

    table: str
    values: Mapping[str, str]
    where: str = "true"
    ignore: bool = False

    def sql(self, names: Mapping[str, str], source: str) -> str:
        end = " ON CONFLICT DO NOTHING" if self.ignore else ""
        return (f"INSERT INTO {self.table} ({', '.join(self.values)}) "
                f"SELECT {', '.join(self.values.values())}{source} WHERE {self.where}{end}").format_map(names)

    postgresql = sqlite = sql


@dataclass(frozen=True)
class Update:
    """where: which row; values: column -> expression."""

    table: str
    where: str
    values: Mapping[str, str]

    def sql(self, names: Mapping[str, str], source: str) -> str:
        changes = ", ".join(f"{name} = {value}" for name, value in self.values.items())
        return f"UPDATE {self.table} AS t SET {changes}{source} WHERE {self.where}".format_map(names)  # noqa: S608

    postgresql = sqlite = sql


@dataclass(frozen=True)
class Said:
    """A change that each database is told in words of its own; `{source}` is the table of the rows."""

    on_postgresql: str
    on_sqlite: str

    def postgresql(self, names: Mapping[str, str], source: str) -> str:
        return self.on_postgresql.format_map({**names, "source": source.removeprefix(" FROM ")})

    def sqlite(self, names: Mapping[str, str], _source: str) -> str:
        return self.on_sqlite.format_map(names)


class Bulk:
    """Changes that are made of the same rows, all of different tables or of different rows of a table."""

    def __init__(self, columns: Mapping[str, str], same: Sequence[str], *changes: Insert | Update | Said) -> None:
        """columns: name -> type on PostgreSQL; same: names of the values that are the same for all rows"""
        self._writers = [_writer(type_) for type_ in columns.values()]
        arrays = ", ".join(f"%({name})s::{type_}[]" for name, type_ in columns.items())
        rows = f"unnest({arrays}) AS given({', '.join(columns)})"
        names = {name: f"given.{name}" for name in columns} | {name: f"%({name})s" for name in same}
        self._names = tuple(columns)
        if len(changes) == 1:
            self._postgresql = changes[0].postgresql(names, f" FROM {rows}")
        else:
            parts = [change.postgresql(names, " FROM given") for change in changes]
            others = "".join(f", change_{number} AS ({part})" for number, part in enumerate(parts[:-1]))
            self._postgresql = f"WITH given AS MATERIALIZED (SELECT * FROM {rows}){others} {parts[-1]}"  # noqa: S608
        self._sqlite = []
        for change in changes:
            numbered = _Numbered()
            self._sqlite.append((change.sqlite(numbered, ""), tuple(numbered)))

    def run(self, session: Session, columns: Sequence[Column], **same: Any) -> None:
        """Make the changes. columns: one sequence of values for each, all of the same length."""
        if not columns[0]:
            return
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            given = {name: writer(column) for name, writer, column in zip(
                self._names, self._writers, columns, strict=True)}
            connection.exec_driver_sql(self._postgresql, given | same)
            return
        rows: dict[str, Iterable[Any]] = {}
        for name, writer, column in zip(self._names, self._writers, columns, strict=True):
            rows[name] = [for_sqlite(value) for value in column] if writer is _moments else column
        for name, value in same.items():
            rows[name] = [for_sqlite(value)] * len(columns[0])
        for statement, used in self._sqlite:
            connection.exec_driver_sql(statement, list(zip(*(rows[name] for name in used), strict=True)))


class _Numbered(dict[str, str]):
    """Numbers the parameters of a statement in the order in which they first come up."""

    def __missing__(self, name: str) -> str:
        self[name] = f"?{len(self) + 1}"
        return self[name]


@dataclass(frozen=True)
class Ask:
    """A question about some people. In its text `({people})` is a query for them, in its column `one`: their numbers,
    or with `by` their usernames."""

    text: str
    by: str = "bigint"
    _made: dict[str, str] = field(default_factory=dict)

    def of(self, session: Session, people: Sequence[Any], **values: Any) -> list[Any]:
        connection = session.connection()
        name = connection.dialect.name
        if name not in self._made:
            source = (f"SELECT unnest(%(people)s::{self.by}[]) AS one" if name == "postgresql"
                      else "SELECT value AS one FROM json_each(:people)")
            names = {key: f"%({key})s" if name == "postgresql" else f":{key}" for key in values}
            self._made[name] = self.text.format_map(names | {"people": source})
        if name == "postgresql":
            given = values | {"people": _writer(self.by)(people)}
        else:
            given = {key: for_sqlite(value) for key, value in values.items()} | {"people": json.dumps(people)}
        return list(connection.exec_driver_sql(self._made[name], given))


def numbers(column: Column) -> str:
    """An array of numbers or truth values, as PostgreSQL reads it."""
    return "{" + str(list(column))[1:-1].replace("None", "NULL") + "}"


def texts(column: Column) -> str:
    """An array of texts, as PostgreSQL reads it."""
    if any('"' in text or "\\" in text for text in column if text is not None):
        column = [text and text.replace("\\", "\\\\").replace('"', '\\"') for text in column]
    return "{" + ",".join(["NULL" if text is None else f'"{text}"' for text in column]) + "}"


def _moments(column: Column) -> str:
    return texts([None if moment is None else moment.isoformat() for moment in column])


def for_sqlite(value: Any) -> Any:
    """A moment as `server.models.Moment` keeps it there; everything else as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


def _writer(type_: str) -> Callable[[Column], str]:
    if type_ in ("integer", "bigint", "smallint", "boolean", "double precision"):
        return numbers
    return _moments if type_ == "timestamptz" else texts

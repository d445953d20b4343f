"""Many rows in one parameter: a list of tuples becomes a table inside one statement, whatever its length.

The rows travel as one JSON text and are taken apart by the database, so a statement over 200,000 names is still
one statement with one parameter. The same Core expression serves SQLite and PostgreSQL.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Subquery, Text, bindparam, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine


def rows_table(session: Session, name: str, columns: Mapping[str, TypeEngine[Any]],
               rows: Iterable[Sequence[Any]]) -> Subquery:
    """The rows as a table `name` with these columns, to select from or to join.

    rows    values in the order of the columns: texts, numbers, booleans, moments, UUIDs, None
    """
    dialect = session.get_bind().dialect
    writers = [_writer(type_, dialect) for type_ in columns.values()]
    if any(writers):
        rows = [[writer(value) if writer and value is not None else value
                 for writer, value in zip(writers, row, strict=True)] for row in rows]
    packed = bindparam(None, json.dumps(list(rows), ensure_ascii=True, separators=(",", ":")), Text())
    if dialect.name == "sqlite":
        source = func.json_each(packed).table_valued("value", name=f"{name}_rows")
    else:
        source = func.jsonb_array_elements(cast(packed, JSONB)).table_valued("value", name=f"{name}_rows")
    picked = []
    for position, (column, type_) in enumerate(columns.items()):
        value = source.c.value.op("->>")(position)
        # SQLite keeps moments and UUIDs as texts; a cast would turn them into numbers.
        picked.append((type_coerce(value, type_) if dialect.name == "sqlite" else cast(value, type_)).label(column))
    return select(*picked).subquery(name)


def _writer(type_: TypeEngine[Any], dialect: Any) -> Any:
    """How a value of this type is said in JSON; None: as it is."""
    if type_.python_type is UUID:
        return lambda value: value.hex
    if type_.python_type in (str, int, float, bool):
        return None
    bind = type_.dialect_impl(dialect).bind_processor(dialect)
    return (lambda value: str(bind(value))) if bind else str

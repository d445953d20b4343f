"""Runs the migrations in one transaction, on SQLite and on PostgreSQL; two at the same time wait for each other.

SQLite changes a table by building it anew and dropping the old one. With foreign keys on, dropping would
empty the tables that refer to it, so they are off meanwhile, and checked before the end.
"""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from server.migration import belongs_to_models

LOCK = 7_202_611_210
migrate = current_app.extensions["migrate"]
database = migrate.db


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=database.metadata, transactional_ddl=True,
                      include_object=belongs_to_models, **migrate.configure_args)
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()
        if connection.dialect.name == "sqlite":
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if orphans:
                raise RuntimeError(f"the migration would leave rows without what they refer to: {orphans[:5]}")


if context.is_offline_mode():
    context.configure(dialect_name=database.engine.dialect.name, target_metadata=database.metadata,
                      literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif database.engine.dialect.name == "sqlite":
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys = OFF")  # no effect inside a transaction, hence before it
        try:
            run(connection)
        finally:
            connection.rollback()
            raw.execute("PRAGMA foreign_keys = ON")
else:
    with database.engine.connect() as connection:
        run(connection)

"""Where the migrations lie, and whether the database is at the newest one."""

import re
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate

from server.models import db

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


_MONTH = re.compile(r"_(y\d{4}m\d{2})$")  # how `server.affiliate.months` names the parts of a table that is split
NOT_EVERYWHERE = frozenset({"ix_persons_username_trigrams"})  # only where PostgreSQL lets us have trigrams


def belongs_to_models(_thing: Any, name: str | None, kind: str, reflected: bool, compared_to: Any) -> bool:
    """Whether a comparison of the models with the database looks at this. The months of a split table are not
    in the models: without this a generated migration would drop them."""
    a_month = kind == "table" and reflected and compared_to is None and _MONTH.search(name or "")
    return not a_month and name not in NOT_EVERYWHERE


def set_up_migrations(app: Flask) -> None:
    Migrate(app, db, directory=str(FOLDER))


def behind() -> str | None:
    """One line that says what is wrong with the database's schema and what to do; None: it is the newest."""
    newest, present, known = _revisions()
    if present == newest:
        return None
    if present - known:
        return "the database was made by a newer version of the panel; install that version or restore a backup"
    if not present:
        return "the database is empty; prepare it with: flask --app server db upgrade"
    return "the database belongs to an older version of the panel; bring it up with: flask --app server db upgrade"


def upgradable() -> bool:
    """The database is empty or older, and nothing newer."""
    newest, present, known = _revisions()
    return present != newest and present <= known


def _revisions() -> tuple[set[str], set[str], set[str]]:
    """The newest revisions, those of the database, and all that this version knows."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with db.engine.connect() as connection:
        present = set(MigrationContext.configure(connection).get_current_heads())
    return set(script.get_heads()), present, {revision.revision for revision in script.walk_revisions()}

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from common.settings import load_settings
from server import create_app
from server.migration import NOT_EVERYWHERE, behind, belongs_to_models, upgradable
from server.models import Base, Permission, Role, create_views, db, drop_views
from server.startup import prepare
from tests.helpers import WORKER


@pytest.fixture
def fresh(empty_database, tmp_path):
    """The app on an empty database, inside an app context."""
    app = create_app(load_settings(data_dir=tmp_path / "data", database_url=empty_database, worker_token=WORKER,
                                   owner="demo_owner"))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_the_migrations_make_what_the_models_say(fresh):
    upgrade()
    with db.engine.connect() as connection:
        options = {"compare_type": True, "include_object": belongs_to_models}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_constraints_and_conditions_of_indexes_are_those_of_the_models(fresh):
    """What autogenerate does not compare."""
    upgrade()
    made = _shape()
    with db.engine.begin() as connection:
        Base.metadata.drop_all(connection)
        Base.metadata.create_all(connection)
    assert _shape() == made


def _shape():
    """table -> its checks, the conditions of its indexes, what its foreign keys do on deletion"""
    inspector = inspect(db.engine)
    shape = {}
    for table in set(inspector.get_table_names()) - {"alembic_version"}:
        checks = sorted((check["name"], check["sqltext"]) for check in inspector.get_check_constraints(table))
        indexes = sorted((index["name"], *sorted(f"{name} {value}" for name, value in index["dialect_options"].items()))
                         for index in inspector.get_indexes(table) if index["name"] not in NOT_EVERYWHERE)
        keys = sorted((key["name"], key["options"].get("ondelete")) for key in inspector.get_foreign_keys(table))
        shape[table] = (checks, indexes, keys)
    return shape


def test_the_views_are_those_of_the_models(fresh):
    upgrade()

    def told():
        inspector = inspect(db.engine)
        return {name: inspector.get_view_definition(name).split() for name in inspector.get_view_names()}

    made = told()
    with db.engine.begin() as connection:
        drop_views(connection)
        create_views(connection)
    assert told() == made


def test_up_down_and_up_again(fresh):
    upgrade()
    assert behind() is None
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    assert "empty" in behind() and upgradable()
    upgrade()
    assert behind() is None and not upgradable()


def test_upgrading_twice_changes_nothing(fresh):
    upgrade()
    prepare()
    upgrade()
    assert db.session.query(Role).count() == 3


def test_a_database_of_a_newer_version_is_recognised(fresh):
    upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "newer version" in behind() and not upgradable()


def test_preparing_is_done_once_and_adds_what_a_newer_version_brings(fresh):
    upgrade()
    prepare()
    prepare()
    names = {row.name for row in db.session.query(Permission)}
    viewer = db.session.query(Role).filter_by(name="viewer").one()
    assert {row.name for row in viewer.permissions} == {"view_users", "view_stats"}
    viewer.permissions.clear()
    db.session.commit()
    admin = db.session.query(Role).filter_by(name="admin").one()
    admin.permissions.remove(next(row for row in admin.permissions if row.name == "erase_persons"))
    db.session.delete(db.session.query(Permission).filter_by(name="erase_persons").one())
    db.session.commit()
    db.session.remove()
    prepare()
    assert {row.name for row in db.session.query(Permission)} == names
    assert {row.name for row in db.session.query(Role).filter_by(name="admin").one().permissions} == names


def test_several_processes_may_prepare_at_the_same_time(fresh):
    upgrade()
    problems = []

    def one():
        try:
            with fresh.app_context():
                prepare()
        except SQLAlchemyError as error:
            problems.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert db.session.query(Role).count() == 3


def test_preparing_makes_the_owners_account(fresh):
    from server.models import Account

    upgrade()
    prepare()
    assert [account.username for account in db.session.query(Account)] == ["demo_owner"]


def test_foreign_keys_are_on_after_a_migration(fresh):
    upgrade()
    if db.engine.dialect.name == "sqlite":
        with db.engine.connect() as connection:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_a_batch_migration_does_not_empty_the_tables_that_refer(fresh, tmp_path):
    """The trap of SQLite: with foreign keys on, building a table anew deletes by ON DELETE CASCADE."""
    import shutil

    from server.migration import FOLDER

    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    last = sorted(path.name.split("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))[-1]
    (folder / "versions" / "9998_try.py").write_text(f'''
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9998", "{last}", None, None
def upgrade():
    with op.batch_alter_table("accounts", recreate="auto") as batch:
        batch.alter_column("username", existing_type=sa.String(50), type_=sa.String(60))
def downgrade():
    pass
''')
    upgrade()
    prepare()
    count = text("SELECT count(*) FROM jobs")
    before = db.session.execute(count).scalar()
    assert before
    db.session.remove()
    upgrade(directory=str(folder))
    assert db.session.execute(count).scalar() == before

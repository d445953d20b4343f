from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from common.settings import load_settings
from server import create_app
from server.affiliate import months
from server.migration import belongs_to_models
from server.models import Base, create_views, db, drop_views
from tests.affiliate.rooms import NOON, room, rows, take, told
from tests.helpers import WORKER


@pytest.fixture
def fresh(empty_database, tmp_path):
    """The app on an empty database, inside an app context."""
    app = create_app(load_settings(data_dir=tmp_path / "data", database_url=empty_database, worker_token=WORKER))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_everybody_with_a_cached_profile_gets_a_current_row_and_nothing_else_is_touched(fresh):
    upgrade(revision="0001")
    at = NOON.replace(tzinfo=None) if db.engine.dialect.name == "sqlite" else NOON
    db.session.execute(text("INSERT INTO persons (id, uuid, platform, username, role, created_at) VALUES "
                            "(101, :one, 'chaturbate', 'ann', 'model', :at), "
                            "(102, :two, 'chaturbate', 'bob', 'viewer', :at)"),
                       {"one": "0" * 31 + "1", "two": "0" * 31 + "2", "at": at})
    db.session.execute(text("INSERT INTO profiles (person_id, display_name, age, tags, source, changed_at, "
                            "last_online_at) VALUES (101, 'Ann', 30, '[\"a\"]', 'browser', :at, :at)"), {"at": at})
    db.session.execute(text("INSERT INTO person_tags (person_id, tag) VALUES (101, 'a')"))
    db.session.commit()
    upgrade()
    assert rows("SELECT username, display_name, age, profile_source, snapshots FROM v_person_current_state "
                "ORDER BY username") == [("ann", "Ann", 30, "browser", 0), ("bob", None, None, None, 0)]
    take(room("ann"), room("carol"))
    db.session.remove()
    downgrade(revision="0001")
    assert rows("SELECT username FROM persons ORDER BY username") == [("ann",), ("bob",), ("carol",)]
    assert rows("SELECT display_name FROM profiles") == [("Ann",)]
    db.session.remove()
    upgrade()
    take(room("ann"), at=NOON + timedelta(minutes=30))
    assert [key[0] for key in told()] == ["ann"]


def test_the_views_of_the_migration_are_those_of_the_models(fresh):
    upgrade()
    made = _views()
    with db.engine.begin() as connection:
        drop_views(connection)
        create_views(connection)
    assert _views() == made


def _views():
    if db.engine.dialect.name == "sqlite":
        return rows("SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY name")
    return rows("SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY viewname")


def test_a_generated_migration_leaves_the_months_alone(app):
    with app.app_context():
        take(room("ann"))
        db.session.remove()
        with db.engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "include_object": belongs_to_models})
            assert compare_metadata(context, Base.metadata) == []


def test_months_are_made_ahead_and_packed_when_they_are_over(app):
    """A closed month gives back what was put into it, and still takes what is late."""
    with app.app_context():
        january = datetime(2026, 1, 28, 12, 0, tzinfo=UTC)
        for step in range(3):
            take(room("ann", num_users=step), room("bob"), at=january + timedelta(minutes=30 * step))
        before = told()
        there = [(month.year, month.month) for month in months.months(db.session())]
        db.session.rollback()
        if db.engine.dialect.name == "sqlite":
            assert there == []
            return
        assert there == [(2026, 1), (2026, 2)]
        assert months.close_next(db.session(), datetime(2026, 2, 2, tzinfo=UTC)) is None
        assert months.close_next(db.session(), datetime(2026, 2, 10, tzinfo=UTC)) == months.Month(2026, 1)
        assert months.close_next(db.session(), datetime(2026, 2, 10, tzinfo=UTC)) is None
        assert told() == before
        take(room("ann", room_subject="late"), at=january + timedelta(minutes=45))
        assert told(january + timedelta(minutes=45)) == {
            ("ann", int((january + timedelta(minutes=45)).timestamp())): room("ann", room_subject="late")}
        take(room("ann"), at=datetime(2026, 2, 11, tzinfo=UTC))
        assert len(told()) == len(before) + 2

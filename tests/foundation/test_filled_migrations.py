"""Migrations on tables that are filled: up from the first release and back down to it, nobody's follows change."""

from datetime import timedelta
from typing import Any

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import MetaData, select, text

from common.settings import load_settings
from server import create_app
from server.models import db
from server.startup import prepare
from tests.affiliate.rooms import NOON, room, rows, take
from tests.helpers import WORKER, FakeClock

AT = "2026-11-19 12:00:00+00:00"
FIRST = (
    f"INSERT INTO accounts (id, platform, username, created_at, session_state) "
    f"VALUES (1, 'chaturbate', 'alice_example', '{AT}', 'signed_in')",
    *(f"INSERT INTO persons (id, uuid, platform, username, role, created_at) "
      f"VALUES ({number}, '{number:032x}', 'chaturbate', '{name}', '{role}', '{AT}')"
      for number, name, role in ((901, "ann", "model"), (902, "bob", "viewer"), (903, "carol", "both"))),
    f"INSERT INTO profiles (person_id, display_name, age, gender, country, subject, tags, source, changed_at, "
    f"last_online_at) VALUES (901, 'Ann of lists', 30, 'f', 'PT', 'quiet', '[\"lists\"]', 'browser', '{AT}', '{AT}')",
    "INSERT INTO person_tags (person_id, tag) VALUES (901, 'lists')",
    *(f"INSERT INTO follow_intervals (id, account_id, person_id, direction, start_latest, start_source, seen_at, "
      f"end_earliest, end_latest) VALUES ({number}, 1, {number}, 'follower', '{AT}', 'browser', '{AT}', {end}, {end})"
      for number, end in ((901, "NULL"), (902, f"'{AT}'"), (903, "NULL"))),
    f"INSERT INTO jobs (id, name, account_id, config, scheduled, paused, failures_in_row, stats, next_due_at) "
    f"VALUES (7, 'followers', 1, '{{\"intervalMinutes\": 60}}', true, false, 2, '{{\"totalRuns\": 5}}', '{AT}')",
    f"INSERT INTO runs (id, job_id, state, trigger, created_at, cancel_requested, progress, counters, waiting_ms, "
    f"working_ms, outcome) VALUES ('{1:032x}', 7, 'ended', 'manual', '{AT}', false, '{{}}', '{{}}', 1, 2, 'ok')",
    f"INSERT INTO captures (id, sha256, url, content_type, raw_bytes, stored_bytes, created_at) "
    f"VALUES (1, 'abc', 'https://x.example/', 'text/html', 10, 5, '{AT}')",
    f"INSERT INTO ingest_batches (batch_id, kind, observed_at, received_at, clock_skew_ms, answer) "
    f"VALUES ('{2:032x}', 'scan-end', '{AT}', '{AT}', 0, '{{}}')",
)
KEPT = ("accounts", "persons", "profiles", "person_tags", "follow_intervals", "jobs", "runs", "captures",
        "ingest_batches")


@pytest.fixture
def first_release(empty_database, tmp_path):
    """The app on a filled database of the first release, in an app context."""
    app = create_app(load_settings(data_dir=tmp_path / "data", database_url=empty_database, worker_token=WORKER),
                     clock=FakeClock())
    with app.app_context():
        upgrade(revision="0001")
        with db.engine.begin() as connection:
            for statement in FIRST:
                connection.execute(text(statement.replace("+00:00", "") if "sqlite" in empty_database else statement))
        yield app
        db.session.remove()
        db.engine.dispose()


def _content(columns: dict[str, list[str]] | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """table -> its rows, as far as the columns of the first release go."""
    metadata = MetaData()
    metadata.reflect(db.engine, only=KEPT)
    found = {}
    with db.engine.connect() as connection:
        for name in KEPT:
            table = metadata.tables[name]
            wanted = [column.name for column in table.columns] if columns is None else columns[name]
            found[name] = sorted((tuple(row) for row in connection.execute(
                select(*(table.c[column] for column in wanted)))), key=repr)
    return found


def _columns() -> dict[str, list[str]]:
    metadata = MetaData()
    metadata.reflect(db.engine, only=KEPT)
    return {name: [column.name for column in metadata.tables[name].columns] for name in KEPT}


def test_up_from_the_first_release_everything_is_kept_and_the_directory_is_as_full_as_before(first_release):
    columns, before = _columns(), _content()
    upgrade()
    assert _content(columns) == before
    assert rows("SELECT username, display_name, age, profile_source, tags_source, snapshots "
                "FROM v_person_current_state ORDER BY username") == [
                    ("ann", "Ann of lists", 30, "browser", "browser", 0),
                    ("bob", None, None, None, None, 0), ("carol", None, None, None, None, 0)]
    prepare()
    take(room("ann"), room("dora"))
    assert rows("SELECT username, display_name, profile_source, snapshots FROM v_person_current_state "
                "WHERE snapshots > 0 ORDER BY username") == [("ann", "Ann", "affiliate", 1),
                                                             ("dora", "Dora", "affiliate", 1)]


def test_down_to_the_first_release_with_polls_stored_and_up_again_no_follow_is_lost(first_release):
    columns, before = _columns(), _content()
    upgrade()
    prepare()
    take(room("ann"), room("dora"))
    take(room("dora"), at=NOON + timedelta(days=40))
    downgrade(revision="0001")
    after = _content(columns)
    for name in ("accounts", "follow_intervals", "profiles", "captures"):
        assert after[name] == before[name]
    for name in ("persons", "jobs", "runs", "ingest_batches"):
        assert {repr(row) for row in before[name]} <= {repr(row) for row in after[name]}
    assert [row for row in after["jobs"] if "affiliate" in row] == []
    upgrade()
    prepare()
    take(room("ann"), at=NOON + timedelta(days=41))
    assert rows("SELECT username, snapshots FROM v_person_current_state WHERE snapshots > 0") == [("ann", 1)]
    assert rows("SELECT count(*) FROM follow_intervals WHERE end_latest IS NULL") == [(2,)]

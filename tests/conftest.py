"""What every test can ask for.

database        address of a fresh database at the newest migration; each test runs on both kinds
empty_database  the same before any migration
settings        settings with a data folder of their own on that database
clock           a clock that stands still until told
app             the app, its database prepared; push `app.app_context()` yourself around direct database work
client          a browser that has not signed in
client_as       client_as("viewer") -> a browser signed in with that role
api_as          api_as("viewer") -> a client whose requests carry a bearer token of that role
worker_client   a client whose requests carry the worker's token
live_server     the app behind a real HTTP server on a free port; its address
sandbox         a running imitation of the platforms
chromium_path   a Chromium that can be started
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_migrate import upgrade
from werkzeug.serving import make_server

from common.secrets import token_hash
from common.settings import Settings, load_settings
from server import create_app
from server.models import ApiToken, Role, db
from server.startup import prepare
from tests import browsers, compiled
from tests.helpers import WORKER, FakeClock, SignedIn, WithToken, add_user, signed_in, with_token
from tests.postgres import Slate, cluster, fresh_database

browsers.lend()
compiled.compile_routes_once()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first, so that no process is left alone with them at the end."""
    items.sort(key=lambda item: item.path.name not in ("test_kill_nine.py", "test_demo.py"))


def pytest_sessionfinish() -> None:
    browsers.RUNNING.end()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own `.env` and environment do not reach the tests."""
    for name in list(os.environ):
        if name.startswith("MHC_") and not name.startswith("MHC_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def _postgres() -> Iterator[str]:
    with cluster() as url:
        yield url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, made once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / "panel.db"
    _migrate(f"sqlite:///{path}", path.parent)
    return path


@pytest.fixture(scope="session")
def _slate(_postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Slate:
    """A migrated PostgreSQL database, made once and wiped for each test."""
    template = f"template_{os.getpid()}"
    _migrate(fresh_database(_postgres, template), tmp_path_factory.mktemp("template"))
    return Slate(_postgres, template, f"test_{os.getpid()}")


def _migrate(url: str, folder: Path) -> None:
    app = create_app(load_settings(data_dir=folder, database_url=url, worker_token=WORKER))
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        path = tmp_path / "panel.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    yield request.getfixturevalue("_slate").clean()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return fresh_database(request.getfixturevalue("_postgres"), f"empty_{os.getpid()}")


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER,
                         timezone="Europe/Lisbon", page_pause="0")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(settings: Settings, clock: FakeClock) -> Iterator[Any]:
    app = create_app(settings, clock=clock)
    app.testing = True
    with app.app_context():
        compiled.share_statements(db.engine)
        prepare()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Any) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def client_as(app: Any) -> Callable[[str], SignedIn]:
    made: dict[str, int] = {}

    def sign_in(role: str) -> SignedIn:
        if role not in made:
            made[role] = add_user(app, f"{role}-of-tests", role)
        return signed_in(app, made[role])

    return sign_in


@pytest.fixture
def api_as(app: Any) -> Callable[[str], WithToken]:
    def make(role: str) -> WithToken:
        token = f"token-of-{role}-for-tests"
        with app.app_context():
            if not db.session.query(ApiToken).filter_by(name=role).count():
                row = db.session.query(Role).filter_by(name=role).one()
                db.session.add(ApiToken(name=role, token_hash=token_hash(token), role_id=row.id,
                                        created_at=app.extensions["mhc_clock"]()))
                db.session.commit()
        return with_token(app, token)

    return make


@pytest.fixture
def worker_client(app: Any) -> WithToken:
    return with_token(app, WORKER)


@pytest.fixture
def live_server(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sandbox() -> Iterator[Any]:
    from scraper.sandbox.testing import running

    with running() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def chromium_path() -> str:
    given = os.environ.get("MHC_TEST_BROWSER")
    found = given or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            found = playwright.chromium.executable_path
    return str(found)

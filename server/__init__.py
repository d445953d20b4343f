"""The Flask app: the only writer of the database."""

from importlib import import_module
from pathlib import Path

import click
from flask_openapi import APIBlueprint
from werkzeug.middleware.proxy_fix import ProxyFix

from common.clock import Clock, utc_now
from common.logs import hide, set_up_logs
from common.settings import Settings, WrongSetting, load_settings
from server.access.guard import set_up_access
from server.commands import add_commands
from server.cookies import set_up_keys
from server.database import set_up_database
from server.errors import set_up_errors
from server.frame import set_up_frame
from server.headers import set_up_headers
from server.migration import set_up_migrations
from server.openapi import Panel, set_up_docs
from server.pages import set_up_pages

ROOT = Path(__file__).resolve().parent.parent

# Each has a blueprint `bp`. They are opened by name, so that reading a pure module does not load them all.
ROOMS = [
    "server.assets",
    "server.health",
    "server.access.routes",
    "server.users.routes",
    "server.profiles.routes",
    "server.profiles.notes_routes",
    "server.profiles.notes_api",
    "server.profiles.raw_routes",
    "server.charts.routes",
    "server.room.routes",
    "server.events.routes",
    "server.admin.routes",
    "server.admin.api",
    "server.ledger.api",
    "server.admin.access_routes",
    "server.admin.settings_routes",
    "server.admin.storage_routes",
    "server.jobs.routes",
    "server.jobs.api",
    "server.jobs.worker_api",
    "server.ingest.api",
    "server.follows.api",
    "server.people.api",
    "server.profiles.history_api",
    "server.cbhours.api",
    "server.cbhours.worker_api",
    "server.retention.api",
    "server.retention.worker_api",
    "server.queue.api",
    "server.queue.routes",
    "server.pictures.routes",
    "server.pictures.worker_api",
]


def create_app(settings: Settings | None = None, *, clock: Clock = utc_now) -> Panel:
    """The app, ready to answer; `server.startup.prepare` readies its database.

    raises  common.settings.WrongSetting with one line for the owner
    """
    if settings is None:
        settings = _settings_of_the_environment()
        set_up_logs(settings.log_format)
    hide(*settings.secret_keys, settings.worker_token_value)
    app = Panel(settings, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.extensions["mhc_settings"] = settings
    app.extensions["mhc_clock"] = clock
    set_up_keys(app, settings)
    set_up_database(app, settings)
    set_up_migrations(app)
    set_up_headers(app, settings)
    set_up_access(app)
    set_up_errors(app)
    set_up_pages(app)
    set_up_frame(app)
    for room in ROOMS:
        _open(app, room)
    set_up_docs(app)
    add_commands(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    return app


class _WrongUse(click.ClickException):
    """Under `flask …` a wrong setting is one line, not a traceback."""

    exit_code = 2


def _settings_of_the_environment() -> Settings:
    try:
        settings = load_settings()
        settings.secret_keys  # noqa: B018  read here, so that a wrong key is found with the rest
        return settings
    except WrongSetting as error:
        if click.get_current_context(silent=True) is None:
            raise
        raise _WrongUse(str(error)) from error


def _open(app: Panel, room: str) -> None:
    bp = import_module(room).bp
    if isinstance(bp, APIBlueprint):
        app.register_api(bp)
    else:
        app.register_blueprint(bp)

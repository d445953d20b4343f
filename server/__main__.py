"""python -m server [--upgrade]: the server alone, behind gunicorn.

--upgrade  brings the database to the newest version first, where it is not yet
"""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import structlog
from flask_migrate import upgrade
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from sqlalchemy.exc import DBAPIError

from common.logs import set_up_logs
from common.settings import Settings, WrongSetting, load_settings, unknown_variables
from server import create_app
from server.database import writing
from server.errors import database_words
from server.migration import behind, upgradable
from server.models import db
from server.startup import new_setup_link, prepare

FAILED, WRONG_USE = 1, 2
THREADS = 8


def main(arguments: Sequence[str]) -> int:
    if arguments not in ([], ["--upgrade"]):
        return _stop(f"there is no such option: {' '.join(arguments)} (there is only --upgrade)", WRONG_USE)
    try:
        settings = load_settings()
        set_up_logs(settings.log_format)
        app = create_app(settings)
    except WrongSetting as error:
        return _stop(str(error), WRONG_USE)
    except OSError as error:
        return _stop(f"the data folder cannot be used: {error}", FAILED)
    for name, closest in unknown_variables(dict(os.environ)):
        structlog.get_logger(__name__).warning("unknown setting is ignored", name=name, meant=closest)
    try:
        with app.app_context():
            if arguments and upgradable():
                sys.stdout.write("Preparing the database …\n")
                sys.stdout.flush()
                upgrade()
            problem = behind()
            if problem:
                return _stop(problem, FAILED)
            prepare()
            with writing() as session:
                link = new_setup_link(session)
            db.engine.dispose()  # connections do not survive the fork
    except DBAPIError as error:
        return _stop(database_words(error)[1], FAILED)
    if link:
        sys.stdout.write(f"No user yet. Make the first admin here (works once):\n  {link}\n")
        sys.stdout.flush()
    Gunicorn(app, settings).run()
    return 0


def _stop(line: str, status: int) -> int:
    sys.stderr.write(f"server: {line}\n")
    return status


class PanelLog(Logger):
    """Gunicorn's messages go the way of all others, through the mask. Requests are not logged one by one."""

    def setup(self, cfg: Any) -> None:
        for log in (self.error_log, self.access_log):
            log.handlers[:] = []
            log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.access_log.setLevel(logging.WARNING)


class Gunicorn(BaseApplication):
    """One process with several threads: enough for a studio, and SQLite has one writer anyway."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app, self.settings = app, settings
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        for name, value in {
            "bind": f"{host}:{self.settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": 120,
            "graceful_timeout": 10,
            "keepalive": 15,
            "preload_app": True,
            "control_socket_disable": True,
            "logger_class": PanelLog,
            # Whether a proxy's headers are believed is decided in one place, by MHC_TRUSTED_PROXIES.
            "forwarded_allow_ips": "",
            "proc_name": "mhc-server",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.app


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

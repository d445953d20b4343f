"""The pages of a profile with a year of data: a year of polls and broadcasts, two months of CBHours; milliseconds."""

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask_migrate import upgrade

from common.settings import load_settings
from server import create_app
from server.models import db
from server.startup import prepare
from tests.charts import stories
from tests.helpers import add_user, signed_in
from tests.postgres import cluster, fresh_database

LIMIT = 60  # milliseconds
TIMES = 20
PAGES = ("/profile/ann", "/profile/ann/charts", "/profile/ann/charts?range=all", "/profile/ann/sessions",
         "/profile/ann/history", "/profile/ann/sources")


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        for name, url in (("SQLite", f"sqlite:///{folder}/panel.db"),
                          ("PostgreSQL", fresh_database(base, "bench_profile_page"))):
            app = create_app(load_settings(data_dir=Path(folder) / name, database_url=url))
            app.testing = True
            with app.app_context():
                upgrade()
                prepare()
                stories.year("ann", datetime.now(UTC))
                for seed in range(2, 30):  # others, so that not everything in the tables is ann's
                    stories.year(f"other_{seed}", datetime.now(UTC), seed=seed)
                db.session.remove()
                if name == "PostgreSQL":  # what it does by itself within minutes
                    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                        connection.exec_driver_sql("VACUUM ANALYZE")
            browser = signed_in(app, add_user(app, "bench", "admin"))
            for path in PAGES:
                took = _median(browser, path)
                reached &= took <= LIMIT
                print(f"  {name:10} {path} with a year of data: {took:.1f} ms (at most {LIMIT} ms: "
                      f"{'reached' if took <= LIMIT else 'MISSED'})", flush=True)
            with app.app_context():
                db.engine.dispose()
    return reached


def _median(browser: Any, path: str) -> float:
    took = []
    for _ in range(TIMES + 1):
        began = time.perf_counter()
        answer = browser.get(path)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answers {answer.status}")
    return statistics.median(took[1:])

"""Charts of 28,800 points: milliseconds in the server, bytes to the browser, and a click until they are drawn."""

import logging
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from common.settings import load_settings
from scraper.browser import find_chromium
from server import create_app
from server.models import db
from server.startup import prepare
from tests.charts import stories
from tests.helpers import PASSWORD, add_user, signed_in
from tests.postgres import cluster, fresh_database

POINTS = 28_800
IN_SERVER, BYTES, DRAWN = 30, 60_000, 1_000  # milliseconds, bytes as sent, milliseconds from the click
CHARTS = ("followers", "viewers", "rank", "gender-rank", "hours", "calendar")
TIMES = 15


def main() -> bool:
    """Print the figures; true if all of them are reached."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        for name, url in (("SQLite", f"sqlite:///{folder}/panel.db"),
                          ("PostgreSQL", fresh_database(base, "bench_charts"))):
            settings = load_settings(data_dir=Path(folder) / name, database_url=url, timezone="Europe/Berlin")
            app = create_app(settings)
            app.testing = True
            with app.app_context():
                upgrade()
                prepare()
                stories.year("ann", datetime.now(UTC), segments_in_60_days=POINTS)
                db.session.remove()
                _settle(name)
            user = add_user(app, "bench", "viewer")
            reached &= _in_server(name, signed_in(app, user))
            reached &= _drawn(name, app, settings)
            with app.app_context():
                db.engine.dispose()
    return reached


def _settle(name: str) -> None:
    """What PostgreSQL does by itself within minutes."""
    if name == "PostgreSQL":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _in_server(name: str, browser: Any) -> bool:
    reached = True
    for chart in CHARTS:
        took, size = [], 0
        for number in range(TIMES + 1):
            began = time.perf_counter()
            answer = browser.get(f"/profile/ann/charts/{chart}.json?range=60d")
            if number:  # the first one loads Bokeh
                took.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200 or answer.json["empty"]:
                raise SystemExit(f"{chart} answers {answer.status}")
            size = len(answer.data)
        middle = statistics.median(took)
        good = middle <= IN_SERVER and size <= BYTES
        reached &= good
        print(f"  {name:10} {chart:11} of {POINTS:,} points: {middle:.1f} ms (at most {IN_SERVER}), "
              f"{size / 1000:.1f} KB (at most {BYTES // 1000}): {'reached' if good else 'MISSED'}", flush=True)
    return reached


def _drawn(name: str, app: Any, settings: Any) -> bool:
    """From the click on another range until the first chart is drawn, in Chromium."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    took = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(settings, playwright),
                                             args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        base = f"http://127.0.0.1:{server.server_port}"
        page.goto(f"{base}/login")
        page.locator("input:not([type=hidden]):not([type=password])").first.fill("bench")
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("input[type=password]").press("Enter")
        page.wait_for_url("**/users/**")
        page.goto(f"{base}/profile/ann/charts?range=7d")
        page.wait_for_selector("[data-drawn=yes]")
        page.wait_for_load_state("networkidle")
        for wanted in ("60d", "all") * 5:
            began = time.perf_counter()
            page.click(f"[data-range='{wanted}']")
            page.wait_for_selector(f"[data-chart*='followers.json?range={wanted}'][data-drawn=yes]")
            took.append((time.perf_counter() - began) * 1000)
            page.wait_for_load_state("networkidle")
        browser.close()
    server.shutdown()
    server.server_close()
    middle = statistics.median(took)
    print(f"  {name:10} from the click until {POINTS:,} points are drawn: {middle:.0f} ms, longest {max(took):.0f} ms "
          f"(at most {DRAWN}): {'reached' if max(took) <= DRAWN else 'MISSED'}", flush=True)
    return max(took) <= DRAWN

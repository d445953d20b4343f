"""What all pages and all JSON share: local Bootstrap assets, moments as ISO 8601 with milliseconds."""

from datetime import datetime
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask_bootstrap import Bootstrap5

from common.clock import iso_ms


class PanelJson(DefaultJSONProvider):
    """Moments as `2026-01-31T12:00:00.000Z`, letters beyond ASCII as they are."""

    ensure_ascii = False
    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        return iso_ms(value) if isinstance(value, datetime) else DefaultJSONProvider.default(value)


def set_up_pages(app: Flask) -> None:
    app.json = PanelJson(app)
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)

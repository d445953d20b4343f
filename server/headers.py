"""What every answer says to the browser, and how large a request may be."""

from typing import Any

from flask import Flask
from flask_talisman import Talisman

from common.settings import Settings

# Bootstrap's style sheet carries its small pictures as data: addresses.
POLICY: dict[str, Any] = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# Bokeh writes style elements while it draws; scripts stay as strict as everywhere.
CHARTS_POLICY = POLICY | {"style-src-elem": "'self' 'unsafe-inline'"}
LARGEST_REQUEST = 64 * 1024 * 1024
LARGEST_FORM_FIELDS = 8 * 1024 * 1024
MOST_FORM_PARTS = 500


def set_up_headers(app: Flask, settings: Settings) -> None:
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM_FIELDS,
        MAX_FORM_PARTS=MOST_FORM_PARTS,
    )
    Talisman(
        app,
        force_https=False,
        strict_transport_security=settings.https,
        session_cookie_secure=settings.https,
        frame_options="DENY",
        content_security_policy=POLICY,
        referrer_policy="same-origin",
        permissions_policy={"browsing-topics": "()", "camera": "()", "microphone": "()", "geolocation": "()"},
    )

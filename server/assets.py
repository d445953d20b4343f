"""Third-party files that come from installed packages, so that none lies in the repository."""

from pathlib import Path

import flask_openapi_swagger
import js_lib_htmx
from flask import Blueprint, Response, send_from_directory

from server.access.guard import PUBLIC, requires

HTMX = Path(js_lib_htmx.__file__).parent / "static" / "htmx"
SWAGGER = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"

bp = Blueprint("assets", __name__, url_prefix="/assets")


@bp.get("/htmx.min.js")
@requires(PUBLIC)
def htmx() -> Response:
    return send_from_directory(HTMX, "htmx.min.js")


@bp.get("/swagger/<path:name>")
@requires(PUBLIC)
def swagger(name: str) -> Response:
    return send_from_directory(SWAGGER, name)

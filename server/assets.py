"""Third-party files that come from installed packages, so that none lies in the repository."""

from importlib.util import find_spec
from pathlib import Path

import flask_openapi_swagger
import js_lib_htmx
from flask import Blueprint, Response, send_from_directory

from server.access.guard import PUBLIC, requires
from server.errors import Refused

HTMX = Path(js_lib_htmx.__file__).parent / "static" / "htmx"
SWAGGER = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"
BOKEH_SCRIPTS = ("bokeh.min.js",)  # the part that draws; tables, widgets and mathematics are parts of their own
YEAR = 365 * 86_400

bp = Blueprint("assets", __name__, url_prefix="/assets")


@bp.get("/htmx.min.js")
@requires(PUBLIC)
def htmx() -> Response:
    return send_from_directory(HTMX, "htmx.min.js")


@bp.get("/swagger/<path:name>")
@requires(PUBLIC)
def swagger(name: str) -> Response:
    return send_from_directory(SWAGGER, name)


@bp.get("/bokeh/<version>/<name>")
@requires(PUBLIC)
def bokeh(version: str, name: str) -> Response:
    """A script of Bokeh's; the address names the version, so that browsers may keep it."""
    found = find_spec("bokeh")  # found without loading it, which takes half a second
    if name not in BOKEH_SCRIPTS or found is None or found.origin is None:
        raise Refused(404, "not_found", "There is no such page.")
    answer = send_from_directory(Path(found.origin).parent / "server" / "static" / "js", name, max_age=YEAR)
    answer.cache_control.public = answer.cache_control.immutable = True
    return answer

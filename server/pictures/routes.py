"""Stored pictures, told so that a browser can only draw them: WebP that we made ourselves, fenced in on its own."""

import re

import structlog
from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from server.access.guard import requires
from server.errors import Refused
from server.models import db
from server.pictures import files, queries

NAME = re.compile(r"([0-9a-f]{64})(?:\.(72|360))?\.webp")
KEPT_SECONDS = 7 * 86_400  # by the browser alone; what is under a name never changes

log = structlog.get_logger(__name__)
bp = Blueprint("pictures", __name__)


@bp.get("/images/<name>")
@requires("view_users")
def picture(name: str) -> AnyResponse:
    """`<sha256>.webp`, or `<sha256>.72.webp` and `<sha256>.360.webp` in so many pixels."""
    match = NAME.fullmatch(name)
    if match is None or not queries.is_kept(db.session(), match[1]):
        raise Refused(404, "unknown_picture", "This picture is not kept, or not any longer.")
    try:
        content = files.read(match[1], int(match[2] or 0))
    except OSError as error:
        log.warning("a picture's file cannot be read", picture=match[1], reason=error.strerror)
        raise Refused(404, "unreadable_picture", "The file of this picture is gone or damaged.") from error
    answer = Response(content, content_type="image/webp")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.cache_control.private = True
    answer.cache_control.max_age = KEPT_SECONDS
    answer.cache_control.immutable = True
    answer.set_etag(name)
    return answer.make_conditional(request)


picture.__dict__["talisman_view_options"] = {"content_security_policy": {"default-src": "'none'", "sandbox": ""}}

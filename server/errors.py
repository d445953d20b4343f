"""Every refusal of the server, told the same way: JSON under /api, a page elsewhere.

Refused                  raised by us, with a code for programs and words for people
HTTPException            raised by Flask: unknown address, wrong method, too large …
OperationalError         the database is busy, full, read-only or away: 503, and trying again is safe,
                         because nothing of the request was kept
anything else            500; its details are for the log alone
"""

import errno
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, current_app, jsonify, render_template, request
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError

from server.models import db

log = structlog.get_logger(__name__)


class Refused(Exception):
    """The request is not carried out. `message` says to a person why, `code` says it to a program."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None,
                 headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field
        self.headers = headers or {}


class ErrorDetail(BaseModel):
    code: str = Field(description="a short name that programs can rely on")
    message: str = Field(description="what happened and what to do, for people")
    field: str | None = Field(None, description="the field that is wrong, where there is one")


class ErrorAnswer(BaseModel):
    """The shape of every error."""

    error: ErrorDetail


_WORDS: dict[int, tuple[str, str]] = {
    400: ("invalid", "The request could not be understood."),
    401: ("signed_out", "Sign in first, or send a valid token."),
    403: ("forbidden", "Your role does not allow this. An admin can change it under Admin, Access."),
    404: ("not_found", "There is nothing here. It may have been removed, or the address has a typing error."),
    405: ("method_not_allowed", "This address does not take this kind of request."),
    408: ("timeout", "The request took too long to arrive. Try again."),
    409: ("conflict", "This does not fit the present state. Load the page again."),
    413: ("too_large", "This is larger than the panel accepts. Send it in smaller parts."),
    415: ("wrong_type", "The panel expects JSON here (Content-Type: application/json)."),
    429: ("too_many", "Too many tries. Wait a little, then try again."),
    500: ("internal", "Something went wrong inside the panel. The log says what; your data is as it was."),
    503: ("unavailable", "The panel cannot do this right now. Try again in a moment."),
}

_DATABASE_WORDS = [
    ("locked", "database_busy", "The database is busy with another change. Nothing was changed; try again."),
    ("disk is full", "disk_full", "The disk is full, so nothing could be stored. Free some space, then try again."),
    ("no space left", "disk_full", "The disk is full, so nothing could be stored. Free some space, then try again."),
    ("readonly", "read_only", "The data folder cannot be written: it or its disk is read-only. Make it writable, "
                              "then try again."),
    ("read-only", "read_only", "The database is read-only at the moment. Make it writable, then try again."),
    ("no such table", "not_prepared", "The database is not prepared. Run: flask --app server db upgrade"),
    ("authentication failed", "database_refused", "The database refuses the user or the password of MHC_DATABASE_URL. "
                                                  "Mend that setting, then start again."),
    ("no password supplied", "database_refused", "The database asks for a password and MHC_DATABASE_URL has none. "
                                                 "Mend that setting, then start again."),
    ("fatal:  role", "database_refused", "The database does not know the user of MHC_DATABASE_URL. Make the user, or "
                                         "mend that setting, then start again."),
    ("fatal:  database", "no_database", "The database server has no database of the name in MHC_DATABASE_URL. Make it "
                                        "(createdb), or mend that setting, then start again."),
    ("does not exist", "not_prepared", "The database is not prepared. Run: flask --app server db upgrade"),
]
_DATABASE_AWAY = (
    "database_away", "The database cannot be reached. Nothing was changed; check that it runs, then try again.")


def set_up_errors(app: Flask) -> None:
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeout, _database)
    app.register_error_handler(RecursionError, _too_deep)
    app.register_error_handler(OSError, _disk)


def answer(status: int, code: str, message: str, field: str | None = None,
           headers: dict[str, str] | None = None) -> Response:
    """One error as this request wants it: JSON for programs, a page for people."""
    if wants_json():
        detail = {"code": code, "message": message} | ({"field": field} if field else {})
        response = jsonify({"error": detail})
    else:
        response = current_app.make_response(render_template(
            "errors/error.html", status=status, title=HTTPStatus(status).phrase, code=code, message=message))
    response.status_code = status
    response.headers.extend(headers or {})
    return response


def wants_json() -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def _refused(error: Refused) -> Response:
    return answer(error.status, error.code, error.message, error.field, error.headers)


def _http(error: HTTPException) -> Any:
    if error.response is not None:
        return error.response
    status = error.code or 500
    if isinstance(error, InternalServerError):
        db.session.rollback()
    code, words = _WORDS.get(status, ("refused", str(error.description or HTTPStatus(status).phrase)))
    if status == 400 and error.description and type(error).__name__ == "CSRFError":
        code, words = "csrf", "This form has grown old or came from another site. Load the page again and repeat it."
    methods = getattr(error, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(methods))} if methods else None
    if 300 <= status < 400:
        return error
    return answer(status, code, words, headers=headers)


def _database(error: DBAPIError | PoolTimeout) -> Response:
    db.session.rollback()
    if isinstance(error, DataError):
        log.warning("value refused by the database", detail=str(error.orig))
        return answer(400, "invalid", "A value is too long, too large or holds a character that cannot be stored.")
    code, words = database_words(error)
    if code == "internal":
        log.error("unexpected database error", exc_info=error)
        return answer(500, code, words)
    log.error("database refused", code=code, detail=str(getattr(error, "orig", None) or error))
    return answer(503, code, words, headers={"Retry-After": "2" if code == "database_busy" else "5"})


def database_words(error: DBAPIError | PoolTimeout) -> tuple[str, str]:
    """Code and words for people of an error of the database; code `internal` when it is a bug of ours."""
    text = str(getattr(error, "orig", None) or error).lower()
    for sign, code, words in _DATABASE_WORDS:
        if sign in text:
            return code, words
    return _DATABASE_AWAY if isinstance(error, (PoolTimeout, OperationalError, InterfaceError)) else _WORDS[500]


def _disk(error: OSError) -> Response:
    """A file that could not be written: full and read-only disks have words, the rest is a bug."""
    sign = {errno.ENOSPC: "no space left", errno.EDQUOT: "no space left", errno.EROFS: "readonly",
            errno.EACCES: "readonly"}.get(error.errno or 0)
    if sign is None:
        raise error
    db.session.rollback()
    code, words = next((code, words) for text, code, words in _DATABASE_WORDS if text == sign)
    log.error("disk refused", code=code, detail=str(error))
    return answer(503, code, words, headers={"Retry-After": "5"})


def _too_deep(error: RecursionError) -> Response:
    log.warning("nested too deeply", path=request.path)
    return answer(400, "invalid", "The request is nested too deeply to be read.")


def invalid_request(error: ValidationError) -> Response:
    """The first thing that is wrong with a request's fields, as 400."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    message = first["msg"].removeprefix("Value error, ")
    return answer(400, "invalid", f"{field}: {message}" if field else message, field)

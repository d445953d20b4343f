"""Who is asking, and may they? One check before every request, closed by default.

`@requires("view_users")` only marks a view. `check()` runs before each request, finds out who asks, and
refuses unless the endpoint carries a mark that lets them in. An endpoint without a mark is refused for
everybody, so a forgotten decorator or a wrong order of decorators opens nothing.

A request with an Authorization header is judged by that header alone: its cookie is not looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, current_app, g, redirect, request, session
from flask_login import LoginManager, logout_user
from flask_login import current_user as login_user_proxy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from common.secrets import token_hash
from server.access import sessions
from server.access.roles import PERMISSIONS
from server.database import SAFE_METHODS, reading, writing
from server.errors import Refused, wants_json
from server.models import ApiToken, SystemUser
from server.time import now

PUBLIC = "PUBLIC"  # anybody
SIGNED_IN = "SIGNED_IN"  # any user of the panel, whatever the role
WORKER = "WORKER"  # the worker's own token and nobody else
SMALL_BODY = 64 * 1024  # bytes that somebody who has not signed in may send
STATIC_ENDPOINTS = frozenset({"static", "bootstrap.static", "assets.htmx", "assets.swagger", "assets.bokeh"})
KEPT_BY_THE_BROWSER = frozenset({"pictures.picture"})  # under a picture's name nothing ever changes
TOKEN_USE_KEPT_EVERY = timedelta(minutes=1)

log = structlog.get_logger(__name__)
View = TypeVar("View", bound=Callable[..., Any])
csrf = CSRFProtect()
login_manager = LoginManager()


@dataclass(frozen=True)
class Actor:
    """Who is asking. kind: user (signed in by a browser), token, worker, nobody."""

    name: str
    kind: str
    permissions: frozenset[str] = frozenset()


NOBODY = Actor("nobody", "nobody")


def requires(mark: str) -> Callable[[View], View]:
    """Mark a view with the permission it needs, or with PUBLIC, SIGNED_IN or WORKER. Innermost decorator."""
    if mark not in PERMISSIONS and mark not in (PUBLIC, SIGNED_IN, WORKER):
        raise ValueError(f"{mark} is neither a permission nor a mark")

    def put(view: View) -> View:
        view.__dict__["mhc_requires"] = mark
        return view

    return put


def mark_endpoint(app: Flask, endpoint: str, mark: str) -> None:
    """The same for a view that a library has made."""
    app.extensions.setdefault("mhc_marks", {})[endpoint] = mark


def mark_of(app: Flask, endpoint: str) -> str | None:
    """The mark of an endpoint; None: there is none, and nobody gets in."""
    marked = getattr(app.view_functions.get(endpoint), "mhc_requires", None)
    return marked or app.extensions.get("mhc_marks", {}).get(endpoint)


def actor() -> Actor:
    """Who is asking in this request; outside of one it is the command line."""
    return g.get("mhc_actor", NOBODY) if request else Actor("command line", "user", frozenset(PERMISSIONS))


def can(permission: str) -> bool:
    return permission in actor().permissions


def allowed(mark: str | None, who: Actor) -> bool:
    """May they in? The one rule."""
    if mark == PUBLIC:
        return True
    if mark == WORKER:
        return who.kind == "worker"
    if mark == SIGNED_IN:
        return who.kind == "user"
    return mark is not None and mark in who.permissions


def set_up_access(app: Flask) -> None:
    login_manager.init_app(app)
    csrf.init_app(app)
    app.before_request(check)
    for endpoint in ("static", "bootstrap.static"):
        mark_endpoint(app, endpoint, PUBLIC)
    app.after_request(_keep_private)
    app.context_processor(lambda: {"actor": actor(), "can": can})


def check() -> Response | None:
    """Runs before every request."""
    g.mhc_actor = NOBODY
    if request.endpoint in STATIC_ENDPOINTS and request.method in SAFE_METHODS:
        return None
    bearer = "Authorization" in request.headers
    who = g.mhc_actor = _bearer() if bearer else _signed_in()
    if request.endpoint is None:
        return None  # no such address: Flask answers 404 or 405
    if "\x00" in request.path or b"%00" in request.query_string:
        raise Refused(400, "invalid", "An address cannot hold the character NUL.")  # PostgreSQL has no such text
    mark = mark_of(current_app, request.endpoint)
    if who.kind == "nobody":
        request.max_content_length = SMALL_BODY
    if not allowed(mark, who):
        return _turn_away(who)
    if who.kind not in ("token", "worker") and request.method not in SAFE_METHODS:
        csrf.protect()
    return None


def _turn_away(who: Actor) -> Response:
    if who.kind != "nobody":
        raise Refused(403, "forbidden", "Your role does not allow this. An admin can change it under Admin, Access.")
    if wants_json() or "Authorization" in request.headers:
        raise Refused(401, "signed_out", "Sign in first, or send a valid token.",
                      headers={"WWW-Authenticate": "Bearer"})
    here = request.full_path.rstrip("?")
    if request.headers.get("HX-Request"):
        raise Refused(401, "signed_out", "You have been signed out.", headers={"HX-Redirect": "/login"})
    if request.method not in SAFE_METHODS:
        raise Refused(401, "signed_out", "You have been signed out. Sign in, then repeat what you wanted to do.")
    return current_app.make_response(redirect("/login" + ("" if here == "/" else "?" + urlencode({"next": here}))))


def _signed_in() -> Actor:
    user = login_user_proxy._get_current_object() if "_user_id" in session else None
    if user is None or not user.is_authenticated:
        return NOBODY
    if not user.active or not sessions.still_good(now()):
        logout_user()
        session.clear()
        return NOBODY
    return Actor(user.name, "user", frozenset(permission.name for permission in user.role.permissions))


@login_manager.user_loader
def load_user(key: str) -> SystemUser | None:
    """The user of a session; None when the password was changed since, so that old sessions end."""
    number, _, version = key.partition(":")
    if not (number.isdigit() and version.isdigit()):
        return None
    with reading() as short:
        user = short.get(SystemUser, int(number))
        return user if user and user.session_version == int(version) else None


def _bearer() -> Actor:
    scheme, _, value = request.headers["Authorization"].partition(" ")
    value = value.strip()
    if scheme.lower() != "bearer" or not value or len(value) > 500:
        return NOBODY
    with reading() as short:
        token = short.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash(value)))
    if token is None:
        return NOBODY
    _note_use(token)
    if token.role is None:
        return Actor(token.name, "worker")
    return Actor(f"token {token.name}", "token", frozenset(permission.name for permission in token.role.permissions))


def _note_use(token: ApiToken) -> None:
    moment = now()
    if token.last_used_at is None or moment - token.last_used_at >= TOKEN_USE_KEPT_EVERY:
        try:
            with writing() as short:
                short.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=moment))
        except DBAPIError as error:  # a database that cannot be written can still be read
            log.warning("the use of a token could not be noted", token=token.name, detail=str(error.orig))


def _keep_private(response: Response) -> Response:
    """What a signed-in person sees is kept by no proxy, and not by the browser after signing out. Pictures it may
    keep, since a page is full of them; refusals it may not."""
    if request.endpoint in KEPT_BY_THE_BROWSER and response.status_code in (200, 304):
        return response
    if request.endpoint not in STATIC_ENDPOINTS:
        response.headers["Cache-Control"] = "private, no-store"
    return response



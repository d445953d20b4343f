"""What signs the browser's session, and what bounds its cookie."""

import hashlib

from flask import Flask
from sqlalchemy.engine import make_url

from common.secrets import derived_key
from common.settings import Settings
from server.access.sessions import IDLE

PURPOSE = "browser sessions"


def set_up_keys(app: Flask, settings: Settings) -> None:
    keys = [derived_key(key, PURPOSE) for key in settings.secret_keys]
    app.config.update(
        SECRET_KEY=keys[0],
        SECRET_KEY_FALLBACKS=keys[1:],
        SESSION_COOKIE_NAME=cookie_name(settings),
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=IDLE,
        SESSION_REFRESH_EACH_REQUEST=False,  # `sessions.still_good` renews it now and then
        WTF_CSRF_CHECK_DEFAULT=False,  # the guard asks for it: it knows who came with a bearer token
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form left open over lunch still works
    )


def cookie_name(settings: Settings) -> str:
    """One name an installation: cookies know no port, and two panels on one machine would sign each other out.

    It follows from the database, which all processes of an installation share, and outlives a change of keys.
    """
    address = make_url(settings.resolved_database_url).set(password=None).render_as_string()
    return "mhc_" + hashlib.sha256(address.encode()).hexdigest()[:10]

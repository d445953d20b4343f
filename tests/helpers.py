"""What the fixtures are made of, for tests that need more than one of a kind."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from flask.testing import FlaskClient

from server.access.passwords import hashed
from server.access.sessions import begin
from server.models import Role, SystemUser, db

_hashed = cache(hashed)  # what makes guessing slow makes tests slow
WORKER = "worker-token-of-the-tests-0123456789"
PASSWORD = "a password for tests"


@dataclass
class FakeClock:
    """A clock that stands still until told; call it for the moment."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 20, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> datetime:
        """advance(minutes=15)"""
        self.now += timedelta(**amount)
        return self.now


class SignedIn(FlaskClient):
    """A browser that sends the CSRF token with everything that changes something, as our pages do."""

    sends_csrf = True

    def open(self, *args: Any, **kwargs: Any) -> Any:
        method = str(kwargs.get("method", "GET")).upper()
        if self.sends_csrf and method not in ("GET", "HEAD", "OPTIONS"):
            headers = dict(kwargs.pop("headers", None) or {})
            headers.setdefault("X-CSRFToken", self.csrf_token())
            kwargs["headers"] = headers
        return super().open(*args, **kwargs)

    def csrf_token(self) -> str:
        from flask_wtf.csrf import generate_csrf

        with self.session_transaction() as session:
            kept = dict(session)
        with self.application.test_request_context():
            from flask import session as inner

            inner.update(kept)
            token = generate_csrf()
            raw = inner["csrf_token"]
        with self.session_transaction() as session:
            session["csrf_token"] = raw
        return token


class WithToken(FlaskClient):
    """A program that sends a bearer token."""

    token = ""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", None) or {})
        headers.setdefault("Authorization", f"Bearer {self.token}")
        return super().open(*args, headers=headers, **kwargs)


def add_user(app: Any, name: str, role: str, password: str = PASSWORD) -> int:
    """A user of the panel; its id."""
    with app.app_context():
        row = db.session.query(Role).filter_by(name=role).one()
        user = SystemUser(name=name, password_hash=_hashed(password), role_id=row.id,
                          created_at=app.extensions["mhc_clock"]())
        db.session.add(user)
        db.session.commit()
        return user.id


def signed_in(app: Any, user_id: int) -> SignedIn:
    """A browser in which this user has signed in just now."""
    app.test_client_class = SignedIn
    try:
        browser = app.test_client()
    finally:
        app.test_client_class = None
    with app.test_request_context():
        from flask import session

        begin(db.session.get(SystemUser, user_id), app.extensions["mhc_clock"]())
        kept = dict(session)
    with browser.session_transaction() as session:
        session.permanent = True
        session.update(kept)
    return browser


def with_token(app: Any, token: str) -> WithToken:
    app.test_client_class = WithToken
    try:
        program = app.test_client()
    finally:
        app.test_client_class = None
    program.token = token
    return program

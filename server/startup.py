"""What has to be in the database before the server answers; done at every start, once is enough."""

import secrets

from flask import current_app
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from common.logs import hide
from common.secrets import token_hash
from server import settings as server_settings
from server.access.roles import PERMISSIONS, ROLES
from server.database import writing
from server.jobs.store import ensure_jobs_without_account
from server.ledger import start as ledger
from server.models import ApiToken, Permission, Role, SetupCode, SystemUser
from server.people.store import ensure_account
from server.time import now

WORKER_NAME = "worker"
LOCK = 7_202_611_211


def prepare() -> None:
    """Roles, the worker's token, the jobs, the owner's account and the ledger are there. Needs an app context.

    Two processes that start at the same time do it one after the other.
    """
    with writing() as session:
        if session.get_bind().dialect.name == "postgresql":  # on SQLite the transaction itself is the lock
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        ensure_roles(session)
        ensure_worker_token(session)
        ensure_jobs_without_account(session, now())
        owner = server_settings.current().owner
        if owner:
            ensure_account(session, owner, now())
        ledger.fill(session)
        ledger.plan_all(session, now())


def ensure_roles(session: Session) -> None:
    """The permissions and roles of `server.access.roles`; those of a newer version are added."""
    permissions = {row.name: row for row in session.scalars(select(Permission))}
    for name, meaning in PERMISSIONS.items():
        row = permissions.setdefault(name, Permission(name=name, meaning=meaning))
        row.meaning = meaning
        session.add(row)
    roles = {row.name: row for row in session.scalars(select(Role))}
    for name, (meaning, given) in ROLES.items():
        role = roles.get(name) or Role(name=name, meaning=meaning)
        session.add(role)
        wanted = [permissions[permission] for permission in given]
        if {row.name for row in role.permissions} != set(given):
            role.permissions = wanted
    session.flush()


def ensure_worker_token(session: Session) -> None:
    """The token of the settings, and no other, is the worker's."""
    kept = token_hash(server_settings.current().worker_token_value)
    row = session.scalar(select(ApiToken).where(ApiToken.name == WORKER_NAME))
    if row is None:
        session.add(ApiToken(name=WORKER_NAME, token_hash=kept, role_id=None, created_at=now()))
    elif row.token_hash != kept:
        row.token_hash, row.created_at, row.last_used_at = kept, now(), None
    session.flush()


def new_setup_link(session: Session) -> str | None:
    """A fresh one-time link that makes the first admin; links made before are void. None once there is a user."""
    if session.scalar(select(func.count()).select_from(SystemUser)):
        return None
    code = secrets.token_urlsafe(24)
    hide(code)
    session.execute(delete(SetupCode))
    session.add(SetupCode(code_hash=token_hash(code), created_at=now()))
    session.flush()
    return f"{_address()}/setup?code={code}"


def _address() -> str:
    settings = server_settings.current()
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{'https' if current_app.config['SESSION_COOKIE_SECURE'] else 'http'}://{host}:{settings.port}"

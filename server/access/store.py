"""Users, tokens and the first admin: what is written about who may use the panel.

Every function works in the caller's transaction, records what it did, and raises `Refused` for what it will
not do.
"""

import re
import secrets

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from common.logs import hide
from common.secrets import token_hash
from server.access import passwords
from server.access.audit import record
from server.errors import Refused
from server.models import ApiToken, Role, SetupCode, SystemUser
from server.startup import WORKER_NAME
from server.time import now

NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,79}")


def checked_name(name: str) -> str:
    """The name as it is kept: lower-case."""
    kept = name.strip().lower()
    if not NAME.fullmatch(kept):
        raise Refused(400, "invalid", "A name has 1 to 80 letters, digits or . _ @ -, and begins with a letter or a "
                                      "digit.", field="name")
    return kept


def role_named(session: Session, name: str) -> Role:
    role = session.scalar(select(Role).where(Role.name == name))
    if role is None:
        known = ", ".join(session.scalars(select(Role.name).order_by(Role.id)))
        raise Refused(400, "invalid", f"There is no role {name[:40]!r}. The roles are: {known}.", field="role")
    return role


def user_named(session: Session, name: str) -> SystemUser:
    user = session.scalar(select(SystemUser).where(SystemUser.name == name.strip().lower()))
    if user is None:
        raise Refused(404, "not_found", f"There is no user {name[:80]!r}.", field="name")
    return user


def user_by_id(session: Session, user_id: int) -> SystemUser:
    user = session.get(SystemUser, user_id)
    if user is None:
        raise Refused(404, "not_found", "There is no such user.")
    return user


def add_user(session: Session, name: str, role: str, password_hash: str, *, by: str | None = None) -> SystemUser:
    """A new user. The hash is made by the caller, before the transaction: hashing takes time on purpose."""
    kept = checked_name(name)
    if session.scalar(select(SystemUser.id).where(SystemUser.name == kept)) is not None:
        raise Refused(409, "exists", f"There is a user {kept} already.", field="name")
    user = SystemUser(name=kept, password_hash=password_hash, role_id=role_named(session, role).id, created_at=now())
    session.add(user)
    _flush_unique(session, f"There is a user {kept} already.")
    record(session, "add user", f"{kept} ({role})", by=by)
    return user


def hash_for(password: str, name: str = "") -> str:
    """The hash of a new password."""
    objection = passwords.objection(password, name)
    if objection:
        raise Refused(400, "invalid", objection, field="password")
    return passwords.hashed(password)


def set_password(session: Session, user: SystemUser, password_hash: str) -> None:
    """A new password ends all sessions of its user."""
    user.password_hash = password_hash
    user.session_version += 1
    record(session, "set password", user.name)


def set_role(session: Session, user: SystemUser, role_name: str) -> None:
    role = role_named(session, role_name)
    if role_name != "admin":
        _leave_an_admin(session, user)
    user.role_id = role.id
    record(session, "set role", f"{user.name} ({role_name})")


def set_active(session: Session, user: SystemUser, active: bool) -> None:
    """A user who is not active cannot sign in; sessions end at once."""
    if not active:
        _leave_an_admin(session, user)
    user.active = active
    user.session_version += 1
    record(session, "activate user" if active else "deactivate user", user.name)


def _leave_an_admin(session: Session, user: SystemUser) -> None:
    """The rows stay locked until the end, so that two admins cannot remove each other at the same moment."""
    admins = session.scalars(
        select(SystemUser.id).join(Role, SystemUser.role_id == Role.id)
        .where(Role.name == "admin", SystemUser.active)
        .order_by(SystemUser.id).with_for_update(of=SystemUser)).all()
    if set(admins) <= {user.id}:
        raise Refused(409, "last_admin", "This is the last active admin. Make another user an admin first.")


def add_token(session: Session, name: str, role: str) -> str:
    """The new token itself: it is shown once, and only its hash is kept."""
    kept = checked_name(name)
    if kept == WORKER_NAME:
        raise Refused(400, "invalid", "This name belongs to the worker's own token, which MHC_WORKER_TOKEN sets.",
                      field="name")
    if session.scalar(select(ApiToken.id).where(ApiToken.name == kept)) is not None:
        raise Refused(409, "exists", f"There is a token {kept} already. Revoke it first, or choose another name.",
                      field="name")
    token = "mhc_" + secrets.token_urlsafe(32)
    hide(token)
    session.add(ApiToken(name=kept, token_hash=token_hash(token), role_id=role_named(session, role).id,
                         created_at=now()))
    _flush_unique(session, f"There is a token {kept} already.")
    record(session, "add token", f"{kept} ({role})")
    return token


def revoke_token(session: Session, token: ApiToken | None) -> None:
    if token is None:
        raise Refused(404, "not_found", "There is no such token.")
    if token.role_id is None:
        raise Refused(409, "worker_token", "The worker's token is set by MHC_WORKER_TOKEN. Change it there; the old "
                                           "one ends when the server starts again.")
    session.delete(token)
    record(session, "revoke token", token.name)


def code_is_good(session: Session, code: str) -> bool:
    return bool(session.scalar(select(func.count()).select_from(SetupCode)
                               .where(SetupCode.code_hash == token_hash(code)))) and no_user_yet(session)


def no_user_yet(session: Session) -> bool:
    return not session.scalar(select(func.count()).select_from(SystemUser))


def make_first_admin(session: Session, code: str, name: str, password_hash: str) -> SystemUser:
    """Use up the one-time code. Of two requests at the same time, one deletes its row and the other finds none."""
    checked_name(name)
    used = session.execute(delete(SetupCode).where(SetupCode.code_hash == token_hash(code)))
    if used.rowcount != 1 or not no_user_yet(session):  # type: ignore[attr-defined]
        raise Refused(403, "used", "This set-up link is not valid any more. It works once; a new one is printed when "
                                   "the server starts, as long as there is no user, and by: "
                                   "flask --app server setup-link")
    session.execute(delete(SetupCode))
    return add_user(session, name, "admin", password_hash, by="set-up")


def _flush_unique(session: Session, words: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise Refused(409, "exists", words, field="name") from error

"""Signing in, with brakes that hold over all server processes because they are kept in the database.

A try is counted before the password is looked at, so that many tries at once are counted too. The answer and
the time it takes are the same for a wrong password, an unknown name and a user who is not active.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from server.access import passwords
from server.access.audit import record
from server.database import reading, writing
from server.errors import Refused
from server.models import SignInAttempt, SystemUser

WINDOW = timedelta(minutes=15)
TRIES_PER_NAME = 10
TRIES_PER_ADDRESS = 30


def sign_in(name: str, password: str, address: str, moment: datetime) -> SystemUser | None:
    """The user, or None when name and password do not fit.

    raises  Refused 429 after too many tries for this name or from this address
    """
    name = name.strip().lower()[:80]
    keys = [f"name:{name}", f"address:{address}"[:160]]
    with writing() as session:
        _count_try(session, keys, moment)
    with reading() as session:
        user = session.scalar(select(SystemUser).where(SystemUser.name == name))
    fits = passwords.matches(password, user.password_hash if user else None)
    if user is None or not fits or not user.active:
        return None
    fresh_hash = passwords.hashed(password) if passwords.outdated(user.password_hash) else None
    with writing() as session:
        _forget_tries(session, keys, moment)
        kept = session.get(SystemUser, user.id)
        if kept is None or kept.session_version != user.session_version:
            return None
        kept.last_sign_in_at = moment
        if fresh_hash:
            kept.password_hash = fresh_hash
        record(session, "sign in", by=kept.name)
        session.flush()
        return kept


def check_password(user: SystemUser, password: str, address: str, moment: datetime) -> bool:
    """The present password of somebody who is signed in already, under the same brakes."""
    keys = [f"name:{user.name}", f"address:{address}"[:160]]
    with writing() as session:
        _count_try(session, keys, moment)
    if not passwords.matches(password, user.password_hash):
        return False
    with writing() as session:
        _forget_tries(session, keys, moment)
    return True


def _count_try(session: Session, keys: list[str], moment: datetime) -> None:
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < moment - WINDOW))
    for key, most in zip(keys, (TRIES_PER_NAME, TRIES_PER_ADDRESS), strict=True):
        tries = select(func.count(), func.min(SignInAttempt.at)).where(SignInAttempt.key == key)
        count, oldest = session.execute(tries).one()
        if count >= most:
            wait = max(1, int((oldest + WINDOW - moment).total_seconds()) + 1)
            raise Refused(429, "too_many", f"Too many tries. Wait {-(-wait // 60)} minutes, then try again.",
                          headers={"Retry-After": str(wait)})
    session.add_all(SignInAttempt(key=key, at=moment) for key in keys)


def _forget_tries(session: Session, keys: list[str], moment: datetime) -> None:
    """All tries for the name, and this one of the address: one good password does not open a guessing machine."""
    name, address = keys
    this_one = select(func.max(SignInAttempt.id)).where(SignInAttempt.key == address, SignInAttempt.at == moment)
    forgotten: ColumnElement[bool] = or_(SignInAttempt.key == name, SignInAttempt.id == this_one.scalar_subquery())
    session.execute(delete(SignInAttempt).where(forgotten))

"""How long a sign-in lasts. The browser holds it in a signed cookie; what ends it is kept here.

A session ends after IDLE without a request, after ABSOLUTE in any case, at sign-out (even if somebody kept a
copy of the cookie), and when the password or the role of its user changes (`SystemUser.session_version`).
"""

import secrets
from datetime import UTC, datetime, timedelta

from flask import session
from flask_login import login_user
from sqlalchemy import delete
from sqlalchemy.orm import Session

from common.secrets import token_hash
from server.database import reading
from server.models import KeyValue, SystemUser

IDLE = timedelta(hours=24)
ABSOLUTE = timedelta(days=14)
SEEN_KEPT_EVERY = timedelta(minutes=5)
_ENDED = "ended session "


def begin(user: SystemUser, moment: datetime) -> None:
    """Sign this user in. Nothing of an earlier session in this browser is carried over."""
    session.clear()
    session.permanent = True
    session["id"] = secrets.token_urlsafe(18)
    session["started"] = session["seen"] = int(moment.timestamp())
    login_user(user)


def still_good(moment: datetime) -> bool:
    """Neither too old, nor idle for too long, nor signed out."""
    try:
        started = datetime.fromtimestamp(session["started"], UTC)
        seen = datetime.fromtimestamp(session["seen"], UTC)
        key = _ENDED + token_hash(session["id"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    if moment - started > ABSOLUTE or moment - seen > IDLE:
        return False
    with reading() as short:
        if short.get(KeyValue, key) is not None:
            return False
    if moment - seen >= SEEN_KEPT_EVERY:
        session["seen"] = int(moment.timestamp())
    return True


def end(store: Session, moment: datetime) -> None:
    """Sign out: a copy of this cookie is worth nothing from now on."""
    if "id" in session:
        store.merge(KeyValue(name=_ENDED + token_hash(session["id"]), value="", at=moment))
    store.execute(delete(KeyValue).where(KeyValue.name.startswith(_ENDED), KeyValue.at < moment - ABSOLUTE))
    session.clear()

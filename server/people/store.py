"""Persons and accounts: what is written about who they are."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scraper.observations import username as checked_username
from server.errors import Refused
from server.jobs.store import ensure_jobs
from server.models import PLATFORM, Account


def ensure_account(session: Session, username: str, now: datetime) -> Account:
    """The owner's account of this name, made with its jobs where it is new; two at the same time make one.

    raises  ValueError for what cannot be a username.
    """
    name = checked_username(username)
    found = session.scalar(select(Account).filter_by(platform=PLATFORM, username=name))
    if found is not None:
        return found
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(Account)
        .values(platform=PLATFORM, username=name, created_at=now, session_state="unknown")
        .on_conflict_do_nothing()
    )
    account = session.scalars(select(Account).filter_by(platform=PLATFORM, username=name)).one()
    ensure_jobs(session, account)
    return account


def picked_account(session: Session, username: str | None) -> Account:
    """The account that a call is about: the one it names, or the only one there is.

    raises  Refused 404 if there is none of that name or none at all, 400 if the call has to name one.
    """
    if username:
        account = session.scalar(select(Account).filter_by(platform=PLATFORM, username=username.strip().lower()))
        if account is None:
            raise Refused(404, "unknown_account", f"There is no account {username!r:.60} here.", field="account")
        return account
    accounts = session.scalars(select(Account).order_by(Account.id).limit(2)).all()
    if not accounts:
        raise Refused(404, "no_account", "There is no account yet. Run `python -m scraper login` to add yours.")
    if len(accounts) > 1:
        raise Refused(400, "account_needed", "There are several accounts: say which one with ?account=NAME.",
                      field="account")
    return accounts[0]

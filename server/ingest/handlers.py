"""Which kind of message goes to whom. Each handler works inside the batch's one transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from scraper.observations import ScanEnd, SessionReport
from server import settings
from server.affiliate.intake import take_rooms
from server.cbhours.intake import take_activity, take_live
from server.follows import intake
from server.jobs.store import session_is_back
from server.people.store import ensure_account
from server.pictures.store import take_picture

Handler = Callable[[Session, Any, datetime, list[dict[str, str]]], dict[str, Any]]


def take_session(session: Session, report: SessionReport, now: datetime, _rejected: Any = ()) -> dict[str, Any]:
    """What the worker knows about an account's sign-in; the account is made where it is new.

    A report that is older than what we know changes nothing.
    """
    account = ensure_account(session, report.account, now)
    newer = account.session_reported_at is None or report.observed_at >= account.session_reported_at
    if newer:
        account.session_state = report.state
        account.session_detail = report.detail
        account.session_reported_at = report.observed_at
        account.signed_in_since = report.signed_in_since
        account.session_proved_at = report.proved_at or account.session_proved_at
        account.cookies_end = report.cookies_end
        session.flush()
        if report.state == "signed_in":
            session_is_back(session, account, now, timedelta(minutes=settings.current().minimum_gap))
    return {"accepted": 1, "rejected": [], "account": account.username, "state": account.session_state}


def _take_end(session: Session, message: ScanEnd, now: datetime, _rejected: Any = ()) -> dict[str, Any]:
    return intake.take_end(session, message, now)


HANDLERS: Mapping[str, Handler] = {
    "scan-page": intake.take_page,
    "scan-end": _take_end,
    "follow-events": intake.take_events,
    "session": take_session,
    "affiliate-rooms": take_rooms,
    "picture": take_picture,
    "cbhours-live": take_live,
    "cbhours-activity": take_activity,
}

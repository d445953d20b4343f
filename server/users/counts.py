"""The counts on the tabs. Counting a hundred thousand rows for every page costs more than the page itself.

Small lists are counted each time. The counts of big ones are remembered for some seconds, and only while
neither list of the account has changed: whoever looks after a reading sees its result.
"""

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import FollowList
from server.users.queries import Counts, counts

WORTH_REMEMBERING = 5_000
FOR = timedelta(seconds=10)

Remembered = tuple[datetime, tuple[tuple[str, int], ...], Counts]


def tab_counts(session: Session, account_id: int | None, since: datetime | None, now: datetime) -> Counts:
    """Everybody known, followed, following, and gone since a moment; two statements, one where they are remembered."""
    kept: dict[int | None, Remembered] = current_app.extensions.setdefault("tab_counts", {})
    versions = tuple(sorted((direction, version) for direction, version in session.execute(
        select(FollowList.direction, FollowList.version).where(FollowList.account_id == account_id))))
    if account_id in kept:
        counted_at, of_versions, found = kept[account_id]
        if of_versions == versions and timedelta(0) <= now - counted_at < FOR:
            return found
    found = counts(session, account_id, since)
    if max(found) >= WORTH_REMEMBERING:
        kept[account_id] = (now, versions, found)
    else:
        kept.pop(account_id, None)
    return found

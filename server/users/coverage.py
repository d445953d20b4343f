"""How many people are live, and by whose word: the line above the directory. A source that should be asked and is
silent is named there, and who stands in for it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from server.jobs.quiet import quiet_until
from server.ledger.store import present_plan
from server.models import HeardSpan, Job, PersonCurrent
from server.people.counts import remembered
from server.people.rows import Freshness, live_after, live_now
from server.time import owner_zone

FOR = timedelta(seconds=5)
WORTH_REMEMBERING = 1_000
STALE_FOR = timedelta(hours=24)  # who was said to be live longer ago has ended unseen
SOURCES = {"affiliate": "affiliate", "cbhours-live": "cbhours"}


class Live(NamedTuple):
    """affiliate, cbhours, lists: by whose word people are shown as live; each only who is not by one before it.

    stale  whom the newest word of the affiliate API or CBHours said to be live, within a day, and too long ago to be
           believed
    """

    affiliate: int
    cbhours: int
    lists: int
    stale: int

    @property
    def total(self) -> int:
        return self.affiliate + self.cbhours + self.lists


class Silence(NamedTuple):
    """A source that should be heard and is not. since: when it was heard last; None: never."""

    source: str
    since: datetime | None


class Coverage(NamedTuple):
    live: Live
    silent: list[Silence]


def coverage(session: Session, about: Freshness) -> Coverage:
    """Two statements; where many are live, their count is of some seconds ago."""
    silent = silences(session, about.now)
    asked = ("live", tuple(one.source for one in silent))
    return Coverage(remembered(asked, about.now, FOR, lambda: live(session, about),
                               worth=lambda found: found.total + found.stale >= WORTH_REMEMBERING), silent)


def live(session: Session, about: Freshness) -> Live:
    """One statement, over those who were seen within a day."""
    row, now = PersonCurrent, about.now
    by_affiliate = func.coalesce(row.live_until >= now, False)
    by_cbhours = func.coalesce(row.cbhours_live_until >= now, False)
    not_denied = or_(row.cbhours_at.is_(None), row.cbhours_at < row.affiliate_at)
    said_live = or_(row.cbhours_live_until.is_not(None), and_(row.live_until.is_not(None), not_denied))
    known = live_now(about)
    since = min(now - STALE_FOR, live_after(about))
    return Live(*session.execute(select(
        func.count().filter(by_affiliate), func.count().filter(by_cbhours, ~by_affiliate),
        func.count().filter(known, ~by_affiliate, ~by_cbhours),
        func.count().filter(said_live, ~known, row.last_seen_at >= now - STALE_FOR),
    ).where(row.last_seen_at >= since)).one())


def silences(session: Session, now: datetime) -> list[Silence]:
    """The sources that are on their schedule and have not been heard for longer than their word is believed."""
    heard = select(HeardSpan.job_id, func.max(HeardSpan.heard_at).label("at"), func.max(HeardSpan.until).label("until"))
    newest = heard.group_by(HeardSpan.job_id).subquery()
    found = []
    for job, at, until in session.execute(
            select(Job, newest.c.at, newest.c.until).outerjoin(newest, newest.c.job_id == Job.id)
            .where(Job.name.in_(SOURCES)).order_by(Job.name)):
        state, quiet = present_plan(job)
        if state == "scheduled" and quiet_until(quiet, now, owner_zone()) is None and (until is None or until < now):
            found.append(Silence(SOURCES[job.name], at))
    return found

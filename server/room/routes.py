"""The owner's own room: are the accounts signed in, how long are the lists, what happened last."""

from datetime import timedelta

from flask import Blueprint, render_template

from server import frame
from server.access.guard import requires
from server.events import queries as events
from server.models import db
from server.room import queries
from server.time import now
from server.users.words import FIRST_SIGN_IN

bp = Blueprint("room", __name__)
RECENT = 12
WEEK = timedelta(days=7)


@bp.get("/room")
@requires("view_users")
def room() -> str:
    """The owner's accounts."""
    account = frame.chosen_account()
    feed, week = events.Feed([], None, None), {"came": 0, "left": 0}
    if account is not None:
        feed = events.feed(db.session(), account.id, events.Asked(limit=RECENT))
        week = events.totals(db.session(), account.id, now() - WEEK)
    accounts = frame.accounts()
    return render_template(
        "room/room.html", account=account, accounts=accounts, lights=frame.header_lights(), feed=feed, week=week,
        totals=queries.list_totals(db.session()), lists=queries.LISTS,
        first_sign_in=FIRST_SIGN_IN,
        scans=queries.newest_scans(db.session(), [one.id for one in accounts]))

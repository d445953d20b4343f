"""The feed of what changed in the lists."""

from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from server import frame
from server.access.guard import requires
from server.events import queries
from server.models import db

bp = Blueprint("events", __name__)


@bp.get("/events")
@requires("view_users")
def events() -> str:
    """What changed, newest first."""
    account = frame.chosen_account()
    kind, direction = request.args.get("kind", "all"), request.args.get("direction", "all")
    asked = queries.Asked(
        kind=kind if kind in queries.KINDS else "all",
        direction=direction if direction in queries.DIRECTIONS else "all",
        after=request.args.get("after", ""), before=request.args.get("before", ""))
    feed = queries.Feed([], None, None) if account is None else queries.feed(db.session(), account.id, asked)
    several = len(frame.accounts()) > 1

    def link(**changes: str | None) -> str:
        shown = {"account": account.username if account and several else None, "kind": asked.kind,
                 "direction": asked.direction, **changes}
        return f"{request.script_root}{request.path}?{urlencode({key: word for key, word in shown.items() if word})}"

    return render_template(
        "events/events.html", account=account, accounts=frame.accounts(), asked=asked, feed=feed, link=link,
        previous_link=link(before=feed.previous) if feed.previous else None,
        next_link=link(after=feed.next) if feed.next else None)

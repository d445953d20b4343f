"""/admin/queue and the buttons that lead there from everywhere. Everything works without JavaScript."""

from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from server import frame
from server.access.guard import actor, requires
from server.access.next import safe_next
from server.errors import Refused
from server.jobs.api import minimum_gap
from server.models import db
from server.queue import queries, rules, store
from server.queue.api import ask
from server.time import now, owner_zone

PAGE = "/admin/queue"

bp = Blueprint("queue", __name__)


@bp.get(PAGE)
@requires("view_users")
def page() -> str:
    """Everybody who is read first: who asked, since when, what came of it."""
    at = now()
    state, priority = request.args.get("state", "all"), request.args.get("priority", "all")
    asked = {"state": state if state in rules.STATES else "all",
             "priority": priority if priority in ("1", "2") else "all"}
    view = queries.poller(db.session(), at, owner_zone(), minimum_gap())
    cut = queries.entries(
        db.session(), view, at, state=None if asked["state"] == "all" else asked["state"],
        priority=None if asked["priority"] == "all" else int(asked["priority"]),
        after=request.args.get("after", ""), before=request.args.get("before", ""))

    def link(**changes: str | None) -> str:
        shown = {**asked, **changes}
        return f"{request.script_root}{PAGE}?{urlencode({key: word for key, word in shown.items() if word})}"

    return render_template(
        "admin/queue.html", cut=cut, asked=asked, link=link, poller=view, counts=queries.counts(db.session()),
        name=frame.clean(request.args.get("username", ""))[:50], here=request.full_path.rstrip("?"),
        previous_link=link(before=cut.previous) if cut.previous else None,
        next_link=link(after=cut.next) if cut.next else None)


@bp.post(f"{PAGE}/add")
@requires("manage_priorities")
def add() -> Answer:
    """Put somebody in the queue."""
    given = request.form.get("priority", "1")
    try:
        entry = ask(db.session(), request.form.get("username", ""), int(given) if given in ("1", "2") else given)
        name, priority, state = entry.username, entry.priority, entry.state
        db.session.commit()
        words = "read as soon as possible" if priority == 1 else "read at every poll, until taken off"
        flash(f"{name} is in the queue (P{priority}): {words}." if state == "queued" else
              f"{name} is in the queue already (P{priority}).", "success")
    except Refused as refused:
        db.session.rollback()
        flash(refused.message, "danger")
    return _back()


@bp.post(f"{PAGE}/remove")
@requires("manage_priorities")
def remove() -> Answer:
    """Take somebody off the queue."""
    given = request.form.get("priority")
    try:
        name = store.checked(request.form.get("username", ""))
        priority = int(given) if given in ("1", "2") else None
        gone = store.remove(db.session(), name, priority, actor().name, now())
        db.session.commit()
        flash(f"{name} is off the queue." if gone else f"{name} was not in the queue.", "success")
    except Refused as refused:
        db.session.rollback()
        flash(refused.message, "danger")
    return _back()


@bp.post(f"{PAGE}/clear")
@requires("manage_priorities")
def clear() -> Answer:
    """Take off every P1 that has ended."""
    gone = store.remove_ended(db.session(), actor().name, now())
    db.session.commit()
    flash(f"Cleared: {gone} of which it is known what came of them.", "success")
    return _back()


def _back() -> Answer:
    wish = request.form.get("next")
    return redirect(request.script_root + (safe_next(wish) if wish else PAGE))

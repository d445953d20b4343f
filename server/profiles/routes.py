"""One person's page, and the box to find it."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scraper.observations import USERNAME
from server import frame, settings
from server.access.guard import requires
from server.errors import Refused
from server.models import db
from server.profiles import charts, queries
from server.time import now

bp = Blueprint("profiles", __name__)


@bp.get("/profile")
@requires("view_users")
def find() -> Answer | str:
    """Find a person by name; one that fits exactly is shown at once."""
    text = frame.clean(request.args.get("q")).strip().lower().removeprefix("@")[:50]
    matches = queries.names_like(db.session(), text) if text else []
    if text in matches:
        return redirect(url_for("profiles.profile", username=text))
    return render_template("profiles/find.html", text=text, matches=matches, most=queries.MATCHES,
                           owner=settings.current().owner, accounts=frame.accounts())


@bp.get("/profile/<username>")
@requires("view_users")
def profile(username: str) -> Answer | str:
    """One person, with every follow in both directions."""
    name = username.lower()
    known = USERNAME.fullmatch(name)
    if known and name != username:
        return redirect(url_for("profiles.profile", username=name))
    view = queries.person_view(db.session(), name) if known else None
    if view is None:
        raise Refused(404, "unknown_person", f"Nobody named “{frame.clean(name)[:60]}” is known here. Everybody whom "
                      "your lists name is; search under Profile, or update your lists.")
    return render_template("profiles/profile.html", view=view, timeline=charts.timeline(view.follows, now()),
                           several=len(frame.accounts()) > 1)

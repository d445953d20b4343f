"""One person's page, and the box to find it."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scraper.observations import USERNAME
from server import frame
from server.access.guard import requires
from server.models import db
from server.profiles import charts, queries
from server.time import now

bp = Blueprint("profiles", __name__)


@bp.get("/profile")
@requires("view_users")
def find() -> Answer | str:
    """Find a person by name; one that fits exactly is shown at once."""
    text = _asked(request.args.get("q"))
    matches = queries.names_like(db.session(), text) if text else []
    if text in matches:
        return redirect(url_for("profiles.profile", username=text))
    return _found(text, matches)


@bp.get("/profile/<username>")
@requires("view_users")
def profile(username: str) -> Answer | str | tuple[str, int]:
    """One person, with every follow in both directions; for a name that nobody has, the box to find another."""
    name = username.lower()
    known = USERNAME.fullmatch(name)
    if known and name != username:
        return redirect(url_for("profiles.profile", username=name))
    view = queries.person_view(db.session(), name) if known else None
    if view is None:
        text = _asked(name)
        return _found(text, queries.names_like(db.session(), text) if text else [], nobody=True), 404
    return render_template("profiles/profile.html", view=view, timeline=charts.timeline(view.follows, now()),
                           several=len(frame.accounts()) > 1)


def _asked(text: str | None) -> str:
    return frame.clean(text).strip().lower().removeprefix("@")[:50]


def _found(text: str, matches: list[str], *, nobody: bool = False) -> str:
    return render_template("profiles/find.html", text=text, matches=matches, most=queries.MATCHES, nobody=nobody,
                           accounts=frame.accounts())

"""The tabs of one person's page, and the box to find it."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scraper.observations import USERNAME
from server import frame
from server.access.guard import requires
from server.errors import Refused
from server.models import db
from server.people import values
from server.people.rows import freshness, is_known, row_of
from server.people.shown import values_of
from server.pictures.queries import of_person
from server.profiles import queries
from server.profiles.frame import Nobody, header
from server.profiles.timeline import timeline
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


@bp.app_errorhandler(Nobody)
def nobody(error: Nobody) -> Answer | tuple[str, int]:
    """A profile that is not there: its name in lower case if that one is, else the box to find another."""
    name = str(error)
    if request.method == "GET" and USERNAME.fullmatch(name.lower()) and is_known(db.session(), name.lower()):
        return redirect(request.script_root + request.path.replace(f"/{name}", f"/{name.lower()}", 1))
    text = _asked(name.lower())
    return _found(text, queries.names_like(db.session(), text) if text else [], nobody=True), 404


@bp.get("/profile/<username>")
@requires("view_users")
def profile(username: str) -> str:
    """Overview: every follow in both directions, and how things stand."""
    above = header(db.session(), username)
    return render_template("profiles/overview.html", **above, timeline=timeline(above["view"].follows, now()),
                           pictures=of_person(db.session(), above["person"].person_id))


@bp.get("/profile/<username>/values")
@requires("view_users")
def profile_values(username: str) -> str:
    """Where each value of a person comes from, as a piece of a page."""
    row = row_of(db.session(), username) if USERNAME.fullmatch(username.lower()) else None
    if row is None:
        raise Refused(404, "unknown_person", "Nobody of this name is known here.")
    about = freshness(db.session(), now())
    return render_template("profiles/values.html", name=row.username,
                           values=values_of(values.of_person(db.session(), row, about), about))


def _asked(text: str | None) -> str:
    return frame.clean(text).strip().lower().removeprefix("@")[:50]


def _found(text: str, matches: list[str], *, nobody: bool = False) -> str:
    return render_template("profiles/find.html", text=text, matches=matches, most=queries.MATCHES, nobody=nobody,
                           accounts=frame.accounts())

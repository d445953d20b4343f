"""/admin/storage: how large everything is, how it grows, what would go. Everything works without JavaScript."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from server.access.guard import requires
from server.admin import storage_queries as queries
from server.database import reading, writing
from server.jobs import rules, storage
from server.jobs.api import minimum_gap
from server.jobs.kinds import KINDS
from server.jobs.queries import job_views
from server.models import db
from server.retention import sizes
from server.retention.plan import plan
from server.time import now, owner_zone

MOST_MINUTES, MOST_ROOMS = 43_200, 1_000_000

bp = Blueprint("storage", __name__)


@bp.get("/admin/storage")
@requires("view_stats")
def page() -> str:
    """Rows, bytes, growth, what is to come, the calculator beside what was measured, and what would go."""
    session = db.session()
    view = queries.storage_view(session, now(), owner_zone(), minimum_gap())
    interval = _number("interval", view.config["intervalMinutes"], MOST_MINUTES)
    rooms = _number("rooms", round(view.config["limit"] or view.measured.rooms or 0), MOST_ROOMS)
    job = request.args.get("job", queries.POLLER)
    job = job if job in KINDS else queries.POLLER
    return render_template(
        "admin/storage.html", view=view, files=queries.files(session), interval=interval, rooms=rooms,
        storage=storage, kinds=KINDS,
        planned=plan(session, view.keeping, now()) if "dry_run" in request.args else None,
        jobs=job_views(session, now(), owner_zone(), minimum_gap()), stats_of=rules.present_stats,
        job=job, lines=queries.log_lines(session, job))


@bp.post("/admin/storage/measure")
@requires("manage_jobs")
def measure() -> Answer:
    """Measure the tables now, not only once a day."""
    db.session.rollback()
    with reading() as session:
        measured = sizes.measure(session)
    with writing() as session:
        sizes.keep(session, measured, now())
    flash("Measured: this is how large the tables are now.", "success")
    return redirect(url_for("storage.page"))


def _number(name: str, usual: int, most: int) -> int:
    """A number of the calculator; what is none, or too large, is as usual."""
    text = request.args.get(name, "")
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) else usual

"""Admin: the readings with their evidence, and how the installation is."""

from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from server import frame
from server.access.guard import actor, requires
from server.admin import queries
from server.admin.coverage import coverage
from server.errors import Refused
from server.follows import store as follows
from server.models import Scan, db
from server.time import now

bp = Blueprint("admin", __name__)


@bp.get("/admin")
@requires("view_stats")
def index() -> Answer:
    return redirect(f"{request.script_root}/admin/jobs")


@bp.get("/admin/scans")
@requires("view_users")
def scans() -> str:
    """Every reading of a list, newest first."""
    account = frame.chosen_account() if request.args.get("account") else None
    list_name, state = request.args.get("list", "all"), request.args.get("state", "all")
    asked = {
        "account": account.username if account else None,
        "list": list_name if list_name in queries.LISTS else "all",
        "state": state if state in queries.STATES else "all",
    }
    cut = queries.scans(
        db.session(), account_id=account.id if account else None, list_name=str(asked["list"]),
        state=str(asked["state"]), after=request.args.get("after", ""), before=request.args.get("before", ""))

    def link(**changes: str | None) -> str:
        shown = {**asked, **changes}
        return f"{request.script_root}{request.path}?{urlencode({key: word for key, word in shown.items() if word})}"

    return render_template(
        "admin/scans.html", cut=cut, asked=asked, link=link, accounts=frame.accounts(), account=account,
        held=queries.held_count(db.session()),
        previous_link=link(before=cut.previous) if cut.previous else None,
        next_link=link(after=cut.next) if cut.next else None)


@bp.get("/admin/scans/<uuid:scan_id>")
@requires("view_users")
def scan(scan_id: UUID) -> str:
    """One reading with its evidence."""
    view = queries.scan_view(db.session(), scan_id)
    if view is None:
        raise Refused(404, "unknown_scan", "There is no such reading.")
    return render_template("admin/scan.html", view=view, scan=view.scan)


@bp.post("/admin/scans/<uuid:scan_id>/accept")
@requires("manage_scans")
def accept(scan_id: UUID) -> Answer:
    """What the held reading says is true: apply it."""
    return _decided(scan_id, accepted=True)


@bp.post("/admin/scans/<uuid:scan_id>/reject")
@requires("manage_scans")
def reject(scan_id: UUID) -> Answer:
    """What the held reading says is wrong: it changes nothing."""
    return _decided(scan_id, accepted=False)


@bp.get("/admin/system")
@requires("view_stats")
def system() -> str:
    """How the installation is."""
    return render_template("admin/system.html", view=queries.system_view(db.session()),
                           coverage=coverage(db.session(), now()))


def _decided(scan_id: UUID, *, accepted: bool) -> Answer:
    row = db.session.get(Scan, scan_id)
    if row is None:
        raise Refused(404, "unknown_scan", "There is no such reading.")
    try:
        (follows.accept if accepted else follows.reject)(db.session(), row, actor().name, now())
    except Refused as error:
        db.session.rollback()
        flash(error.message, "warning")
    else:
        db.session.commit()
        flash("Accepted: what this reading says is applied." if accepted else
              "Rejected: this reading has changed nothing.", "success")
    return redirect(url_for("admin.scan", scan_id=scan_id))

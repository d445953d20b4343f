"""/admin/settings: every setting, secrets hidden."""

from flask import Blueprint, render_template

from server.access.guard import requires
from server.settings import current, shown

bp = Blueprint("admin_settings", __name__)


@bp.get("/admin/settings")
@requires("manage_users")
def page() -> str:
    return render_template("admin/settings.html", rows=shown(current()))

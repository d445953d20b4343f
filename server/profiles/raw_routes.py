"""Raw answers that show a person, as text to be read. What shows somebody else alone is not to be had here."""

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from server.access.guard import requires
from server.errors import Refused
from server.ingest import captures
from server.models import CaptureRow, db
from server.profiles import raw, sources
from server.profiles.frame import header

bp = Blueprint("raw", __name__)


@bp.get("/profile/<username>/sources/capture/<int:capture_id>")
@requires("view_captures")
def capture(username: str, capture_id: int) -> str:
    """One raw answer, the person's own part of it first; it is never rendered."""
    above = header(db.session(), username)
    row = db.session.get(CaptureRow, capture_id)
    content = _shown_in(above["person"].person_id, username, row) if row is not None else None
    if row is None or content is None:
        raise Refused(404, "unknown_capture", "No raw answer that shows them is kept under this number.")
    text = raw.text_of(content, username)
    wish = request.args.get("part", "1")
    part, number, count = raw.part_of(text.whole, None if wish == "all" else int(wish) if wish.isdecimal() and
                                      len(wish) < 9 else 1)
    own = [] if number > 1 else text.own

    def link(which: int | str) -> str:
        return url_for("raw.capture", username=username, capture_id=capture_id, part=which)

    return render_template("profiles/capture.html", **above, capture=row, text=text, own=own, part=part, number=number,
                           count=count, link=link, whole=count > 1 and len(text.whole) <= raw.WHOLE)


@bp.get("/profile/<username>/sources/poll/<int:observed_at>")
@requires("view_captures")
def poll(username: str, observed_at: int) -> Answer:
    """Of the raw answers of a poll the one that shows the person."""
    above = header(db.session(), username)
    for capture_id in sources.captures_of_poll(db.session(), min(observed_at, 2**31 - 1)):
        row = db.session.get(CaptureRow, capture_id)
        if row is not None and _shown_in(above["person"].person_id, username, row) is not None:
            return redirect(url_for("raw.capture", username=username, capture_id=capture_id))
    raise Refused(404, "unknown_capture", "No raw answer of this poll that shows them is kept.")


def _shown_in(person_id: int, username: str, row: CaptureRow) -> bytes | None:
    """The bytes of a raw answer; None: it does not show the person, or its file is gone."""
    try:
        content = captures.read(row)
    except (OSError, ValueError) as error:
        current_app.logger.warning("capture %s cannot be read: %s", row.id, error)
        return None
    named = raw.names(content, username) or sources.is_reading_of(db.session(), person_id, row.id)
    return content if named else None

"""The forms of notes on a profile. Each leads back to the notes."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from server.access.guard import actor, requires
from server.errors import Refused
from server.models import db
from server.people.rows import row_of
from server.profiles import notes
from server.profiles.frame import Nobody
from server.time import now

bp = Blueprint("notes", __name__)


@bp.post("/profile/<username>/notes")
@requires("write_notes")
def add(username: str) -> Answer:
    """Write something down."""
    return _do(username, lambda person_id: notes.add(
        db.session(), person_id, username, request.form.get("text", ""), actor(), now()), "Noted.")


@bp.post("/profile/<username>/notes/<int:note_id>")
@requires("write_notes")
def change(username: str, note_id: int) -> Answer:
    """Write a note of one's own anew."""
    return _do(username, lambda person_id: notes.change(
        db.session(), person_id, username, note_id, request.form.get("text", ""), actor(), now()), "Changed.")


@bp.post("/profile/<username>/notes/<int:note_id>/delete")
@requires("write_notes")
def delete(username: str, note_id: int) -> Answer:
    """Take a note away."""
    return _do(username, lambda person_id: notes.remove(
        db.session(), person_id, username, note_id, actor(), now()), "The note is deleted.")


def _do(username: str, what: Callable[[int], Any], done: str) -> Answer:
    person = row_of(db.session(), username)
    if person is None or person.username != username:
        raise Nobody(username)
    try:
        what(person.person_id)
        db.session.commit()
        flash(done, "success")
    except Refused as refused:
        db.session.rollback()
        flash(refused.message, "danger")
    return redirect(url_for("profiles.profile", username=username, _anchor="notes"))

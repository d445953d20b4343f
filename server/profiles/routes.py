"""The tabs of one person's page, and the box to find it. Charts are in `server.charts`, raw answers in `raw_routes`."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scraper.observations import USERNAME
from server import display, frame
from server.access.guard import actor, requires
from server.cbhours import store as cbhours
from server.errors import Refused
from server.models import CbhoursState, db
from server.paging import decode_cursor, encode_cursor
from server.people import values
from server.people.rows import freshness, is_known, row_of
from server.people.shown import GENDERS, NAMES, TITLES, values_of
from server.pictures.queries import of_person
from server.profiles import history, notes, queries, session_file, sessions, sources
from server.profiles.frame import Nobody, header
from server.profiles.timeline import timeline
from server.time import now, owner_zone

RECENT = 5  # broadcasts and notes on the overview
NOTES_SHOWN = 20
SESSIONS_SHOWN = 20
CHANGES_SHOWN = 40
RAW_SHOWN = 20

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
    """Overview: follows in both directions, the newest broadcasts, the queue, CBHours, notes, pictures."""
    session, at = db.session(), now()
    above = header(session, username)
    person_id = above["person"].person_id
    newest = sessions.page(session, person_id, limit=RECENT)
    older = request.args.get("notes", "")
    return render_template(
        "profiles/overview.html", **above, timeline=timeline(above["view"].follows, at),
        pictures=of_person(session, person_id), recent=sessions.shown(session, person_id, newest, at, words=False),
        totals=sessions.totals(session, person_id, at, owner_zone()), total_days=sessions.LAST_DAYS, names=NAMES,
        standing=session.get(CbhoursState, person_id), older_notes=bool(older), longest_note=notes.LONGEST,
        notes=notes.of_person(session, person_id, limit=NOTES_SHOWN if older else RECENT, after=older),
        author=notes.name_of(actor()))


@bp.get("/profile/<username>/sessions")
@requires("view_users")
def profile_sessions(username: str) -> str:
    """Every broadcast, as all sources tell it, newest first."""
    session, at, after = db.session(), now(), request.args.get("after", "")
    above = header(session, username)
    before = decode_cursor(after, datetime)[0] if after else None
    cut = sessions.page(session, above["person"].person_id, before=before, limit=SESSIONS_SHOWN)
    return render_template(
        "profiles/sessions.html", **above, rows=sessions.shown(session, above["person"].person_id, cut, at),
        first_page=_here() if after else None, names=NAMES,
        next_link=_here(after=encode_cursor(cut.next)) if cut.next else None)


@bp.get("/profile/<username>/sessions.csv")
@requires("view_users")
def sessions_file(username: str) -> Response:
    """The same as a file, all of them."""
    person = row_of(db.session(), username) if USERNAME.fullmatch(username) else None
    if person is None or person.username != username:
        raise Nobody(username)
    return session_file.everything(person.person_id, person.username, now())


@bp.get("/profile/<username>/history")
@requires("view_users")
def profile_history(username: str) -> str:
    """What changed about a person, newest first."""
    kind, after = request.args.get("kind", ""), request.args.get("after", "")
    kind = kind if kind in history.KINDS else ""
    above = header(db.session(), username)
    cut = history.changes(db.session(), above["person"], above["view"].follows, kind=kind or None,
                          limit=CHANGES_SHOWN, after=after)
    return render_template(
        "profiles/history.html", **above, events=cut.events, kind=kind, kinds=history.KINDS, titles=TITLES,
        genders=GENDERS, names=NAMES, first_page=_here(kind=kind) if after else None,
        kind_link=lambda name: _here(kind=name), next_link=_here(kind=kind, after=cut.next) if cut.next else None)


@bp.get("/profile/<username>/sources")
@requires("view_users")
def profile_sources(username: str) -> str:
    """What each source holds about a person, and the raw answers that show them."""
    session, after, of = db.session(), request.args.get("after", ""), request.args.get("of", "")
    of = of if of in ("affiliate", "cbhours", "browser") else "affiliate"
    above = header(session, username)
    person = above["person"]
    held = sources.holdings(session, person.person_id)
    cut = sources.raw_answers(session, person.person_id, person.username, of, limit=RAW_SHOWN, after=after) \
        if "view_captures" in actor().permissions else None
    return render_template(
        "profiles/sources.html", **above, held=held, hearing=sources.hearing(session, held, now()), cut=cut, of=of,
        names=NAMES, long=_long, day=lambda at: display.day(at, now(), UTC), of_link=lambda name: _here(of=name),
        first_page=_here(of=of) if after else None,
        next_link=_here(of=of, after=cut.next) if cut and cut.next else None)


@bp.post("/profile/<username>/cbhours")
@requires("scrape_profiles")
def ask_cbhours(username: str) -> Answer:
    """Have a person's activity read at CBHours as soon as a worker is free."""
    person = row_of(db.session(), username)
    if person is None or person.username != username:
        raise Nobody(username)
    try:
        cbhours.want(db.session(), person.person_id, actor().name, now())
        db.session.commit()
        flash(f"CBHours is asked for {username} as soon as a worker is free.", "success")
    except Refused as refused:
        db.session.rollback()
        flash(refused.message, "danger")
    return redirect(url_for("profiles.profile", username=username, _anchor="cbhours"))


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


def _here(**asked: str) -> str:
    """This tab with something else asked for; who is laid over in the charts stays."""
    return url_for(str(request.endpoint), **{"username": (request.view_args or {})["username"],
                                             "with": request.args.get("with") or None,
                                             **{name: word or None for name, word in asked.items()}})


def _long(span: timedelta) -> str:
    """'59 days', '4 h 0 min'."""
    return f"{span.days} days" if span.days > 2 else display.duration(span.total_seconds() * 1000)


def _asked(text: str | None) -> str:
    return frame.clean(text).strip().lower().removeprefix("@")[:50]


def _found(text: str, matches: list[str], *, nobody: bool = False) -> str:
    return render_template("profiles/find.html", text=text, matches=matches, most=queries.MATCHES, nobody=nobody,
                           accounts=frame.accounts())

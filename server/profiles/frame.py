"""What stands above every tab of a profile: who the person is, how they are now, and who says so."""

from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy.orm import Session

from scraper.observations import USERNAME
from server import frame
from server.people import values
from server.people.rows import freshness, row_of
from server.people.shown import TITLES, shown, values_of
from server.profiles import queries
from server.queue.store import state_of
from server.time import now

TABS = (("overview", "Overview"), ("charts", "Charts"), ("sessions", "Sessions"), ("history", "History"),
        ("sources", "Sources"))


class Nobody(LookupError):
    """No profile has this name; the answer is the page that finds another (`server.profiles.routes`)."""


def header(session: Session, username: str) -> dict[str, Any]:
    """What `templates/profiles/_frame.html` shows, for `render_template(…, **header(…))`.

    person     server.people.rows.PersonRow        row   server.people.shown.Shown, its marks and its place in the queue
    values     every known value in words, in order of the table; `said`: the same by name of the field
    view       queries.PersonView: the person's follows in both directions
    about      server.people.rows.Freshness: how often each source is asked, and the present
    tabs       (name, title, address); tab: the one of this request; with_name: of `?with=`, who is laid over, or ""
    several    there are several accounts; come_back: where the forms of the queue lead to afterwards
    raises     Nobody
    """
    person = row_of(session, username) if USERNAME.fullmatch(username) and username == username.lower() else None
    if person is None:
        raise Nobody(username)
    about = freshness(session, now())
    told = values_of(values.of_person(session, person, about), about)
    by_title = {value.title: value for value in told}
    (row,) = shown([person], about, state_of(session, [person.username]))
    beside = _beside(person.username)
    kept = f"?{urlencode({'with': beside})}" if beside else ""
    base = frame.profile_link(person.username)
    return {
        "person": row.person, "row": row, "values": told, "about": about, "several": len(frame.accounts()) > 1,
        "said": {name: by_title[title] for name, title in TITLES.items() if title in by_title},
        "view": queries.PersonView(person, queries.follows_of(session, person.person_id)),
        "tabs": [(name, title, f"{base}{'' if name == 'overview' else f'/{name}'}{kept}") for name, title in TABS],
        "tab": _tab(), "with_name": beside, "come_back": frame.clean(request.full_path.rstrip("?")),
    }


def _tab() -> str:
    parts = request.path.split("/")
    return parts[3] if len(parts) > 3 else "overview"


def _beside(username: str) -> str:
    """Who is laid over this person; a name that cannot be anybody's, or their own, is nobody's."""
    name = request.args.get("with", "").strip().lower().removeprefix("@")
    return name if USERNAME.fullmatch(name) and name != username else ""

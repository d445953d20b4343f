"""The Charts tab of a profile: the page, and each chart as numbers for the browser, as a picture and as a file."""

from importlib.metadata import version
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request, url_for

from scraper.observations import USERNAME
from server.access.guard import requires
from server.charts import browser, figures, files, periods, pictures, queries
from server.charts.drawing import CHARTS, Chart, Drawing, Person, drawing, stretch
from server.charts.periods import Period
from server.errors import Refused
from server.headers import CHARTS_POLICY
from server.models import db
from server.people.names import person_id
from server.profiles.frame import header
from server.time import now, owner_zone

BOKEH = version("bokeh")
_warm = Event()
bp = Blueprint("charts", __name__)


@bp.before_app_request
def warm_up() -> None:
    """Whoever looks at a profile may want its charts next: Bokeh takes half a second to load, once in a process."""
    if request.blueprint == "profiles" and not _warm.is_set():
        _warm.set()
        Thread(target=figures.warm_up, name="bokeh", daemon=True).start()


@bp.get("/profile/<username>/charts")
@requires("view_stats")
def page(username: str) -> str:
    """All charts of a person; each is drawn by the browser once it is looked at."""
    above = header(db.session(), username)
    period = periods.asked(request.args, now(), owner_zone())
    people, stranger = [Person(above["person"].person_id, username)], ""
    beside = request.args.get("with", "").strip()
    if beside:
        other = _known(beside)
        stranger = "" if other else beside
        people += [other] if other and other.id != people[0].id else []
    over = stretch(db.session(), period, people)
    told = [queries.summaries(db.session(), person.id, over) for person in people]
    return render_template(
        "profiles/charts.html", **above, charts=CHARTS.values(), people=people, stranger=stranger,
        ranges=[(name, words, _address(username, {"range": name})) for name, words in periods.WORDS.items()],
        period=period, address=lambda chart, ending, **more: _file(username, chart, ending, period, people, more),
        alt=lambda chart: browser.alt(chart, people, period, told), bokeh=BOKEH,
        theme="dark" if request.cookies.get("theme") == "dark" else "light",
        without=_address(username, {"with": ""}))


page.__dict__["talisman_view_options"] = {"content_security_policy": CHARTS_POLICY}


@bp.get("/profile/<username>/charts/<name>.json")
@requires("view_stats")
def numbers(username: str, name: str) -> Response:
    """A chart for the browser: a Bokeh figure, and the numbers to put in."""
    return Response(browser.answer(_drawing(username, _chart(name)), _theme()), content_type="application/json")


@bp.get("/profile/<username>/charts/<name>.png")
@requires("view_stats")
def picture(username: str, name: str) -> Response:
    return Response(pictures.png(_drawing(username, _chart(name)), _theme()), content_type="image/png",
                    headers={"Content-Disposition": f'inline; filename="{username}-{name}.png"'})


@bp.get("/profile/<username>/charts/<name>.csv")
@requires("view_stats")
def file(username: str, name: str) -> Response:
    """Every stored point of a period, not thinned."""
    chart, (people, period) = _chart(name), _asked(username)
    return files.answer(chart, people, period, stretch(db.session(), period, people), owner_zone(), now())


def _drawing(username: str, chart: Chart) -> Drawing:
    people, period = _asked(username)
    return drawing(db.session(), chart, people, period, stretch(db.session(), period, people), owner_zone(), now())


def _asked(username: str) -> tuple[list[Person], Period]:
    """Whose chart, and over what time.

    raises  Refused 404 for people who are not known, 400 for a period that is none
    """
    period = periods.asked(request.args, now(), owner_zone())
    people = []
    for name in dict.fromkeys([username, request.args.get("with", "").strip() or username]):
        found = _known(name)
        if found is None:
            raise Refused(404, "unknown_person", "Nobody of this name is known here.",
                          field=None if name == username else "with")
        people += [found] if found not in people else []
    return people, period


def _known(text: str) -> Person | None:
    name = text.lower().removeprefix("@")
    found = person_id(db.session(), name) if USERNAME.fullmatch(name) else None
    return None if found is None else Person(found, name)


def _chart(name: str) -> Chart:
    if name not in CHARTS:
        raise Refused(404, "unknown_chart", f"There is no such chart. There are {', '.join(CHARTS)}.")
    return CHARTS[name]


def _theme() -> str:
    return "dark" if request.args.get("theme") == "dark" else "light"


def _address(username: str, changed: dict[str, str]) -> str:
    kept = {name: value for name in ("range", "with") if (value := request.args.get(name))} | changed
    words = urlencode({name: value for name, value in kept.items() if value})
    return url_for("charts.page", username=username) + (f"?{words}" if words else "")


def _file(username: str, chart: Chart, ending: str, period: Period, people: list[Person], more: dict[str, Any]) -> str:
    asked = {"range": period.name} if period.name else {
        name: value for name in ("from", "to") if (value := request.args.get(name))}
    if len(people) > 1 and not chart.is_grid:
        asked["with"] = people[1].username
    view = {"json": "charts.numbers", "png": "charts.picture", "csv": "charts.file"}[ending]
    return f"{url_for(view, username=username, name=chart.name)}?{urlencode(asked | more)}"

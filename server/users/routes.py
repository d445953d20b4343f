"""The four Users tabs and their files, the buttons that read a list, and the door for saved pages."""

from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scraper.observations import USERNAME, ListName
from server import frame
from server.access.guard import actor, requires
from server.errors import Refused
from server.exports import streams as exports
from server.exports.formats import Format
from server.follows import queries as follows
from server.follows.uploads import take_uploads
from server.jobs import store as jobs
from server.jobs.api import minimum_gap
from server.jobs.kinds import KINDS
from server.models import Account, db
from server.people import counts as people_counts
from server.people.directory import COUNT_CAP, SORTS, Cut, Wanted
from server.people.directory import directory as directory_cut
from server.people.rows import Freshness, freshness, is_known
from server.people.shown import shown as shown_rows
from server.queue import store as queue
from server.time import now, owner_zone
from server.users import columns, queries
from server.users.counts import tab_counts
from server.users.coverage import coverage
from server.users.reading import counts, without_account
from server.users.reading import reading as state_of_reading
from server.users.words import DEFINITIONS, average_words, coverage_words, days_words, empty_tab

bp = Blueprint("users", __name__)

DAYS = ("7", "30", "90", "all")
WHO: dict[str, follows.Direction] = {"they": "follower", "me": "following"}
TITLES = {"directory": "Directory", "following": "Following", "followers": "Followers", "unfollowed": "Unfollowed"}
DIRECTIONS: dict[str, follows.Direction] = {"following": "following", "followers": "follower"}
WHERE = {
    "following": "your followed cams, online and offline (/followed-cams/ and /followed-cams/offline/)",
    "followers": "your followers (/accounts/followers/)",
}
NAMES_NOBODY = ("Whose list is this? These files name no account, and nobody has signed in yet. Hand over pages that "
                "were saved while you were signed in on the site, or sign in first.")


@bp.get("/")
@requires("view_users")
def first() -> Answer:
    return redirect(url_for("users.directory"))


@bp.get("/follow")
@requires("view_users")
def follow() -> Answer:
    return redirect(url_for("users.following"))


@bp.get("/users")
@requires("view_users")
def users() -> Answer:
    return redirect(url_for("users.directory"))


@bp.get("/users/directory")
@requires("view_users")
def directory() -> str:
    """Everybody known."""
    wanted, at = _wanted(tuple(SORTS), "-seen"), now()
    cut = directory_cut(db.session(), wanted, at)
    count = people_counts.total(db.session(), wanted, cut, at) if wanted.narrowed else None
    about = freshness(db.session(), at)
    return _tab("directory", columns.DIRECTORY, wanted, cut, count, frame.chosen_account(), role_toggle=True,
                tag_filter=True, caption="Everybody the panel knows",
                about=about, coverage=coverage_words(coverage(db.session(), about), at, owner_zone()),
                popular=people_counts.popular_tags(db.session(), at), asked_for=_asked_for(wanted, cut))


@bp.get("/users/following")
@requires("view_users")
def following() -> str:
    """Whom the account follows now."""
    return _list_tab("following", columns.FOLLOWING, "People you follow")


@bp.get("/users/followers")
@requires("view_users")
def followers() -> str:
    """Who follows the account now."""
    return _list_tab("followers", columns.FOLLOWERS_TAB, "People who follow you", role_toggle=True)


@bp.get("/users/unfollowed")
@requires("view_users")
def unfollowed() -> str:
    """Follows that have ended."""
    wanted, account, at = _wanted(follows.ENDED_SORTS, "-until"), frame.chosen_account(), now()
    who, days = _who_and_days()
    direction = WHO[who]
    figures, cut, count = queries.NO_INSIGHTS, Cut([], None, None), 0
    if account is not None:
        since = queries.period(days, at)
        cut = follows.unfollowed(db.session(), account.id, direction, since, wanted, at)
        count = follows.count_unfollowed(db.session(), account.id, direction, since, wanted, at)
        figures = queries.insights(db.session(), account.id, direction, since)
    return _tab("unfollowed", columns.UNFOLLOWED, wanted, cut, count, account, caption="Follows that have ended",
                unfollowed=True, who=who, days=days, insights=figures, definitions=DEFINITIONS[who],
                kept_more={"who": who, "days": days})


@bp.get("/users/<any(directory, following, followers, unfollowed):tab>.<any(csv, jsonl):kind>")
@requires("view_users")
def export(tab: str, kind: Format) -> Response:
    """What a tab shows with its filters, all of it, as one file."""
    if tab == "directory":
        return exports.everybody(_wanted(tuple(SORTS), "-seen"), kind)
    account = frame.chosen_account()
    account_id = account.id if account else 0  # before there is any account nobody is on its lists
    if tab == "unfollowed":
        who, days = _who_and_days()
        return exports.unfollowed(account_id, WHO[who], queries.period(days, now()),
                                  _wanted(follows.ENDED_SORTS, "-until"), kind)
    return exports.current(account_id, DIRECTIONS[tab], _wanted(follows.CURRENT_SORTS, "-since"), kind)


@bp.get("/users/<any(following, followers):list_name>/reading")
@requires("view_users")
def reading(list_name: str) -> Response:
    """What the reading of a list is doing; asked again and again by the page."""
    shown = _reading_context(frame.chosen_account(), list_name)
    answer = make_response(render_template("users/_reading.html", reading=shown))
    if request.args.get("version") != str(shown["version"]):
        answer.headers["HX-Trigger"] = "list-changed"
    return answer


@bp.post("/users/<any(following, followers):list_name>/update")
@requires("manage_jobs")
def update(list_name: str) -> Answer:
    """Ask for a reading of the list; a worker begins it within seconds."""
    account = _account()
    job = jobs.job_of(db.session(), KINDS[list_name], account)
    jobs.request(db.session(), job, by=actor().name, now=now(), minimum_gap=minimum_gap())
    db.session.commit()
    return _back(list_name, account)


@bp.post("/users/<any(following, followers):list_name>/cancel")
@requires("manage_jobs")
def cancel(list_name: str) -> Answer:
    """Stop the reading that is going on."""
    account = _account()
    run = jobs.unended_run(db.session(), jobs.job_of(db.session(), KINDS[list_name], account).id)
    if run is None:
        flash("That reading has already ended.", "info")
    else:
        jobs.cancel(db.session(), run.id, now(), minimum_gap())
        db.session.commit()
        flash("The reading is being stopped. What was read so far takes nobody away.", "info")
    return _back(list_name, account)


@bp.post("/users/<any(following, followers):list_name>/upload")
@requires("manage_scans")
def upload(list_name: ListName) -> Answer:
    """Saved pages or lists of names, judged like a reading of our own."""
    account = frame.chosen_account()
    files = [file for file in request.files.getlist("files") if file.filename]
    if not files:
        flash("No file was chosen. Save the pages of the list first, then choose all of them together.", "warning")
        return _back(list_name, account)
    try:
        handed = take_uploads(db.session(), account.username if account else None, list_name, files, now())
    except Refused as error:
        db.session.rollback()
        flash(NAMES_NOBODY if error.code == "account_needed" else error.message, "error")
        return _back(list_name, account)
    db.session.commit()
    scan = handed.scan
    flash(*_verdict_words(scan))
    return redirect(url_for("admin.scan", scan_id=scan.id)) if scan.state == "held" else _back(list_name, account)


def _verdict_words(scan: Any) -> tuple[str, str]:
    colour = {"complete": "success", "partial": "warning"}.get(scan.verdict or "", "error")
    said = f" {counts(scan)}." if scan.state == "applied" else ""
    return f"The saved pages were judged {scan.verdict}: {scan.explanation}{said}", colour


def _list_tab(name: str, shown: tuple[columns.Column, ...], caption: str, *, role_toggle: bool = False) -> str:
    wanted, account, at = _wanted(follows.CURRENT_SORTS, "-since"), frame.chosen_account(), now()
    cut, count = Cut([], None, None), None
    more: dict[str, Any] = {}
    more["reading"] = _reading_context(account, name)
    more["upload"] = {"action": url_for("users.upload", list_name=name, account=_named(account)),
                      "where": WHERE[name], "first": account is None}
    if account is not None:
        cut = follows.current(db.session(), account.id, DIRECTIONS[name], wanted, at)
        if wanted.narrowed:
            count = follows.count_current(db.session(), account.id, DIRECTIONS[name], wanted, at)
    return _tab(name, shown, wanted, cut, count, account, role_toggle=role_toggle, caption=caption, **more)


def _tab(tab: str, shown: tuple[columns.Column, ...], wanted: Wanted, cut: Cut, count: int | None,
         account: Account | None, *, kept_more: dict[str, str] | None = None, about: Freshness | None = None,
         **more: Any) -> str:
    at = now()
    about = about or freshness(db.session(), at)
    on_tabs = tab_counts(db.session(), account.id if account else None, queries.period("30", at), at)
    if count is None:
        count = getattr(on_tabs, tab)
    kept = {"account": _named(account), "role": wanted.role, "sort": wanted.sort, "live": "1" if wanted.live else None,
            **(kept_more or {})}
    asked = {**kept, "q": wanted.search, "tag": wanted.tag}

    def link(path: str | None = None, **changes: str | None) -> str:
        """This tab with some of what is asked changed, from its first page; or another address with the same."""
        arguments = {key: value for key, value in {**asked, **changes}.items() if value}
        return f"{request.script_root}{path or request.path}?{urlencode(arguments)}"

    names = [row.person.username if isinstance(row, follows.FollowRow) else row.username for row in cut.rows]
    asked_for = more.get("asked_for")
    entries = queue.state_of(db.session(), [*names, *([asked_for] if asked_for else [])])
    return render_template(
        "users/tab.html", tab=tab, title=TITLES[tab], columns=shown, wanted=wanted, cut=cut, account=account,
        rows=shown_rows(cut.rows, about, entries), entries=entries,
        pending=any(entry.state in ("queued", "processing") and entry.priority == 1 for entry in entries.values()),
        come_back=frame.clean(request.full_path.rstrip("?")), accounts=frame.accounts(),
        account_argument=_named(account), link=link, sort_link=lambda sort: link(sort=sort), tag_link=_tag_link,
        previous_link=link(before=cut.previous) if cut.previous else None,
        next_link=link(after=cut.next) if cut.next else None,
        kept={key: value for key, value in kept.items() if value}, total_words=_total_words(count),
        tabs=[
            ("directory", "Directory", on_tabs.directory, "Everybody known"),
            ("following", "Following", on_tabs.following, "Followed by you now"),
            ("followers", "Followers", on_tabs.followers, "Following you now"),
            ("unfollowed", "Unfollowed", on_tabs.unfollowed, "Left you within 30 days"),
        ],
        still_to_come=columns.STILL_TO_COME, never_yet=columns.NEVER_YET, days_words=days_words,
        average_words=average_words,
        empty=None if cut.rows else empty_tab(tab, wanted, account, asked_for=asked_for,
                                              tag_link=link(q=None, tag=None, role=None, live=None)), **more)


def _total_words(count: int) -> str:
    """'1 person', '1,204 people', 'more than 10,000 people'."""
    if count > COUNT_CAP and request.path.endswith("/directory") and count == COUNT_CAP + 1:
        return f"more than {COUNT_CAP:,} people"
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _asked_for(wanted: Wanted, cut: Cut) -> str | None:
    """The name that was searched for, where it could be somebody's and nobody here has exactly it."""
    name = wanted.search
    whole = len(request.args.get("q", "").strip()) == len(name)  # a longer one was cut off
    if not whole or not USERNAME.fullmatch(name) or any(row.username == name for row in cut.rows):
        return None
    return None if is_known(db.session(), name) else name


def _tag_link(tag: str) -> str:
    return f"{request.script_root}/users/directory?tag={quote(tag, safe='')}"


def _reading_context(account: Account | None, list_name: str) -> dict[str, Any]:
    state = state_of_reading(db.session(), account, list_name) if account else without_account(list_name)
    named = _named(account)
    return {
        **{name: getattr(state, name) for name in (*state.__dataclass_fields__, "held_words")},
        "address": url_for("users.reading", list_name=list_name, account=named, version=state.version),
        "action": url_for("users.update", list_name=list_name, account=named),
        "cancel": url_for("users.cancel", list_name=list_name, account=named),
        "page": url_for(f"users.{list_name}", account=named),
    }


def _wanted(sorts: tuple[str, ...], default: str) -> Wanted:
    """What the address asks for; a word that is not known counts as not said."""
    known = sorts + tuple(f"-{name}" for name in sorts)
    return Wanted(
        sort=_one_of("sort", known, default), role=_one_of("role", ("all", "models", "viewers"), "all"),
        search=_text("q", 50), tag=_text("tag", 60), live=True if request.args.get("live") == "1" else None,
        after=request.args.get("after", ""), before=request.args.get("before", ""))


def _who_and_days() -> tuple[str, str]:
    return _one_of("who", tuple(WHO), "they"), _one_of("days", DAYS, "30")


def _one_of(name: str, known: tuple[str, ...], default: str) -> str:
    value = request.args.get(name, default)
    return value if value in known else default


def _text(name: str, longest: int) -> str:
    return frame.clean(request.args.get(name)).strip()[:longest]


def _account() -> Account:
    account = frame.chosen_account()
    if account is None:
        raise Refused(404, "no_account", "There is no account yet. Run `python -m scraper login` to add yours.")
    return account


def _named(account: Account | None) -> str | None:
    """The account's name for addresses; None where there is no choice."""
    return account.username if account is not None and len(frame.accounts()) > 1 else None


def _back(list_name: str, account: Account | None) -> Answer:
    return redirect(url_for(f"users.{list_name}", account=_named(account)))


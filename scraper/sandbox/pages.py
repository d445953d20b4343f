"""From what the site knows to the HTML of a page. Nothing here decides what goes wrong."""

import json
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from scraper.sandbox import cards
from scraper.sandbox.names import COMMUNITY_TRAPS, FALLBACK_TRAPS, RECOMMENDED_TRAPS
from scraper.sandbox.rooms import room_row, trap_row
from scraper.sandbox.sessions import Session
from scraper.sandbox.site import Site
from scraper.sandbox.words import LANGUAGES, written_date

SHORT_LIST = 10  # a list this short is filled up with other rooms below it
DROPDOWN_SIZE = 100
PATHS = {"online": "/followed-cams/", "offline": "/followed-cams/offline/", "followers": "/accounts/followers/"}
TRAPS = {"community": COMMUNITY_TRAPS, "recommended": RECOMMENDED_TRAPS, "fallback": FALLBACK_TRAPS}

templates = Environment(loader=PackageLoader("scraper.sandbox"), autoescape=True, trim_blocks=False)


@lru_cache(maxsize=4)
def _padding(kilobytes: int) -> Markup:
    text = ("the quick brown fox jumps over the lazy dog, and so on until the page is heavy; " * 13 * kilobytes)
    return Markup(json.dumps(text[:kilobytes * 1024]))


def in_script(value: Any) -> Markup:
    """A value as `JSON.parse('…')`, quoted the way the real pages do it."""
    text = json.dumps(value, ensure_ascii=True)
    for letter in "\\\"'<>&-":
        text = text.replace(letter, f"\\u{ord(letter):04X}")
    return Markup(f"JSON.parse('{text}')")


class Look:
    """How one page looks to one visitor: who is signed in, in which language, with which counts."""

    def __init__(self, site: Site, session: Session | None, *, base: str, here: str, csrf: str, lang: str = "en",
                 account: str | None = None, counts: dict[str, int] | None = None, entrance_terms: bool = False,
                 region_gate: bool = False) -> None:
        self.site, self.session, self.csrf, self.here = site, session, csrf, here
        self.account = account or (session.account if session else None)
        self.lang, self.words = lang, LANGUAGES[lang]
        self.generation = site.options.generation
        self.known = self.account if self.account in site.world.accounts else None
        totals = site.totals(self.known) if self.known else {"online": 0, "total": 0}
        self.counts = totals if counts is None else counts
        self.base, self.entrance_terms, self.region_gate = base, entrance_terms, region_gate

    def render(self, template: str, *, canonical: str = "/", location: str = "homepage", room: str | None = None,
               **values: Any) -> str:
        page: dict[str, Any] = {"show_nps_sentiment_survey_group": False, "pageLocation": location,
                                "regions": "NA,SA,AS,ER,O", "showLocation": True}
        if room:
            page["roomName"] = room
        names = self.site.world.online(self.known)[:DROPDOWN_SIZE] if self.known else []
        generation = "C" if self.generation == "C" and template == "followed.html" else "B"
        return templates.get_template(template).render(
            lang=self.lang, words=self.words, base=self.base, canonical=canonical, here=self.here, csrf=self.csrf,
            viewer={"name": self.account, "tokens": 5120} if self.account else None, counts=self.counts,
            logged_in_user=in_script(self._user()) if self.account else "undefined",
            age_gate_location=in_script({"location_name": "Anyland", "country_code": "XX", "state_code": "",
                                         "has_north_carolina_id": False}),
            page_context=in_script(page), entrance_terms=self.entrance_terms, region_gate=self.region_gate,
            dropdown=Markup(cards.dropdown(names, generation)) if self.account else "",
            dropdown_inside=generation == "C",
            padding=_padding(self.site.options.padding_kb) if self.site.options.padding_kb else "", **values)

    def _user(self) -> dict[str, Any]:
        signature = self.session.signature if self.session else ""
        return {
            "username": self.account, "gender": "m", "subgender": None, "is_supporter": False, "is_staff": False,
            "is_superuser": False, "token_balance": 5120, "can_weg_oneclick": False, "can_epoch_oneclick": False,
            "user_uid": "MADEUP0", "signed_username": f"{self.account}:{signature}", "is_age_verified": True,
            "is_broadcasting": False, "total_followed": self.counts["total"], "online_followed": self.counts["online"],
        }


def followed_page(look: Look, part: str, page: int, *, listing: dict[str, Any] | None, fill: bool) -> str:
    """A list of followed rooms. `listing` is the JSON's answer when the server draws the cards itself."""
    site, path = look.site, PATHS[part]
    active, last = page, 1
    rooms: list[dict[str, Any]] = []
    if listing:
        rooms, active = listing["rooms"], listing.get("shown_page", page)
        last = max(1, -(-listing["total_count"] // site.options.page_size))
    settings = {"page": page, "path": path, "offline": part == "offline", "pageSize": site.options.page_size,
                "generation": look.generation, "now": site.now, "fill": fill, "window": cards.WINDOW,
                "shortList": SHORT_LIST, "liveHeader": site.options.live_header or look.generation == "C"}
    return look.render(
        "followed.html", canonical=path, part=part, **roomlist(
            look, rooms, path, active, last, no_results=listing is not None and not rooms
            and not listing.get("no_message"), failed=bool(listing and listing.get("failed")),
            short=bool(listing) and (listing or {})["total_count"] < SHORT_LIST),
        script_settings=Markup(json.dumps(settings)))


def home_page(look: Look) -> str:
    """The front page: public rooms, none of them anybody's to count."""
    rooms = [trap_row(name, look.site.now) for name in FALLBACK_TRAPS]
    look.generation = "B"
    return look.render("home.html", canonical="/", part="", **roomlist(look, rooms, "/", 1, 1))


def roomlist(look: Look, rooms: list[dict[str, Any]], path: str, active: int, last: int, *, no_results: bool = False,
             failed: bool = False, short: bool = False, hidden_shell: bool = False) -> dict[str, Any]:
    """The values of the room list's templates: the list itself and every list that must not be taken for it."""
    now, generation = look.site.now, look.generation
    parts = {
        "cards": cards.cards(rooms, generation, now),
        "paging": cards.paging_buttons(active, last) if generation == "C"
        else cards.paging(active, last, path, hidden=last < 2),
        "community_paging": cards.paging(1, 1, path, "pageb", hidden=True),
    }
    for name, traps in TRAPS.items():
        parts[name] = cards.cards((trap_row(trap, now) for trap in traps), generation, now)
    return {**{name: Markup(html) for name, html in parts.items()},
            "generation": generation, "list_path": path, "no_results": no_results, "failed": failed,
            "fallback_visible": short, "community_visible": look.site.options.community_visible,
            "hidden_shell": hidden_shell}


def followers_page(look: Look, names: list[str], page: int, last: int, total: int) -> str:
    """The owner's followers, in the layout that the options ask for."""
    world, words, layout = look.site.world, look.words, look.site.options.followers_layout
    path = PATHS["followers"]
    if layout == "F1":
        since = world.account(look.known).followers.since
        rows = "".join(
            f'<tr><td class="user"><a class="username gender{world.people[name].gender}" href="/{name}/">{name}</a>'
            f'</td><td class="date">{escape(written_date(since(name), words))}</td></tr>' for name in names)
    else:
        rows = "".join(
            f'<li class="follower"><a href="/{name}/" data-room="{name}">'
            f'<img src="{look.base}/riw/{name}.jpg" alt="{name}"><span class="username">{name}</span></a></li>'
            for name in names)
    paged = layout != "F2" and last > 1
    return look.render(
        "followers.html", canonical=path, location="accounts", layout="F1" if layout == "F1" else "F2", total=total,
        count_text=words["you_have"].format(total), rows=Markup(rows),
        paging=Markup(cards.paging(page, last, path)) if paged else "")


def unknown_layout_page(look: Look, title: str, path: str) -> str:
    return look.render("message.html", canonical=path, location="accounts", title=title, root_id="some_new_root",
                       body=Markup('<div data-testid="skeleton">Loading...</div>'))


def not_found_page(look: Look) -> str:
    return look.render("message.html", title="Page Not Found", body=Markup(
        "<h1>HTTP 404 - Page Not Found</h1>"
        "<p>It looks like the page you are trying to find could not be located.</p>"))


def message_page(look: Look, title: str, text: str, path: str = "/") -> str:
    return look.render("message.html", canonical=path, title=title, body=text)


def room_rows(site: Site, names: list[str]) -> list[dict[str, Any]]:
    return [room_row(site.world.people[name], site.now) for name in names]

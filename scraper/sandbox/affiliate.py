"""The affiliate API: everybody who is online, the busiest rooms first.

Viewers and followers move with the clock, so that two polls differ as they do at the real place.
"""

import json
from datetime import date
from html import escape
from typing import Any

from flask import Blueprint, Response, request

from scraper.sandbox.broadcasts import Broadcasts, viewers
from scraper.sandbox.site import Site
from scraper.sandbox.visit import Answer, plain, trouble
from scraper.sandbox.world import Person

PATH = "/api/public/affiliates/onlinerooms/"
LARGEST_PAGE = 500
# What can go wrong here; the others are about signed-in pages.
TROUBLES = frozenset({"challenge", "maintenance", "rate_limit", "error", "cut", "slow", "not_found"})
LANGUAGES = ("English", "español", "English, Español", "english/german", "", "Português, English", "日本語")


def blueprint(site: Site, broadcasts: Broadcasts) -> Blueprint:
    bp = Blueprint("affiliate", __name__)

    @bp.get(PATH)
    def online_rooms() -> Answer:
        return _online_rooms(site, broadcasts)

    return bp


def _online_rooms(site: Site, broadcasts: Broadcasts) -> Answer:
    limit, offset = _number("limit", 100), _number("offset", 0)
    if not request.args.get("wm") or not request.args.get("client_ip") or limit is None or offset is None \
            or not 1 <= limit <= LARGEST_PAGE:
        return Response(json.dumps({"detail": "Bad request"}), 400, mimetype="application/json")
    page = offset // LARGEST_PAGE + 1
    wrong = trouble(site, "affiliate", page, kinds=TROUBLES)
    if wrong is not None:
        return wrong
    if site.faults.take("html", "affiliate", page) is not None:
        return Response(plain("Chaturbate", "Welcome", "This is a page for people."), 200, mimetype="text/html")
    if site.faults.take("repeated_page", "affiliate", page) is not None:
        offset = max(0, offset - limit)
    now = site.clock().timestamp()
    with site.lock:
        found = [(viewers(person, now), person) for person in broadcasts.online(now) if _wanted(person)]
        found.sort(key=lambda pair: (-pair[0], pair[1].rank, pair[1].username))
        people = _shifted(site, page, [person for _, person in found])
        rooms = [affiliate_room(person, now, broadcasts, request.args["wm"], request.url_root)
                 for person in people[offset:offset + limit]]
    return _answer(site, page, len(people), rooms)


def _answer(site: Site, page: int, count: int, rooms: list[dict[str, Any]]) -> Answer:
    if site.faults.take("empty_page", "affiliate", page) is not None:
        rooms = []
    lie = site.faults.take("count", "affiliate", page)
    if lie is not None:
        count = lie.parameters.get("is", count + lie.parameters.get("off", 100))
    if site.faults.take("broken_room", "affiliate", page) is not None:
        rooms[1:1] = broken_rooms()
    said = json.dumps({"count": count, "results": rooms})
    if site.faults.take("broken_json", "affiliate", page) is not None:
        said = said[:len(said) // 2]
    return Response(said, mimetype="application/json")


def _shifted(site: Site, page: int, people: list[Person]) -> list[Person]:
    """The list as it stands while this page is read: with the fault, rooms have slipped from page to page since."""
    shift = site.faults.take("shift", "affiliate", page) if page > 1 else None
    if shift is None:
        return people
    by = shift.parameters.get("by", 3)
    edge = (page - 1) * LARGEST_PAGE
    # Some from behind the edge have risen to the top since the page before was read, and pushed others over it.
    risen = people[edge:edge + by]
    return [*risen, *people[:edge], *people[edge + by:]]


def _wanted(person: Person) -> bool:
    genders, tags, hd = request.args.getlist("gender"), request.args.getlist("tag"), request.args.get("hd")
    return ((not genders or _gender(person) in genders) and set(tags) <= set(person.tags)
            and hd in (None, "true" if _is_hd(person) else "false"))


def _number(name: str, default: int) -> int | None:
    text = request.args.get(name, str(default))
    return int(text) if text.isdecimal() and len(text) < 9 else None


def _gender(person: Person) -> str:
    return "t" if person.gender == "s" else person.gender


def _is_hd(person: Person) -> bool:
    return person.rank >= 0.2


def affiliate_room(person: Person, now: float, broadcasts: Broadcasts, code: str, root: str) -> dict[str, Any]:
    """One room as the API writes it; `now` in epoch seconds."""
    name, seconds = person.username, max(0, round(now - broadcasts.since(person, now)))
    link = "https://chaturbate.com/in/?tour={}&campaign={}&track={}&room={}"
    frame = "<iframe src='{}&amp;bgcolor=white' height=528 width=850 style='border: none;'></iframe>"
    image = f"{root}riw/{name}.jpg"
    subject = escape(person.subject) + "".join(f" #{tag}" for tag in person.tags)
    room = {
        "username": name, "spoken_languages": LANGUAGES[len(name) % len(LANGUAGES)], "tags": list(person.tags),
        "current_show": person.show, "is_new": person.is_new,
        "num_followers": broadcasts.followers(person, now),
        "birthday": _birthday(person), "is_hd": _is_hd(person),
        "iframe_embed": frame.format(escape(link.format("Jrvi", code, "embed", name))), "seconds_online": seconds,
        "display_name": name.strip("_").replace("_", " ").title(), "gender": _gender(person), "age": person.age,
        "image_url_360x270": image, "num_users": viewers(person, now),
        "chat_room_url": link.format("yiMH", code, "default", name), "image_url": image,
        "location": person.location, "country": person.country, "room_subject": subject,
        "chat_room_url_revshare": link.format("LQps", code, "default", name),
        "iframe_embed_revshare": frame.format(escape(link.format("9oGW", code, "embed", name))), "slug": name,
    }
    if not person.country and len(name) % 2:
        del room["country"]
    return room


def _birthday(person: Person) -> str:
    """Told by every second person, and not always in keeping with the age."""
    if person.age is None or person.rank < 0.5:
        return ""
    return date(1901 if person.age == 99 else 2025 - person.age, 1 + round(person.rank * 11), 14).isoformat()


def broken_rooms() -> list[Any]:
    """Rooms that break every rule, between good ones. The first four have a name, the others none that can be one."""
    return [
        {"username": "Broken_Types", "display_name": ["a", "list"], "gender": "x", "age": "forty", "birthday": 19940302,
         "location": {"city": "nowhere"}, "country": "Atlantis", "spoken_languages": ["English", "Deutsch", 7],
         "current_show": "séance", "room_subject": 12.5, "tags": "#one, #two", "is_new": "yes", "is_hd": 1,
         "num_users": "1,204", "num_followers": 3_000_000_000, "seconds_online": -5,
         "image_url": "javascript:alert(1)", "image_url_360x270": 5},
        {"username": "broken_nulls", **dict.fromkeys((
            "display_name", "gender", "age", "birthday", "location", "country", "spoken_languages", "current_show",
            "room_subject", "tags", "is_new", "is_hd", "num_users", "num_followers", "seconds_online", "image_url",
            "image_url_360x270", "slug"))},
        {"username": "broken_numbers", "age": 10**40, "num_users": 1.5, "num_followers": 2**63, "seconds_online": "NaN",
         "tags": [None, 5, "ok", {"a": 1}, "#OK"], "is_new": None, "is_hd": "false", "current_show": ""},
        {"username": "broken_text", "display_name": "nul\x00 and half \ud83d and \u202e turned",
         "room_subject": "<script>alert(1)</script>&lt;b&gt; caf\u00c3\u00a9 " + "long " * 2000, "tags": ["x" * 500],
         "location": "=HYPERLINK(1)", "extra": {"deep": [[[[1]]]]}},
        {"username": 10482}, {"username": "no such name!"}, {"username": None}, {}, None, "text", 5, [],
    ]


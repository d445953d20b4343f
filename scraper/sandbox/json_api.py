"""The JSON calls behind the pages, and the Stats API."""

import json
from typing import Any

from flask import Blueprint, Response, g, redirect, request

from scraper.sandbox import profiles
from scraper.sandbox.faults import PAGE_KINDS
from scraper.sandbox.listing import public_listing, room_listing
from scraper.sandbox.rooms import as_json
from scraper.sandbox.site import STATS_TOKEN, Site
from scraper.sandbox.visit import ROOM_LIST, Answer, hang, trouble
from scraper.sandbox.world import Unknown

ONLINE_FOLLOWED = "/follow/api/online_followed_rooms/"


def blueprint(site: Site) -> Blueprint:
    bp = Blueprint("json_api", __name__)

    @bp.get(ROOM_LIST)
    def room_list() -> Answer:
        return _room_list(site)

    @bp.get(ONLINE_FOLLOWED)
    def online_followed() -> Answer:
        wrong = trouble(site, "json")
        if wrong is not None:
            return wrong
        if g.session is None:
            return redirect("/auth/login/?next=/followed-cams/")
        with site.lock:
            account = g.session.account
            counts = site.totals(account)
            rooms = [{"room": name, "image": f"{request.url_root}riw/{name}.jpg"}
                     for name in site.world.online(account)]
            return _json({**counts, "online_rooms": rooms})

    @bp.get("/api/biocontext/<name>/")
    def biocontext(name: str) -> Answer:
        return _about(site, name, profiles.biocontext)

    @bp.get("/api/chatvideocontext/<name>/")
    def chatvideocontext(name: str) -> Answer:
        return _about(site, name, profiles.chatvideocontext)

    @bp.get("/statsapi/")
    def stats() -> Answer:
        return _stats(site)

    @bp.post("/follow/follow/<name>/")
    def follow(name: str) -> Answer:
        return _write(site, name, True)

    @bp.post("/follow/unfollow/<name>/")
    def unfollow(name: str) -> Answer:
        return _write(site, name, False)

    return bp


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, mimetype="application/json")


def _error(status: int, detail: str, code: str) -> Response:
    return _json({"status": status, "detail": detail, "code": code, "ts_context": None}, status)


def _number(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else default


def _room_list(site: Site) -> Answer:
    limit, offset = min(500, max(1, _number("limit", 90))), _number("offset", 0)
    part = "offline" if request.args.get("offline") == "true" else "online"
    page = offset // limit + 1
    wrong = trouble(site, part, page, "json") or (
        trouble(site, "json") if _aimed_at_json(site) else None)
    if wrong is not None:
        return wrong
    follow = request.args.get("follow") == "true"
    if g.session is None or not follow:
        listing = public_listing(site, offset, limit)
    else:
        account, g.session.borrowed = g.session.borrowed or g.session.account, None
        listing = room_listing(site, account, part, page=page, offset=offset, limit=limit, hang=hang)
    if listing.pop("failed", False):
        return _error(500, "Something went wrong", "server-error")
    return _json({**listing, "rooms": [as_json(row) for row in listing["rooms"]],
                  "all_rooms_count": listing["total_count"],
                  "room_list_id": "00000000-0000-4000-8000-000000000001", "bls_payload": "", "has_fingerprint": True})


def _aimed_at_json(site: Site) -> bool:
    """Whether a fault names the JSON calls; one for any list hits the page and not the call behind it."""
    return any(fault["list"] == "json" and fault["kind"] in PAGE_KINDS for fault in site.faults.as_json())


def _about(site: Site, name: str, describe: Any) -> Answer:
    wrong = trouble(site, "json")
    if wrong is not None:
        return wrong
    try:
        with site.lock:
            account = g.session.account if g.session else None
            return _json(describe(site, site.world.person(name), account))
    except Unknown:
        return _error(404, "Not found", "not-found")


def _stats(site: Site) -> Answer:
    wrong = trouble(site, "stats")
    if wrong is not None:
        return wrong
    name = request.args.get("username", "").lower()
    if name not in site.world.accounts or request.args.get("token") != STATS_TOKEN:
        return _json({"detail": "Invalid username or token"}, 401)
    off = site.faults.take("stats_totals", "stats")
    with site.lock:
        followers = len(site.world.account(name).followers) + site.options.ghosts
    if off is not None:
        followers = max(0, followers + off.parameters.get("total", 5))
    return _json({
        "username": name, "token_balance": 5120, "tips_in_last_hour": 125, "votes_up": 76, "votes_down": 1,
        "satisfaction_score": 99, "last_broadcast": f"{site.world.today.isoformat()}T11:58:03.123456",
        "time_online": 84, "num_followers": followers, "num_viewers": 52, "num_registered_viewers": 31,
        "num_tokened_viewers": 9,
    })


def _write(site: Site, name: str, following: bool) -> Answer:
    """Really follows and unfollows, so that a reader who does this is caught by its own lists, too."""
    if g.session is None:
        return _error(401, "Log in first", "unauthorized")
    with site.lock:
        (site.world.follow if following else site.world.unfollow)(name, g.session.account)
    return _json({"following": following})

"""CBHours: live answers, activity and months of people who show its trophy, in the shape of the recorded samples.

It agrees with the affiliate API on who is online and with what figures, but looks only once a minute; a segment of
activity is told when its three minutes are over. Who asks more often than once a second finds the door shut for a
while (the options `cbhours_gap`, `cbhours_ban` and `cbhours_door`).
"""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zlib import crc32

from flask import Blueprint, Response, redirect, request

from scraper.sandbox.broadcasts import DAY, SEGMENT, UNDER_WAY, Broadcasts, ranks, viewers
from scraper.sandbox.site import Site
from scraper.sandbox.visit import Answer, plain, trouble
from scraper.sandbox.world import Person

PATH = "/api.php"
LIST = "cbhours"
ACTIONS = ("get_live", "get_activity", "get_months")  # the first is page 1 of the list of faults
DOMAINS = ("cbhours", "striphours", "sodahours")
MOST_NAMES = 50
MOST_DAYS = 60
MONTHS = 14  # so many are held
TROUBLES = frozenset({"challenge", "maintenance", "rate_limit", "error", "cut", "slow"})
NO_TROPHY = ("Error Code:300 To use this api please add a trophy/calendar to the models bio and then use the STUDIO "
             "search successfully one time.")
WORDS = {"m": "Male", "f": "Female", "c": "Couple", "s": "Trans"}
TYPES = {"private": "_private", "group": "_group", "password protected": "_ticket", "hidden": "_ticket"}
# What was shown in the past that is made up.
PAST_TYPES = ("_public",) * 7 + ("_private", "_group", "_ticket")


class Door:
    """Lets one question a second in, and nobody for a while after one that came sooner."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._last = float("-inf")
        self._shut_until = float("-inf")

    def is_shut(self, now: float) -> bool:
        """Whether this question, which comes now, is turned away."""
        gap, last = self._site.options.cbhours_gap, self._last
        self._last = now
        if now >= self._shut_until and gap and now - last < gap:
            self.shut(now, self._site.options.cbhours_ban)
        return now < self._shut_until

    def shut(self, now: float, seconds: float) -> None:
        self._shut_until = now + seconds
        self._site.counts["cbhours_bans"] += 1

    def answer(self, now: float) -> Answer:
        """What whoever stands before it gets."""
        look = self._site.options.cbhours_door
        if look == "closed":
            return _hang_up()
        if look == "rate_limit":
            return Response("Too many requests", 429, {"Retry-After": str(round(self._shut_until - now))}, "text/plain")
        if look == "error":
            return _json(_error("You are blocked because of too many requests."))
        return Response(plain("403 Forbidden", "Forbidden", "You asked too often."), 403)


def blueprint(site: Site, broadcasts: Broadcasts) -> Blueprint:
    bp = Blueprint("cbhours", __name__)
    door = Door(site)

    @bp.get(PATH)
    def api() -> Answer:
        action = request.args.get("action", "")
        page = ACTIONS.index(action) + 1 if action in ACTIONS else None
        now = site.clock().timestamp()
        with site.lock:
            ban = site.faults.take("ban", LIST, page)
            if ban is not None:
                door.shut(now, ban.parameters.get("seconds", site.options.cbhours_ban))
            if door.is_shut(now):
                return door.answer(now)
        wrong = trouble(site, LIST, page, kinds=TROUBLES) or _wrong(site, page)
        if wrong is not None:
            return wrong
        answers = {"get_live": _live, "get_activity": _activity, "get_months": _months}
        with site.lock:
            if action not in answers:
                return _json(_error("Error Code:100 Unknown action."))
            said = answers[action](site, broadcasts, site.clock().timestamp())
            if site.faults.take("upper_case", LIST, page) is not None:
                said = _upper(said)
            text = json.dumps(said)
            if site.faults.take("broken_json", LIST, page) is not None:
                text = text[:len(text) // 2]
        return Response(text, mimetype="application/json")

    return bp


def _wrong(site: Site, page: int | None) -> Answer | None:
    """What comes in place of an answer and is not one of the troubles of every list."""
    if site.faults.take("html", LIST, page) is not None:
        return Response(plain("CBHours", "Welcome", "This is a page for people."), 200, mimetype="text/html")
    elsewhere = site.faults.take("redirect", LIST, page)
    if elsewhere is not None:
        return redirect(elsewhere.parameters.get("to", "/"))
    error = site.faults.take("error_answer", LIST, page)
    if error is not None:
        code, words = error.parameters.get("code", 300), error.parameters.get("message")
        message = words or (NO_TROPHY if code == 300 else f"Error Code:{code} Something is not as it should be.")
        return _json(_error(message), error.parameters.get("status", 200))
    return None


def _json(said: Any, status: int = 200) -> Response:
    return Response(json.dumps(said), status, mimetype="application/json")


def _error(message: str) -> dict[str, str]:
    return {"status": "error", "message": message}


def _hang_up() -> Response:
    """Close the connection without a word."""
    wire = request.environ.get("werkzeug.socket")
    if wire is not None:
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
    return Response(status=503)


def _upper(said: Any) -> Any:
    """The same with all its keys in upper case."""
    if isinstance(said, dict):
        return {key.upper(): _upper(value) for key, value in said.items()}
    return [_upper(one) for one in said] if isinstance(said, list) else said


def _known(site: Site, broadcasts: Broadcasts, name: str) -> Person | None:
    """Somebody who is in the trophy database."""
    person = broadcasts.find(name)
    return person if person is not None and site.world.has_trophy(person.username) else None


# -- live ---------------------------------------------------------------------------------------------


def _live(site: Site, broadcasts: Broadcasts, now: float) -> dict[str, Any]:
    names = [name.strip().lower() for name in request.args.get("usernames", "").split(",") if name.strip()]
    if not names or len(names) > MOST_NAMES:
        return _error("Error Code:101 Between 1 and 50 usernames, please.")
    broadcasts.look(now)
    data: dict[str, Any] = {}
    for name in names:
        person = _known(site, broadcasts, name)
        if person is not None:
            data[name] = _live_entry(broadcasts, person, now)
    if site.faults.take("unknown_entries", LIST, 1) is not None:
        data |= {name: _error(NO_TROPHY) for name in names if name not in data}
    if site.faults.take("text_numbers", LIST, 1) is not None:
        data = {name: _with_texts(entry) for name, entry in data.items()}
    if site.faults.take("hostile", LIST, 1) is not None:
        for name, entry in zip(list(data)[1:], hostile_entries(), strict=False):
            data[name] = entry
    if site.faults.take("strangers", LIST, 1) is not None:
        stranger = {"room_status": "Online", "gender": "Male", "rank": 1, "grank": 1, "viewers": 9, "followers": 9,
                    "current_show": "public", "room_subject": "nobody asked", "tags": [], "is_new": False}
        data = {"stranger_one": stranger, "no such name!": stranger, "": stranger, **data}
    if site.faults.take("nobody", LIST, 1) is not None:
        return {"server_status": "up", "data": []}
    down = site.faults.take("server_down", LIST, 1)
    return {"server_status": down.parameters.get("word", "down") if down is not None else "up", "data": data}


def _live_entry(broadcasts: Broadcasts, person: Person, now: float) -> dict[str, Any]:
    if not person.online:
        return {"room_status": "Offline"}
    moment = max(now // 60 * 60, broadcasts.since(person, now))
    watching = viewers(person, moment)
    rank, grank = ranks(person, watching, moment)
    return {
        "room_status": "Online", "gender": WORDS[person.gender], "rank": rank, "grank": grank, "viewers": watching,
        "followers": broadcasts.followers(person, moment), "current_show": person.show,
        "room_subject": person.subject + "".join(f" #{tag}" for tag in person.tags), "tags": list(person.tags),
        "is_new": person.is_new,
    }


def _with_texts(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if type(value) is int else value for key, value in entry.items()}


def hostile_entries() -> list[Any]:
    """Entries of a live answer that break every rule."""
    good = {"room_status": "Online", "gender": "Female", "rank": 5, "grank": 2, "viewers": 3, "followers": 4,
            "current_show": "public", "room_subject": "", "tags": [], "is_new": False}
    return [
        {**good, "rank": -5, "grank": 10**40, "viewers": "many", "followers": 2**63, "gender": "séance",
         "current_show": "x" * 500, "room_subject": ["a"], "tags": {"a": 1}, "is_new": "perhaps"},
        {**good, "rank": 1.5, "grank": True, "viewers": "NaN", "followers": "", "gender": 7, "current_show": None,
         "room_subject": "nul\x00 and half \ud83d <script>alert(1)</script> " + "long " * 2000,
         "tags": [None, 5, "#OK", "ok", "y" * 500], "is_new": 1},
        dict.fromkeys(good) | {"room_status": "Online"},
        {"room_status": "Away"}, {"room_status": None}, {"room_status": ["Online"]}, "Online", 5, [1], {"rank": 1},
        {"room_status": " ONLINE ", "rank": "8,617", "viewers": "0", "followers": 0},
    ]


# -- activity -----------------------------------------------------------------------------------------


def _activity(site: Site, broadcasts: Broadcasts, now: float) -> dict[str, Any]:
    name = request.args.get("username", "").strip().lower()
    asked = [_date(request.args.get(part)) for part in ("start_date", "end_date")]
    zone = _whole(request.args.get("tzo"))
    start, end = asked
    if request.args.get("domain") not in DOMAINS or not name or start is None or end is None or zone is None:
        return _error("Error Code:102 A parameter is missing.")
    if not 0 <= (end - start).days < MOST_DAYS:
        return _error("Error Code:103 At most 60 days.")
    person = _known(site, broadcasts, name) if request.args["domain"] == "cbhours" else None
    if person is None:
        return _error(NO_TROPHY)
    broadcasts.look(now)
    east = timedelta(minutes=zone)
    first = (datetime(start.year, start.month, start.day, tzinfo=UTC) - east).timestamp()
    last = min(first + ((end - start).days + 1) * DAY, now)
    if site.faults.take("always_on", LIST, 2) is not None:
        moments = list(range(-(-int(first) // SEGMENT) * SEGMENT, int(last) - SEGMENT + 1, SEGMENT))
    else:
        moments = broadcasts.moments(person, first, last, now)
    details: dict[str, list[dict[str, Any]]] = {}
    for moment in moments:
        row = _segment(broadcasts, person, moment, east)
        details.setdefault(row["timestamp"][:10], []).append(row)
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    said = _told(person, days, details)
    if request.args.get("include_details") != "true":
        del said["details"]
    return _spoilt(site, said, days)


def _segment(broadcasts: Broadcasts, person: Person, moment: int, east: timedelta) -> dict[str, Any]:
    watching = viewers(person, moment)
    rank, grank = ranks(person, watching, moment)
    half_hour = crc32(f"{person.username} {moment // 1800}".encode())
    shown = PAST_TYPES[half_hour % len(PAST_TYPES)] if moment < broadcasts.began - UNDER_WAY \
        else TYPES.get(person.show, "_public")
    return {
        "timestamp": f"{datetime.fromtimestamp(moment, UTC) + east:%Y-%m-%dT%H:%M}", "type": shown, "rank": str(rank),
        "followers": str(broadcasts.followers(person, moment)), "viewers": str(watching),
        "gender": "t" if person.gender == "s" else person.gender, "grank": str(grank),
    }


def _told(person: Person, days: list[date], details: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    minutes = {day: len(details.get(day.isoformat(), ())) * SEGMENT // 60 for day in days}
    total = sum(minutes.values())
    return {
        "response_time": "0.0035169124603271 seconds", "status": True, "model": person.username, "serverStatus": True,
        "serverMessage": "",
        "activity": {day.isoformat(): f"{day:%Y-%m-%d %a} - {count // 60:02} Hours {count % 60:02} Minutes"
                     for day, count in minutes.items()},
        "total_time": {"hours": total // 60, "minutes": total % 60}, "details": details,
    }


def _spoilt(site: Site, said: dict[str, Any], days: list[date]) -> dict[str, Any]:
    """The answer with what the faults make of it."""
    details: dict[str, list[Any]] = said.get("details", {})
    missing = site.faults.take("days_missing", LIST, 2)
    if missing is not None:
        for number, day in enumerate(days):
            name = day.isoformat()
            if name not in details or number % missing.parameters.get("every", 3) == 0:
                del said["activity"][name]
                details.pop(name, None)
    if site.faults.take("text_numbers", LIST, 2) is not None:
        said["total_time"] = {name: str(value) for name, value in said["total_time"].items()}
        said["details"] = {day: [{key: int(value) if value.isdigit() else value for key, value in row.items()}
                                 for row in rows] for day, rows in details.items()}
    if site.faults.take("disorder", LIST, 2) is not None:
        said["activity"] = dict(reversed(said["activity"].items()))
        said["details"] = dict(_disordered(details, days))
    if site.faults.take("hostile", LIST, 2) is not None:
        said["activity"] |= {days[0].isoformat(): "soon", "yesterday": "2025-12-21 Sun - 01 Hours 00 Minutes", "": None}
        said["total_time"] = {"hours": "many", "minutes": -5}
        said["details"] = {**said.get("details", {}), "nonsense": hostile_rows(days[-1]), "x": "rows", "y": None}
    if site.faults.take("server_down", LIST, 2) is not None:
        said |= {"serverStatus": False, "serverMessage": "Down for maintenance"}
    return said


def _disordered(details: dict[str, list[Any]], days: list[date]) -> Iterator[tuple[str, list[Any]]]:
    """The newest day first, its newest rows first, each row twice (the second time with other viewers), and a day
    that nobody asked for."""
    outside = f"{days[0] - timedelta(days=3):%Y-%m-%d}"
    for day, rows in reversed(details.items()):
        yield day, [one for row in reversed(rows) for one in (row, {**row, "viewers": "999999"})]
    some = next((rows[0] for rows in details.values() if rows), None)
    if some is not None:
        yield outside, [{**some, "timestamp": f"{outside}T10:00"}]


def hostile_rows(day: date) -> list[Any]:
    """Rows of activity that break every rule; the first three have a time within this day."""
    good = {"timestamp": f"{day}T00:01", "type": "_public", "rank": "1", "followers": "2", "viewers": "3",
            "gender": "f", "grank": "1"}
    return [
        {**good, "rank": "-1", "followers": "9" * 40, "viewers": "1e9", "gender": "x", "grank": "", "type": "y" * 300},
        {**good, "timestamp": f"{day}T00:02", "rank": None, "followers": [], "viewers": True, "type": 5},
        {"timestamp": f"{day}T00:04"},
        {**good, "timestamp": "2026-02-30T10:00"}, {**good, "timestamp": "yesterday"}, {**good, "timestamp": None},
        {**good, "timestamp": f"{day}T25:00"}, {**good, "timestamp": 5}, {}, None, "row", [],
    ]


# -- months -------------------------------------------------------------------------------------------


def _months(site: Site, broadcasts: Broadcasts, now: float) -> Any:
    person = _known(site, broadcasts, request.args.get("username", "").strip().lower())
    if request.args.get("domain") != "cbhours" or person is None:
        return _error(NO_TROPHY)
    today = datetime.fromtimestamp(now, UTC).date()
    months = [today.year * 12 + today.month - 1 - number for number in range(MONTHS)]
    return [f"{month // 12}-{month % 12 + 1:02}" for month in months]


def _date(text: str | None) -> date | None:
    with suppress(ValueError):
        return datetime.strptime(text or "", "%Y-%m-%d").replace(tzinfo=UTC).date()
    return None


def _whole(text: str | None) -> int | None:
    with suppress(ValueError):
        return int(text or "")
    return None

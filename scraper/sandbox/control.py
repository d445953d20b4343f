"""`/__control__/…`: how a test, the demo or a curious person moves the world and breaks the pages.

GET  /__control__/state    the truth: lists of every account, what happened, counters, requests, faults, options
POST /__control__/world    {"action": "follow", "username": "zq", "account": "demo_owner"?, "new": …?}
POST /__control__/advance  {"steps": 10}
POST /__control__/fault    {"kind": "challenge", "list": "online", "page": 3, "times": 1, …}
DELETE /__control__/fault  lifts all faults (POST /__control__/fault/clear does the same)
POST /__control__/options  {"generation": "C", …}
POST /__control__/sessions {"end": "all" | account}     signs visitors out
GET  /__control__/secrets  everything that a reader must neither log nor keep

Only from this machine, and only JSON, so that no web page can press these buttons.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from scraper.sandbox.site import Site
from scraper.sandbox.world import Unknown

PREFIX = "/__control__/"
HERE = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


def blueprint(site: Site) -> Blueprint:
    bp = Blueprint("control", __name__, url_prefix=PREFIX.rstrip("/"))

    @bp.before_request
    def only_from_here() -> None:
        if request.remote_addr not in HERE:
            abort(Response("only from this machine", 403, mimetype="text/plain"))
        if request.method == "POST" and not request.is_json:
            abort(Response("JSON, please", 415, mimetype="text/plain"))

    @bp.get("/state")
    def state() -> Response:
        site.catch_up()
        return jsonify(site.state(log=request.args.get("log", 200, type=int)))

    @bp.get("/secrets")
    def secrets() -> Response:
        return jsonify(site.secrets())

    @bp.post("/world")
    def world() -> Response:
        return _done(lambda: _act(site, **_body()))

    @bp.post("/advance")
    def advance() -> Response:
        def move() -> dict[str, Any]:
            with site.lock:
                happened = site.world.advance(int(_body().get("steps", 1)))
                return {"steps": site.world.steps, "happenings": [asdict(one) for one in happened]}
        return _done(move)

    @bp.post("/fault")
    def fault() -> Response:
        return _done(lambda: site.faults.add(**_body()).as_json())

    @bp.delete("/fault")
    @bp.post("/fault/clear")
    def clear() -> Response:
        site.faults.clear()
        return jsonify({"faults": []})

    @bp.post("/options")
    def options() -> Response:
        def change() -> dict[str, Any]:
            site.catch_up()
            site.options.change(**_body())
            return asdict(site.options)
        return _done(change)

    @bp.post("/sessions")
    def sessions() -> Response:
        who = _body().get("end", "all")
        with site.lock:
            return jsonify({"ended": site.sessions.end_all(None if who == "all" else who)})

    return bp


def _body() -> dict[str, Any]:
    body = request.get_json()
    if not isinstance(body, dict):
        raise ValueError("an object is expected")
    return body


def _done(act: Callable[[], Any]) -> Response:
    try:
        return jsonify(act())
    except Unknown as error:
        answer = jsonify({"error": f"nobody is called {error.args[0]}"})
    except (ValueError, TypeError) as error:
        answer = jsonify({"error": str(error)})
    answer.status_code = 400
    return answer


def _act(site: Site, *, action: str, username: str, account: str | None = None, new: str = "") -> dict[str, Any]:
    world = site.world
    actions: dict[str, Callable[[], None]] = {
        "follow": lambda: world.follow(username, account), "unfollow": lambda: world.unfollow(username, account),
        "follow_me": lambda: world.follow_me(username, account), "leave_me": lambda: world.leave_me(username, account),
        "online": lambda: world.set_online(username, True), "offline": lambda: world.set_online(username, False),
        "rename": lambda: world.rename(username, new),
        "trophy": lambda: world.set_trophy(username, True), "no_trophy": lambda: world.set_trophy(username, False),
    }
    if action not in actions:
        raise ValueError(f"there is no action {action}; there are {', '.join(actions)}")
    with site.lock:
        site.catch_up()
        actions[action]()
        return {"version": world.version, "steps": world.steps}

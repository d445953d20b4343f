"""One visit: how the page looks to this visitor, and what goes wrong with the request."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from flask import Response, g, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from scraper.sandbox import pages
from scraper.sandbox.faults import PAGE_KINDS, At, Fault
from scraper.sandbox.pages import Look
from scraper.sandbox.sessions import Session
from scraper.sandbox.site import Site
from scraper.sandbox.words import LANGUAGES

Answer = str | Response | AnyResponse
# These only change how a page looks; the others are answers of their own.
LOOKS = frozenset({"other_account", "language", "totals", "stale_counts", "age_gate", "region_age_gate"})
LONGEST_HANG = 3600.0
ROOM_LIST = "/api/ts/roomlist/room-list/"


def csrf_token(site: Site) -> str:
    if not g.csrf:
        with site.lock:
            g.csrf = site.sessions.token(64)
    return str(g.csrf)


def look_for(site: Site, list_name: str, page: int | None = None) -> Look:
    """How the page looks to this visitor, with the faults that change only the looks."""
    session: Session | None = g.session
    signed_in = session is not None
    values: dict[str, Any] = {"lang": request.cookies.get("language", "en")}
    if values["lang"] not in LANGUAGES:
        values["lang"] = "en"
    open_to_all = list_name in ("home", "profile")
    values["entrance_terms"] = not signed_in and open_to_all and "agreeterms" not in request.cookies
    for kind in sorted(LOOKS):
        fault = site.faults.take(kind, list_name, page)
        if fault is None:
            continue
        if kind == "language":
            values["lang"] = "de"
        elif kind == "age_gate":
            values["entrance_terms"] = True
        elif kind == "region_age_gate":
            values["region_gate"] = True
        elif session is not None:
            values |= _other_view(site, session, fault)
    with site.lock:
        return Look(site, session, base=request.url_root.rstrip("/"), here=_here(), csrf=csrf_token(site), **values)


def _other_view(site: Site, session: Session, fault: Fault) -> dict[str, Any]:
    others = [name for name in site.world.accounts if name != session.account]
    other = fault.parameters.get("name") or (others[0] if others else session.account)
    if fault.kind == "other_account":
        session.borrowed = other if other in site.world.accounts else None
        counts = site.totals(other) if other in site.world.accounts else {"online": 3, "total": 9}
        return {"account": other, "counts": counts}
    if fault.kind == "stale_counts":
        return {"counts": site.totals(other)}
    counts = site.totals(session.account)
    return {"counts": {"online": max(0, counts["online"] + fault.parameters.get("online", 0)),
                       "total": max(0, counts["total"] + fault.parameters.get("total", 5))}}


def _here() -> str:
    query = request.query_string.decode("latin-1")
    return request.path + (f"?{query}" if query else "")


def page_number() -> int:
    text = request.args.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 7 else 1


# -- faults that are answers of their own -------------------------------------------------------------


def trouble(site: Site, list_name: str, page: int | None = None, at: At = "page", *,
            kinds: frozenset[str] = PAGE_KINDS - LOOKS) -> Answer | None:
    """What goes wrong with this request; None: nothing, or only something about the looks."""
    fault = site.faults.take(kinds, list_name, page, at)
    if fault is None:
        return None
    answers: dict[str, Callable[[Site, Fault], Answer | None]] = {
        "challenge": _challenge, "maintenance": _maintenance, "rate_limit": _rate_limit, "error": _error, "slow": _slow,
        "sign_out": _sign_out, "cut": _cut, "not_found": _not_found, "unknown_layout": _unknown_layout,
    }
    return answers[fault.kind](site, fault)


def _challenge(site: Site, fault: Fault) -> Answer:
    html = pages.templates.get_template("challenge.html").render(host=request.host, here=request.path)
    return Response(html, fault.parameters.get("status", 403), {"cf-mitigated": "challenge", "server": "cloudflare",
                                                                "cf-ray": "0000000000000000-AMS"}, "text/html")


def plain(title: str, heading: str, text: str) -> str:
    return pages.templates.get_template("plain.html").render(title=title, heading=heading, text=text)


def _maintenance(site: Site, fault: Fault) -> Answer:
    wait = fault.parameters.get("retry_after", 300)
    return Response(plain("Down for maintenance", "We will be back soon",
                           "The site is being updated. Please try again in a few minutes."),
                    503, {"Retry-After": str(wait)} if wait else None)


def _rate_limit(site: Site, fault: Fault) -> Answer:
    wait = fault.parameters.get("retry_after", 30)
    return Response(plain("Access denied | Error 1015", "Error 1015", "You are being rate limited."),
                    429, {"Retry-After": str(wait)} if wait else None)


def _error(site: Site, fault: Fault) -> Answer:
    status = fault.parameters.get("status", 500)
    return Response(plain(f"{status}", f"HTTP {status}", "Something went wrong on our side."), status)


def _slow(site: Site, fault: Fault) -> None:
    fault.lifted.wait(float(fault.parameters.get("seconds", 3)))


def hang(fault: Fault) -> None:
    """Do not answer until the fault is lifted."""
    fault.lifted.wait(LONGEST_HANG)


def _sign_out(site: Site, fault: Fault) -> Answer | None:
    with site.lock:
        if g.session is not None:
            site.sessions.end(g.session)
            g.session = None
    return sent_away(fault.parameters.get("to", site.options.logged_out)) if request.path != ROOM_LIST else None


def _cut(site: Site, fault: Fault) -> Answer:
    def half() -> Iterator[bytes]:
        yield b"<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>Chaturbate</title></head>\n<body><div id=\"base\">"
        raise ConnectionResetError("the connection is cut on purpose")

    return Response(half(), 200, {"Content-Length": "60000"}, "text/html")


def _not_found(site: Site, fault: Fault) -> Answer:
    return make_response(pages.not_found_page(look_for(site, "other")), 404)


def _unknown_layout(site: Site, fault: Fault) -> Answer:
    return pages.unknown_layout_page(look_for(site, "other"), "Chaturbate", request.path)


def sent_away(to: str) -> Answer:
    """Where a visitor goes who is not signed in: the real site does all three."""
    here = quote(request.path, safe="/")
    return redirect({"login": f"/auth/login/?next={here}", "home_next": f"/?next={here}", "home": "/"}[to])

"""Which people are on which page of a list, and what goes wrong with it."""

from collections.abc import Callable
from typing import Any

from flask import has_request_context, request

from scraper.sandbox.faults import Fault
from scraper.sandbox.rooms import public_rooms, room_row
from scraper.sandbox.site import Site

PUBLIC_ROOMS = 6120


def room_listing(site: Site, account: str, part: str, *, page: int, offset: int | None = None,
                 limit: int | None = None, hang: Callable[[Fault], None]) -> dict[str, Any]:
    """What the JSON says about one page of followed rooms, faults included, and then the world moves on a little.

    returns  {"rooms": [row…], "total_count", "shown_page"?, "no_message"?, "failed"?}
    """
    size = limit or site.options.page_size
    hung = site.faults.take("hang_json", part, page)
    if hung is not None:
        hang(hung)
    if site.faults.take("reload_message", part, page) is not None:
        return {"rooms": [], "total_count": 0, "failed": True, "no_message": True}
    if site.faults.take("ignored_filter", part, page) is not None:
        return public_listing(site, (page - 1) * size, size)
    with site.lock:
        names = _names(site, account, part)
        listing = _sliced(site, names, part, page, size, (page - 1) * size if offset is None else offset)
        site.world.flip(site.options.churn, account if account in site.world.accounts else None)
        return listing


def _names(site: Site, account: str, part: str) -> list[str]:
    if account not in site.world.accounts:
        return []
    return site.world.online(account) if part == "online" else site.world.offline(account)


def _sliced(site: Site, names: list[str], part: str, page: int, size: int, offset: int) -> dict[str, Any]:
    listing: dict[str, Any] = {}
    left_out = site.faults.take("missing_page", part, page)
    if left_out is not None and left_out.parameters.get("number"):
        offset, listing["shown_page"] = offset + size, page + 1
    elif left_out is not None:
        first = ((left_out.page or 1) - 1) * size
        names = names[:first] + names[first + size:]
    if site.faults.take("repeated_page", part, page) is not None:
        other = page - 1 if page > 1 else 2
        offset, listing["shown_page"] = (other - 1) * size, other
    chosen = names[offset:offset + size]
    empty = site.faults.take("empty_page", part, page)
    if empty is not None:
        chosen, listing["no_message"] = [], not empty.parameters.get("marker", False)
    root = request.url_root.rstrip("/") if has_request_context() else ""
    rooms = [room_row(site.world.people[name], site.now, root=root) for name in chosen]
    return {"rooms": rooms, "total_count": len(names), **listing}


def public_listing(site: Site, offset: int, limit: int) -> dict[str, Any]:
    """The worst trap: a dead session asks for its followed rooms and gets everybody's."""
    return {"rooms": public_rooms(site.now, offset, limit, PUBLIC_ROOMS), "total_count": PUBLIC_ROOMS}


def followers_slice(site: Site, account: str | None, page: int) -> tuple[list[str], int, int, int]:
    """The followers on one page: (names, number of the page shown, last page, total that the page states)."""
    names = site.world.followers(account) if account else []
    total = len(names) + site.options.ghosts
    size = site.options.followers_page_size
    if site.options.followers_layout == "F2":
        size = max(1, len(names))
    left_out = site.faults.take("missing_page", "followers", page)
    if left_out is not None and left_out.parameters.get("number"):
        page += 1
    elif left_out is not None:
        first = ((left_out.page or 1) - 1) * size
        names = names[:first] + names[first + size:]
    last = max(1, -(-len(names) // size))
    if site.faults.take("repeated_page", "followers", page) is not None:
        page = page - 1 if page > 1 else 2
    chosen = names[(page - 1) * size:page * size]
    if site.faults.take("empty_page", "followers", page) is not None:
        chosen = []
    return chosen, page, last, total

"""Where the followed cams are read, and the site's own JSON beside them."""

from typing import Any

from scraper.browser import Browser
from scraper.observations import Part, username

ADDRESSES: dict[Part, str] = {"online": "/followed-cams/", "offline": "/followed-cams/offline/"}
ONLINE_ROOMS = "/follow/api/online_followed_rooms/"


def address(part: Part, page: int) -> str:
    """Path of a page of the online or the offline list; page buttons are never clicked."""
    return ADDRESSES[part] if page == 1 else f"{ADDRESSES[part]}?page={page}"


def online_rooms(browser: Browser) -> list[str] | None:
    """The followed rooms that are online, as the site's own JSON says it from inside the open page.

    source   GET /follow/api/online_followed_rooms/ -> {"online": n, "total": n, "online_rooms": [{"room": name, …}]}
    None     whenever it is not exactly that: it is undocumented, and only a cross-check
    """
    return rooms_in(browser.fetch_json(ONLINE_ROOMS))


def rooms_in(answer: Any) -> list[str] | None:
    """The names in the answer; None unless it counts as many as it lists and every one is a name."""
    if not isinstance(answer, dict) or not isinstance(answer.get("online_rooms"), list):
        return None
    rooms = answer["online_rooms"]
    if answer.get("online") != len(rooms):
        return None
    try:
        return [username(room.get("room") if isinstance(room, dict) else None) for room in rooms]
    except ValueError:
        return None

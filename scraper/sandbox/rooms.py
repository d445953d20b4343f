"""Rows of the room list's JSON (`/api/ts/roomlist/room-list/`), from which the cards are drawn, too.

`room_subject_text` is for our own drawing and is left out of the JSON.
"""

from datetime import UTC, datetime
from html import escape
from typing import Any

from scraper.sandbox.world import Person


def room_row(person: Person, now: int, *, is_following: bool = True, root: str = "") -> dict[str, Any]:
    """One row as the site writes it; `now` in epoch seconds; `root`: where its pictures lie."""
    started = now - person.minutes * 60
    return {
        "display_age": person.age, "gender": "t" if person.gender == "s" else person.gender,
        "location": person.location, "current_show": person.show if person.online else "offline",
        "username": person.username, "room_subject": _with_links(person.subject, person.tags),
        "tags": list(person.tags), "is_new": person.is_new, "num_users": person.viewers if person.online else 0,
        "num_followers": person.num_followers,
        "start_dt_utc": datetime.fromtimestamp(started, UTC).isoformat() if person.online else None,
        "start_timestamp": started, "country": person.country, "has_password": False, "private_price": 18,
        "spy_show_price": 30, "is_gaming": False, "is_age_verified": True,
        "label": ("new" if person.is_new else person.show) if person.online else "offline",
        "is_following": is_following, "source_name": "df", "img": f"{root}/riw/{person.username}.jpg",
        "room_subject_text": person.subject,
    }


def trap_row(name: str, now: int) -> dict[str, Any]:
    """A room that nobody follows, as it lies about on every page."""
    trap = Person(
        username=name, rank=0.0, gender="m", age=31, country="PT", country_name="Portugal",
        location="Lisbon, Portugal", subject="Quiet reading hour", tags=("music",), show="public", is_new=False,
        viewers=8, minutes=200, num_followers=1200, online=True)
    return room_row(trap, now, is_following=False)


def public_rooms(now: int, offset: int, limit: int, total: int) -> list[dict[str, Any]]:
    """A page of the public list: what a visitor gets whose `follow=true` is silently ignored."""
    return [trap_row(f"public_trap_{number:04}", now) for number in range(offset, min(total, offset + limit))]


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "room_subject_text"}


def _with_links(subject: str, tags: tuple[str, ...]) -> str:
    return escape(subject) + "".join(f' <a href="/tag/{tag}/">#{tag}</a>' for tag in tags)

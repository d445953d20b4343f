"""What all templates share: filters that know the clock and the owner's zone, the header's lights, the owner's name."""

import re
import zlib
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Flask, g, request
from markupsafe import Markup, escape
from sqlalchemy import select

from server import display, settings
from server import time as clock
from server.errors import Refused
from server.models import Account, db

SOURCE_WORDS = {
    "browser": "Read from the site's own pages by the signed-in browser",
    "import": "From saved pages that were handed over",
    "manual": "From a list of usernames that was handed over",
    "events": "From the Events API, at the exact moment",
    "affiliate": "From the Affiliate API",
    "cbhours": "From CBHours",
    "stats": "From the Stats API",
}
COLOURS = ("#5443d6", "#0b7285", "#9c36b5", "#2b6cb0", "#a23e48", "#2f7d4f", "#8a5a00", "#5f6b7a")
UNWELCOME = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: Any) -> str:
    """Text of strangers without control characters, half surrogates and turns of direction."""
    return UNWELCOME.sub("", str(text or ""))


def code_words(text: Any) -> Markup:
    """Text with `what is to be typed` marked as code; everything else is escaped."""
    parts = [escape(part) for part in clean(text).split("`")]
    if len(parts) % 2 == 0:  # a lone mark
        return Markup("`").join(parts)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def initials(name: str) -> str:
    """'jane_doe' -> 'JD', 'x' -> 'X'."""
    words = [word for word in re.split(r"[_\W]+", name) if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def hue(name: str) -> str:
    """Always the same colour for the same name."""
    return COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]


def accounts() -> list[Account]:
    """The owner's accounts, A to Z; read once a request."""
    if "accounts" not in g:
        g.accounts = list(db.session.scalars(select(Account).order_by(Account.username)))
    return g.accounts


def chosen_account() -> Account | None:
    """The account that the address names, else the owner's, else the first; None: there is none yet.

    raises  Refused 404 for a name that is no account
    """
    name = request.args.get("account", "").strip().lower()
    if name:
        found = next((account for account in accounts() if account.username == name), None)
        if found is None:
            raise Refused(404, "unknown_account", "There is no account of this name here.", field="account")
        return found
    owner = settings.current().owner
    return next((account for account in accounts() if account.username == owner), next(iter(accounts()), None))


def header_lights() -> list[display.Light]:
    return [display.light(_facts(account), clock.now(), clock.owner_zone()) for account in accounts()]


def _facts(account: Account) -> dict[str, Any]:
    names = ("username", "session_state", "session_detail", "session_proved_at", "cookies_end")
    return {name: getattr(account, name) for name in names}


def owner_name() -> str:
    """The owner's username, or the only account's; 'My room' where neither is known."""
    owner = settings.current().owner
    if owner:
        return owner
    return accounts()[0].username if accounts() else "My room"


def profile_link(username: str) -> str:
    """The address of a person's page; a plain text, since building one for each row would cost as much as the rest."""
    return f"{request.script_root}/profile/{quote(username, safe='')}"


def zone_name() -> str:
    return display.zone_label(clock.owner_zone(), clock.now())


def set_up_frame(app: Flask) -> None:
    def with_zone(function: Any) -> Any:
        return lambda at: function(at, clock.owner_zone()) if at else ""

    app.jinja_env.filters.update(
        ago=lambda at: display.ago(at, clock.now()) if at else "",
        exact=with_zone(display.exact),
        day_and_time=lambda at: display.day_and_time(at, clock.now(), clock.owner_zone()) if at else "",
        iso=display.utc_iso,
        number=display.number,
        size=display.size,
        duration=display.duration,
        clean=clean,
        code_words=code_words,
        initials=initials,
        hue=hue,
        source_words=lambda name: SOURCE_WORDS.get(name, name),
    )

    def bounds_words(earliest: datetime | None, latest: datetime | None) -> str:
        return display.bounds(earliest, latest, clock.now(), clock.owner_zone())

    def bounds_title(earliest: datetime | None, latest: datetime | None) -> str:
        return display.bounds_title(earliest, latest, clock.owner_zone())

    app.jinja_env.globals.update(
        bounds_words=bounds_words, bounds_title=bounds_title,
        header_lights=header_lights, profile_link=profile_link, owner_name=owner_name, zone_name=zone_name,
    )

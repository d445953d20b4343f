"""How values are said on the pages: moments, bounds, lights. Pure; the clock and the zone are handed in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
COOKIES_WARNING = timedelta(days=3)
SAME = timedelta(seconds=60)  # bounds closer than this are said as one moment


def zone_label(zone: tzinfo, at: datetime) -> str:
    """'Europe/Lisbon (UTC+1)': the zone's name and its offset at that moment."""
    offset = zone.utcoffset(at.astimezone(zone)) or timedelta(0)
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    said = f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"
    name = getattr(zone, "key", None) or str(zone)
    return said if name in ("UTC", "Etc/UTC", said) else f"{name} ({said})"


def day(at: datetime, now: datetime, zone: tzinfo) -> str:
    """'20 Nov', with the year when it is not the present one."""
    local = at.astimezone(zone)
    text = f"{local.day} {MONTHS[local.month - 1]}"
    return text if local.year == now.astimezone(zone).year else f"{text} {local.year}"


def clock_time(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%H:%M")


def day_and_time(at: datetime, now: datetime, zone: tzinfo) -> str:
    """'20 Nov 14:02'."""
    return f"{day(at, now, zone)} {clock_time(at, zone)}"


def exact(at: datetime, zone: tzinfo) -> str:
    """For titles: to the second, with the zone."""
    local = at.astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year} {local:%H:%M:%S} {zone_label(zone, at)}"


def ago(at: datetime, now: datetime) -> str:
    """'5 min ago', '3 h ago', '12 days ago'; 'in 2 h' for what is to come."""
    seconds = (now - at).total_seconds()
    distance = abs(seconds)
    if distance < 45:
        return "just now" if seconds >= 0 else "in a moment"
    for size, unit in ((3600, 60), (86400, 3600)):
        if distance < size * (1 if unit == 60 else 2):
            text = f"{max(1, round(distance / unit))} {'min' if unit == 60 else 'h'}"
            break
    else:
        days = int(distance // 86400)
        text = f"{days} days" if days < 730 else f"{days // 365} years"
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def bounds(earliest: datetime | None, latest: datetime | None, now: datetime, zone: tzinfo) -> str:
    """What is known of a moment, in words.

    earliest  it was not before this; None: nothing is known, it lies anywhere before `latest`
    latest    it was not after this
    """
    if latest is None:
        return "" if earliest is None else f"after {day_and_time(earliest, now, zone)}"
    if earliest is None:
        return f"before {day_and_time(latest, now, zone)}"
    if latest - earliest < SAME:
        return day_and_time(latest, now, zone)
    if earliest.astimezone(zone).date() != latest.astimezone(zone).date():
        return f"between {day_and_time(earliest, now, zone)} and {day_and_time(latest, now, zone)}"
    span = f"between {clock_time(earliest, zone)} and {clock_time(latest, zone)}"
    if latest.astimezone(zone).date() == now.astimezone(zone).date():
        return span
    return f"{day(latest, now, zone)} {span}"


def bounds_title(earliest: datetime | None, latest: datetime | None, zone: tzinfo) -> str:
    """The same, exact, and why it is no single moment."""
    if latest is None:
        return ""
    if earliest is None:
        return f"First seen {exact(latest, zone)}. When it really began is unknown: it was so when we first looked."
    if latest - earliest < SAME:
        return exact(latest, zone)
    return f"Not yet at {exact(earliest, zone)}, so at {exact(latest, zone)}: it happened in between."


def duration(milliseconds: float | None) -> str:
    """'640 ms', '12.3 s', '4 min 5 s'."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def part_of_day(span: timedelta) -> str:
    """What is shorter than a day: '3 h', '2 min', 'a moment'; rounded down, so that 'at least' stays true."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "a moment"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


def size(count: int | None) -> str:
    """Bytes in readable units: '12.4 MB'."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def number(value: float | None) -> str:
    """'12,345'; whole numbers whole."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


class Light(NamedTuple):
    """The health of an account's sign-in: colour and icon say the same as the words."""

    account: str
    colour: str  # green, amber, red
    icon: str
    words: str
    advice: str


LOGIN = "Run `python -m scraper login` on the machine of the worker to sign in."
RED = {
    "signed_out": ("Signed out.", LOGIN),
    "wrong_account": ("The browser is signed in as somebody else.",
                      "Run `python -m scraper login` with the right account."),
    "challenge": ("The site asks for a human check.",
                  "Open the site in your own browser, pass the check, wait an hour, then sign in again."),
    "age_gate": ("The site asks for an age check.",
                 "Run `python -m scraper login`, pass the check in the window, and try again."),
}


def light(account: Mapping[str, Any], now: datetime, zone: tzinfo) -> Light:
    """The light of one account.

    account  username, session_state, session_detail, session_proved_at, cookies_end
    """
    name, state, ends = account["username"], account["session_state"], account["cookies_end"]
    if state in RED:
        words, advice = RED[state]
        return Light(name, "red", "exclamation-octagon-fill", words, advice)
    if state != "signed_in":
        return Light(name, "amber", "question-circle-fill", "Not known yet whether this account is signed in.", LOGIN)
    proved = account["session_proved_at"]
    words = "Signed in" + (f", last proved {ago(proved, now)}." if proved else ".")
    if ends is not None and ends <= now:
        return Light(name, "amber", "exclamation-triangle-fill", f"{words} Its cookies have ended since.", LOGIN)
    if ends is not None and ends - now < COOKIES_WARNING:
        soon = f"{words} The sign-in ends soon: {day_and_time(ends, now, zone)}."
        return Light(name, "amber", "exclamation-triangle-fill", soon, LOGIN)
    return Light(name, "green", "check-circle-fill", words, "")


def utc_iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

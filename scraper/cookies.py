"""Cookies as people export them: the JSON of browsers' extensions, and Netscape `cookies.txt`. Pure."""

import json
import math
from typing import Any

from scraper.session_store import SESSION_COOKIE

_SAME_SITE = {"no_restriction": "None", "none": "None", "lax": "Lax", "strict": "Strict"}
PINNED = {"agreeterms": "1", "language": "en"}
A_YEAR = 365 * 24 * 3600


class WrongCookies(ValueError):
    """The file does not hold a sign-in; the text says why, without any value of it."""


def read_cookies(text: str, host: str) -> list[dict[str, Any]]:
    """The cookies for this host, in the browser's form, from an exported file.

    text    a JSON list of {"name", "value", "domain", "path", "expirationDate"|"expires", "secure", "httpOnly",
            "sameSite"}, or {"cookies": such a list}, or cookies.txt with seven columns apart by tabs
    raises  WrongCookies when it is neither, or holds no session cookie of this host
    """
    stripped = text.lstrip("\ufeff \t\r\n")
    rows = _from_json(stripped) if stripped.startswith(("[", "{")) else _from_netscape(text)
    cookies = [cookie for cookie in rows if belongs(cookie, host)]
    if not cookies:
        raise WrongCookies(f"the file holds no cookies of {host}")
    if not any(cookie["name"] == SESSION_COOKIE and cookie["value"] for cookie in cookies):
        raise WrongCookies(f"the file holds no cookie `{SESSION_COOKIE}` of {host}: nobody was signed in")
    return cookies


def belongs(cookie: dict[str, Any], host: str) -> bool:
    """Whether a browser would send this cookie to the host."""
    domain = str(cookie.get("domain", "")).lower().lstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def pinned(host: str, now: float) -> list[dict[str, Any]]:
    """The cookies that keep the site's notice away and its language English, so that pages look as we know them."""
    return [{"name": name, "value": value, "domain": host, "path": "/", "expires": int(now) + A_YEAR,
             "httpOnly": False, "secure": False, "sameSite": "Lax"} for name, value in PINNED.items()]


def _from_json(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise WrongCookies("the file is not the JSON it seems to be") from None
    rows = found.get("cookies") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise WrongCookies("the file is JSON, but not a list of cookies")
    return [_cookie(row.get("name"), row.get("value"), row.get("domain"), row.get("path"),
                    row.get("expirationDate", row.get("expires")), row.get("secure"), row.get("httpOnly"),
                    row.get("sameSite")) for row in rows]


def _from_netscape(text: str) -> list[dict[str, Any]]:
    cookies = []
    for line in text.splitlines():
        http_only = line.startswith("#HttpOnly_")
        fields = line.removeprefix("#HttpOnly_").split("\t")
        if (line.startswith("#") and not http_only) or not line.strip():
            continue
        if len(fields) != 7:
            raise WrongCookies("the file is neither JSON nor cookies.txt (seven columns apart by tabs)")
        domain, _, path, secure, expires, name, value = fields
        cookies.append(_cookie(name, value, domain, path, expires, secure == "TRUE", http_only, None))
    return cookies


def _cookie(name: Any, value: Any, domain: Any, path: Any, expires: Any, secure: Any, http_only: Any,
            same_site: Any) -> dict[str, Any]:
    if not isinstance(name, str) or not name or not isinstance(value, str) or not isinstance(domain, str):
        raise WrongCookies("a cookie in the file has no name, value or domain")
    # A browser drops a cookie that goes to other sites (None) and is not Secure.
    known = _SAME_SITE.get(same_site.lower(), "Lax") if isinstance(same_site, str) else "Lax"
    return {
        "name": name, "value": value, "domain": domain, "path": path if isinstance(path, str) and path else "/",
        "expires": _expiry(expires), "httpOnly": http_only is True, "secure": secure is True,
        "sameSite": "Lax" if known == "None" and secure is not True else known,
    }


def _expiry(value: Any) -> float:
    """Seconds since 1970; -1 for a cookie that ends with the browser."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return -1
    return seconds if math.isfinite(seconds) and seconds > 0 else -1

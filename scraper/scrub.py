"""Takes what could sign somebody in out of a page, before the page leaves the worker as evidence."""

import base64
import gzip
import re

from scraper.observations import Capture

GONE = "removed"
_QUOTE = r"(?:\\?[\"']|\\u0022|&quot;|&#34;|&#39;|&#x27;)"
_NAMES = (r"(?:csrf_?token|csrfmiddlewaretoken|signed_username|session_?id|session_?key|edge_auth|chat_password|"
          r"room_pass|tfa_token|api_?key|auth_?token|access_token|user_uid|cf_clearance|__cf_bm)")
_RULES = [
    # "initialRoomDossier" holds the secrets of the chat connection: the whole string goes.
    (re.compile(r"(initialRoomDossier\s*=\s*)\"(?:[^\"\\]|\\.)*\"", re.S), rf'\1"{GONE}"'),
    (re.compile(r"(initialRoomDossier\s*=\s*)'(?:[^'\\]|\\.)*'", re.S), rf"\1'{GONE}'"),
    # <input name="csrfmiddlewaretoken" value="…"> in either order of its attributes
    (re.compile(rf"(<input\b[^>]*\bname=[\"']?{_NAMES}[\"']?[^>]*?\bvalue=)([\"'])[^\"'>]*\2", re.I),
     rf"\1\2{GONE}\2"),
    (re.compile(rf"(<input\b[^>]*?\bvalue=)([\"'])[^\"'>]*\2(?=[^>]*\bname=[\"']?{_NAMES}\b)", re.I),
     rf"\1\2{GONE}\2"),
    # the text of the password field, should a browser have filled it in
    (re.compile(r"(<input\b[^>]*\btype=[\"']?password\b[^>]*?\bvalue=)([\"'])[^\"'>]*\2", re.I), rf"\1\2{GONE}\2"),
    # key: 'value' and "key": "value", also with \u0022 for quotes, inside scripts and data attributes
    (re.compile(rf"((?<![a-z-]){_NAMES}{_QUOTE}?\s*[:=]\s*)({_QUOTE})((?:(?!\2|[<>\n]).)*)(\2)", re.I),
     rf"\1\2{GONE}\4"),
    # key=value in addresses
    (re.compile(r"((?:[?&;]|&amp;)(?:token|" + _NAMES + r"|__cf_chl_\w+)=)[^&\"'<>\s]+", re.I), rf"\1{GONE}"),
]


def scrub(html: str) -> str:
    """The page without tokens, session ids, signed names and the room dossier."""
    for pattern, replacement in _RULES:
        html = pattern.sub(replacement, html)
    return html


def capture_of(html: str, url: str) -> Capture:
    """The scrubbed page as a message carries it: gzip, base64."""
    return Capture(url=scrub(url)[:2000], body=_packed(scrub(html).encode("utf-8", "replace")))


def capture_of_answer(body: bytes, content_type: str, url: str) -> Capture:
    """An API's answer as a message carries it; scrubbed where it is a page for people, which may hold what signs one
    in."""
    if "html" in content_type.lower():
        body = scrub(body.decode("utf-8", "replace")).encode("utf-8")
    return Capture(url=url, content_type=content_type[:100], body=_packed(body))


def _packed(body: bytes) -> str:
    return base64.b64encode(gzip.compress(body, compresslevel=6, mtime=0)).decode("ascii")

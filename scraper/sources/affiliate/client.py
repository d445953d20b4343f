"""The calls to the affiliate API: bytes out of it, and errors named by what happens next.

source   GET {site}/api/public/affiliates/onlinerooms/?wm=&client_ip=request_ip&format=json&limit=&offset=&gender=
         -> {"count": rooms that match, "results": [room, …]}; 1 to 500 rooms a call, the busiest first
assumed  one call a second is polite (nothing is published); more than 500 a call is never asked for

The campaign code stands in the address, so no address and no words of the network library ever reach an error, a
log or a capture.
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlencode, urlsplit

import requests
import structlog

from common.clock import Clock, utc_now
from common.logs import hide
from scraper.errors import ClosedToUs, NotAccepted, RateLimited, Redirected, SourceError, Unavailable
from scraper.http import retry_after

log = structlog.get_logger(__name__)

PATH = "/api/public/affiliates/onlinerooms/"
LARGEST_PAGE = 500
BETWEEN_CALLS = 1.0  # seconds from the end of a call to the start of the next, at least
TIME_OUT = 30.0  # seconds for a whole answer
CONNECT_TIME_OUT = 10.0
LARGEST_ANSWER = 32 * 1024 * 1024
ATTEMPTS = 3  # at one page, where the site stumbles without asking for a pause
FIRST_PAUSE = 2.0  # seconds before the second attempt; doubles
_CHALLENGE = re.compile(rb"cdn-cgi/challenge-platform|__cf_chl_|cf-challenge|<title>Just a moment", re.I)
_CODE = re.compile(rb"((?:campaign|wm)=)[^&\"'<>\\\s]+")


@dataclass(frozen=True)
class Answer:
    """One page as it came.

    body  without the campaign code, which is in the addresses of every room
    at    the moment of its arrival
    """

    body: bytes
    content_type: str
    url: str
    at: datetime


@dataclass
class Calls:
    """What the calls took.

    ms      milliseconds of each call, failed ones too
    paused  seconds of rest between them
    """

    ms: list[int] = field(default_factory=list)
    failed: int = 0
    bytes: int = 0
    paused: float = 0.0


class AffiliateClient:
    """Asks for one page at a time, never faster than one call a second. For one thread."""

    def __init__(self, site: str, code: str, *, clock: Clock = utc_now, passing: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep, chance: Callable[[], float] = random.random,
                 time_out: float = TIME_OUT) -> None:
        hide(code)
        self.calls = Calls()
        self.last: Answer | None = None  # the newest answer, also where it is no page of rooms
        self._site, self._code = site.rstrip("/"), code
        self._clock, self._passing, self._sleep, self._chance = clock, passing, sleep, chance
        self._time_out = time_out
        self._quiet_since: float | None = None
        self._session = requests.Session()
        self._session.auth = _leave_alone  # else a `.netrc` of the machine might add a password
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"Accept": "application/json", "User-Agent": "mhc-control-panel (affiliate)"})
        if urlsplit(site).hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False  # a proxy of the machine cannot reach our own loopback

    def page(self, genders: Sequence[str], limit: int, offset: int) -> Answer:
        """One page of the rooms that are online, tried again where the site only stumbles.

        genders  what is asked for; nothing: everyone
        raises   RateLimited, Unavailable, ClosedToUs, NotAccepted, Redirected
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._page(genders, limit, offset)
            except Unavailable as error:
                if attempt == ATTEMPTS or error.wait is not None:
                    raise
                pause = FIRST_PAUSE * 2 ** (attempt - 1) * (1 + self._chance() / 2)
                log.info("a page is asked for again", offset=offset, reason=str(error), pause=round(pause, 1))
                self._rest(pause)
        raise AssertionError("unreachable")

    def close(self) -> None:
        self._session.close()

    def _page(self, genders: Sequence[str], limit: int, offset: int) -> Answer:
        if self._quiet_since is not None:
            self._rest(BETWEEN_CALLS - (self._passing() - self._quiet_since))
        query = [("wm", self._code), *_question(genders, limit, offset)]
        began = self._passing()
        response: requests.Response | None = None
        error: SourceError | None = None
        body = b""
        try:
            response, body = self._get(query, began)
            error = _trouble(response, body, self._clock())
        except requests.RequestException as cause:
            error = Unavailable(f"no answer from the affiliate API: {_in_words(cause)}")
        finally:
            self._quiet_since = self._passing()
        self.calls.ms.append(round((self._quiet_since - began) * 1000))
        self.calls.bytes += len(body)
        self.last = None
        if response is not None:
            self.last = Answer(_CODE.sub(rb"\1removed", body), response.headers.get("Content-Type", ""),
                               f"{self._site}{PATH}?{urlencode(_question(genders, limit, offset))}", self._clock())
        if error is not None:
            self.calls.failed += 1
            raise error
        assert self.last is not None  # noqa: S101 - without an answer there is an error
        return self.last

    def _get(self, query: list[tuple[str, str]], began: float) -> tuple[requests.Response, bytes]:
        """The answer and its whole body, within the time-out and a size.

        raises  requests.RequestException
        """
        with self._session.get(self._site + PATH, params=query, stream=True, allow_redirects=False,
                               timeout=(min(CONNECT_TIME_OUT, self._time_out), self._time_out)) as response:
            parts, size = [], 0
            for part in response.iter_content(65_536):
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise requests.exceptions.ContentDecodingError("too large")
                if self._passing() - began > self._time_out:
                    raise requests.ReadTimeout("too slow")
            return response, b"".join(parts)

    def _rest(self, seconds: float) -> None:
        if seconds > 0:
            self.calls.paused += seconds
            self._sleep(seconds)


def _question(genders: Sequence[str], limit: int, offset: int) -> list[tuple[str, str]]:
    return [("client_ip", "request_ip"), ("format", "json"), ("limit", str(limit)), ("offset", str(offset)),
            *(("gender", gender) for gender in genders)]


def _trouble(response: requests.Response, body: bytes, now: datetime) -> SourceError | None:
    """Why this is not a page of rooms; None: it seems to be one."""
    status, kind = response.status_code, response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    wait: timedelta | None = retry_after(response.headers.get("Retry-After"), now)
    if status == 429:
        return RateLimited("the affiliate API asks us to slow down (429)", wait)
    if response.headers.get("cf-mitigated") == "challenge" or (kind == "text/html" and _CHALLENGE.search(body)):
        return ClosedToUs(f"the affiliate API is behind a human check ({status})")
    if status >= 500 or status == 408:
        return Unavailable(f"the affiliate API answers {status}", wait)
    if 300 <= status < 400:
        return Redirected(f"the affiliate API leads us elsewhere ({status})")
    if status == 403:
        return NotAccepted("the affiliate API lets us not in (403)")
    if status != 200:
        return NotAccepted(f"the affiliate API does not take the question ({status})")
    if kind.endswith("html") or body.lstrip()[:1] == b"<":
        return Unavailable("the affiliate API answers with a web page instead of rooms")
    return None


def _in_words(cause: requests.RequestException) -> str:
    """The kind of a network error. Its own words hold the address, and with it the campaign code."""
    if isinstance(cause, requests.Timeout):
        return "too slow"
    if isinstance(cause, requests.exceptions.SSLError):
        return "its certificate is not valid"
    if isinstance(cause, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    if isinstance(cause, requests.exceptions.ContentDecodingError):
        return "an answer that cannot be unpacked or is too large"
    if isinstance(cause, requests.exceptions.ChunkedEncodingError):
        return "the connection broke in the middle"
    return "cannot connect" if isinstance(cause, requests.ConnectionError) else type(cause).__name__


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request

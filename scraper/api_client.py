"""Questions to one API over HTTP: bytes out of it, within a time and a size, and errors named by what happens next.

Only GET; no cookies, no passwords of the machine, no redirects. Neither an address nor the network library's own words,
which hold it, reach an error: a secret may stand in the query.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlencode, urlsplit

import requests

from common.clock import Clock, utc_now
from scraper.errors import ClosedToUs, NotAccepted, RateLimited, Redirected, SourceError, Unavailable
from scraper.http import retry_after

TIME_OUT = 30.0  # seconds for a whole answer
CONNECT_TIME_OUT = 10.0
LARGEST_ANSWER = 32 * 1024 * 1024
LONGEST_IDLE = 2.0  # seconds; a connection that was quiet for longer may be about to be closed, and is not used again
_CHALLENGE = re.compile(rb"cdn-cgi/challenge-platform|__cf_chl_|cf-challenge|<title>Just a moment", re.I)

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """One answer as it came, after `clean`.

    url  without what is secret
    at   the moment of its arrival
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

    def counters(self) -> dict[str, int]:
        """As a run tells them."""
        return {"calls": len(self.ms), "failed_calls": self.failed, "bytes": self.bytes,
                "mean_response_ms": round(sum(self.ms) / len(self.ms)) if self.ms else 0,
                "slowest_response_ms": max(self.ms, default=0)}

    def waiting_ms(self) -> int:
        """Time for the platform: in calls, and at rest between them."""
        return sum(self.ms) + round(self.paused * 1000)


def as_refusal(status: int, who: str) -> SourceError:
    """What is not let in, or not understood: a status below 500 that is neither a redirect nor a wish for a pause."""
    if status == 403:
        return NotAccepted(f"{who} lets us not in (403)")
    return NotAccepted(f"{who} does not take the question ({status})")


class ApiClient:
    """Asks one question at a time. For one thread; how often it is asked is the caller's to say."""

    def __init__(self, site: str, who: str, agent: str, *, clock: Clock = utc_now,
                 passing: Callable[[], float] = time.monotonic, time_out: float = TIME_OUT,
                 clean: Callable[[bytes], bytes] = lambda body: body,
                 is_said: Callable[[bytes], bool] = lambda _body: False,
                 refusal: Callable[[int, str], SourceError] = as_refusal,
                 unreachable: Callable[[requests.RequestException, str], SourceError] | None = None) -> None:
        """who: the API's name in errors; agent: what this is to it, such as affiliate; clean: takes secrets out of an
        answer; is_said: whether a body is the API's own word, whatever the status; refusal, unreachable: the error for
        a status, for no answer."""
        self.calls = Calls()
        self.last: Answer | None = None  # the newest answer, also where it is not what was asked for
        self.quiet_since: float | None = None  # when the last call ended
        self._site, self._who = site.rstrip("/"), who
        self._clock, self._passing, self._time_out = clock, passing, time_out
        self._clean, self._is_said, self._refusal = clean, is_said, refusal
        self._unreachable = unreachable or _unreachable
        self._session = requests.Session()
        self._session.auth = _leave_alone  # else a `.netrc` of the machine might add a password
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"Accept": "application/json", "User-Agent": f"mhc-control-panel ({agent})"})
        if urlsplit(site).hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False  # a proxy of the machine cannot reach our own loopback

    def ask(self, path: str, query: Query, secret: Query = ()) -> Answer:
        """One question, asked once.

        secret  goes before the query, and into no address that is kept
        raises  RateLimited, Unavailable, ClosedToUs, Redirected, and what `refusal` and `unreachable` make
        """
        if self.quiet_since is not None and self._passing() - self.quiet_since > LONGEST_IDLE:
            self._session.close()
        began = self._passing()
        response: requests.Response | None = None
        error: SourceError | None = None
        body = b""
        try:
            response, body = self._get(path, [*secret, *query], began)
            error = trouble(response, body, self._clock(), self._who, self._refusal)
            if error is not None and response.status_code != 429 and self._is_said(body):
                error = None
        except requests.RequestException as cause:
            error = self._unreachable(cause, self._who)
        finally:
            self.quiet_since = self._passing()
        self.calls.ms.append(round((self.quiet_since - began) * 1000))
        self.calls.bytes += len(body)
        self.last = None
        if response is not None:
            self.last = Answer(self._clean(body), response.headers.get("Content-Type", ""),
                               f"{self._site}{path}?{urlencode(query)}", self._clock())
        if error is not None:
            self.calls.failed += 1
            raise error
        assert self.last is not None  # noqa: S101 - without an answer there is an error
        return self.last

    def close(self) -> None:
        self._session.close()

    def _get(self, path: str, query: Query, began: float) -> tuple[requests.Response, bytes]:
        """The answer and its whole body, within the time-out and a size.

        raises  requests.RequestException
        """
        with self._session.get(self._site + path, params=list(query), stream=True, allow_redirects=False,
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


def trouble(response: requests.Response, body: bytes, now: datetime, who: str,
            refusal: Callable[[int, str], SourceError] = as_refusal) -> SourceError | None:
    """Why this is no answer to the question; None: it seems to be one."""
    status, kind = response.status_code, response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    wait = retry_after(response.headers.get("Retry-After"), now)
    if status == 429:
        return RateLimited(f"{who} asks us to slow down (429)", wait)
    if response.headers.get("cf-mitigated") == "challenge" or (kind == "text/html" and _CHALLENGE.search(body)):
        return ClosedToUs(f"{who} is behind a human check ({status})")
    if status >= 500 or status == 408:
        return Unavailable(f"{who} answers {status}", wait)
    if 300 <= status < 400:
        return Redirected(f"{who} leads us elsewhere ({status})")
    if status != 200:
        return refusal(status, who)
    if kind.endswith("html") or body.lstrip()[:1] == b"<":
        return Unavailable(f"{who} answers with a web page instead of data")
    return None


def in_words(cause: requests.RequestException) -> str:
    """The kind of a network error. Its own words hold the address, and with it what may be secret."""
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


def _unreachable(cause: requests.RequestException, who: str) -> SourceError:
    return Unavailable(f"no answer from {who}: {in_words(cause)}")


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request

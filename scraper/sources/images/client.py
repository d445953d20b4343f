"""One picture after the other from the platform's image hosts: bytes out, and errors named by what happens next.

source   GET an address such as https://thumb.live.mmcdn.com/ri/<username>.jpg -> the room's present picture
assumed  one fetch a second is polite (nothing is published)

A fetch cannot be led astray: the address passes `addresses.Allowed`, its name is looked up once and the connection
goes to just that number, every redirect passes the same checks, no cookie or password is sent, and the whole of it
ends after a time and a size. Behind a proxy it is the proxy that looks names up; the names themselves are checked.
"""

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import structlog
from requests.auth import _basic_auth_str
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies

from common.clock import Clock, utc_now
from common.pictures import LARGEST
from scraper.api_client import Calls
from scraper.errors import ClosedToUs, NotLetIn, RateLimited
from scraper.http import retry_after
from scraper.sources.images.addresses import LOOPBACK, Allowed, Forbidden, Place

log = structlog.get_logger(__name__)

BETWEEN_FETCHES = 1.0  # seconds from the end of one to the start of the next, at least; redirects too
TIME_OUT = 20.0  # seconds for a whole answer
CONNECT_TIME_OUT = 8.0
MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"Accept": "image/webp, image/jpeg, image/png", "Accept-Encoding": "identity", "Connection": "close",
            "User-Agent": "mhc-control-panel (images)"}

Resolve = Callable[[str, int], Sequence[str]]


class NoPicture(Exception):
    """This address gave no picture. code: a word kept with the person; of_the_site: it may be the site's fault."""

    def __init__(self, code: str, words: str, *, of_the_site: bool = False) -> None:
        super().__init__(words)
        self.code, self.of_the_site = code, of_the_site


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class ImageClient:
    """Fetches one picture at a time, never faster than one a second. For one thread."""

    def __init__(self, allowed: Allowed, *, clock: Clock = utc_now, passing: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep, resolve: Resolve | None = None,
                 between: float = BETWEEN_FETCHES, time_out: float = TIME_OUT,
                 trusted: ssl.SSLContext | None = None) -> None:
        """resolve: the numeric addresses of a host; between: seconds; trusted: whose certificates are believed."""
        self.calls = Calls()
        self._allowed = allowed
        self._clock, self._passing, self._sleep = clock, passing, sleep
        self._resolve = resolve or _addresses
        self._between, self._time_out = between, time_out
        self._trusted = trusted
        self._quiet_since: float | None = None

    def fetch(self, url: str) -> bytes:
        """The bytes that lie under this address, whatever they are.

        raises  NoPicture; RateLimited, NotLetIn, ClosedToUs when the host wants to be left alone
        """
        for _ in range(MOST_REDIRECTS + 1):
            try:
                place = self._allowed.place(url)
            except Forbidden as error:
                raise NoPicture("forbidden_address", str(error)) from error
            answer = self._ask(place)
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not location:
                return self._body(answer)
            url = urljoin(url, location)
        raise NoPicture("redirected", f"led on more than {MOST_REDIRECTS} times")

    def _body(self, answer: _Answer) -> bytes:
        status, wait = answer.status, retry_after(answer.headers.get("Retry-After"), self._clock())
        if status == 429:
            raise RateLimited("the image host asks us to slow down (429)", wait)
        if answer.headers.get("cf-mitigated") == "challenge":
            raise ClosedToUs(f"the image host is behind a human check ({status})")
        if status in (401, 403):
            raise NotLetIn(f"the image host lets us not in ({status})")
        if status == 503 and wait:
            raise RateLimited("the image host asks for a pause (503)", wait)
        if status >= 500 or status == 408:
            raise NoPicture("unavailable", f"the image host answers {status}", of_the_site=True)
        if status != 200:
            raise NoPicture("not_found" if status in (404, 410) else "no_picture", f"the image host answers {status}")
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise NoPicture("no_picture", "an answer that is packed in a way that was not asked for")
        return answer.body

    def _ask(self, place: Place) -> _Answer:
        """One request.

        raises  NoPicture
        """
        if self._quiet_since is not None:
            rest = self._between - (self._passing() - self._quiet_since)
            if rest > 0:
                self.calls.paused += rest
                self._sleep(rest)
        began = self._passing()
        answer = None
        try:
            answer = self._exchange(self._connection(place), place)
            return answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoPicture("no_answer", _in_words(error), of_the_site=True) from error
        finally:
            self._quiet_since = self._passing()
            self.calls.ms.append(round((self._quiet_since - began) * 1000))
            self.calls.failed += answer is None or answer.status >= 400

    def _exchange(self, connection: "_Connection", place: Place) -> _Answer:
        with _at_most(self._time_out, connection) as over:
            try:
                connection.request("GET", place.target, headers=_HEADERS | {"Host": place.host_header})
                with connection.getresponse() as response:
                    body = self._read(response) if response.status == 200 else b""
            except (OSError, http.client.HTTPException, ValueError) as error:
                if over.is_set():
                    raise TimeoutError("too slow") from error
                raise
            if over.is_set():
                raise TimeoutError("too slow")
            return _Answer(response.status, response.headers, body)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        if (response.length or 0) > LARGEST:
            raise NoPicture("too_large", f"larger than {LARGEST // 1024 // 1024} MiB")
        parts, size = [], 0
        while part := response.read1(65_536):
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                raise NoPicture("too_large", f"larger than {LARGEST // 1024 // 1024} MiB")
        self.calls.bytes += size
        if response.length:
            raise ConnectionError("the connection broke in the middle")
        return b"".join(parts)

    def _connection(self, place: Place) -> "_Connection":
        """A connection to the place, not yet made.

        raises  NoPicture, OSError
        """
        context = self._context() if place.scheme == "https" else None
        proxy = None if place.host in LOOPBACK else _proxy(place)
        if proxy is not None:
            return _Connection(proxy[0], proxy[1], place, context, tunnel=proxy[2])
        addresses = self._resolve(place.host.strip("[]"), place.port)
        if not addresses:
            raise OSError("its name is not known")
        if not all(self._allowed.may_connect(place, address) for address in addresses):
            raise NoPicture("forbidden_address", f"{place.host} leads to an address that is not on the internet")
        return _Connection(addresses[0], place.port, place, context)

    def _context(self) -> ssl.SSLContext:
        if self._trusted is None:
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
            file, folder = (None, bundle) if Path(bundle).is_dir() else (bundle, None)
            self._trusted = ssl.create_default_context(cafile=file, capath=folder)
        return self._trusted


class _Connection(http.client.HTTPConnection):
    """Goes to one numeric address (or a proxy), and there speaks with the name that the place has."""

    def __init__(self, address: str, port: int, place: Place, context: ssl.SSLContext | None,
                 tunnel: dict[str, str] | None = None) -> None:
        super().__init__(address, port, timeout=CONNECT_TIME_OUT)
        self._name, self._tls = place.host, context
        self.wire: socket.socket | None = None  # `sock` is let go of while the last answer is still being read
        if tunnel is not None:
            self.set_tunnel(place.host, place.port, tunnel)

    def connect(self) -> None:
        super().connect()
        self.wire = self.sock
        if self._tls is not None:
            # Not within the wrapping, so that a handshake that never ends can be ended from outside.
            wrapped = self._tls.wrap_socket(self.sock, server_hostname=self._name, do_handshake_on_connect=False)
            self.wire = self.sock = wrapped
            wrapped.do_handshake()


@contextmanager
def _at_most(seconds: float, connection: _Connection) -> Iterator[threading.Event]:
    """End the connection after so long, however slowly it still talks; the event says that this has happened."""
    over = threading.Event()

    def end() -> None:
        over.set()
        if connection.wire is not None:
            with suppress(OSError):  # it may have ended by itself
                socket.socket.shutdown(connection.wire, socket.SHUT_RDWR)  # wakes whoever reads from it

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()
        connection.close()


def _addresses(host: str, port: int) -> list[str]:
    """The numeric addresses of a host, in the order in which this machine would try them.

    raises  OSError
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _proxy(place: Place) -> tuple[str, int, dict[str, str]] | None:
    """Host, port and headers of the machine's own proxy, as every other program here uses it; None: there is none."""
    given = get_environ_proxies(f"{place.scheme}://{place.host}/", no_proxy=None)
    address = given.get(place.scheme) or given.get("all")
    if not address:
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if parts.scheme != "http" or not parts.hostname:
        raise OSError("a proxy of this kind cannot be used for pictures")
    login = {}
    if parts.username:
        login["Proxy-Authorization"] = _basic_auth_str(unquote(parts.username), unquote(parts.password or ""))
    return parts.hostname, parts.port or 80, login


def _in_words(cause: BaseException) -> str:
    if isinstance(cause, TimeoutError):
        return "no answer: too slow"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "no answer: its certificate is not valid"
    if isinstance(cause, ssl.SSLError):
        return "no answer: no secure connection"
    if isinstance(cause, socket.gaierror):
        return "no answer: its name is not known"
    if isinstance(cause, http.client.HTTPException | ValueError):
        return "no answer that can be understood"
    return f"no answer: {cause.strerror or cause}" if isinstance(cause, OSError) else type(cause).__name__

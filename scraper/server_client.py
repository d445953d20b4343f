"""The panel's server, as the worker sees it: JSON out, JSON in, and errors named by what happens next.

Every request carries the worker's token and the worker's clock (`X-MHC-Sent-At`), from which the server corrects
the moments of a message. The token goes to the configured address and nowhere else: redirects are not followed.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import requests
from pydantic import BaseModel, ValidationError
from requests.auth import AuthBase

from common.clock import Clock, iso_ms, utc_now
from common.logs import hide
from common.settings import Settings, WrongSetting
from scraper.errors import Busy, RunEnded, ServerRefused, ServerUnreachable, TokenRefused, WrongUse
from scraper.jobs import Progress

Model = TypeVar("Model", bound=BaseModel)

# Bodies below this are not worth packing.
PACK_FROM_BYTES = 1000
# A server that asks for more than this is asked again anyway.
LONGEST_WISH = timedelta(minutes=10)


class ClaimedRun(BaseModel):
    """A run that is ours until its lease ends. `account`: None for a job that belongs to none.

    priority  people to look for: username -> gender where looking there is enough, else None
    """

    id: UUID
    job: str
    account: str | None = None
    trigger: str
    config: dict[str, Any] = {}
    lease_seconds: float = 60
    priority: dict[str, str | None] = {}


class Claim(BaseModel):
    """What there is to do; without a run, when to ask again (seconds)."""

    run: ClaimedRun | None = None
    retry_after: float = 2


class Renewed(BaseModel):
    """The lease goes on; `cancel` when a person asked the run to stop."""

    cancel: bool = False


class _Bearer(AuthBase):
    """The token on every request. Given as `auth`, so that no `.netrc` of the machine can take its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ServerClient:
    """Calls to one server. May be used by several threads at a time."""

    def __init__(self, url: str, token: str, *, clock: Clock = utc_now, connect_timeout: float = 5,
                 read_timeout: float = 60) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongSetting("MHC_SERVER_URL: must be an http:// or https:// address")
        hide(token)
        self.url = url.rstrip("/")
        self._clock = clock
        self._timeouts = (connect_timeout, read_timeout)
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        # A kept connection may be closed by the server in the moment of the next request, which looks like a fault.
        self._session.headers["Connection"] = "close"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if parts.hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False  # a proxy of the machine cannot reach our own loopback

    @classmethod
    def of(cls, settings: Settings, clock: Clock = utc_now) -> "ServerClient":
        """The client of the configured server, with the configured or kept token."""
        return cls(settings.server_url, settings.worker_token_value, clock=clock)

    def claim(self, worker: str, jobs: Sequence[str], force: Mapping[str, str | None] | None = None) -> Claim:
        """Ask for work.

        worker  who asks, one name a process
        force   {"job", "account"}: make this run now, whatever the schedule
        raises  Busy, WrongUse (unknown account), ServerUnreachable, ServerRefused
        """
        body = {"worker": worker, "jobs": list(jobs), "force": dict(force) if force else None}
        try:
            return _read(Claim, self.post("/api/worker/claim", body))
        except ServerRefused as refused:
            if refused.status == 409 and refused.reason == "busy":
                raise Busy(str(refused)) from refused
            if refused.status == 404 and refused.reason == "unknown_account":
                raise WrongUse(str(refused)) from refused
            raise

    def renew(self, run_id: UUID, progress: Progress) -> Renewed:
        """Renew the lease and say how far the run is.

        raises  RunEnded when the run is not ours any more; ServerUnreachable
        """
        body = {"phase": progress.phase, "done": progress.done, "total": progress.total, "detail": progress.detail}
        return _read(Renewed, self.post(f"/api/worker/runs/{run_id}/progress", body))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One attempt; the answer is a JSON object.

        raises  ServerUnreachable  no answer, or one that says nothing about this body: try again later
                TokenRefused       the same, and a person is needed
                ServerRefused      the server will never take this body; RunEnded when that is the reason
        """
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if len(data) >= PACK_FROM_BYTES:
            data = gzip.compress(data, compresslevel=5, mtime=0)
            headers["Content-Encoding"] = "gzip"
        headers["X-MHC-Sent-At"] = iso_ms(self._clock())
        try:
            response = self._session.post(self.url + path, data=data, headers=headers, timeout=self._timeouts,
                                          allow_redirects=False)
        except requests.RequestException as error:
            raise ServerUnreachable(f"no answer from {self.url}: {_cause(error)}") from error
        return _answer(response, self.url)

    def close(self) -> None:
        self._session.close()


def _read(model: type[Model], answer: dict[str, Any]) -> Model:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        raise ServerUnreachable(f"an answer that we do not understand: {error.errors()[0]['msg']}") from error


def _answer(response: requests.Response, url: str) -> dict[str, Any]:
    status = response.status_code
    if 300 <= status < 400:
        raise ServerUnreachable(f"{url} redirects elsewhere, and the worker's token is not taken there; "
                                "set MHC_SERVER_URL to the address that answers itself")
    said = _json_object(response)
    error = said.get("error") if said else None
    reason, words = (str(error.get("code", "")), str(error.get("message", ""))) if isinstance(error, dict) else ("", "")
    if status in (401, 403):
        raise TokenRefused(f"{url} refuses the worker's token" + (f": {words}" if words else ""))
    if 200 <= status < 300 and said is not None:
        return said
    if status in (408, 429) or status >= 500:
        raise ServerUnreachable(f"{url} answers {status}" + (f": {words}" if words else ""), _wish(response))
    if not reason:
        raise ServerUnreachable(f"what answers at {url} is not the panel's server (status {status})")
    refusal = RunEnded if reason == "run_ended" else ServerRefused
    raise refusal(words or reason, status=status, answer=response.text[:10_000], reason=reason)


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        said = response.json()
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _wish(response: requests.Response) -> timedelta | None:
    """`Retry-After` in seconds, within our own bounds; dates and nonsense are no wish."""
    text = response.headers.get("Retry-After", "")
    return min(timedelta(seconds=int(text)), LONGEST_WISH) if text.isdigit() and len(text) < 9 else None


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "too slow"
    if isinstance(error, requests.ConnectionError):
        return "connection lost" if "aborted" in str(error) else "cannot connect"
    return type(error).__name__

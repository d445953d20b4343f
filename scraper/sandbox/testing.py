"""A sandbox inside the present process, on a free port of loopback.

    with running(people=50, seed=3, generation="C") as sandbox:
        sandbox.fault("challenge", list="online", page=2, times=1)
        open(sandbox.url)
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from common.clock import Clock, utc_now
from scraper.sandbox.app import create_app
from scraper.sandbox.faults import At, Fault
from scraper.sandbox.options import Options
from scraper.sandbox.site import PASSWORD, STATS_TOKEN, Asked, Site
from scraper.sandbox.world import OWNER, World

WORLD_SIZES = ("seed", "people", "following", "followers", "online", "accounts", "today")


class QuietHandler(WSGIRequestHandler):
    """Writes nothing about requests: they are kept by the site, without secrets."""

    def version_string(self) -> str:
        return "cloudflare"

    def log(self, type: str, message: str, *args: Any) -> None:
        logging.getLogger("scraper.sandbox").debug("%s " + message, type, *args)


class Sandbox:
    """A running sandbox: where it is, who is in it, what goes wrong, and what was asked of it."""

    owner = OWNER
    password = PASSWORD
    stats_token = STATS_TOKEN

    def __init__(self, site: Site, server: BaseWSGIServer) -> None:
        self.site, self._server = site, server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def world(self) -> World:
        return self.site.world

    @property
    def options(self) -> Options:
        return self.site.options

    @property
    def requests(self) -> list[Asked]:
        """Everything that was asked of the site, oldest first; not the control."""
        with self.site.lock:
            return list(self.site.asked)

    @property
    def secrets(self) -> list[str]:
        return self.site.secrets()

    def fault(self, kind: str, *, list: str = "any", page: int | None = None, times: int | None = None,
              at: At | None = None, **parameters: Any) -> Fault:
        """Make something go wrong; `fired` of the answer tells how often it did."""
        return self.site.faults.add(kind, list=list, page=page, times=times, at=at, **parameters)

    def clear_faults(self) -> None:
        self.site.faults.clear()

    def sign_everybody_out(self) -> None:
        with self.site.lock:
            self.site.sessions.end_all()

    def cookies(self, account: str = OWNER) -> "list[dict[str, Any]]":
        """The cookies of somebody who has just signed in, as browsers' extensions export them."""
        with self.site.lock:
            session = self.site.sessions.begin(account, self.site.clock(), self.options.session_days)
            token = self.site.sessions.token(64)
        ends = session.ends.timestamp()
        common = {"domain": "127.0.0.1", "path": "/", "secure": False, "sameSite": "lax", "expirationDate": ends}
        return [{"name": "sessionid", "value": session.id, "httpOnly": True, **common},
                {"name": "csrftoken", "value": token, "httpOnly": False, **common},
                {"name": "agreeterms", "value": "1", "httpOnly": False, **common}]


def make_site(*, clock: Clock = utc_now, **settings: Any) -> Site:
    """A site from the world's sizes and the options, told apart by name."""
    world = World(**{name: settings.pop(name) for name in WORLD_SIZES if name in settings})
    options = Options()
    options.change(**settings)
    return Site(world, options, clock=clock)


@contextmanager
def running(*, clock: Clock = utc_now, port: int = 0, **settings: Any) -> Iterator[Sandbox]:
    """Run a sandbox while the block lasts. `settings`: seed, people, following, followers, online, and every option."""
    site = make_site(clock=clock, **settings)
    server = make_server("127.0.0.1", port, create_app(site), threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True, name="sandbox")
    thread.start()
    try:
        yield Sandbox(site, server)
    finally:
        site.faults.clear()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)

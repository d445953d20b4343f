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

import structlog

from common.clock import Clock, utc_now
from common.logs import hide
from scraper.api_client import TIME_OUT, Answer, ApiClient, Calls
from scraper.errors import Unavailable

log = structlog.get_logger(__name__)

PATH = "/api/public/affiliates/onlinerooms/"
LARGEST_PAGE = 500
BETWEEN_CALLS = 1.0  # seconds from the end of a call to the start of the next, at least
ATTEMPTS = 3  # at one page, where the site stumbles without asking for a pause
FIRST_PAUSE = 2.0  # seconds before the second attempt; doubles
_CODE = re.compile(rb"((?:campaign|wm)=)[^&\"'<>\\\s]+")


class AffiliateClient:
    """Asks for one page at a time, never faster than one call a second. For one thread.

    An answer is kept without the campaign code, which is in the addresses of every room.
    """

    def __init__(self, site: str, code: str, *, clock: Clock = utc_now, passing: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep, chance: Callable[[], float] = random.random,
                 time_out: float = TIME_OUT) -> None:
        hide(code)
        self._api = ApiClient(site, "the affiliate API", "affiliate", clock=clock, passing=passing, time_out=time_out,
                              clean=lambda body: _CODE.sub(rb"\1removed", body))
        self._code, self._passing, self._sleep, self._chance = code, passing, sleep, chance

    @property
    def calls(self) -> Calls:
        return self._api.calls

    @property
    def last(self) -> Answer | None:
        """The newest answer, also where it is no page of rooms."""
        return self._api.last

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
        self._api.close()

    def _page(self, genders: Sequence[str], limit: int, offset: int) -> Answer:
        if self._api.quiet_since is not None:
            self._rest(BETWEEN_CALLS - (self._passing() - self._api.quiet_since))
        query = [("client_ip", "request_ip"), ("format", "json"), ("limit", str(limit)), ("offset", str(offset)),
                 *(("gender", gender) for gender in genders)]
        return self._api.ask(PATH, query, secret=[("wm", self._code)])

    def _rest(self, seconds: float) -> None:
        if seconds > 0:
            self.calls.paused += seconds
            self._sleep(seconds)

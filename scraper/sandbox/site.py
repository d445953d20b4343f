"""Everything that one running sandbox knows: its world, visitors, options, faults and what was asked of it."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from datetime import time as clock_time
from typing import Any

from common.clock import Clock, utc_now
from scraper.sandbox.faults import Faults
from scraper.sandbox.options import Options
from scraper.sandbox.sessions import Session, Sessions
from scraper.sandbox.world import OWNER, World

PASSWORD = "sandbox-password"  # noqa: S105 - opens nothing but this imitation
STATS_TOKEN = "sandbox-stats-token"  # noqa: S105
KEPT_REQUESTS = 20_000
IMAGES = (".jpg", ".jpeg", ".png", ".svg", ".gif", ".webp", ".ico")
FONTS = (".woff", ".woff2", ".ttf")
MEDIA = (".mp4", ".m3u8", ".mp3", ".webm")


@dataclass(frozen=True)
class Asked:
    """One request. Of its headers only the names are kept, and who it says it is."""

    number: int
    method: str
    path: str
    query: str
    kind: str  # page, json, login, image, font, media, static, write
    account: str | None
    user_agent: str
    header_names: tuple[str, ...]
    status: int


class Site:
    def __init__(self, world: World, options: Options, *, clock: Clock = utc_now,
                 passing: Callable[[], float] = time.monotonic) -> None:
        self.world, self.options, self.faults = world, options, Faults()
        self.sessions = Sessions(world.seed)
        self.clock = clock
        self.lock = threading.RLock()
        self.now = int(datetime.combine(world.today, clock_time(12), UTC).timestamp())
        self.asked: deque[Asked] = deque(maxlen=KEPT_REQUESTS)
        self.counts: Counter[str] = Counter()
        self._passing, self._since, self._owed = passing, passing(), 0.0

    def catch_up(self) -> None:
        """Let happen what is due by now at the world's speed."""
        with self.lock:
            moment = self._passing()
            self._owed += (moment - self._since) * self.options.speed / 60
            self._since = moment
            steps = int(self._owed)
            self._owed -= steps
            self.world.advance(steps)

    def visitor(self, cookie: str | None) -> Session | None:
        with self.lock:
            return self.sessions.find(cookie, self.clock(), renewal_ends_old=self.options.renewal_ends_old)

    def remember(self, *, method: str, path: str, query: str, account: str | None, user_agent: str,
                 header_names: tuple[str, ...], status: int) -> None:
        kind = kind_of(method, path)
        with self.lock:
            self.counts["requests"] += 1
            self.counts[kind] += 1
            self.asked.append(Asked(self.counts["requests"], method, path, query, kind, account, user_agent,
                                    header_names, status))

    def totals(self, account: str) -> dict[str, int]:
        """The header's counts: how many of the followed people are online, and how many there are."""
        return {"online": len(self.world.online(account)),
                "total": len(self.world.account(account).following) + self.options.ghosts}

    def secrets(self) -> list[str]:
        """Everything that a reader must neither log nor keep: passwords, cookies, signatures, tokens."""
        with self.lock:
            return [PASSWORD, STATS_TOKEN, *self.sessions.issued]

    def state(self, log: int = 200) -> dict[str, Any]:
        """The truth, and what was asked: for tests and for whoever looks at a demo."""
        with self.lock:
            return {
                "seed": self.world.seed, "steps": self.world.steps, "version": self.world.version,
                "owner": OWNER, "accounts": {name: self.world.truth(name) for name in self.world.accounts},
                "happenings": [asdict(one) for one in self.world.happenings[-log:]] if log else [],
                "options": asdict(self.options), "faults": self.faults.as_json(), "counts": dict(self.counts),
                "sessions": len(self.sessions), "renewals": self.sessions.renewals,
                "requests": [asdict(one) for one in list(self.asked)[-log:]] if log else [],
            }


def kind_of(method: str, path: str) -> str:
    """What a request is for, from its address alone."""
    if method == "POST" and path.startswith("/follow/"):
        return "write"
    if path.startswith("/auth/"):
        return "login"
    if path.endswith(IMAGES):
        return "image"
    if path.endswith(FONTS):
        return "font"
    if path.endswith(MEDIA):
        return "media"
    if path.startswith(("/static/", "/cdn-cgi/")):
        return "static"
    if path.startswith(("/api/", "/api.php", "/follow/api/", "/statsapi/")):
        return "json"
    return "write" if method not in ("GET", "HEAD") else "page"

"""The job `affiliate`: one poll of who is online, page after page, handed over as one message.

    ask ─► read ─► next page … until everybody or the limit is read ─► (once more where the list has moved) ─► hand over

The list is ordered by viewers and moves while it is read: rooms slip from one page to another, so that some are on
two pages and others on none. Each is kept once; when that has happened and somebody is missing, the pages are read
a second time, until nobody is. What was read before the site stopped us counts.
"""

import base64
import gzip
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scraper.errors import NotAccepted, ScraperError, SourceError, Unavailable
from scraper.jobs import JobContext, JobResult, Progress
from scraper.observations import AffiliateRoom, AffiliateRooms, Capture, Gender
from scraper.scrub import scrub
from scraper.sources.affiliate.client import LARGEST_PAGE, AffiliateClient, Answer
from scraper.sources.affiliate.parse import GENDERS, Page, asked_genders, parse_page

PASSES = 2
MOST_PAGES = 400  # of one pass; more is a paging that never ends
SLACK = 50  # rooms that may come online between two pages: so many more are asked for than are left
FULL_NAMES = {"m": "men", "f": "women", "c": "couples", "t": "trans"}


@dataclass(frozen=True)
class Wanted:
    """What a poll is to read. limit 0: everyone; min_followers 0: whatever their number."""

    genders: list[Gender]
    limit: int = 500
    min_followers: int = 0

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Wanted":
        """From a job's configuration; what it leaves out is as in the settings' defaults.

        raises  WrongUse for genders that do not exist
        """
        return cls(asked_genders(str(config.get("gender", "m"))), max(0, int(config.get("limit", 500))),
                   max(0, int(config.get("minFollowers", 0))))


def run(context: JobContext) -> JobResult:
    """Poll once, and hand over what was seen."""
    code = context.settings.affiliate_code
    if not code:
        raise NotAccepted("the campaign code is missing: set MHC_AFFILIATE_CODE")
    client = AffiliateClient(context.settings.chaturbate_url, code, clock=context.clock)
    try:
        return poll(context, client)
    finally:
        client.close()


def poll(context: JobContext, client: AffiliateClient) -> JobResult:
    """Poll once with this client.

    raises  WrongUse for a configuration that means nothing; CannotKeep
    """
    poll = Poll(context, client, Wanted.of(context.config))
    stopped: ScraperError | None = None
    try:
        poll.read()
    except ScraperError as error:
        stopped = error
    poll.hand_over(stopped)
    return poll.result(stopped)


@dataclass
class Poll:
    """One poll, with its evidence.

    rooms       by username, in the order of the list; with those that are left out for their few followers
    count       how many rooms match, as the API said last
    unreadable  entries of which it cannot be said whose they are
    """

    context: JobContext
    client: AffiliateClient
    wanted: Wanted
    rooms: dict[str, AffiliateRoom] = field(default_factory=dict)
    count: int | None = None
    pages: int = 0
    duplicates: int = 0
    unreadable: int = 0
    at_the_end: bool = False
    problems: Counter[str] = field(default_factory=Counter)
    captures: list[Capture] = field(default_factory=list)
    began_at: datetime | None = None
    ended_at: datetime | None = None
    working: float = 0.0
    kept: list[AffiliateRoom] = field(default_factory=list)

    def read(self) -> None:
        """All pages, and where the list has moved under us, all pages once more.

        raises  SourceError, Cancelled: what stopped it; what was read by then is kept
        """
        for number in range(1, PASSES + 1):
            self._read_pass(first=number == 1)
            if self.saw_everyone or not self.at_the_end or not self.duplicates:
                return

    @property
    def saw_everyone(self) -> bool:
        return self.at_the_end and self.count is not None and len(self.rooms) >= self.count

    def _read_pass(self, *, first: bool) -> None:
        offset = 0
        for _ in range(MOST_PAGES):
            self._report()
            size = self._size(offset)
            before = len(self.rooms)
            page = self._read_page(size, offset, first=first)
            offset += min(page.listed, size)
            if not first and self.saw_everyone:
                return
            new = len(self.rooms) > before
            if not page.listed or (first and before and not new) or self._all_is_read(page, size, offset):
                self.at_the_end = self._is_end(page, offset)
                return
            if self.wanted.limit and offset >= self.wanted.limit:
                return

    def _size(self, offset: int) -> int:
        """How many rooms to ask for: no more than are wanted, and hardly more than there are."""
        size = LARGEST_PAGE
        if self.wanted.limit:
            size = min(size, self.wanted.limit - offset)
        if self.count is not None and self.count > offset:
            size = min(size, self.count - offset + SLACK)
        return size

    def _all_is_read(self, page: Page, size: int, offset: int) -> bool:
        """Whether this page is the last. A full page that ends behind the count shows that the count is wrong."""
        full = page.listed >= size
        if page.count is None:
            return not full
        return offset >= page.count and (not full or offset == page.count)

    def _is_end(self, page: Page, offset: int) -> bool:
        """Whether the list itself has ended here, and not just gone round in a circle."""
        return not page.listed or page.count is None or offset >= page.count

    def _read_page(self, size: int, offset: int, *, first: bool) -> Page:
        """Ask for one page, and keep what is on it.

        raises  SourceError
        """
        try:
            answer = self.client.page([] if len(self.wanted.genders) == len(GENDERS) else self.wanted.genders,
                                      size, offset)
        except SourceError:
            if self.client.last is not None:
                self._keep(self.client.last)
            raise
        began = time.monotonic()
        self._keep(answer)
        page = parse_page(answer.body)
        self.pages += 1
        if page.count is not None:
            self.count = page.count
        self.unreadable += page.listed - len(page.rooms) if first else 0
        self.problems.update(page.problems if first else {})
        for room in page.rooms:
            if room.username in self.rooms:
                self.duplicates += first
            elif not self.wanted.limit or len(self.rooms) < self.wanted.limit:
                self.rooms[room.username] = room
        self.working += time.monotonic() - began
        return page

    def _keep(self, answer: Answer) -> None:
        self.began_at = self.began_at or answer.at
        self.ended_at = answer.at
        body = answer.body
        if "html" in answer.content_type.lower():  # a page for people may hold what signs one in
            body = scrub(body.decode("utf-8", "replace")).encode("utf-8")
        packed = base64.b64encode(gzip.compress(body, compresslevel=6, mtime=0)).decode("ascii")
        self.captures.append(Capture(url=answer.url, content_type=answer.content_type[:100], body=packed))

    def _report(self) -> None:
        limit = self.wanted.limit
        total = self.count if not limit or self.count is None else min(limit, self.count)
        self.context.report(Progress("asking who is online", len(self.rooms), total,
                                     f"{len(self.client.calls.ms)} calls made"))

    def hand_over(self, stopped: ScraperError | None) -> None:
        """Put everything into one message; nothing where no answer came at all.

        raises  CannotKeep
        """
        least = self.wanted.min_followers
        self.kept = [room for room in self.rooms.values()
                     if not least or room.num_followers is None or room.num_followers > least]
        if self.began_at is None or self.ended_at is None:
            return
        began = time.monotonic()
        self.context.outbox.put(AffiliateRooms(
            run_id=self.context.run_id, observed_at=self.began_at, finished_at=self.ended_at,
            genders=self.wanted.genders, limit=self.wanted.limit, min_followers=least, said_count=self.count,
            saw_everyone=self.saw_everyone and stopped is None, pages=self.pages, duplicates=self.duplicates,
            left_out=len(self.rooms) - len(self.kept), problems=dict(self.problems),
            stopped_by=stopped.code if stopped else None, stopped_detail=str(stopped)[:500] if stopped else None,
            rooms=self.kept, captures=self.captures,
        ))
        self.working += time.monotonic() - began

    def result(self, stopped: ScraperError | None) -> JobResult:
        calls = self.client.calls
        outcome = "ok"
        if stopped is not None:  # a stumble after good pages is half a poll; being sent away stays what it is
            outcome = "partial" if isinstance(stopped, Unavailable) and self.kept else stopped.outcome
        waiting = sum(calls.ms) + round(calls.paused * 1000)
        return JobResult(outcome, self._counters(stopped), waiting, round(self.working * 1000), stopped,
                         summary=self._summary() if self.pages else "")

    def _counters(self, stopped: ScraperError | None) -> dict[str, int]:
        """`failed`: rooms that are there and could not be read, on a page or because the poll was stopped."""
        calls, missed = self.client.calls, 0
        if stopped is not None and self.count is not None:
            expected = min(self.wanted.limit, self.count) if self.wanted.limit else self.count
            missed = max(0, expected - len(self.rooms) - self.unreadable)
        return {
            "enriched": len(self.kept), "failed": self.unreadable + missed,
            "new": sum(room.is_new is True for room in self.kept), "left_out": len(self.rooms) - len(self.kept),
            "online": self.count or 0, "saw_everyone": int(self.saw_everyone and stopped is None),
            "duplicates": self.duplicates, "problems": sum(self.problems.values()), "pages": self.pages,
            "calls": len(calls.ms), "failed_calls": calls.failed, "bytes": calls.bytes,
            "mean_response_ms": round(sum(calls.ms) / len(calls.ms)) if calls.ms else 0,
            "slowest_response_ms": max(calls.ms, default=0),
        }

    def _summary(self) -> str:
        """The poll in a sentence, for a person at a terminal."""
        who = ", ".join(FULL_NAMES[gender] for gender in self.wanted.genders)
        calls = len(self.client.calls.ms)
        read = f"{len(self.kept)} rooms read of {'?' if self.count is None else self.count} online ({who}) " \
               f"in {calls} {'call' if calls == 1 else 'calls'}"
        left_out = len(self.rooms) - len(self.kept)
        return read + (f"; {left_out} left out for too few followers" if left_out else "") + "."

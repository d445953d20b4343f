"""The job `affiliate`: one poll of who is online, page after page, handed over as one message.

    ask ─► read ─► next page … until everybody or the limit is read ─► (once more where the list has moved)
        ─► (further, for people in the queue who have not been met) ─► hand over

The list is ordered by viewers and moves while it is read: rooms slip from one page to another, so that some are on
two pages and others on none. Each is kept once; when that has happened and somebody is missing, the pages are read
a second time, until nobody is. What was read before the site stopped us counts.

People in the queue are kept whatever gender, limit and number of followers say. For their sake the list is read on
behind the limit, and those of other genders, until they are found or every list is at its end; of everybody else on
these pages nothing is kept, neither here nor as a raw answer.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scraper.api_client import Answer
from scraper.errors import NotAccepted, ScraperError, SourceError, Unavailable
from scraper.jobs import JobContext, JobResult, Progress
from scraper.observations import AffiliateRoom, AffiliateRooms, Capture, Gender
from scraper.scrub import capture_of_answer
from scraper.sources.affiliate.client import LARGEST_PAGE, AffiliateClient
from scraper.sources.affiliate.parse import GENDERS, Page, asked_genders, only, parse_page

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
class Listing:
    """One list of the API, as far as it was read.

    names   everybody on it; count: how many match, as the API said last
    offset  where its next page begins
    """

    genders: list[Gender]
    names: set[str] = field(default_factory=set)
    count: int | None = None
    offset: int = 0
    at_the_end: bool = False
    duplicates: int = 0

    @property
    def is_whole(self) -> bool:
        """Whoever is not in `names` is not on it."""
        return self.at_the_end and self.count is not None and len(self.names) >= self.count


@dataclass
class Poll:
    """One poll, with its evidence.

    rooms       by username, in the order of the list; with those that are left out for their few followers
    further     people of the queue who were found behind the limit, or among genders that are not polled
    unreadable  entries of which it cannot be said whose they are
    """

    context: JobContext
    client: AffiliateClient
    wanted: Wanted
    rooms: dict[str, AffiliateRoom] = field(default_factory=dict)
    further: dict[str, AffiliateRoom] = field(default_factory=dict)
    lists: list[Listing] = field(default_factory=list)
    pages: int = 0
    unreadable: int = 0
    is_read: bool = False
    problems: Counter[str] = field(default_factory=Counter)
    captures: list[Capture] = field(default_factory=list)
    began_at: datetime | None = None
    ended_at: datetime | None = None
    working: float = 0.0
    kept: list[AffiliateRoom] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lists.append(Listing(self.wanted.genders))

    def read(self) -> None:
        """All pages, and where the list has moved under us, all pages once more; then whoever is in the queue and has
        not been met.

        raises  SourceError, Cancelled: what stopped it; what was read by then is kept
        """
        self._read_list(self.main, self.wanted.limit)
        self.is_read = True
        if self._may_be_on(self.main.genders) and not self.main.at_the_end:
            self._read_list(self.main, 0, further=True)
        others = [gender for gender in GENDERS if gender not in self.main.genders and self._may_be_on([gender])]
        if others:
            self.lists.append(Listing(others))
            self._read_list(self.lists[-1], 0, further=True)

    @property
    def main(self) -> Listing:
        """What every poll reads."""
        return self.lists[0]

    @property
    def saw_everyone(self) -> bool:
        """Every room that is asked for was read, and none of them is behind the limit."""
        return self.main.is_whole and self.main.count is not None and len(self.rooms) >= self.main.count

    @property
    def missing(self) -> list[str]:
        """Who is in the queue and has not been met."""
        return [name for name in self.context.priority if name not in self.rooms and name not in self.further]

    @property
    def absent(self) -> list[str]:
        """Who of them is surely not online: every list on which they could be was read to its end."""
        read = {gender for listing in self.lists if listing.is_whole for gender in listing.genders}
        return [name for name in self.missing if set(self._genders_of(name)) <= read]

    def _genders_of(self, name: str) -> Sequence[str]:
        gender = self.context.priority.get(name)
        return [gender] if gender in GENDERS else GENDERS

    def _may_be_on(self, genders: Sequence[str]) -> bool:
        """Whether somebody who is missing may be among these."""
        return any(not set(self._genders_of(name)).isdisjoint(genders) for name in self.missing)

    def _read_list(self, listing: Listing, limit: int, *, further: bool = False) -> None:
        """One list, from where its reading has got to.

        further  of this part only the people in the queue are kept, and only until nobody of them is missing
        """
        for number in range(1, PASSES + 1):
            if number > 1:
                listing.offset = 0
            self._read_pass(listing, limit, first=number == 1, further=further)
            if listing.is_whole or not listing.at_the_end or not listing.duplicates or (further and not self.missing):
                return

    def _read_pass(self, listing: Listing, limit: int, *, first: bool, further: bool) -> None:
        for _ in range(MOST_PAGES):
            self._report(further=further)
            size = _size(listing, limit)
            before = len(listing.names)
            page = self._read_page(listing, size, limit, first=first, further=further)
            listing.offset += min(page.listed, size)
            if (not first and listing.is_whole) or (further and not self._may_be_on(listing.genders)):
                return
            new = len(listing.names) > before
            if not page.listed or (first and before and not new) or _all_is_read(page, size, listing.offset):
                listing.at_the_end = _is_end(page, listing.offset)
                return
            if limit and listing.offset >= limit:
                return

    def _read_page(self, listing: Listing, size: int, limit: int, *, first: bool, further: bool) -> Page:
        """Ask for one page, and keep what is on it.

        raises  SourceError
        """
        try:
            answer = self.client.page([] if len(listing.genders) == len(GENDERS) else listing.genders, size,
                                      listing.offset)
        except SourceError:
            if self.client.last is not None:
                self._keep(self.client.last)
            raise
        began = time.monotonic()
        page = parse_page(answer.body)
        if not further:
            self._keep(answer)
            self.pages += 1
            self.unreadable += page.listed - len(page.rooms) if first else 0
            self.problems.update(page.problems if first else {})
        if page.count is not None:
            listing.count = page.count
        met = []
        for room in page.rooms:
            listing.duplicates += first and room.username in listing.names
            if further:
                if room.username in self.context.priority and room.username not in self.rooms:
                    self.further.setdefault(room.username, room)
                    met.append(room.username)
            elif not limit or len(self.rooms) < limit:
                self.rooms.setdefault(room.username, room)
            listing.names.add(room.username)
        if met:
            self._keep(replace(answer, body=only(answer.body, met)))
        self.ended_at = answer.at
        self.working += time.monotonic() - began
        return page

    def _keep(self, answer: Answer) -> None:
        self.began_at = self.began_at or answer.at
        self.ended_at = answer.at
        self.captures.append(capture_of_answer(answer.body, answer.content_type, answer.url))

    def _report(self, *, further: bool) -> None:
        calls = f"{len(self.client.calls.ms)} calls made"
        if further:
            wanted = len(self.context.priority)
            self.context.report(Progress("looking for people in the queue", wanted - len(self.missing), wanted, calls))
            return
        limit, count = self.wanted.limit, self.main.count
        total = count if not limit or count is None else min(limit, count)
        self.context.report(Progress("asking who is online", len(self.rooms), total, calls))

    def hand_over(self, stopped: ScraperError | None) -> None:
        """Put everything into one message; nothing where no answer came at all.

        raises  CannotKeep
        """
        least = self.wanted.min_followers
        self.left_out = [room.username for room in self.rooms.values()
                         if least and room.num_followers is not None and room.num_followers <= least
                         and room.username not in self.context.priority]
        out = set(self.left_out)
        self.kept = [room for room in self.rooms.values() if room.username not in out] + list(self.further.values())
        if self.began_at is None or self.ended_at is None:
            return
        began = time.monotonic()
        self.context.outbox.put(AffiliateRooms(
            run_id=self.context.run_id, observed_at=self.began_at, finished_at=self.ended_at,
            genders=self.wanted.genders, limit=self.wanted.limit, min_followers=least, said_count=self.main.count,
            saw_everyone=self.saw_everyone and (stopped is None or self.is_read), pages=self.pages,
            duplicates=self.main.duplicates, left_out=len(self.left_out), left_out_names=self.left_out,
            absent=self.absent, problems=dict(self.problems),
            stopped_by=stopped.code if stopped else None, stopped_detail=str(stopped)[:500] if stopped else None,
            rooms=self.kept, captures=self.captures,
        ))
        self.working += time.monotonic() - began

    def result(self, stopped: ScraperError | None) -> JobResult:
        calls = self.client.calls
        outcome = "ok"
        if stopped is not None:  # a stumble after good pages is half a poll; being sent away stays what it is
            outcome = "partial" if isinstance(stopped, Unavailable) and self.kept else stopped.outcome
        return JobResult(outcome, self._counters(stopped), calls.waiting_ms(), round(self.working * 1000), stopped,
                         summary=self._summary() if self.pages else "")

    def _counters(self, stopped: ScraperError | None) -> dict[str, int]:
        """`failed`: rooms that are there and could not be read, on a page or because the poll was stopped."""
        calls, missed, count = self.client.calls, 0, self.main.count
        if stopped is not None and count is not None:
            expected = min(self.wanted.limit, count) if self.wanted.limit else count
            missed = max(0, expected - len(self.rooms) - self.unreadable)
        counters = {
            "enriched": len(self.kept), "failed": self.unreadable + missed,
            "new": sum(room.is_new is True for room in self.kept), "left_out": len(self.left_out),
            "online": count or 0, "saw_everyone": int(self.saw_everyone and (stopped is None or self.is_read)),
            "duplicates": self.main.duplicates, "problems": sum(self.problems.values()), "pages": self.pages,
            **calls.counters(),
        }
        if self.context.priority:
            counters |= {"looked_for": len(self.context.priority),
                         "looked_for_found": len(self.context.priority) - len(self.missing)}
        return counters

    def _summary(self) -> str:
        """The poll in a sentence, for a person at a terminal."""
        who = ", ".join(FULL_NAMES[gender] for gender in self.wanted.genders)
        calls, count = len(self.client.calls.ms), self.main.count
        read = f"{len(self.kept)} rooms read of {'?' if count is None else count} online ({who}) " \
               f"in {calls} {'call' if calls == 1 else 'calls'}"
        if self.left_out:
            read += f"; {len(self.left_out)} left out for too few followers"
        if self.context.priority:
            wanted = len(self.context.priority)
            read += f"; {wanted - len(self.missing)} of {wanted} in the queue found"
        return read + "."


def _size(listing: Listing, limit: int) -> int:
    """How many rooms to ask for: no more than are wanted, and hardly more than there are."""
    size = LARGEST_PAGE
    if limit:
        size = min(size, limit - listing.offset)
    if listing.count is not None and listing.count > listing.offset:
        size = min(size, listing.count - listing.offset + SLACK)
    return size


def _all_is_read(page: Page, size: int, offset: int) -> bool:
    """Whether this page is the last. A full page that ends behind the count shows that the count is wrong."""
    full = page.listed >= size
    if page.count is None:
        return not full
    return offset >= page.count and (not full or offset == page.count)


def _is_end(page: Page, offset: int) -> bool:
    """Whether the list itself has ended here, and not just gone round in a circle."""
    return not page.listed or page.count is None or offset >= page.count

"""The reading of one whole list in the real browser, page by page, pass by pass.

Every page is handed over as soon as it is read, with what it said about itself and its raw bytes; the end
of the scan follows, also where the reading was stopped. The server judges; the same judgement tells here
whether a further pass is worth it.
"""

import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from scraper.browser import Awaited, Browser
from scraper.errors import (
    AgeGated,
    Challenged,
    NeverSignedIn,
    NotLoaded,
    RateLimited,
    Redirected,
    ScraperError,
    SignedOut,
    SourceError,
    Unavailable,
    UnknownLayout,
    WrongAccount,
    WrongUse,
)
from scraper.http import Pacer, retry_after
from scraper.jobs import JobContext, JobResult, Progress
from scraper.layout_files import layouts_for
from scraper.layouts import Layouts, WrongLayout, browser_selectors
from scraper.observations import (
    ListName,
    PageFacts,
    Part,
    PersonSeen,
    ScanEnd,
    ScanPage,
    SessionReport,
    SessionState,
)
from scraper.scrub import capture_of
from scraper.session_store import SavedSession, SessionStore, renewed
from scraper.sources.pages.parse import PATHS, is_past_the_end, read_list_page
from scraper.verdict import PAST_THE_END, ReadPage, judge, wants_another_pass

log = structlog.get_logger(__name__)

MOST_PAGES = 2000  # of one part in one pass; more is a paging that never ends
ERRORS: dict[str, type[SourceError]] = {
    error.code: error
    for error in (AgeGated, Challenged, NotLoaded, RateLimited, Redirected, SignedOut, Unavailable, UnknownLayout,
                  WrongAccount)
}
STATES: dict[str, SessionState] = {
    "signed_out": "signed_out", "wrong_account": "wrong_account", "challenge": "challenge", "age_gate": "age_gate",
}


@dataclass
class Beside:
    """What the site says elsewhere about the list: cross-checks, never the list itself."""

    json_online: list[str] | None = None
    stats_followers: int | None = None


@dataclass(frozen=True)
class Plan:
    """One list: its parts in the order of their reading, where their pages are, and what to read beside them."""

    list_name: ListName
    parts: tuple[Part, ...]
    address: Callable[[Part, int], str]
    beside: Callable[[Browser, JobContext], Beside]


def read_list(context: JobContext, plan: Plan) -> JobResult:
    """Read the whole list and hand it over, as a job does it."""
    store = SessionStore(context.settings)
    try:
        session = store.load(context.owner)
        layouts = layouts_for(context.settings.data_folder)
    except SignedOut as error:
        # A name with a typing error, given while the server is away, must not become an account.
        if context.run_id is not None or not isinstance(error, NeverSignedIn):
            _report_session(context, None, error, proved_at=None)
        return JobResult(outcome=error.outcome, error=error)
    except WrongLayout as error:
        return JobResult(outcome=WrongUse.outcome, error=WrongUse(str(error)))
    scan = Scan(context, plan, layouts)
    stopped: ScraperError | None = None
    state = None
    try:
        context.report(Progress("opening the browser", 0, None))
        with Browser(context.settings, storage_state=session.storage_state,
                     deadline=context.settings.page_timeout) as browser:
            try:
                scan.read(browser)
            finally:
                state = browser.storage_state()
    except ScraperError as error:
        stopped = error
    end = scan.end(stopped)
    used = session
    if isinstance(stopped, SignedOut | WrongAccount):
        session = replace(used, proved_at=scan.proved_at or used.proved_at, over=str(stopped))
    elif scan.proved_at is not None and state is not None:
        kept = renewed(used.storage_state, state, challenged=isinstance(stopped, Challenged))
        session = SavedSession(used.account, kept, used.signed_in_since, scan.proved_at)
    if session is not used:
        try:
            store.replace(used, session)
        except OSError as error:
            log.error("the renewed sign-in could not be kept", account=context.owner, problem=str(error))
    _report_session(context, session, stopped, scan.proved_at)
    return scan.result(end, stopped)


class Scan:
    """One reading of one list, with its evidence."""

    def __init__(self, context: JobContext, plan: Plan, layouts: Layouts) -> None:
        self.id: UUID = uuid4()
        self.proved_at: datetime | None = None
        self._context, self._plan, self._layouts = context, plan, layouts
        self._pacer = Pacer(context.settings.pause_range)
        self._started_at = context.clock()
        self._pages: list[ReadPage] = []
        self._pass = 1
        self._beside = Beside()
        self._progress = _Pages(plan.parts)
        self._spent = {"waiting": 0, "pausing": 0, "parsing": 0}
        # Packing and writing a page takes as long as parsing it; meanwhile the browser asks for the next one.
        self._hand = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hand-over")
        self._handing_over: Future[None] | None = None

    def read(self, browser: Browser) -> None:
        """Pass after pass, until nothing is missing or the passes are used up.

        raises  ScraperError: what stopped it
        """
        passes = max(1, int(self._context.config.get("maxPasses", 3)))
        awaited = _awaited(self._layouts, self._plan.list_name)
        for self._pass in range(1, passes + 1):
            self._progress = _Pages(self._plan.parts)
            for part in self._plan.parts:
                self._read_part(browser, part, awaited)
            self._beside = self._plan.beside(browser, self._context)
            if not wants_another_pass(self._plan.list_name, self._pages, json_online=self._beside.json_online,
                                      stats_followers=self._beside.stats_followers):
                return

    def _read_part(self, browser: Browser, part: Part, awaited: Awaited) -> None:
        """From page 1 to the last; the last is read anew from every page, because the list moves."""
        page, last = 1, 1
        while page <= min(last, MOST_PAGES):
            self._report(part)
            facts = self._read_page(browser, part, page, awaited)
            if facts.problem is None:
                last = facts.last_page or (page + 1 if facts.has_next else page)
            self._progress.saw(facts, last)
            page += 1
        self._progress.finished(part)
        self._report(part)

    def _read_page(self, browser: Browser, part: Part, page: int, awaited: Awaited) -> PageFacts:
        """Read one page and hand it over.

        raises  SourceError when the page stops the reading; it is handed over all the same
        """
        self._spent["pausing"] += round(self._pacer.wait() * 1000)
        asked = self._plan.address(part, page)
        try:
            arrived = browser.open(asked, expected_paths=PATHS[part], awaited=awaited)
        except Unavailable as error:
            self._hand_over(PageFacts(part=part, page=page, pass_number=self._pass, problem=error.code,
                                      problem_detail=str(error)), [], self._context.clock())
            raise
        now = self._context.clock()
        began = time.monotonic()
        facts, people = read_list_page(
            arrived.html, list_name=self._plan.list_name, part=part, layouts=self._layouts,
            account=self._context.owner, page=page, pass_number=self._pass, path=arrived.path,
            status=arrived.status, settled=arrived.settled,
        )
        if facts.problem is None and (again := self._again(facts, people)):
            problem = PAST_THE_END if is_past_the_end(facts) else "repeated_page"
            facts, people = facts.model_copy(update={"problem": problem, "problem_detail": again}), []
        parsing = round((time.monotonic() - began) * 1000)
        facts = facts.model_copy(update={"waiting_ms": arrived.waiting_ms, "parsing_ms": parsing})
        self._spent["waiting"] += arrived.waiting_ms
        self._spent["parsing"] += parsing
        self._hand_over(facts, people, now, html=arrived.html, url=arrived.url)
        if facts.signed_in_as == self._context.owner.lower():
            self.proved_at = now
        error_class = ERRORS.get(facts.problem or "")
        if error_class is not None:
            raise error_of(error_class, f"{part} page {page}: {facts.problem_detail}", arrived.retry_after, now)
        return facts

    def _again(self, facts: PageFacts, people: list[PersonSeen]) -> str | None:
        """Why this is not the page that was asked for, but another page of the list; None: it is."""
        if facts.active_page not in (None, facts.page):
            return f"asked for page {facts.page}, the site showed page {facts.active_page}"
        names = {person.username for person in people}
        for read in self._pages:
            same = (read.facts.part, read.facts.pass_number) == (facts.part, facts.pass_number)
            if same and names and set(read.usernames) == names:
                return f"the same people as on page {read.facts.page}"
        return None

    def _hand_over(self, facts: PageFacts, people: list[PersonSeen], now: datetime, *, html: str | None = None,
                   url: str = "") -> None:
        self._pages.append(ReadPage(facts, tuple(person.username for person in people)))
        self._handed_over()
        self._handing_over = self._hand.submit(self._keep, facts, people, now, html, url)

    def _keep(self, facts: PageFacts, people: list[PersonSeen], now: datetime, html: str | None, url: str) -> None:
        self._context.outbox.put(ScanPage(
            run_id=self._context.run_id, observed_at=now, scan_id=self.id, account=self._context.owner,
            list=self._plan.list_name, facts=facts, people=people,
            capture=capture_of(html, url) if html is not None else None,
        ))

    def _handed_over(self) -> None:
        """Wait until the page before is kept, so that they stay in order and at most one is in memory.

        raises  CannotKeep
        """
        if self._handing_over is not None:
            last, self._handing_over = self._handing_over, None
            last.result()

    def _report(self, part: Part) -> None:
        again = f", pass {self._pass}" if self._pass > 1 else ""
        words = "followers" if part == "followers" else f"{part} rooms"
        self._context.report(Progress(f"reading {words}{again}", self._progress.done, self._progress.total,
                                      f"{len(self._names())} people so far"))

    def _names(self) -> set[str]:
        return {name for page in self._pages for name in page.usernames}

    def end(self, stopped: ScraperError | None) -> ScanEnd:
        """Hand over the end of the scan."""
        self._handed_over()
        self._hand.shutdown()
        now = self._context.clock()
        end = ScanEnd(
            run_id=self._context.run_id, observed_at=now, scan_id=self.id, account=self._context.owner,
            list=self._plan.list_name, started_at=self._started_at, finished_at=now, pages=len(self._pages),
            passes=self._pass, stopped_by=stopped.code if stopped else None,
            stopped_detail=str(stopped)[:500] if stopped else None, stats_followers=self._beside.stats_followers,
            json_online=self._beside.json_online,
            timings={**self._spent, "total": round((now - self._started_at).total_seconds() * 1000)},
        )
        self._context.outbox.put(end)
        return end

    def result(self, end: ScanEnd, stopped: ScraperError | None) -> JobResult:
        verdict = judge(end, self._pages)
        error = stopped
        if error is None and verdict.verdict == "rejected":
            error = ScraperError(verdict.explanation)
        outcome = error.outcome if error else "ok" if verdict.verdict == "complete" else "partial"
        return JobResult(
            outcome=outcome, error=error, scan_id=self.id,
            counters={"pages": len(self._pages), "people": verdict.found, "passes": self._pass},
            waiting_ms=self._spent["waiting"] + self._spent["pausing"], working_ms=self._spent["parsing"],
        )


@dataclass
class _Pages:
    """How many pages of a pass are read, and how many there are, as far as the pages have said."""

    parts: tuple[Part, ...]
    done: int = 0
    _last: dict[Part, int] = field(default_factory=dict)
    _size: int = 0
    _offline: int | None = None

    def saw(self, facts: PageFacts, last: int) -> None:
        self.done += 1
        self._last[facts.part] = max(last, facts.page)
        if last > 1:
            self._size = max(self._size, facts.cards)
        if facts.header_total is not None and facts.header_online is not None:
            self._offline = max(0, facts.header_total - facts.header_online)

    def finished(self, part: Part) -> None:
        self._last.setdefault(part, 0)

    @property
    def total(self) -> int | None:
        """All pages of the pass; None while nothing tells how long the next part is."""
        known = sum(self._last.values())
        unread = [part for part in self.parts if part not in self._last]
        if not unread:
            return known
        if unread == ["offline"] and self._size and self._offline is not None:
            return known + max(1, math.ceil(self._offline / self._size))
        return None


def _awaited(layouts: Layouts, list_name: ListName) -> Awaited:
    """What ends the wait for a page: a card, the site's own words that nobody is there or that it failed, or a
    page that stands in the way."""
    known, site = layouts.of(list_name), layouts.site
    return Awaited(
        boxes=tuple((container, tuple(filter(None, (layout.items, layout.empty, layout.reload))))
                    for layout, container in zip(known, browser_selectors(known), strict=True)),
        anywhere=(site.anonymous, site.login_password, *site.challenge, *site.age_gate),
    )


def error_of(kind: type[SourceError], message: str, header: str | None, now: datetime) -> SourceError:
    """The error of this kind; with the wait that the site asks for, where the kind knows one."""
    if issubclass(kind, RateLimited | Unavailable):
        return kind(message, retry_after(header, now))
    return kind(message)


def _report_session(context: JobContext, session: SavedSession | None, stopped: ScraperError | None,
                    proved_at: datetime | None) -> None:
    """Tell the server how the account's sign-in stands after the run."""
    state: SessionState = STATES.get(stopped.code if stopped else "", "signed_in" if proved_at else "unknown")
    context.outbox.put(SessionReport(
        run_id=context.run_id, observed_at=context.clock(), account=context.owner, state=state,
        signed_in_since=session.signed_in_since if session and state != "signed_out" else None,
        proved_at=proved_at or (session.proved_at if session else None),
        cookies_end=session.cookies_end if session else None,
        detail=str(stopped)[:500] if stopped else None,
    ))

"""Reading whole lists in the real browser, against the sandbox: what arrives, and what is said of what went wrong."""

import base64
import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.clock import utc_now
from common.settings import Settings, load_settings
from scraper.errors import Cancelled
from scraper.jobs import JobContext, JobResult, Progress, find_job
from scraper.observations import Message, ScanEnd, ScanPage, SessionReport
from scraper.sandbox.options import Options
from scraper.sandbox.testing import Sandbox, running
from scraper.session_store import SavedSession, SessionStore
from scraper.sign_in import from_file
from scraper.verdict import ReadPage, Verdict, judge

pytestmark = pytest.mark.browser

PAGE_SIZE = 6  # 3 pages online, 3 offline, 3 of followers


class Kept(list[Message]):
    """An outbox that anybody may look into."""

    def put(self, message: Message) -> None:
        self.append(type(message).model_validate_json(message.model_dump_json()))

    @property
    def pages(self) -> list[ScanPage]:
        return [one for one in self if isinstance(one, ScanPage)]

    @property
    def end(self) -> ScanEnd:
        (end,) = (one for one in self if isinstance(one, ScanEnd))
        return end

    @property
    def session(self) -> SessionReport:
        (report,) = (one for one in self if isinstance(one, SessionReport))
        return report

    @property
    def names(self) -> set[str]:
        return {person.username for page in self.pages for person in page.people}

    @property
    def verdict(self) -> Verdict:
        return judge(self.end, [ReadPage(one.facts, tuple(person.username for person in one.people))
                                for one in self.pages])


class Reader:
    """Runs a job against the sandbox, as the worker does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.progress: list[Progress] = []

    def read(self, job: str, *, passes: int = 1, account: str = "demo_owner",
             report: Callable[[Progress], None] | None = None, **settings: Any) -> tuple[JobResult, Kept]:
        kept = Kept()
        context = JobContext(self.settings.model_copy(update=settings), account, {"maxPasses": passes}, uuid4(), kept,
                             report or self.progress.append, utc_now)
        return find_job(job)(context), kept


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with running(people=60, following=34, online=17, followers=17, seed=5, page_size=PAGE_SIZE,
                 followers_page_size=PAGE_SIZE) as sandbox:
        yield sandbox


@pytest.fixture
def site(_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield _sandbox
    _sandbox.clear_faults()
    plain = {name: value for name, value in vars(Options()).items() if "page_size" not in name}
    _sandbox.options.change(**plain)


@pytest.fixture
def reader(site: Sandbox, tmp_path: Path, chromium_path: str) -> Reader:
    settings = load_settings(data_dir=tmp_path / "data", chaturbate_url=site.url, browser=chromium_path, page_pause="0",
                             page_timeout=20, stats_token=site.stats_token, owner=site.owner)
    sign_in(settings, site)
    return Reader(settings)


def sign_in(settings: Settings, site: Sandbox) -> None:
    state = from_file(settings, json.dumps(site.cookies()))
    SessionStore(settings).save(SavedSession(site.owner, state, utc_now(), utc_now()))


def following(site: Sandbox) -> set[str]:
    return set(site.world.account().following)


def followers(site: Sandbox) -> set[str]:
    return set(site.world.account().followers)


@pytest.mark.parametrize(("options", "layout"), [
    ({}, "followed-b"), ({"render": "server"}, "followed-b"), ({"generation": "C"}, "followed-c"),
    ({"generation": "C", "render": "server"}, "followed-c"), ({"community_visible": True}, "followed-b"),
    ({"live_header": True}, "followed-b"),
])
def test_all_followed_people_are_read_and_nobody_else(reader: Reader, site: Sandbox, options: dict,
                                                      layout: str) -> None:
    site.options.change(**options)
    before = len(site.requests)
    result, kept = reader.read("following")
    assert (result.outcome, result.error) == ("ok", None)
    assert kept.names == following(site)
    assert [(page.facts.part, page.facts.page) for page in kept.pages] == [
        (part, number) for part in ("online", "offline") for number in (1, 2, 3)]
    assert {page.facts.layout for page in kept.pages} == {layout}
    assert kept.verdict.verdict == "complete"
    assert set(kept.end.json_online or ()) == {one.username for page in kept.pages for one in page.people if one.online}
    assert [one.kind for one in site.requests[before:] if one.kind in ("image", "font", "media", "write")] == []
    assert {one.method for one in site.requests[before:]} == {"GET"}


@pytest.mark.parametrize(("layout", "pages"), [("F1", 3), ("F2", 1), ("F2-paged", 3)])
def test_all_followers_are_read_in_every_known_look(reader: Reader, site: Sandbox, layout: str, pages: int) -> None:
    site.options.change(followers_layout=layout)
    result, kept = reader.read("followers")
    assert (result.outcome, len(kept.pages)) == ("ok", pages)
    assert kept.names == followers(site)
    assert (kept.end.stats_followers, kept.verdict.verdict) == (len(followers(site)), "complete")


def test_every_page_carries_its_evidence_and_no_secret(reader: Reader, site: Sandbox) -> None:
    _, kept = reader.read("following")
    text = kept[-1].model_dump_json()
    for page in kept.pages:
        assert page.capture is not None
        html = gzip.decompress(base64.b64decode(page.capture.body)).decode()
        assert all(person.username in html for person in page.people)
        assert page.facts.signed_in_as == site.owner
        text += html
    for secret in site.secrets:
        assert secret not in text
    assert kept.session.state == "signed_in"
    assert kept.session.proved_at is not None
    assert kept.session.cookies_end is not None
    assert kept.end.pages == 6


def test_progress_is_said_with_done_and_total(reader: Reader) -> None:
    reader.read("followers")
    assert reader.progress[0].phase == "opening the browser"
    assert (reader.progress[-1].done, reader.progress[-1].total) == (3, 3)
    assert "17 people" in reader.progress[-1].detail


# Every fault at every place is met by the whole product in tests/e2e/test_faults.py, and the next good reading heals.
@pytest.mark.parametrize(("part", "page"), [("offline", 2)])
@pytest.mark.parametrize(("fault", "code", "outcome", "state"), [
    ("challenge", "challenge", "blocked", "challenge"),
    ("sign_out", "signed_out", "signed_out", "signed_out"),
    ("other_account", "wrong_account", "signed_out", "wrong_account"),
    ("age_gate", "age_gate", "blocked", "age_gate"),
    ("maintenance", "unavailable", "failed", None),
    ("rate_limit", "rate_limited", "blocked", None),
    ("cut", "unavailable", "failed", None),
    ("reload_message", "not_loaded", "failed", None),
])
def test_what_goes_wrong_stops_the_reading_with_its_name(
        reader: Reader, site: Sandbox, fault: str, code: str, outcome: str, state: str | None, part: str,
        page: int) -> None:
    site.fault(fault, list=part, page=page)
    result, kept = reader.read("following", passes=3)
    assert result.error is not None
    assert (result.error.code, result.outcome) == (code, outcome)
    assert (kept.pages[-1].facts.problem, kept.pages[-1].facts.part, kept.pages[-1].facts.page) == (code, part, page)
    assert kept.pages[-1].people == []
    assert all(one.facts.problem is None for one in kept.pages[:-1])
    assert (kept.end.stopped_by, kept.end.pages) == (code, len(kept.pages))
    assert kept.verdict.verdict != "complete"
    assert kept.session.state == (state or ("signed_in" if any(one.facts.signed_in_as for one in kept.pages)
                                            else "unknown"))


@pytest.mark.parametrize(("fault", "part", "code"), [
    ("error", "online", "unavailable"), ("region_age_gate", "online", "age_gate"),
    ("unknown_layout", "offline", "unknown_layout"), ("hang_json", "offline", "not_loaded"),
    ("ignored_filter", "online", "unknown_layout"), ("not_found", "offline", "unavailable"),
])
def test_the_other_faults_are_named_too(reader: Reader, site: Sandbox, fault: str, part: str, code: str) -> None:
    site.fault(fault, list=part, page=2)
    result, kept = reader.read("following", page_timeout=3)
    assert result.error is not None
    assert (result.error.code, kept.pages[-1].facts.problem) == (code, code)
    assert kept.verdict.verdict in ("partial", "rejected")


@pytest.mark.parametrize("where", ["login", "home_next", "home"])
def test_a_dead_session_is_found_out_wherever_the_site_leads(reader: Reader, site: Sandbox, where: str) -> None:
    site.options.change(logged_out=where)
    site.sign_everybody_out()
    result, kept = reader.read("following")
    assert (result.outcome, kept.pages[0].facts.problem, kept.session.state) == ("signed_out",) * 3
    assert kept.names == set()
    assert SessionStore(reader.settings).load("demo_owner").account == "demo_owner"


def test_the_sites_wish_to_wait_is_kept_with_the_error(reader: Reader, site: Sandbox) -> None:
    site.fault("rate_limit", list="followers", page=2, retry_after=600)
    result, _ = reader.read("followers")
    assert result.error is not None
    assert result.error.wait.total_seconds() == 600  # type: ignore[attr-defined]


def test_a_sign_in_that_was_found_over_is_told_by_the_command_until_a_reading_finds_it_good(
        reader: Reader, site: Sandbox) -> None:
    store = SessionStore(reader.settings)
    site.fault("sign_out", list="online", page=1, times=1)
    assert reader.read("following")[0].outcome == "signed_out"
    assert "sign-in form" in (store.load(site.owner).over or "")
    old = store.load(site.owner)
    sign_in(reader.settings, site)
    assert not store.replace(old, old)  # somebody has signed in anew while the old sign-in was being used
    assert reader.read("following")[0].outcome == "ok"
    assert store.load(site.owner).over is None


@pytest.mark.parametrize("run", [uuid4(), None])
def test_a_name_nobody_signed_in_as_becomes_an_account_only_when_the_server_knows_it(reader: Reader,
                                                                                     run: UUID | None) -> None:
    kept = Kept()
    result = find_job("following")(
        JobContext(reader.settings, "mistyped", {}, run, kept, reader.progress.append, utc_now))
    assert (result.outcome, len(kept)) == ("signed_out", 0 if run is None else 1)


def test_an_unknown_look_of_the_followers_is_never_nobody(reader: Reader, site: Sandbox) -> None:
    site.options.change(followers_layout="unknown")
    result, kept = reader.read("followers", page_timeout=3)
    assert (result.outcome, kept.pages[0].facts.problem) == ("failed", "unknown_layout")
    assert kept.pages[0].capture is not None
    assert kept.verdict.verdict == "rejected"


@pytest.mark.parametrize(("fault", "parameters", "code"), [
    ("empty_page", {"marker": True}, "empty_page"), ("repeated_page", {}, "repeated_page"),
])
@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_wrong_page_is_seen_and_healed_by_the_next_pass(reader: Reader, site: Sandbox, fault: str, parameters: dict,
                                                          code: str, page: int) -> None:
    site.fault(fault, list="online", page=page, times=1, **parameters)
    result, kept = reader.read("following", passes=3)
    assert kept.pages[page - 1].facts.problem == code
    assert kept.end.passes == 2
    assert (result.outcome, kept.verdict.verdict) == ("ok", "complete")
    assert kept.names == following(site)


def test_a_page_that_is_left_out_is_noticed_by_the_sites_own_count(reader: Reader, site: Sandbox) -> None:
    site.fault("missing_page", list="offline", page=2)
    result, kept = reader.read("following", passes=2)
    assert (result.outcome, kept.verdict.verdict) == ("partial", "partial")
    assert kept.end.passes == 2


def test_a_list_in_another_language_is_read_the_same(reader: Reader, site: Sandbox) -> None:
    site.fault("language")
    result, kept = reader.read("following")
    assert (result.outcome, kept.names) == ("ok", following(site))


def test_people_who_go_online_and_offline_meanwhile_are_neither_lost_nor_doubled(reader: Reader, site: Sandbox) -> None:
    site.options.change(churn=2)
    result, kept = reader.read("following", passes=4)
    assert result.outcome in ("ok", "partial")
    assert kept.names <= following(site)
    if result.outcome == "ok":
        assert kept.names == following(site)


def test_renewed_cookies_are_kept_so_that_the_next_run_is_signed_in(reader: Reader, site: Sandbox) -> None:
    site.options.change(renew_after=2, renewal_ends_old=True)
    before = SessionStore(reader.settings).load("demo_owner")
    for _ in range(3):
        assert reader.read("followers")[0].outcome == "ok"
    after = SessionStore(reader.settings).load("demo_owner")
    assert after.storage_state != before.storage_state
    assert after.proved_at > before.proved_at
    assert after.signed_in_since == before.signed_in_since


def test_renewed_cookies_are_kept_also_when_the_run_fails(reader: Reader, site: Sandbox) -> None:
    site.options.change(renew_after=2, renewal_ends_old=True)
    site.fault("error", list="followers", page=3, times=1)
    assert reader.read("followers")[0].outcome == "failed"
    assert reader.read("followers")[0].outcome == "ok"


def test_a_reading_that_is_stopped_says_so(reader: Reader) -> None:
    def stop_at_the_second_page(progress: Progress) -> None:
        if progress.done == 1:
            raise Cancelled("stopped by hand")

    result, kept = reader.read("following", report=stop_at_the_second_page)
    assert (result.outcome, kept.end.stopped_by, len(kept.pages)) == ("cancelled", "cancelled", 1)
    assert kept.verdict.verdict == "partial"


def test_without_a_sign_in_nothing_is_opened(reader: Reader, site: Sandbox) -> None:
    before = len(site.requests)
    result, kept = reader.read("following", account="somebody_new")
    assert (result.outcome, kept.session.state, len(kept)) == ("signed_out", "signed_out", 1)
    assert len(site.requests) == before


def test_a_wrong_layout_file_stops_the_job_with_its_own_words(reader: Reader) -> None:
    (reader.settings.data_folder / "layouts.toml").write_text("[x]\n")
    result, kept = reader.read("following")
    assert result.error is not None
    assert "layouts.toml: [x] list" in str(result.error)
    assert kept == []


def test_an_empty_list_of_followers_needs_every_proof(tmp_path: Path, chromium_path: str) -> None:
    with running(people=20, following=3, online=0, followers=0, seed=random.Random(1).randint(1, 9)) as site:
        settings = load_settings(data_dir=tmp_path / "data", chaturbate_url=site.url, browser=chromium_path,
                                 page_pause="0", page_timeout=20, stats_token=site.stats_token, owner=site.owner)
        sign_in(settings, site)
        for layout in ("F1", "F2"):
            site.options.change(followers_layout=layout)
            _, kept = Reader(settings).read("followers")
            assert [(page.facts.problem, page.people) for page in kept.pages] == [(None, [])]
            assert kept.pages[0].facts.empty_marker
            assert kept.end.stats_followers == 0
        result, kept = Reader(settings).read("following")
        assert (result.outcome, kept.names) == ("ok", following(site))

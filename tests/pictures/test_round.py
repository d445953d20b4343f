"""One round of the job `images` against the imitation: what is handed over, and what ends it."""

import base64

import pytest

from common.settings import Settings, load_settings
from scraper.errors import Cancelled
from scraper.jobs import JobContext, JobResult, Progress, find_job
from scraper.observations import PictureSeen
from scraper.sources.images.addresses import Allowed
from scraper.sources.images.client import ImageClient
from scraper.sources.images.job import SITE_TROUBLES, Round, WantedPicture
from tests.helpers import FakeClock

NAMES = ("zq", "alder_lane", "birchandbay", "fern_404", "s_01")


class Kept(list[PictureSeen]):
    def put(self, message: PictureSeen) -> None:
        self.append(PictureSeen.model_validate_json(message.model_dump_json()))

    def said(self) -> list[tuple[str, str | None]]:
        return [(one.username, one.problem) for one in self]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def settings(tmp_path, site) -> Settings:
    return load_settings(data_dir=tmp_path, chaturbate_url=site.url)


def fetched(settings: Settings, kept: Kept, names=NAMES, *, urls=(), report=lambda _: None, limit=200) -> JobResult:
    """A round in which time passes only by resting."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    client = ImageClient(Allowed.of(settings.image_hosts, settings.chaturbate_url), clock=FakeClock(),
                         passing=lambda: now[0], sleep=sleep)
    context = JobContext(settings, None, {"limit": limit}, None, kept, report, FakeClock())

    def ask(limit: int) -> list[WantedPicture]:
        return [WantedPicture(username=name, url=url or f"{settings.chaturbate_url}/ri/{name}.jpg")
                for name, url in zip(names, [*urls, *[""] * len(names)], strict=False)][:limit]

    return Round(context, client, passing=lambda: now[0]).go(ask)


def test_the_job_is_found():
    assert find_job("images").__module__ == "scraper.sources.images.job"


def test_every_wanted_picture_is_handed_over_with_its_bytes(settings, kept):
    result = fetched(settings, kept)
    assert kept.said() == [(name, None) for name in NAMES]
    assert {one.content_type for one in kept} == {"image/jpeg"}
    assert len({one.body for one in kept}) == len(NAMES)
    assert base64.b64decode(kept[0].body).startswith(b"\xff\xd8\xff")
    assert result.outcome == "ok" and result.error is None
    assert {name: result.counters[name] for name in ("wanted", "fetched", "failed", "calls", "failed_calls")} == {
        "wanted": 5, "fetched": 5, "failed": 0, "calls": 5, "failed_calls": 0}
    assert result.waiting_ms == 4000


@pytest.mark.parametrize(("fault", "problem"), [
    ("not_found", "not_found"), ("html", "not_a_picture"), ("svg", "not_a_picture"), ("huge", "too_large"),
    ("bomb", "too_many_pixels"), ("animation", "animated"), ("half_picture", "broken_picture"), ("cut", "no_answer"),
    ("error", "unavailable"), ("redirect", "forbidden_address")])
def test_one_that_fails_does_not_hold_up_the_others(settings, kept, site, fault, problem):
    site.fault(fault, list="images", times=1)
    result = fetched(settings, kept)
    assert kept.said() == [("zq", problem), *[(name, None) for name in NAMES[1:]]]
    assert kept[0].body is None and kept[0].detail
    assert (result.outcome, result.counters["fetched"], result.counters["failed"]) == ("ok", 4, 1)
    assert result.counters["failed_calls"] == (fault in ("not_found", "cut", "error", "huge"))


def test_what_is_asked_for_during_the_round_is_fetched_in_it_up_to_its_limit(settings, kept):
    names = ["zq"]

    def more(progress: Progress) -> None:
        if progress.phase == "fetching pictures" and len(names) < 4:
            names.append(NAMES[len(names)])

    assert fetched(settings, kept, names, report=more).counters["wanted"] == 4
    assert kept.said() == [(name, None) for name in NAMES[:4]]
    kept.clear()
    assert fetched(settings, kept, limit=2).counters["wanted"] == 2
    assert len(kept) == 2


def test_a_limit_that_the_host_sets_ends_the_round_and_blames_nobody(settings, kept, site):
    assert fetched(settings, kept, NAMES[:2]).outcome == "ok"
    site.fault("rate_limit", list="images", retry_after=300)
    kept.clear()
    result = fetched(settings, kept)
    assert (result.outcome, result.error.code, result.error.wait.total_seconds()) == ("blocked", "rate_limited", 300)
    assert kept == []


def test_a_closed_door_ends_the_round_and_the_next_one_begins_elsewhere(settings, kept, site):
    site.fault("forbidden", list="images")
    result = fetched(settings, kept)
    assert (result.outcome, result.error.code) == ("blocked", "not_let_in")
    assert kept.said() == [("zq", "not_let_in")]
    assert len(site.requests) == 1


def test_a_human_check_ends_the_round(settings, kept, site):
    site.fault("challenge", list="images")
    result = fetched(settings, kept)
    assert (result.outcome, result.error.code, kept) == ("blocked", "challenge", [])


def test_a_site_that_only_stumbles_is_left_alone_after_a_few(settings, kept, site):
    site.fault("error", list="images")
    result = fetched(settings, kept)
    assert (result.outcome, result.error.code) == ("failed", "unavailable")
    assert kept.said() == [(name, "unavailable") for name in NAMES[:SITE_TROUBLES]]


def test_a_wrong_address_is_not_the_sites_doing(settings, kept):
    result = fetched(settings, kept, urls=["http://127.0.0.1:1/x.jpg"] * 4)
    assert (result.outcome, result.error) == ("ok", None)
    assert [problem for _, problem in kept.said()] == [*["forbidden_address"] * 4, None]


def test_what_was_fetched_before_the_site_stumbled_makes_it_half_a_round(settings, kept, site):
    def stumble(progress: Progress) -> None:
        if progress.done == 2:
            site.fault("error", list="images")

    assert fetched(settings, kept, report=stumble).outcome == "partial"
    assert [problem for _, problem in kept.said()] == [None, None, *["unavailable"] * SITE_TROUBLES]


def test_a_person_can_stop_it(settings, kept):
    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise Cancelled("stopped")

    result = fetched(settings, kept, report=stop)
    assert (result.outcome, len(kept)) == ("cancelled", 2)


def test_the_owners_hosts_are_checked(tmp_path):
    from common.settings import WrongSetting

    assert load_settings(data_dir=tmp_path, image_hosts=" A.Example , b.example,").image_hosts == "a.example,b.example"
    for wrong in ("127.0.0.1", "https://mmcdn.com", "localhost", "mmcdn.com/x", "*.mmcdn.com", "10.0.0.1:80"):
        with pytest.raises(WrongSetting, match="MHC_IMAGE_HOSTS"):
            load_settings(data_dir=tmp_path, image_hosts=wrong)

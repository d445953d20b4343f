"""One poll against the imitation: paging, politeness, what goes wrong, and what is handed over."""

import base64
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from common.logs import set_up_logs
from common.settings import Settings, load_settings
from scraper.errors import Cancelled, NotAccepted, WrongUse
from scraper.jobs import JobContext, JobResult, Progress
from scraper.observations import AffiliateRooms, Message
from scraper.sandbox.testing import Sandbox, running
from scraper.sources.affiliate.client import BETWEEN_CALLS, AffiliateClient
from scraper.sources.affiliate.job import poll, run
from tests.helpers import FakeClock

CODE = "SBXCODE42"
MANY = {"people": 40, "more_rooms": 1250}


@dataclass
class Stopwatch:
    """Time that passes only by sleeping; `slept` tells each sleep."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Polled:
    result: JobResult
    messages: list[Message]
    watch: Stopwatch
    progress: list[Progress]

    @property
    def message(self) -> AffiliateRooms:
        assert len(self.messages) == 1
        found = self.messages[0]
        assert isinstance(found, AffiliateRooms)
        return found

    @property
    def names(self) -> list[str]:
        return [room.username for room in self.message.rooms]

    @property
    def raw(self) -> list[bytes]:
        return [gzip.decompress(base64.b64decode(capture.body)) for capture in self.message.captures]


class Kept:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    def put(self, message: Message) -> None:
        self.messages.append(message)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with running(**MANY, clock=FakeClock()) as sandbox:
        yield sandbox


@pytest.fixture
def site(shared: Sandbox) -> Iterator[Sandbox]:
    """1,250 rooms and some more, where time stands still."""
    with shared.site.lock:
        shared.site.asked.clear()
    yield shared
    shared.clear_faults()


@pytest.fixture
def polled(site: Sandbox, tmp_path: Path) -> Callable[..., Polled]:
    """polled(gender="m,f", limit=0) -> one poll with this configuration."""
    def poll_with(report: Callable[[Progress], None] | None = None, time_out: float = 30,
                  queue: Mapping[str, str | None] | None = None, **config: Any) -> Polled:
        watch, kept, clock, progress = Stopwatch(), Kept(), FakeClock(), []

        def seen(one: Progress) -> None:
            progress.append(one)
            if report:
                report(one)

        settings = load_settings(data_dir=tmp_path, chaturbate_url=site.url, affiliate_code=CODE)
        client = AffiliateClient(site.url, CODE, clock=clock, passing=watch, sleep=watch.sleep, chance=lambda: 0.0,
                                 time_out=time_out)
        context = JobContext(settings, None, config, None, kept, seen, clock, queue or {})
        try:
            return Polled(poll(context, client), kept.messages, watch, progress)
        finally:
            client.close()
    return poll_with


def online(sandbox: Sandbox, genders: str = "mfct") -> int:
    from scraper.sandbox.broadcasts import more_rooms

    people = [person for person in sandbox.world.people.values() if person.online]
    letters = [person.gender for person in (*people, *more_rooms(sandbox.world.seed, sandbox.options.more_rooms))]
    return sum(letter.replace("s", "t") in genders for letter in letters)


def asked(sandbox: Sandbox) -> list[str]:
    return [one.query for one in sandbox.requests]


# -- paging -------------------------------------------------------------------------------------------


def test_by_default_the_500_busiest_men_are_asked_for_in_one_call(site: Sandbox, polled: Callable[..., Polled]) -> None:
    seen = polled()
    assert asked(site) == [f"wm={CODE}&client_ip=request_ip&format=json&limit=500&offset=0&gender=m"]
    assert {room.gender for room in seen.message.rooms} == {"m"}
    assert len(seen.names) == min(500, online(site, "m"))
    assert seen.result.outcome == "ok"


def test_a_limit_of_zero_reads_everyone(site: Sandbox, polled: Callable[..., Polled]) -> None:
    seen = polled(gender="m,f,t,c", limit=0)
    assert len(set(seen.names)) == len(seen.names) == seen.message.said_count == online(site)
    assert seen.message.saw_everyone and seen.result.counters["saw_everyone"] == 1
    assert [query.split("&")[4] for query in asked(site)] == ["offset=0", "offset=500", "offset=1000"]


def test_everyone_is_asked_for_without_naming_genders_and_others_by_name(site: Sandbox,
                                                                        polled: Callable[..., Polled]) -> None:
    polled(gender="m,f,t,c", limit=100)
    polled(gender="t,m", limit=100)
    assert "gender" not in asked(site)[0]
    assert asked(site)[1].endswith("&gender=m&gender=t")


@pytest.mark.parametrize(("limit", "sizes"), [(100, [100]), (500, [500]), (501, [500, 1]), (1100, [500, 500, 100])])
def test_a_limit_is_what_is_read_and_no_call_asks_for_more_than_500(limit: int, sizes: list[int], site: Sandbox,
                                                                    polled: Callable[..., Polled]) -> None:
    seen = polled(gender="m,f,t,c", limit=limit)
    assert len(seen.names) == limit and not seen.message.saw_everyone
    assert [int(query.split("limit=")[1].split("&")[0]) for query in asked(site)] == sizes


def test_a_limit_above_what_is_there_sees_everyone(site: Sandbox, polled: Callable[..., Polled]) -> None:
    assert polled(gender="m,f,t,c", limit=5000).message.saw_everyone


def test_the_last_call_asks_for_hardly_more_than_is_left(site: Sandbox, polled: Callable[..., Polled]) -> None:
    polled(gender="m,f,t,c", limit=0)
    left = online(site) - 1000
    assert f"limit={left + 50}&" in asked(site)[-1]


def test_the_busiest_come_first(polled: Callable[..., Polled]) -> None:
    viewers = [room.num_users or 0 for room in polled(gender="m,f,t,c", limit=0).message.rooms]
    assert viewers == sorted(viewers, reverse=True)


def test_rooms_that_slip_over_an_edge_are_counted_once_and_found_on_a_second_pass(
        site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("shift", list="affiliate", page=2, times=1, by=4)
    seen = polled(gender="m,f,t,c", limit=0)
    assert len(set(seen.names)) == len(seen.names) == online(site)
    assert seen.message.duplicates == 4 and seen.message.saw_everyone


def test_a_list_that_keeps_moving_is_read_twice_at_most_and_says_that_it_missed_some(
        site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("shift", list="affiliate", page=2, by=4)
    seen = polled(gender="m,f,t,c", limit=0)
    assert len(seen.names) == online(site) - 4
    assert not seen.message.saw_everyone and len(asked(site)) == 6


def test_a_count_that_is_too_high_ends_the_poll_and_is_not_believed(site: Sandbox,
                                                                    polled: Callable[..., Polled]) -> None:
    site.fault("count", list="affiliate", off=5000)
    seen = polled(gender="m,f,t,c", limit=0)
    assert len(seen.names) == online(site) and not seen.message.saw_everyone
    assert len(asked(site)) == 4


def test_a_count_that_is_too_low_hides_nobody(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("count", list="affiliate", **{"is": 10})
    assert len(polled(gender="m,f,t,c", limit=0).names) == online(site)


def test_a_site_that_answers_the_same_page_for_ever_is_left(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("repeated_page", list="affiliate", page=2)
    seen = polled(gender="m,f,t,c", limit=0)
    assert len(seen.names) == 500 and not seen.message.saw_everyone
    assert len(asked(site)) == 2


def test_an_empty_page_where_rooms_were_announced_is_not_everyone(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("empty_page", list="affiliate", page=1)
    seen = polled()
    assert seen.names == [] and not seen.message.saw_everyone


# -- politeness ---------------------------------------------------------------------------------------


def test_at_least_a_second_lies_between_two_calls(polled: Callable[..., Polled]) -> None:
    seen = polled(gender="m,f,t,c", limit=0)
    assert len(seen.watch.slept) == seen.result.counters["calls"] - 1 == 2
    assert min(seen.watch.slept) >= BETWEEN_CALLS >= 1


def test_the_second_begins_when_the_answer_has_come(site: Sandbox) -> None:
    watch = Stopwatch()
    client = AffiliateClient(site.url, CODE, passing=watch, sleep=watch.sleep)
    client.page(["m"], 10, 0)
    watch.now += 0.4
    client.page(["m"], 10, 10)
    watch.now += 5
    client.page(["m"], 10, 20)
    assert watch.slept == [pytest.approx(0.6)]


def test_a_stumble_is_tried_again_after_a_growing_pause(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("error", list="affiliate", times=2, status=522)
    seen = polled()
    assert seen.result.outcome == "ok"
    assert (seen.result.counters["calls"], seen.result.counters["failed_calls"]) == (3, 2)
    assert [pause for pause in seen.watch.slept if pause >= 2] == [2, 4]


def test_a_site_that_stays_away_is_asked_three_times_and_no_more(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("error", list="affiliate")
    assert polled().result.error.code == "unavailable"
    assert len(asked(site)) == 3


@pytest.mark.parametrize(("asks", "seconds"), [(120, 120), (1, 60), (10**7, 6 * 3600), (-5, 60)])
def test_a_wish_to_be_left_alone_is_kept_within_bounds(asks: int, seconds: int, site: Sandbox,
                                                      polled: Callable[..., Polled]) -> None:
    site.fault("rate_limit", list="affiliate", retry_after=asks)
    error = polled().result.error
    assert error.code == "rate_limited" and error.wait.total_seconds() == seconds
    assert len(asked(site)) == 1


# -- what goes wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "more", "code", "outcome"), [
    ("rate_limit", {}, "rate_limited", "blocked"), ("challenge", {}, "challenge", "blocked"),
    ("challenge", {"status": 503}, "challenge", "blocked"), ("maintenance", {}, "unavailable", "failed"),
    ("error", {"status": 403}, "not_accepted", "failed"), ("error", {"status": 500}, "unavailable", "failed"),
    ("error", {"status": 404}, "not_accepted", "failed"), ("error", {"status": 524}, "unavailable", "failed"),
    ("html", {}, "unavailable", "failed"), ("cut", {}, "unavailable", "failed"),
    ("broken_json", {}, "unknown_answer", "failed"),
])
def test_each_trouble_has_its_own_name_and_changes_nothing(fault: str, more: dict[str, Any], code: str, outcome: str,
                                                           site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault(fault, list="affiliate", **more)
    seen = polled()
    assert (seen.result.error.code, seen.result.outcome) == (code, outcome)
    for message in seen.messages:
        assert (message.rooms, message.saw_everyone, message.stopped_by) == ([], False, code)


def test_an_answer_that_was_no_page_of_rooms_is_kept_as_evidence(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("html", list="affiliate")
    seen = polled()
    assert b"This is a page for people." in seen.raw[0]
    assert seen.message.captures[0].content_type.startswith("text/html")


def test_a_site_that_is_not_there_leaves_no_message(tmp_path: Path) -> None:
    watch, kept = Stopwatch(), Kept()
    client = AffiliateClient("http://127.0.0.1:1", CODE, passing=watch, sleep=watch.sleep)
    settings = load_settings(data_dir=tmp_path, affiliate_code=CODE)
    result = poll(JobContext(settings, None, {}, None, kept, lambda _: None, FakeClock()), client)
    assert (result.outcome, str(result.error), kept.messages) == (
        "failed", "no answer from the affiliate API: cannot connect", [])


def test_an_answer_that_takes_too_long_is_given_up(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("slow", list="affiliate", seconds=5)
    seen = polled(time_out=0.2)
    assert seen.result.error.code == "unavailable" and "too slow" in str(seen.result.error)


@pytest.mark.parametrize(("fault", "outcome"), [("error", "partial"), ("rate_limit", "blocked")])
def test_what_was_read_before_it_stopped_counts(fault: str, outcome: str, site: Sandbox,
                                                polled: Callable[..., Polled]) -> None:
    site.fault(fault, list="affiliate", page=2)
    seen = polled(gender="m,f,t,c", limit=0)
    assert seen.result.outcome == outcome and len(seen.names) == 500
    assert seen.message.stopped_by == seen.result.error.code and not seen.message.saw_everyone
    assert seen.result.counters["failed"] == online(site) - 500


def test_a_poll_that_is_cancelled_hands_over_what_it_has(site: Sandbox, polled: Callable[..., Polled]) -> None:
    def cancel_at_the_second_page(progress: Progress) -> None:
        if progress.done:
            raise Cancelled("stopped by hand")

    seen = polled(cancel_at_the_second_page, gender="m,f,t,c", limit=0)
    assert seen.result.outcome == "cancelled" and len(seen.names) == 500
    assert seen.message.stopped_by == "cancelled" and not seen.message.saw_everyone


def test_rooms_that_break_every_rule_cost_no_other_room(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("broken_room", list="affiliate", page=1)
    seen = polled(gender="m,f,t,c", limit=0)
    assert len(seen.names) >= online(site) and "broken_types" in seen.names
    assert seen.result.counters["failed"] == 8 and seen.message.problems["username"] == 8
    assert AffiliateRooms.model_validate_json(seen.message.model_dump_json()) == seen.message


# -- what is asked for, and what is handed over -------------------------------------------------------


def test_only_people_with_more_followers_are_kept_when_asked_for(site: Sandbox, polled: Callable[..., Polled]) -> None:
    everyone = polled(gender="m,f,t,c", limit=0)
    some = polled(gender="m,f,t,c", limit=0, minFollowers=1000)
    expected = {room.username for room in everyone.message.rooms if room.num_followers > 1000}
    assert set(some.names) == expected and expected
    assert some.message.left_out == some.result.counters["left_out"] == len(everyone.names) - len(expected)
    assert some.message.saw_everyone


@pytest.mark.parametrize("genders", ["", "x", "m,x"])
def test_genders_that_do_not_exist_are_wrong_use(genders: str, polled: Callable[..., Polled]) -> None:
    with pytest.raises(WrongUse):
        polled(gender=genders)


def test_without_a_campaign_code_nothing_is_asked(site: Sandbox, tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, chaturbate_url=site.url)
    with pytest.raises(NotAccepted, match="MHC_AFFILIATE_CODE"):
        run(JobContext(settings, None, {}, None, Kept(), lambda _: None, FakeClock()))
    assert asked(site) == []


def test_the_raw_answers_are_kept_one_a_page(polled: Callable[..., Polled]) -> None:
    seen = polled(gender="m,f,t,c", limit=0)
    said = [room["username"] for raw in seen.raw for room in json.loads(raw)["results"]]
    assert said == seen.names and len(seen.raw) == seen.message.pages == 3


def test_the_campaign_code_is_in_no_capture_and_no_log(site: Sandbox, tmp_path: Path) -> None:
    settings: Settings = load_settings(data_dir=tmp_path, chaturbate_url=site.url, affiliate_code=CODE)
    logs, kept, kept_logs = io.StringIO(), Kept(), structlog.get_config()
    site.fault("error", list="affiliate", times=1)
    try:
        set_up_logs("json", logs)
        result = run(JobContext(settings, None, {"limit": 10}, None, kept, lambda _: None, FakeClock()))
    finally:
        structlog.configure(**kept_logs)
    message = kept.messages[0]
    assert isinstance(message, AffiliateRooms) and result.outcome == "ok" and "asked for again" in logs.getvalue()
    raw = gzip.decompress(base64.b64decode(message.captures[0].body)).decode()
    assert "campaign=removed" in raw
    for text in (logs.getvalue(), raw, message.model_dump_json(exclude={"captures": {"__all__": {"body"}}}),
                 repr(result), str(result.counters)):
        assert CODE not in text


def test_the_counters_tell_what_the_calls_took(site: Sandbox, polled: Callable[..., Polled]) -> None:
    counters = polled(gender="m,f,t,c", limit=0).result.counters
    assert counters["enriched"] == counters["online"] == online(site)
    assert (counters["calls"], counters["failed_calls"], counters["failed"], counters["pages"]) == (3, 0, 0, 3)
    assert counters["bytes"] > 100_000 and counters["new"] > 0
    assert {"mean_response_ms", "slowest_response_ms"} <= counters.keys()


def test_progress_tells_how_far_it_is(site: Sandbox, polled: Callable[..., Polled]) -> None:
    progress = polled(gender="m,f,t,c", limit=0).progress
    assert [one.done for one in progress] == [0, 500, 1000]
    assert [one.total for one in progress] == [None, online(site), online(site)]


def test_a_person_at_a_terminal_is_told_in_a_sentence(site: Sandbox, polled: Callable[..., Polled]) -> None:
    assert polled(gender="t,f", limit=10).result.summary == \
        f"10 rooms read of {online(site, 'ft')} online (women, trans) in 1 call."


# -- people in the queue ------------------------------------------------------------------------------


@pytest.fixture
def everyone(polled: Callable[..., Polled], site: Sandbox) -> list[tuple[str, str]]:
    """Name and gender of everybody online, the busiest first."""
    found = [(room.username, str(room.gender)) for room in polled(gender="m,f,t,c", limit=0).message.rooms]
    with site.site.lock:
        site.site.asked.clear()
    return found


def one_of(everyone: list[tuple[str, str]], gender: str, place: int) -> str:
    return [name for name, letter in everyone if letter == gender][place]


def test_whoever_is_met_anyway_costs_no_further_call(site: Sandbox, polled: Callable[..., Polled],
                                                     everyone: list[tuple[str, str]]) -> None:
    seen = polled(limit=100, queue={one_of(everyone, "m", 3): None})
    assert len(asked(site)) == 1 and len(seen.names) == 100 and seen.message.absent == []


def test_the_list_is_read_on_behind_the_limit_and_nobody_else_is_kept(site: Sandbox, polled: Callable[..., Polled],
                                                                      everyone: list[tuple[str, str]]) -> None:
    wanted = one_of(everyone, "m", -1)
    seen = polled(limit=100, queue={wanted: "m"})
    assert seen.names[-1] == wanted and len(seen.names) == 101
    assert not seen.message.saw_everyone and seen.message.absent == []
    others = [name for name, _ in everyone if name not in seen.names]
    raw = b"".join(seen.raw)
    assert wanted.encode() in raw and not [name for name in others if f'"{name}"'.encode() in raw]


def test_other_genders_are_read_for_those_who_may_be_among_them(site: Sandbox, polled: Callable[..., Polled],
                                                                everyone: list[tuple[str, str]]) -> None:
    wanted = one_of(everyone, "f", 200)
    seen = polled(limit=0, queue={wanted: None})
    assert wanted in seen.names
    assert {room.gender for room in seen.message.rooms if room.username != wanted} == {"m"}
    assert seen.message.genders == ["m"] and seen.message.saw_everyone
    assert asked(site)[-1].endswith("gender=f&gender=c&gender=t")


def test_where_the_gender_is_known_only_that_list_is_read(site: Sandbox, polled: Callable[..., Polled],
                                                          everyone: list[tuple[str, str]]) -> None:
    polled(limit=0, queue={one_of(everyone, "c", 0): "c"})
    assert [query.split("offset=0")[1] for query in asked(site)] == ["&gender=m", "&gender=c"]


def test_reading_ends_as_soon_as_everybody_is_found(site: Sandbox, polled: Callable[..., Polled],
                                                    everyone: list[tuple[str, str]]) -> None:
    polled(gender="m,f,t,c", limit=100, queue={everyone[300][0]: None})
    assert len(asked(site)) == 2


def test_who_is_on_no_list_to_its_end_is_absent(polled: Callable[..., Polled]) -> None:
    seen = polled(limit=100, queue={"nobody_here": None, "no_couple": "c"})
    assert seen.message.absent == ["nobody_here", "no_couple"]
    assert (seen.result.counters["looked_for"], seen.result.counters["looked_for_found"]) == (2, 0)


def test_nobody_is_called_absent_where_the_count_does_not_fit(site: Sandbox, polled: Callable[..., Polled]) -> None:
    site.fault("count", list="affiliate", off=5000)
    assert polled(gender="m,f,t,c", limit=0, queue={"nobody_here": None}).message.absent == []


def test_a_stop_on_the_way_further_leaves_the_ordinary_poll_whole(site: Sandbox,
                                                                  polled: Callable[..., Polled]) -> None:
    site.fault("rate_limit", list="affiliate", page=2, retry_after=120)
    seen = polled(limit=0, queue={"nobody_here": None})
    assert seen.result.outcome == "blocked" and seen.message.saw_everyone
    assert len(seen.names) == online(site, "m")


def test_people_in_the_queue_may_have_few_followers(polled: Callable[..., Polled],
                                                    everyone: list[tuple[str, str]]) -> None:
    wanted = one_of(everyone, "m", 5)
    seen = polled(limit=0, minFollowers=10**9, queue={wanted: None})
    assert seen.names == [wanted]
    assert wanted not in seen.message.left_out_names and len(seen.message.left_out_names) == seen.message.left_out

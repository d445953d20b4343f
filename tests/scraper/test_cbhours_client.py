"""The calls to CBHours against the imitation: what is asked, how fast, and what each trouble is called."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from scraper.errors import SourceError
from scraper.sandbox.testing import Sandbox, running
from scraper.sources.cbhours.client import (
    ATTEMPTS,
    ENOUGH_CALLS,
    FLOOR,
    KNOWN_CALLS,
    MARGIN,
    MARGIN_OF_CALL,
    PAUSE,
    CbhoursClient,
    Limiter,
)
from scraper.sources.cbhours.parse import SaidError, parse_activity, parse_live, parse_months
from tests.scraper.one_time import OneTime

PAGES = Path(__file__).parent.parent / "pages"
DAY = date(2026, 11, 19)


@pytest.fixture
def time() -> OneTime:
    return OneTime()


@pytest.fixture
def site(time: OneTime) -> Iterator[Sandbox]:
    with running(people=60, clock=time) as sandbox:
        yield sandbox


@pytest.fixture
def client(site: Sandbox, time: OneTime) -> Iterator[CbhoursClient]:
    with_time = made(site.url, time)
    yield with_time
    with_time.close()


def made(url: str, time: OneTime, limiter: Limiter | None = None, **more: Any) -> CbhoursClient:
    return CbhoursClient(url, limiter=limiter or Limiter(passing=time.passing, sleep=time.sleep), clock=time,
                         passing=time.passing, sleep=time.sleep, chance=lambda: 0.0, **more)


def asked(site: Sandbox) -> list[str]:
    return [one.query for one in site.requests]


def trouble(call: Callable[[], Any]) -> SourceError:
    with pytest.raises(SourceError) as raised:
        call()
    return raised.value


# -- what is asked ------------------------------------------------------------------------------------


def test_the_questions_are_those_that_are_documented(site: Sandbox, client: CbhoursClient) -> None:
    client.live(["zq", "alder_lane"])
    client.activity("zq", DAY - timedelta(days=59), DAY)
    client.months("zq")
    assert {one.path for one in site.requests} == {"/api.php"}
    assert asked(site) == [
        "action=get_live&usernames=zq%2Calder_lane",
        "action=get_activity&domain=cbhours&username=zq&start_date=2026-09-21&end_date=2026-11-19&tzo=0"
        "&include_details=true",
        "action=get_months&domain=cbhours&username=zq"]


def test_what_cbhours_does_not_take_is_not_asked(site: Sandbox, client: CbhoursClient) -> None:
    names = [f"name_{number}" for number in range(51)]
    wrong: list[Callable[[], Any]] = [
        lambda: client.live([]), lambda: client.live(names), lambda: client.live(["two words"]),
        lambda: client.live(["a,b"]), lambda: client.live(["Upper"]),
        lambda: client.activity("zq", DAY, DAY - timedelta(days=1)),
        lambda: client.activity("zq", DAY - timedelta(days=60), DAY), lambda: client.activity("zq&x=1", DAY, DAY),
        lambda: client.months("")]
    for call in wrong:
        with pytest.raises(ValueError, match=r"."):
            call()
    assert asked(site) == []
    client.live(names[:50])
    client.activity("zq", DAY, DAY)
    assert len(asked(site)) == 2


def test_what_comes_back_can_be_read(site: Sandbox, client: CbhoursClient) -> None:
    for name in ("zq", "alder_lane"):
        site.world.set_trophy(name)
    site.world.set_online("zq", True)
    site.world.set_online("alder_lane", False)
    answer = client.live(["zq", "alder_lane", "nobody"])
    live = parse_live(answer.body, ["zq", "alder_lane", "nobody"])
    assert [(room.username, room.online) for room in live.rooms] == [("zq", True), ("alder_lane", False)]
    assert live.unknown == ["nobody"] and not live.problems
    start = DAY - timedelta(days=59)
    activity = parse_activity(client.activity("zq", start, DAY).body, "zq", start, DAY, answer.at)
    assert len(activity.segments) * 3 == activity.total == sum(activity.days.values()) > 0 and not activity.problems
    assert parse_months(client.months("zq").body)[0] == "2026-11"
    assert answer.url == f"{site.url}/api.php?action=get_live&usernames=zq%2Calder_lane%2Cnobody"
    assert client.calls.bytes > 1000 and len(client.calls.ms) == 3 and client.calls.failed == 0


@pytest.mark.parametrize("sample", ["live", "activity", "activity-no-trophy", "months"])
def test_the_recorded_samples_come_through_byte_by_byte(httpserver: HTTPServer, time: OneTime, sample: str) -> None:
    body = (PAGES / f"cbhours-{sample}.json").read_bytes()
    for status in (200, 404, 500) if sample == "activity-no-trophy" else (200,):
        httpserver.clear()
        httpserver.expect_request("/api.php").respond_with_data(body, status=status, content_type="application/json")
        client = made(httpserver.url_for("").rstrip("/"), time)
        assert client.activity("alder_lane", DAY, DAY).body == body
        client.close()


def test_only_an_error_of_cbhours_itself_speaks_for_its_http_status(httpserver: HTTPServer, time: OneTime) -> None:
    httpserver.expect_request("/api.php").respond_with_json({"status": "error", "message": "who are you"}, status=403)
    client = made(httpserver.url_for("").rstrip("/"), time)
    assert trouble(lambda: client.months("zq")).code == "not_let_in"
    client.close()


def test_a_wish_to_slow_down_is_one_whatever_the_answer_says(httpserver: HTTPServer, time: OneTime) -> None:
    httpserver.expect_request("/api.php").respond_with_data(
        (PAGES / "cbhours-activity-no-trophy.json").read_bytes(), status=429, content_type="application/json")
    client = made(httpserver.url_for("").rstrip("/"), time)
    assert trouble(lambda: client.months("zq")).code == "rate_limited"
    client.close()


# -- one call a second --------------------------------------------------------------------------------


def test_the_imitation_shuts_its_door_on_whoever_asks_twice_within_a_second(site: Sandbox, time: OneTime) -> None:
    address = f"{site.url}/api.php?action=get_live&usernames=zq"
    assert requests.get(address, timeout=10).status_code == 200
    time.sleep(0.99)
    assert requests.get(address, timeout=10).status_code == 403
    time.sleep(59)
    assert requests.get(address, timeout=10).status_code == 403
    time.sleep(1.1)
    assert requests.get(address, timeout=10).status_code == 200


def test_a_run_begins_with_a_second_of_rest_and_keeps_one_between_calls(site: Sandbox, client: CbhoursClient,
                                                                        time: OneTime) -> None:
    for _ in range(3):
        client.live(["zq"])
    assert time.slept == [pytest.approx(FLOOR + MARGIN)] * 3
    assert client.calls.paused == pytest.approx(3 * (FLOOR + MARGIN))
    assert site.site.counts["cbhours_bans"] == 0


def test_all_clients_of_a_process_share_one_limit(site: Sandbox, time: OneTime) -> None:
    limiter = Limiter(passing=time.passing, sleep=time.sleep)
    one, other = made(site.url, time, limiter), made(site.url, time, limiter)
    for client in (one, other, one, other, other):
        client.live(["zq"])
    assert site.site.counts["cbhours_bans"] == 0 and len(asked(site)) == 5


def test_without_one_of_its_own_a_client_uses_the_limit_of_the_process(site: Sandbox) -> None:
    from scraper.sources.cbhours import client as module

    assert CbhoursClient(site.url)._limiter is CbhoursClient(site.url)._limiter is module.LIMITER


class Way:
    """Calls that take their time on the way there, in the work and on the way back; when each arrived and began."""

    def __init__(self, time: OneTime, *, run: bool = True) -> None:
        self.time, self.limiter = time, Limiter(passing=time.passing, sleep=time.sleep)
        self.arrivals: list[float] = []
        self.starts: list[float] = []
        if run:
            self.limiter.begin()

    def call(self, there: float, work: float, back: float) -> None:
        with self.limiter.turn():
            self.starts.append(self.time.passing())
            self.time.moment += timedelta(seconds=there)
            self.arrivals.append(self.time.passing())
            self.time.moment += timedelta(seconds=work + back)

    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.arrivals, self.arrivals[1:], strict=False)]


SECONDS = st.floats(0, 3)


@given(there=st.floats(0, 2), rest=st.lists(st.tuples(SECONDS, SECONDS), min_size=2, max_size=20))
@settings(deadline=None)
def test_two_calls_never_arrive_within_a_second_however_long_they_take(there: float,
                                                                      rest: list[tuple[float, float]]) -> None:
    way = Way(OneTime())
    for work, back in rest:
        way.call(there, work, back)
    assert min(way.gaps()) >= FLOOR


@given(ways=st.lists(st.tuples(st.floats(0.05, 0.05 + MARGIN / 3), st.floats(0.01, 0.01 + MARGIN / 3),
                               st.floats(0.05, 0.05 + MARGIN / 3)), min_size=2, max_size=20))
@settings(deadline=None)
def test_the_margin_is_for_ways_that_differ(ways: list[tuple[float, float, float]]) -> None:
    way = Way(OneTime())
    for one in ways:
        way.call(*one)
    assert min(way.gaps()) >= FLOOR


@given(first=st.lists(st.floats(0.05, 5), min_size=1, max_size=ENOUGH_CALLS - 1))
@settings(deadline=None)
def test_first_calls_that_are_slow_on_their_way_there_are_not_taken_for_quick_ones(first: list[float]) -> None:
    way = Way(OneTime())
    for there in [*first, *[0.05] * 10]:
        way.call(there, 0.01, 0.05)
    assert min(way.gaps()) >= FLOOR


@pytest.mark.parametrize("took", [0.0, 0.05, 0.15])
def test_what_a_call_takes_is_not_waited_for_once_more(took: float) -> None:
    way = Way(OneTime())
    for _ in range(40):
        way.call(took / 2, 0, took / 2)
    whole = way.time.passing() - way.starts[0] + FLOOR  # with the rest at its beginning
    assert whole <= 40 * FLOOR * 1.05
    assert min(way.gaps()) == pytest.approx(FLOOR + MARGIN + MARGIN_OF_CALL * took, abs=1e-4)


def test_calls_that_take_longer_than_a_second_follow_on_each_other() -> None:
    way = Way(OneTime())
    for _ in range(ENOUGH_CALLS + 3):
        way.call(1, 1, 1)
    assert way.time.slept[ENOUGH_CALLS:] == [pytest.approx(MARGIN + MARGIN_OF_CALL)] * 3


def test_a_run_begins_with_a_second_whatever_is_known_of_the_one_before_it() -> None:
    way = Way(OneTime())
    for _ in range(ENOUGH_CALLS + 1):
        way.call(0.2, 0.0, 0.2)
    way.limiter.begin()
    before = way.time.passing()
    way.call(0.0, 0.0, 0.0)
    assert way.starts[-1] - before == pytest.approx(FLOOR + MARGIN)


def test_after_a_call_without_an_answer_the_whole_second_is_waited_out() -> None:
    way = Way(OneTime(), run=False)
    for _ in range(ENOUGH_CALLS + 1):
        way.call(0.2, 0.0, 0.2)
    with pytest.raises(RuntimeError), way.limiter.turn():
        raise RuntimeError
    with way.limiter.turn() as rested:
        assert rested == pytest.approx(FLOOR + MARGIN)


def test_a_gap_is_short_only_by_what_the_quickest_call_took_more_than_these_ways() -> None:
    """The formula of `Limiter`, with ways as different as they can be."""
    dice = random.Random(7)
    way = Way(OneTime())
    calls = [(dice.uniform(0, 0.3), dice.uniform(0, 0.3), dice.uniform(0, 0.3)) for _ in range(300)]
    for one in calls:
        way.call(*one)
    for number, gap in enumerate(way.gaps()):
        known = [sum(one) for one in calls[max(0, number + 1 - KNOWN_CALLS):number + 1]]
        quickest = min(known) if number + 1 >= ENOUGH_CALLS else 0.0
        (_, work, back), (there, _, _) = calls[number], calls[number + 1]
        assert gap == pytest.approx(
            FLOOR + MARGIN - min(quickest, FLOOR) * (1 - MARGIN_OF_CALL) + there + work + back, abs=1e-4)


# -- what goes wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "more", "code", "outcome", "calls"), [
    ("rate_limit", {}, "rate_limited", "blocked", 1), ("challenge", {}, "challenge", "blocked", 1),
    ("challenge", {"status": 503}, "challenge", "blocked", 1), ("maintenance", {}, "unavailable", "failed", 1),
    ("error", {"status": 403}, "not_let_in", "blocked", 1), ("error", {"status": 401}, "not_let_in", "blocked", 1),
    ("error", {"status": 404}, "not_accepted", "failed", 1), ("error", {"status": 500}, "unavailable", "failed", 3),
    ("error", {"status": 522}, "unavailable", "failed", 3), ("html", {}, "unavailable", "failed", 3),
    ("cut", {}, "unavailable", "failed", 3), ("redirect", {}, "redirected", "failed", 1),
])
def test_each_trouble_has_its_own_name(site: Sandbox, client: CbhoursClient, fault: str, more: dict[str, Any],
                                       code: str, outcome: str, calls: int) -> None:
    site.fault(fault, list="cbhours", page=1, **more)
    error = trouble(lambda: client.live(["zq"]))
    assert (error.code, error.outcome, len(asked(site))) == (code, outcome, calls)
    assert error.advice and "MHC_AFFILIATE_CODE" not in error.advice and "CBHours" in str(error)
    assert client.calls.failed == calls == len(client.calls.ms)


@pytest.mark.parametrize("look", ["forbidden", "rate_limit", "closed", "error"])
def test_a_shut_door_is_left_alone_for_minutes_by_every_run(site: Sandbox, time: OneTime, look: str) -> None:
    site.options.change(cbhours_door=look)
    site.fault("ban", list="cbhours", times=1, seconds=90)
    limiter = Limiter(passing=time.passing, sleep=time.sleep)
    client = made(site.url, time, limiter)
    if look == "error":
        with pytest.raises(SaidError) as said:
            parse_months(client.months("zq").body)
        assert said.value.asks_for_a_pause
        client.leave_alone(PAUSE)
        wait = PAUSE
    else:
        error = trouble(lambda: client.months("zq"))
        assert error.outcome == ("failed" if look == "closed" else "blocked")
        assert error.wait is not None and error.wait >= timedelta(minutes=1)
        wait = error.wait
    assert wait >= (timedelta(seconds=88) if look == "rate_limit" else timedelta(minutes=5))
    again = trouble(lambda: made(site.url, time, limiter).live(["zq"]))
    assert (again.code, again.outcome) == ("rate_limited", "blocked") and "left alone" in str(again)
    assert again.wait is not None and timedelta(0) < again.wait <= wait
    assert len(asked(site)) == 1
    time.sleep(wait.total_seconds())
    made(site.url, time, limiter).live(["zq"])


@pytest.mark.parametrize(("asks", "seconds"), [(120, 120), (1, 60), (10**7, 6 * 3600), (0, 300)])
def test_a_wish_to_be_left_alone_is_kept_within_bounds(site: Sandbox, client: CbhoursClient, asks: int,
                                                      seconds: int) -> None:
    site.fault("rate_limit", list="cbhours", retry_after=asks)
    error = trouble(lambda: client.live(["zq"]))
    assert error.wait is not None and error.wait.total_seconds() == seconds


def test_a_site_that_is_not_there_is_left_alone_for_minutes(time: OneTime) -> None:
    error = trouble(lambda: made("http://127.0.0.1:1", time).live(["zq"]))
    assert (error.code, str(error), error.wait) == ("unavailable", "no answer from CBHours: cannot connect", PAUSE)


def test_a_stumble_is_asked_again_after_a_growing_pause(site: Sandbox, client: CbhoursClient, time: OneTime) -> None:
    site.fault("error", list="cbhours", times=2)
    client.live(["zq"])
    assert len(asked(site)) == ATTEMPTS and client.calls.failed == 2
    assert [pause for pause in time.slept if pause >= 2] == [2, 4]
    assert site.site.counts["cbhours_bans"] == 0


def test_an_answer_that_takes_too_long_is_given_up(site: Sandbox, time: OneTime) -> None:
    site.fault("slow", list="cbhours", seconds=5)
    error = trouble(lambda: made(site.url, time, time_out=0.2).live(["zq"]))
    assert error.code == "unavailable" and "too slow" in str(error) and error.wait is None


def test_an_answer_is_kept_as_it_came_also_when_it_is_none(site: Sandbox, client: CbhoursClient) -> None:
    site.fault("html", list="cbhours")
    trouble(lambda: client.live(["zq"]))
    assert client.last is not None and b"This is a page for people." in client.last.body
    assert client.last.at.tzinfo is UTC


def test_numbers_of_days_are_counted_with_both_ends(site: Sandbox, client: CbhoursClient) -> None:
    site.world.set_trophy("zq")
    said = json.loads(client.activity("zq", DAY - timedelta(days=59), DAY).body)
    assert len(said["activity"]) == 60
    assert json.loads(client.activity("zq", DAY, DAY).body)["activity"].keys() == {"2026-11-19"}

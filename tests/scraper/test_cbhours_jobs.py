"""The jobs `cbhours-live` and `cbhours-activity` against the imitation: what is handed over, and what ends a run."""

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pytest

from common.clock import utc_now
from common.settings import Settings, load_settings
from scraper.commands.once import run_once
from scraper.errors import Cancelled, ServerUnreachable
from scraper.jobs import WITHOUT_ACCOUNT, JobContext, JobResult, Progress, find_job
from scraper.observations import CbhoursActivity, CbhoursLive, Message
from scraper.outbox import Outbox
from scraper.sandbox.cbhours import NO_TROPHY, hostile_entries
from scraper.sandbox.testing import Sandbox, running
from scraper.server_client import ServerClient
from scraper.sources.cbhours import client as client_module
from scraper.sources.cbhours.activity import AT_A_TIME, Reading
from scraper.sources.cbhours.client import CbhoursClient, Limiter
from scraper.sources.cbhours.live import HALVINGS, TROUBLES, Poll
from scraper.sources.cbhours.wanted import WantedDays, wanted_days, wanted_people
from tests.scraper.one_time import OneTime
from tests.worker.panel import Panel, panel_running

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 20)
TWO_MONTHS = DAY - timedelta(days=59)


class Kept(list[Message]):
    def put(self, message: Message) -> None:
        self.append(type(message).model_validate_json(message.model_dump_json()))


@dataclass
class Ran:
    result: JobResult
    kept: Kept
    progress: list[Progress]

    @property
    def live(self) -> list[CbhoursLive]:
        return [one for one in self.kept if isinstance(one, CbhoursLive)]

    @property
    def read(self) -> list[CbhoursActivity]:
        return [one for one in self.kept if isinstance(one, CbhoursActivity)]

    def counted(self, *names: str) -> tuple[int, ...]:
        return tuple(self.result.counters[name] for name in names)


@pytest.fixture
def time() -> OneTime:
    return OneTime()


@pytest.fixture
def site(time: OneTime) -> Iterator[Sandbox]:
    with running(people=240, clock=time) as sandbox:
        yield sandbox
        bans = [one for one in sandbox.site.faults.as_json() if one["kind"] == "ban"]
        assert sandbox.site.counts["cbhours_bans"] == len(bans), "nobody was asked for twice within a second"


@pytest.fixture
def names(site: Sandbox) -> list[str]:
    return list(site.world.people)[:120]


@pytest.fixture
def ran(site: Sandbox, time: OneTime, tmp_path: Path) -> Callable[..., Ran]:
    """ran("live", names) or ran("activity", names, months=True): one run, in which time passes only by resting."""
    def run_with(action: str, names: list[str], *, report: Callable[[Progress], None] = lambda _: None,
                 months: bool = False, config: dict[str, Any] | None = None) -> Ran:
        kept, progress = Kept(), []

        def seen(one: Progress) -> None:
            progress.append(one)
            report(one)

        settings = load_settings(data_dir=tmp_path, cbhours_url=site.url)
        client = CbhoursClient(site.url, limiter=Limiter(passing=time.passing, sleep=time.sleep), clock=time,
                               passing=time.passing, sleep=time.sleep, chance=lambda: 0.0)
        context = JobContext(settings, None, config or {}, None, kept, seen, time)
        try:
            if action == "live":
                result = Poll(context, client, time.passing).go(lambda limit: names[:limit])
            else:
                people = [WantedDays(username=name, start_day=TWO_MONTHS, end_day=DAY, months=months) for name in names]
                result = Reading(context, client, time.passing).go(lambda limit: people[:limit])
        finally:
            client.close()
        return Ran(result, kept, progress)
    return run_with


def asked(site: Sandbox) -> list[str]:
    return [one.query for one in site.requests]


def raw(message: CbhoursLive | CbhoursActivity) -> Any:
    assert message.capture is not None
    return json.loads(gzip.decompress(base64.b64decode(message.capture.body)))


def known(site: Sandbox, names: list[str]) -> list[str]:
    return [name for name in names if site.world.has_trophy(name)]


def at_call(number: int, do: Callable[[], Any]) -> Callable[[Progress], None]:
    """Something that happens before the call with this number, from 1."""
    calls = iter(range(1, 1_000))
    return lambda one: do() if "asking whom" not in one.phase and next(calls) == number else None


def stop() -> None:
    raise Cancelled("stopped by hand")


def test_the_jobs_are_found_and_belong_to_no_account() -> None:
    assert find_job("cbhours-live").__module__ == "scraper.sources.cbhours.live"
    assert find_job("cbhours-activity").__module__ == "scraper.sources.cbhours.activity"
    assert {"cbhours-live", "cbhours-activity"} <= WITHOUT_ACCOUNT


# -- live ---------------------------------------------------------------------------------------------


def test_fifty_are_asked_for_in_each_call_and_handed_over_at_once(site: Sandbox, ran: Callable[..., Ran],
                                                                 names: list[str]) -> None:
    seen = ran("live", names)
    assert [len(message.asked) for message in seen.live] == [50, 50, 20]
    assert [name for message in seen.live for name in message.asked] == names
    assert {room.username for message in seen.live for room in message.rooms} == set(known(site, names))
    assert {name for message in seen.live for name in message.unknown} == set(names) - set(known(site, names))
    assert {room.username: room.online for message in seen.live for room in message.rooms} == {
        name: site.world.people[name].online for name in known(site, names)}
    assert seen.result.outcome == "ok" and seen.result.error is None
    assert [one.done for one in seen.progress] == [0, 0, 50, 100]
    assert [one.total for one in seen.progress] == [None, 120, 120, 120]


def test_the_counters_add_up(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    seen = ran("live", names)
    wanted, asked_for, online, offline, unknown, failed = seen.counted("wanted", "asked", "online", "offline",
                                                                        "unknown", "failed")
    assert (wanted, asked_for, failed) == (120, 120, 0) and online + offline + unknown == 120
    assert min(online, offline, unknown) > 0
    assert seen.counted("calls", "failed_calls", "problems") == (3, 0, 0)
    assert {"bytes", "mean_response_ms", "slowest_response_ms"} <= seen.result.counters.keys()
    assert seen.result.waiting_ms == pytest.approx(3 * 1010, abs=5) and seen.result.working_ms == 0
    assert seen.result.summary == (f"{online} of 120 people online, {offline} offline, {unknown} not known at CBHours, "
                                   "in 3 calls.")


def test_the_raw_answer_is_kept_with_each_call(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    for message in ran("live", names).live:
        assert raw(message)["data"].keys() == {room.username for room in message.rooms}
        assert message.capture is not None and message.capture.content_type == "application/json"
        assert message.capture.url.startswith(f"{site.url}/api.php?action=get_live&usernames=")


def test_no_more_are_asked_for_than_the_limit(ran: Callable[..., Ran], names: list[str]) -> None:
    assert ran("live", names, config={"limit": 60}).counted("wanted", "asked") == (60, 60)


def test_when_nobody_is_wanted_nothing_is_asked(site: Sandbox, ran: Callable[..., Ran]) -> None:
    for action in ("live", "activity"):
        seen = ran(action, [])
        assert (seen.result.outcome, seen.kept, asked(site)) == ("ok", [], [])
        assert "nobody" in seen.result.summary


@pytest.mark.parametrize("fault", ["text_numbers", "upper_case", "strangers", "unknown_entries"])
def test_the_same_is_understood_however_it_is_written(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                      fault: str) -> None:
    plain = ran("live", names[:50]).live[0]
    happened = site.fault(fault, list="cbhours")
    written = ran("live", names[:50]).live[0]
    assert happened.fired == 1 and (written.rooms, written.unknown) == (plain.rooms, plain.unknown)
    assert written.problems == {}


def test_hostile_values_cost_no_other_person(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    some = names[:50]
    for name in some:
        site.world.set_trophy(name)
    plain = {room.username: room for room in ran("live", some).live[0].rooms}
    site.fault("hostile", list="cbhours")
    seen = ran("live", some)
    hit = set(some[1:1 + len(hostile_entries())])
    assert {room.username: room for room in seen.live[0].rooms if room.username not in hit} == {
        name: room for name, room in plain.items() if name not in hit}
    assert seen.live[0].unknown == [] and seen.counted("failed") == (7,)
    assert seen.counted("problems")[0] == sum(seen.live[0].problems.values()) > 10
    assert seen.result.outcome == "ok" and "of 7 nothing was learnt" in seen.result.summary


@pytest.mark.parametrize(("fault", "more", "code", "outcome"), [
    ("rate_limit", {"retry_after": 120}, "rate_limited", "blocked"), ("challenge", {}, "challenge", "blocked"),
    ("error", {"status": 403}, "not_let_in", "blocked"), ("ban", {}, "not_let_in", "blocked"),
    ("error", {"status": 500}, "unavailable", "partial"), ("maintenance", {}, "unavailable", "partial"),
    ("server_down", {}, "unavailable", "partial"), ("html", {}, "unavailable", "partial"),
    ("cut", {}, "unavailable", "partial"), ("redirect", {}, "redirected", "partial"),
    ("error_answer", {"code": 429}, "rate_limited", "blocked"),
    ("error_answer", {"code": 7, "message": "You are asking too often"}, "rate_limited", "blocked"),
])
@pytest.mark.parametrize("action", ["live", "activity"])
def test_what_ends_a_run_leaves_what_was_read_before(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                     action: str, fault: str, more: dict[str, Any], code: str,
                                                     outcome: str) -> None:
    people = names if action == "live" else known(site, names)[:3]
    seen = ran(action, people, report=at_call(2, lambda: site.fault(fault, list="cbhours", **more)))
    assert (seen.result.outcome, seen.result.error.code) == (outcome, code)
    assert len(seen.kept) == 1
    assert seen.counted("failed") == ((70,) if action == "live" else (2,))
    assert seen.result.error.advice and seen.result.summary
    if code in ("rate_limited", "not_let_in"):
        assert seen.result.error.wait >= timedelta(minutes=2)


@pytest.mark.parametrize(("fault", "outcome"), [("error", "failed"), ("rate_limit", "blocked"),
                                                ("server_down", "failed"), ("broken_json", "failed")])
@pytest.mark.parametrize("action", ["live", "activity"])
def test_when_nothing_was_read_nothing_is_said_to_be(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                     action: str, fault: str, outcome: str) -> None:
    site.fault(fault, list="cbhours")
    people = names[:5] if action == "live" else known(site, names)[:1]
    seen = ran(action, people)
    assert (seen.result.outcome, seen.result.summary, seen.counted("failed")) == (outcome, "", (len(people),))
    assert all(not message.rooms and not message.unknown for message in seen.live)


def test_an_answer_that_cannot_be_read_costs_its_fifty_and_is_kept(site: Sandbox, ran: Callable[..., Ran],
                                                                  names: list[str]) -> None:
    seen = ran("live", names, report=at_call(2, lambda: site.fault("broken_json", list="cbhours", times=1)))
    assert (seen.result.outcome, seen.result.error.code) == ("partial", "unknown_answer")
    assert seen.counted("asked", "failed", "failed_calls", "calls") == (120, 50, 1, 3)
    broken = seen.live[1]
    assert (broken.asked, broken.rooms, broken.unknown, broken.problems) == (names[50:100], [], [], {"answer": 1})
    assert broken.capture is not None and len(gzip.decompress(base64.b64decode(broken.capture.body))) > 100


@pytest.mark.parametrize(("fault", "more"), [("broken_json", {}), ("error_answer", {"code": 500})])
def test_a_row_of_answers_that_cannot_be_read_ends_the_run(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                           fault: str, more: dict[str, Any]) -> None:
    site.fault(fault, list="cbhours", **more)
    many = list(site.world.people)
    assert len(many) // 50 + 1 > TROUBLES
    seen = ran("live", many)
    assert (seen.result.outcome, len(asked(site)), seen.counted("failed")) == ("failed", TROUBLES, (len(many),))
    assert ran("activity", known(site, names)).result.outcome == "failed"
    assert len(asked(site)) == 2 * TROUBLES


@pytest.mark.parametrize("action", ["live", "activity"])
def test_only_a_row_of_them_does(site: Sandbox, ran: Callable[..., Ran], names: list[str], action: str) -> None:
    def every_second(one: Progress) -> None:
        if "asking whom" not in one.phase and len(asked(site)) % 2 == 0:
            site.fault("broken_json", list="cbhours", times=1)

    people = [f"name_{number}" for number in range(350)] if action == "live" else known(site, names)[:7]
    seen = ran(action, people, report=every_second)
    assert seen.result.outcome == "partial" and len(asked(site)) == 7
    assert seen.counted("failed_calls")[0] == 4 > TROUBLES


def test_an_error_for_all_fifty_is_taken_apart_until_it_is_known_whose_it_is(site: Sandbox, ran: Callable[..., Ran],
                                                                            names: list[str]) -> None:
    site.fault("error_answer", list="cbhours", times=4)
    seen = ran("live", names[:8])
    assert [len(message.asked) for message in seen.live] == [1, 1, 2, 4]
    assert seen.live[0].unknown == [names[0]], "of whom it is said alone"
    assert [name for message in seen.live for name in message.asked] == names[:8]
    assert seen.counted("failed") == (0,)


def test_taking_apart_has_an_end(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    site.fault("error_answer", list="cbhours")
    seen = ran("live", names)
    assert seen.result.outcome == "partial" and len(asked(site)) <= 3 + HALVINGS + TROUBLES
    unknown = {name for message in seen.live for name in message.unknown}
    assert all(len(message.asked) == 1 for message in seen.live if message.unknown) and len(unknown) < 20


@pytest.mark.parametrize("action", ["live", "activity"])
def test_a_person_can_stop_it_between_two_calls(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                action: str) -> None:
    people = names if action == "live" else known(site, names)
    seen = ran(action, people, report=at_call(2, stop))
    assert (seen.result.outcome, len(seen.kept), len(asked(site))) == ("cancelled", 1, 1)
    assert seen.counted("failed") == (0,), "who was not asked for has not failed"


# -- activity -----------------------------------------------------------------------------------------


def test_each_person_is_handed_over_with_all_segments_of_the_days(site: Sandbox, ran: Callable[..., Ran],
                                                                 names: list[str]) -> None:
    people = known(site, names)[:3]
    seen = ran("activity", people)
    assert [message.username for message in seen.read] == people
    for message in seen.read:
        assert (message.start_day, message.end_day, message.problem, message.months) == (TWO_MONTHS, DAY, None, None)
        rows = [row for rows in raw(message)["details"].values() for row in rows]
        assert [f"{one.at:%Y-%m-%dT%H:%M}" for one in message.segments] == [row["timestamp"] for row in rows]
        assert [one.followers for one in message.segments] == [int(row["followers"]) for row in rows]
        assert message.total == sum(message.days.values()) == len(rows) * 3 and len(message.days) == 60
    assert seen.counted("people", "failed", "not_set_up", "calls") == (3, 0, 0, 3)
    assert seen.counted("segments")[0] == sum(len(message.segments) for message in seen.read) > 500
    assert [one.detail for one in seen.progress[1:]] == people
    assert seen.result.summary.startswith("3 of 3 people read, ")
    assert seen.result.outcome == "ok"


def test_whoever_is_wanted_meanwhile_comes_next(site: Sandbox, time: OneTime, tmp_path: Path) -> None:
    """The server knows late of what was read, puts somebody new first, and is away for a while."""
    people = [f"name_{number}" for number in range(60)]
    answers: list[Any] = [people, ["by_hand", *people], ServerUnreachable("away"), people]
    kept, asked_for = Kept(), []

    def ask(limit: int) -> list[WantedDays]:
        asked_for.append(limit)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [WantedDays(username=name, start_day=DAY, end_day=DAY) for name in answer]

    client = CbhoursClient(site.url, limiter=Limiter(passing=time.passing, sleep=time.sleep), clock=time,
                           passing=time.passing, sleep=time.sleep)
    context = JobContext(load_settings(data_dir=tmp_path), None, {"limit": 100}, None, kept, lambda _: None, time)
    result = Reading(context, client, time.passing).go(ask)
    client.close()
    read = [message.username for message in kept]
    assert read == [*people[:AT_A_TIME], "by_hand", *people[AT_A_TIME:]]
    assert asked_for == [100] * 3 and (result.outcome, result.counters["wanted"]) == ("ok", 61)
    assert result.counters["not_set_up"] == 61


def test_asking_anew_reads_no_more_than_the_limit(site: Sandbox, time: OneTime, tmp_path: Path) -> None:
    names = [[f"{round}_{number}" for number in range(40)] for round in range(3)]
    kept = Kept()
    client = CbhoursClient(site.url, limiter=Limiter(passing=time.passing, sleep=time.sleep), clock=time,
                           passing=time.passing, sleep=time.sleep)
    context = JobContext(load_settings(data_dir=tmp_path), None, {"limit": 40}, None, kept, lambda _: None, time)
    result = Reading(context, client, time.passing).go(lambda limit: [
        WantedDays(username=name, start_day=DAY, end_day=DAY) for name in names.pop(0)])
    client.close()
    assert len(kept) == result.counters["wanted"] == 40 and kept[-1].username == "1_14"


def test_months_are_asked_for_where_they_are_wanted(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    people = known(site, names)[:2]
    seen = ran("activity", people, months=True)
    assert [message.months[0] for message in seen.read] == ["2026-11", "2026-11"]
    assert len(asked(site)) == 4


def test_somebody_who_is_not_set_up_is_news_and_no_failure(site: Sandbox, ran: Callable[..., Ran],
                                                          names: list[str]) -> None:
    nobody = next(name for name in names if not site.world.has_trophy(name))
    somebody = known(site, names)[0]
    seen = ran("activity", [nobody, somebody], months=True)
    assert [(one.username, one.problem) for one in seen.read] == [(nobody, "not_set_up"), (somebody, None)]
    assert seen.read[0].detail == NO_TROPHY and seen.read[0].segments == [] and raw(seen.read[0])["status"] == "error"
    assert seen.counted("people", "not_set_up", "failed", "failed_calls") == (1, 1, 0, 0)
    assert seen.result.outcome == "ok" and "1 not set up at CBHours" in seen.result.summary
    assert len(asked(site)) == 3, "months are not asked for of somebody who is not there"


def test_many_who_are_not_set_up_end_nothing(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    people = [name for name in names if not site.world.has_trophy(name)][:TROUBLES + 2]
    assert ran("activity", people).counted("not_set_up") == (TROUBLES + 2,)


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_the_http_status_of_that_news_does_not_matter(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                      status: int) -> None:
    site.fault("error_answer", list="cbhours", status=status)
    assert [one.problem for one in ran("activity", names[:1]).read] == ["not_set_up"]


@pytest.mark.parametrize(("fault", "more", "problem", "code"), [
    ("broken_json", {}, "unknown_answer", "unknown_answer"),
    ("error_answer", {"code": 500}, "refused", "not_accepted")])
def test_an_answer_that_cannot_be_used_is_told_of_the_person(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                             fault: str, more: dict[str, Any], problem: str,
                                                             code: str) -> None:
    site.fault(fault, list="cbhours", times=1, **more)
    people = known(site, names)[:3]
    seen = ran("activity", people)
    assert [one.problem for one in seen.read] == [problem, None, None]
    assert seen.read[0].detail and seen.read[0].capture is not None
    assert (seen.result.outcome, seen.result.error.code) == ("partial", code)
    assert seen.counted("people", "failed", "failed_calls") == (2, 1, 1)


def test_months_that_cannot_be_read_cost_no_activity(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    people = known(site, names)[:2]
    site.fault("broken_json", list="cbhours", page=3, times=1)
    seen = ran("activity", people, months=True)
    assert [(one.months is None, one.problems) for one in seen.read] == [(True, {"months": 1}), (False, {})]
    assert seen.result.outcome == "ok"


@pytest.mark.parametrize(("fault", "more", "outcome", "calls"), [
    ("rate_limit", {}, "blocked", 2), ("error_answer", {"code": 429}, "blocked", 2), ("error", {}, "partial", 4)])
def test_what_stops_us_at_the_months_ends_the_run_behind_the_person(
        site: Sandbox, ran: Callable[..., Ran], names: list[str], fault: str, more: dict[str, Any], outcome: str,
        calls: int) -> None:
    site.fault(fault, list="cbhours", page=3, **more)
    seen = ran("activity", known(site, names)[:3], months=True)
    assert (seen.result.outcome, len(seen.read), seen.read[0].months) == (outcome, 1, None)
    assert seen.read[0].segments and seen.counted("people", "failed") == (1, 2)
    assert len(asked(site)) == calls


@pytest.mark.parametrize("fault", ["text_numbers", "upper_case", "disorder"])
def test_the_same_activity_is_understood_however_it_is_written(site: Sandbox, ran: Callable[..., Ran],
                                                               names: list[str], fault: str) -> None:
    people = known(site, names)[:1]
    plain = ran("activity", people).read[0]
    site.fault(fault, list="cbhours")
    written = ran("activity", people).read[0]
    assert (written.segments, written.days, written.total) == (plain.segments, plain.days, plain.total)
    assert written.problems.keys() == ({"repeated", "timestamp"} if fault == "disorder" else set())


def test_days_that_are_left_out_are_not_made_up(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    people = known(site, names)[:1]
    plain = ran("activity", people).read[0]
    site.fault("days_missing", list="cbhours", every=2)
    some = ran("activity", people).read[0]
    assert some.days.items() < plain.days.items() and 0 not in some.days.values()
    assert {one.at for one in some.segments} < {one.at for one in plain.segments}
    assert some.total == plain.total and some.problems == {}


def test_hostile_rows_cost_no_other_row(site: Sandbox, ran: Callable[..., Ran], names: list[str]) -> None:
    people = known(site, names)[:1]
    plain = ran("activity", people).read[0]
    site.fault("hostile", list="cbhours")
    hostile = ran("activity", people).read[0]
    assert [one for one in hostile.segments if one.at.minute % 3 == 0 or one.at.date() != DAY] == plain.segments
    assert hostile.total is None and sum(hostile.problems.values()) > 10


def test_sixty_days_without_a_break_come_through(site: Sandbox, ran: Callable[..., Ran], names: list[str],
                                                 time: OneTime) -> None:
    site.fault("always_on", list="cbhours")
    message = ran("activity", known(site, names)[:1]).read[0]
    assert len(message.segments) == 59 * 480 + (time().hour * 60) // 3
    assert {later.at - one.at for one, later in zip(message.segments, message.segments[1:], strict=False)} == {
        timedelta(minutes=3)}
    assert message.segments[-1].at.astimezone(UTC) <= time() - timedelta(minutes=3)


# -- with the server ----------------------------------------------------------------------------------


@pytest.fixture
def panel() -> Iterator[Panel]:
    with panel_running() as panel:
        yield panel


@pytest.fixture
def worker(tmp_path: Path, panel: Panel, site: Sandbox, time: OneTime, monkeypatch: pytest.MonkeyPatch,
           names: list[str]) -> Iterator[Settings]:
    """A worker of that panel whose time passes by resting; the panel wants six people."""
    monkeypatch.setattr(client_module, "LIMITER", Limiter(passing=time.passing, sleep=time.sleep))
    panel.answers = lambda path, body: wanted_of(names[:6], body) if path.endswith("/cbhours/wanted") else None
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield load_settings(data_dir=tmp_path / "data", server_url=panel.url, worker_token="token-of-the-worker",
                        cbhours_url=site.url)
    for number, handler in kept.items():
        signal.signal(number, handler)


def wanted_of(names: list[str], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    days = {"start_day": "2026-11-01", "end_day": "2026-11-20", "months": True}
    if body["action"] == "live":
        days = {"start_day": None, "end_day": None, "months": False}
    return 200, {"people": [{"username": name, **days} for name in names[:body["limit"]]]}, {}


def test_once_asks_the_server_who_and_hands_over(worker: Settings, panel: Panel, names: list[str],
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    assert run_once(worker, ["cbhours-live", "cbhours-activity"], None) == 0
    assert [claim["force"]["account"] for claim in panel.told("/claim")] == [None, None]
    assert panel.told("/cbhours/wanted") == [{"action": "live", "limit": 2000}, {"action": "activity", "limit": 250}]
    message, = panel.told("/api/ingest/cbhours-live")
    assert message["asked"] == names[:6]
    assert [one["username"] for one in panel.told("/api/ingest/cbhours-activity")] == names[:6]
    finished = panel.told("/finish")
    assert [one["outcome"] for one in finished] == ["ok", "ok"]
    assert finished[0]["counters"]["asked"] == 6 and finished[1]["counters"]["wanted"] == 6
    said = capsys.readouterr().out
    assert "cbhours-live: " in said and "of 6 people online" in said and "of 6 people read" in said


def test_a_site_that_wants_to_be_left_alone_is_the_status_and_the_servers_to_know(
        worker: Settings, panel: Panel, site: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    site.fault("rate_limit", list="cbhours", retry_after=240)
    assert run_once(worker, ["cbhours-live"], None) == 4
    finish, = panel.told("/finish")
    assert (finish["outcome"], finish["error"]["code"], finish["retry_after_seconds"]) == (
        "blocked", "rate_limited", 240)
    assert "slow down" in capsys.readouterr().err


def test_without_a_server_nobody_knows_whom_to_ask(site: Sandbox, tmp_path: Path, worker: Settings) -> None:
    alone = worker.model_copy(update={"server_url": "http://127.0.0.1:1", "data_dir": tmp_path / "alone"})
    assert run_once(alone, ["cbhours-live"], None) == 6
    assert asked(site) == []


@pytest.mark.parametrize("people", [
    None, "zq", [{"name": "zq"}], [{"username": "ZQ"}], [{"username": "a,b"}],
    [{"username": "zq", "start_day": "2026-01-01", "end_day": "2026-03-02"}],
    [{"username": "zq", "start_day": "2026-01-02", "end_day": "2026-01-01"}],
    [{"username": "zq", "start_day": "soon", "end_day": "2026-01-01"}]])
def test_a_server_that_does_not_say_who_is_not_understood(people: Any) -> None:
    with panel_running(Panel(answers=lambda *_: (200, {"people": people}, {}))) as panel:
        server = ServerClient(panel.url, "token-of-the-worker")
        with pytest.raises(ServerUnreachable, match="do not understand"):
            wanted_days(server, 5)
        if people and isinstance(people, list) and people[0].get("username") == "zq":
            assert wanted_people(server, 5) == ["zq"]
        server.close()


def test_no_more_than_was_asked_for_is_taken_and_each_once() -> None:
    people = [{"username": name, "start_day": "2026-01-01", "end_day": "2026-01-01"} for name in ("a", "b", "a", "c")]
    with panel_running(Panel(answers=lambda *_: (200, {"people": people}, {}))) as panel:
        server = ServerClient(panel.url, "token-of-the-worker")
        assert wanted_people(server, 2) == ["a", "b"] and wanted_people(server, 9) == ["a", "b", "c"]
        assert len(wanted_days(server, 3)) == 3
        server.close()


KILLED = """
    import os, signal, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from common.settings import load_settings
    from scraper.jobs import JobContext
    from scraper.outbox import Outbox
    from scraper.sources.cbhours.client import CbhoursClient
    from scraper.sources.cbhours.live import Poll

    def report(progress):
        if progress.done == 100:
            os.kill(os.getpid(), signal.SIGKILL)

    data, url = Path(sys.argv[1]), sys.argv[2]
    settings = load_settings(data_dir=data, cbhours_url=url)
    context = JobContext(settings, None, {}, None, Outbox.of(settings.data_folder), report, lambda: datetime.now(UTC))
    Poll(context, CbhoursClient(url)).go(lambda limit: [f"name_{number}" for number in range(200)])
"""


def test_a_kill_between_two_calls_loses_nothing_that_was_read(tmp_path: Path) -> None:
    """In real time, so that it is also once for real that the imitation never sees two calls within a second."""
    with running(people=10) as site:
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), site.url], cwd=ROOT,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
        assert site.site.counts["cbhours_bans"] == 0 and len(asked(site)) == 2
    outbox = Outbox.of(load_settings(data_dir=tmp_path).data_folder)
    assert len(outbox.waiting()) == 2
    said: list[dict[str, Any]] = []

    class Server:
        def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
            said.append(body)
            return {}

    outbox.deliver(Server())  # type: ignore[arg-type]
    assert [message["unknown"][0] for message in said] == ["name_0", "name_50"]


@pytest.mark.slow
def test_the_real_clock_keeps_the_second_too(tmp_path: Path) -> None:
    with running(people=10, latency_ms=60) as site:
        context = JobContext(load_settings(data_dir=tmp_path, cbhours_url=site.url), None, {}, None, Kept(),
                             lambda _: None, utc_now)
        client = CbhoursClient(site.url, limiter=Limiter())
        result = Poll(context, client).go(lambda limit: [f"name_{number}" for number in range(400)])
        client.close()
        assert result.outcome == "ok" and result.counters["calls"] == 8
        assert site.site.counts["cbhours_bans"] == 0

"""Both CBHours jobs the whole way: the imitation, the worker's run, the outbox, the real server."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from common.settings import Settings
from scraper.jobs import JobResult
from scraper.outbox import Outbox
from scraper.running import carry_out, open_desk
from scraper.sandbox.testing import Sandbox, running
from scraper.server_client import ServerClient
from scraper.sources.cbhours import client as client_module
from scraper.sources.cbhours.client import Limiter
from server.affiliate.store import add_persons
from server.ledger.queries import heard
from server.models import CaptureRow, CbhoursLive, CbhoursPoll, CbhoursSegment, CbhoursState, Person, db
from tests.helpers import WORKER, FakeClock


@pytest.fixture
def site(clock: FakeClock) -> Iterator[Sandbox]:
    with running(people=60, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def settings(settings: Settings, site: Sandbox) -> Settings:
    return settings.model_copy(update={"cbhours_url": site.url})


@pytest.fixture
def people(app: Any, clock: FakeClock, site: Sandbox) -> list[str]:
    """Everybody of the imitation, known here as broadcasters."""
    names = list(site.world.people)
    with app.app_context():
        add_persons(db.session(), names, "model", clock())
        db.session.commit()
    return names


@pytest.fixture
def run(settings: Settings, live_server: str, clock: FakeClock,
        monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], JobResult]]:
    """run("cbhours-live") -> one run from claim to delivery, in which time passes by resting."""
    def rest(seconds: float) -> None:
        clock.advance(seconds=seconds)

    limiter = Limiter(passing=lambda: clock().timestamp(), sleep=rest)
    monkeypatch.setattr(client_module, "LIMITER", limiter)
    client = ServerClient(live_server, WORKER, clock=clock)
    settings = settings.model_copy(update={"server_url": live_server})
    desk = open_desk(settings, clock, lambda: False, client=client, outbox=Outbox.of(settings.data_folder))

    def once(job: str) -> JobResult:
        claim = client.claim("tests", [job], force={"job": job, "account": None})
        assert claim.run is not None
        result = carry_out(desk, claim.run)
        report = desk.outbox.deliver(client)
        assert (report.left, report.refused, report.stopped_by) == (0, 0, None), report.refusals
        return result

    yield once
    client.close()


def test_who_is_known_is_asked_again_and_who_is_not_rests(app: Any, site: Sandbox, people: list[str], clock: FakeClock,
                                                         run: Callable[[str], JobResult]) -> None:
    known = {name for name in people if site.world.has_trophy(name)}
    first = run("cbhours-live")
    assert (first.outcome, first.counters["asked"], first.counters["unknown"]) == (
        "ok", len(people), len(people) - len(known))
    clock.advance(minutes=10)
    second = run("cbhours-live")
    assert (second.outcome, second.counters["asked"], second.counters["unknown"]) == ("ok", len(known), 0)
    with app.app_context():
        states = dict(db.session.execute(select(Person.username, CbhoursState.has_trophy).join(
            CbhoursState, CbhoursState.person_id == Person.id)).all())
        assert states == {name: name in known for name in people}
        assert db.session.scalar(select(func.count()).select_from(CbhoursLive)) == 2 * len(known)
        online = dict(db.session.execute(select(Person.username, CbhoursLive.online).join(
            CbhoursLive, CbhoursLive.person_id == Person.id)).all())
        assert online == {name: site.world.people[name].online for name in known}
        assert db.session.scalar(select(func.count()).select_from(CaptureRow)) == first.counters["calls"] + \
            second.counters["calls"]
    assert site.site.counts["cbhours_bans"] == 0


def test_activity_is_read_once_whole_and_stored_once(app: Any, site: Sandbox, people: list[str], clock: FakeClock,
                                                     run: Callable[[str], JobResult], api_as: Any) -> None:
    owner = api_as("subscriber")
    owner.post("/api/job/cbhours-activity/config", json={"limit": 3})
    assert run("cbhours-live").outcome == "ok"
    first = run("cbhours-activity")
    assert (first.outcome, first.counters["people"], first.counters["failed"]) == ("ok", 3, 0)

    def stored() -> int:
        with app.app_context():
            return db.session.scalar(select(func.count()).select_from(CbhoursSegment)) or 0

    assert stored() == first.counters["segments"] > 1_000
    clock.advance(minutes=5)
    with app.app_context():
        read = db.session.scalars(select(Person.username).join(CbhoursState, CbhoursState.person_id == Person.id).where(
            CbhoursState.activity_read_at.is_not(None))).all()
    for name in read:
        assert owner.post(f"/api/persons/{name}/cbhours").status_code == 202
    again = run("cbhours-activity")
    assert (again.outcome, again.counters["people"]) == ("ok", 3)
    assert stored() <= first.counters["segments"] + 3 * 3, "but for the minutes that have passed"


def test_somebody_who_is_not_set_up_can_be_read_by_hand_once_they_are(app: Any, site: Sandbox, people: list[str],
                                                                     run: Callable[[str], JobResult],
                                                                     api_as: Any) -> None:
    name = next(name for name in people if not site.world.has_trophy(name))
    run("cbhours-live")
    owner = api_as("subscriber")
    owner.post("/api/job/cbhours-activity/config", json={"limit": 1})
    owner.post(f"/api/persons/{name}/cbhours")
    assert run("cbhours-activity").counters["not_set_up"] == 1
    standing = owner.get(f"/api/persons/{name}/cbhours").get_json()
    assert (standing["problem"], standing["has_trophy"]) == ("not_set_up", False)
    assert "trophy" in standing["detail"]
    site.world.set_trophy(name)
    owner.post(f"/api/persons/{name}/cbhours")
    assert run("cbhours-activity").counters["people"] == 1
    standing = owner.get(f"/api/persons/{name}/cbhours").get_json()
    assert (standing["problem"], standing["has_trophy"]) == (None, True) and standing["months"][0] == "2026-11"


def test_a_wish_for_a_pause_is_kept_by_the_schedule(site: Sandbox, people: list[str], clock: FakeClock, api_as: Any,
                                                    run: Callable[[str], JobResult]) -> None:
    owner = api_as("subscriber")
    site.fault("rate_limit", list="cbhours", retry_after=1200)
    result = run("cbhours-live")
    assert (result.outcome, result.error.code) == ("blocked", "rate_limited")
    status = owner.get("/api/job/cbhours-live/status").get_json()
    assert "rate_limited" in str(status) or "slow down" in str(status)
    site.clear_faults()
    again = run("cbhours-live")
    assert again.outcome == "blocked" and "left alone" in str(again.error), "by hand it is not asked earlier either"
    clock.advance(seconds=timedelta(minutes=20).total_seconds())
    assert run("cbhours-live").outcome == "ok"


def test_an_answer_that_cannot_be_believed_takes_nobodys_trophy_and_is_no_hearing(
        app: Any, site: Sandbox, people: list[str], clock: FakeClock, run: Callable[[str], JobResult]) -> None:
    began = clock()
    run("cbhours-live")
    clock.advance(hours=2)
    for fault in ("broken_json", "nobody"):
        site.fault(fault, list="cbhours")
        for _ in range(2):
            run("cbhours-live")
        site.clear_faults()
    with app.app_context():
        known = sum(map(site.world.has_trophy, people))
        assert db.session.scalar(select(func.count()).where(CbhoursState.has_trophy.is_(True))) == known
        problems = [poll.problems for poll in db.session.scalars(select(CbhoursPoll).order_by(CbhoursPoll.id))]
        assert {"answer": 1} in problems and any("distrusted" in one for one in problems)
        spans = heard(db.session(), "cbhours", began, clock(), clock())
        assert [span.heard for span in spans if span.end - span.start > timedelta(minutes=2)] == [True, False]
        assert spans[-1].end == clock()
    assert run("cbhours-live").counters["unknown"] == 0
    with app.app_context():
        assert heard(db.session(), "cbhours", began, clock(), clock())[-1].heard

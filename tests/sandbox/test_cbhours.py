"""The imitation of CBHours: the shapes of the recorded samples, what it has to agree with, and what can be wrong."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from scraper.sandbox.cbhours import NO_TROPHY, hostile_entries
from scraper.sandbox.faults import CBHOURS_KINDS
from scraper.sandbox.testing import Sandbox
from tests.helpers import FakeClock
from tests.sandbox.test_like_the_samples import _shape

PAGES = Path(__file__).parent.parent / "pages"
PEOPLE = {"people": 80, "cbhours_gap": 0.0}  # asked as often as a test likes
LAST_MONTHS = {"start_date": "2026-09-22", "end_date": "2026-11-20"}  # 60 days up to the clock's


def sample(name: str) -> Any:
    return json.loads((PAGES / f"cbhours-{name}.json").read_text(encoding="utf-8"))


def call(sandbox: Sandbox, action: str, **query: Any) -> requests.Response:
    return requests.get(f"{sandbox.url}/api.php", params={"action": action, **query}, timeout=10, allow_redirects=False)


def live(sandbox: Sandbox, *names: str) -> dict[str, Any]:
    return call(sandbox, "get_live", usernames=",".join(names)).json()


def activity(sandbox: Sandbox, name: str, **query: Any) -> dict[str, Any]:
    return call(sandbox, "get_activity", **{"domain": "cbhours", "username": name, "tzo": "0",
                                             "include_details": "true", **LAST_MONTHS, **query}).json()


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for day in answer["details"].values() for row in day]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(site, clock) -> Sandbox:
    return site(**PEOPLE, clock=clock)


@pytest.fixture
def busy(sandbox) -> str:
    """Somebody with a trophy who is online, with many viewers and followers."""
    person = max((one for one in sandbox.world.people.values() if one.online), key=lambda one: one.viewers)
    person.num_followers = 50_000
    sandbox.world.set_trophy(person.username)
    return person.username


# -- like the samples ---------------------------------------------------------------------------------


def test_live_answers_have_the_shape_of_the_sample(sandbox, busy):
    sandbox.world.set_trophy("zq")
    sandbox.world.set_online("zq", False)
    ours, theirs = live(sandbox, busy, "zq"), sample("live")
    assert ours.keys() == theirs.keys() and ours["server_status"] == theirs["server_status"]
    assert _shape(ours["data"][busy]) == _shape(theirs["data"]["alder_lane"])
    assert list(ours["data"][busy]) == list(theirs["data"]["alder_lane"])
    assert ours["data"]["zq"] == theirs["data"]["cedar_finch"]
    assert {entry["gender"] for entry in live(sandbox, *list(sandbox.world.people)[:50])["data"].values()
            if "gender" in entry} <= {"Male", "Female", "Couple", "Trans"}


def test_activity_has_the_shape_of_the_sample(sandbox, busy):
    ours, theirs = activity(sandbox, busy), sample("activity")
    assert list(ours) == list(theirs)
    assert {name: type(value) for name, value in ours.items()} == {name: type(value) for name, value in theirs.items()}
    assert _shape(ours["total_time"]) == _shape(theirs["total_time"])
    assert {tuple(_shape(row).items()) for row in rows(ours)} == {tuple(_shape(rows(theirs)[0]).items())}
    assert ours["activity"]["2026-11-20"].startswith("2026-11-20 Fri - 0") and ours["model"] == busy
    assert {row["type"] for row in rows(ours)} == {"_public", "_private", "_group", "_ticket"}


def test_months_and_errors_are_those_of_the_samples(sandbox, busy):
    ours = call(sandbox, "get_months", domain="cbhours", username=busy).json()
    assert ours[:3] == ["2026-11", "2026-10", "2026-09"] and _shape(ours) == _shape(sample("months"))
    sandbox.world.set_trophy(busy, False)
    for action in ("get_months", "get_activity"):
        assert call(sandbox, action, domain="cbhours", username=busy, tzo="0", **LAST_MONTHS).json() == sample(
            "activity-no-trophy")


# -- what it agrees with ------------------------------------------------------------------------------


def test_the_same_people_are_online_with_about_the_same_figures_as_on_the_affiliate_api(sandbox):
    rooms = {room["username"]: room for room in requests.get(
        f"{sandbox.url}/api/public/affiliates/onlinerooms/?wm=X&client_ip=request_ip&limit=500",
        timeout=10).json()["results"]}
    names = [name for name in sandbox.world.people if sandbox.world.has_trophy(name)][:50]
    entries = live(sandbox, *names)["data"]
    assert {name for name, entry in entries.items() if entry["room_status"] == "Online"} == rooms.keys() & set(names)
    for name, entry in entries.items():
        if name in rooms:
            assert entry["viewers"] == pytest.approx(rooms[name]["num_users"], rel=0.1, abs=2)
            assert entry["followers"] == pytest.approx(rooms[name]["num_followers"], rel=0.01, abs=2)
            assert (entry["current_show"], entry["tags"]) == (rooms[name]["current_show"], rooms[name]["tags"])


def test_figures_move_with_the_clock_once_a_minute(sandbox, busy, clock):
    def now() -> dict[str, Any]:
        return live(sandbox, busy)["data"][busy]

    before = now()
    clock.advance(seconds=40)
    assert now() == before
    clock.advance(minutes=20)
    after = now()
    assert after["viewers"] != before["viewers"] and after["followers"] >= before["followers"]
    assert (after["viewers"] < before["viewers"]) == (after["rank"] > before["rank"])


def test_more_viewers_are_a_better_rank_and_the_rank_of_the_gender_is_better_still(sandbox):
    entries = [entry for entry in live(sandbox, *list(sandbox.world.people)[:50])["data"].values() if "rank" in entry]
    assert all(1 <= entry["grank"] <= entry["rank"] for entry in entries)
    most, least = (pick(entries, key=lambda entry: entry["viewers"]) for pick in (max, min))
    assert most["rank"] < least["rank"]


def test_most_have_a_trophy_and_the_same_ones_for_the_same_seed(site):
    worlds = [site(people=200, seed=seed).world for seed in (4, 4, 5)]
    having = [{name for name in world.people if world.has_trophy(name)} for world in worlds]
    assert having[0] == having[1] != having[2] and 120 < len(having[0]) < 180


def test_whoever_has_no_trophy_is_left_out(sandbox, visit):
    names = list(sandbox.world.people)[:40]
    assert live(sandbox, *names, "nobody_here")["data"].keys() == {
        name for name in names if sandbox.world.has_trophy(name)}
    for action, shown in (("trophy", True), ("no_trophy", False)):
        assert visit(sandbox).control("world", {"action": action, "username": "zq"}).ok
        assert ("zq" in live(sandbox, "ZQ")["data"]) == shown
    sandbox.world.rename("zq", "zq_now")
    assert not sandbox.world.has_trophy("zq_now")


# -- the past -----------------------------------------------------------------------------------------


def test_whoever_asks_twice_hears_the_same(sandbox, busy, clock):
    first = activity(sandbox, busy)
    clock.advance(minutes=60)
    again = activity(sandbox, busy)
    assert rows(again)[:len(rows(first))] == rows(first)
    assert 19 <= len(rows(again)) - len(rows(first)) <= 21, "an hour more of the present broadcast"


def test_days_details_and_total_add_up(sandbox):
    for name in [name for name in sandbox.world.people if sandbox.world.has_trophy(name)][:10]:
        answer = activity(sandbox, name)
        minutes = {day: len(told) * 3 for day, told in answer["details"].items()}
        for day, words in answer["activity"].items():
            hours, rest = divmod(minutes.get(day, 0), 60)
            assert words.endswith(f" - {hours:02} Hours {rest:02} Minutes")
        assert len(answer["activity"]) == 60 and all(answer["details"].values())
        assert answer["total_time"]["hours"] * 60 + answer["total_time"]["minutes"] == sum(minutes.values()) > 1000
        moments = [row["timestamp"] for row in rows(answer)]
        assert moments == sorted(set(moments)) and {int(moment[-2:]) % 3 for moment in moments} == {0}


def test_followers_grow_over_the_weeks(sandbox, busy):
    followers = [int(row["followers"]) for row in rows(activity(sandbox, busy))]
    assert followers == sorted(followers) and followers[-1] > followers[0] * 1.05


def test_a_broadcast_that_goes_on_is_told_when_its_minutes_are_over(sandbox, busy, clock):
    newest = rows(activity(sandbox, busy))[-1]
    at = datetime.fromisoformat(newest["timestamp"]).replace(tzinfo=UTC)
    assert timedelta(minutes=3) <= clock() - at < timedelta(minutes=7)
    entry = live(sandbox, busy)["data"][busy]
    assert int(newest["viewers"]) == pytest.approx(entry["viewers"], rel=0.4, abs=3)
    clock.advance(minutes=10)
    sandbox.world.set_online(busy, False)
    ended = rows(activity(sandbox, busy))
    clock.advance(minutes=60)
    assert rows(activity(sandbox, busy)) == ended
    sandbox.world.set_online(busy, True)
    activity(sandbox, busy)
    clock.advance(minutes=30)
    assert [row["timestamp"] for row in rows(activity(sandbox, busy))[:len(ended)]] == [
        row["timestamp"] for row in ended]
    assert 9 <= len(rows(activity(sandbox, busy))) - len(ended) <= 10


def test_times_are_those_of_the_zone_that_is_asked_for(sandbox, busy):
    day = {"start_date": "2026-11-10", "end_date": "2026-11-12"}
    in_utc = rows(activity(sandbox, busy, start_date="2026-11-09", end_date="2026-11-13"))
    east = rows(activity(sandbox, busy, **day, tzo="330"))
    moved = [f"{datetime.fromisoformat(row['timestamp']) + timedelta(minutes=330):%Y-%m-%dT%H:%M}" for row in in_utc]
    assert [row["timestamp"] for row in east] == [text for text in moved if "2026-11-10" <= text < "2026-11-13"]


def test_details_are_told_when_asked_for(sandbox, busy):
    assert "details" not in activity(sandbox, busy, include_details="false")


@pytest.mark.parametrize("query", [
    {"domain": ""}, {"domain": "elsewhere"}, {"tzo": ""}, {"start_date": "soon"}, {"end_date": ""},
    {"start_date": "2026-09-21"}, {"end_date": "2026-09-21"}])
def test_a_question_that_breaks_the_rules_is_an_error(sandbox, busy, query):
    assert activity(sandbox, busy, **query)["status"] == "error"


def test_between_one_and_fifty_names_may_be_asked_for(sandbox):
    names = [f"name_{number}" for number in range(51)]
    assert live(sandbox, *names)["status"] == live(sandbox)["status"] == "error"
    assert live(sandbox, *names[:50])["server_status"] == "up"
    assert call(sandbox, "get_everything").json()["status"] == "error"


# -- the door -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("look", "status"), [("forbidden", 403), ("rate_limit", 429), ("error", 200),
                                              ("closed", None)])
def test_who_asks_twice_within_a_second_finds_the_door_shut_for_a_while(site, clock, look, status):
    sandbox = site(people=20, clock=clock, cbhours_door=look, cbhours_ban=30)
    for wait in (0, 1.0):
        clock.advance(seconds=wait)
        assert live(sandbox, "zq")["server_status"] == "up"
    for wait in (0.9, 15.0):
        clock.advance(seconds=wait)
        if status is None:
            with pytest.raises(requests.ConnectionError):
                live(sandbox, "zq")
            continue
        answer = call(sandbox, "get_live", usernames="zq")
        assert answer.status_code == status and "server_status" not in answer.text
        if look == "rate_limit":
            assert int(answer.headers["Retry-After"]) in (30, 15)
    clock.advance(seconds=20)
    assert live(sandbox, "zq")["server_status"] == "up"
    assert sandbox.site.counts["cbhours_bans"] == 1


def test_other_parts_of_the_imitation_may_be_asked_as_often_as_one_likes(site, clock):
    sandbox = site(people=20, clock=clock)
    for _ in range(3):
        assert requests.get(f"{sandbox.url}/zq/", timeout=10).ok


# -- faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(CBHOURS_KINDS))
def test_each_fault_hits_one_question_as_often_as_asked_and_no_other_list(sandbox, visit, busy, kind):
    sandbox.world.set_trophy("zq")
    nobody = next(name for name in sandbox.world.people if not sandbox.world.has_trophy(name))

    def both() -> tuple[str, str]:
        return (call(sandbox, "get_live", usernames=f"{busy},zq,{nobody}").text, json.dumps(activity(sandbox, busy)))

    before = both()
    sandbox.fault(kind, times=5)
    assert both() == before, "a fault of any list is one of the other site"
    sandbox.clear_faults()
    page = 2 if kind in ("days_missing", "disorder", "always_on") else 1
    more = {"seconds": 0} if kind == "ban" else {}
    fault = visit(sandbox).control("fault", {"kind": kind, "list": "cbhours", "page": page, "times": 1, **more})
    assert fault.ok
    after = both()
    if kind != "ban":  # it lasts no second, and changes no answer
        assert [one == other for one, other in zip(before, after, strict=True)] == [page == 2, page == 1]
    assert sandbox.site.faults.as_json()[0]["fired"] == 1
    assert both() == before


@pytest.mark.parametrize(("kind", "status"), [("rate_limit", 429), ("challenge", 403), ("maintenance", 503),
                                              ("error", 500), ("redirect", 302), ("html", 200)])
def test_answers_of_their_own_come_in_place_of_data(sandbox, kind, status):
    sandbox.fault(kind, list="cbhours", page=3, times=1)
    assert call(sandbox, "get_live", usernames="zq").status_code == 200
    answer = call(sandbox, "get_months", username="zq", domain="cbhours")
    assert answer.status_code == status
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_errors_may_have_any_code_words_and_status(sandbox):
    sandbox.fault("error_answer", list="cbhours", times=1)
    assert live(sandbox, "zq") == {"status": "error", "message": NO_TROPHY}
    sandbox.fault("error_answer", list="cbhours", code=500, status=404)
    answer = call(sandbox, "get_live", usernames="zq")
    assert answer.status_code == 404 and answer.json()["message"].startswith("Error Code:500 ")


def test_unknown_names_may_come_as_errors_and_everybody_may_be_unknown(sandbox, busy):
    sandbox.fault("unknown_entries", list="cbhours", times=1)
    assert live(sandbox, busy, "nobody_here")["data"]["nobody_here"] == sample("activity-no-trophy")
    sandbox.fault("nobody", list="cbhours")
    assert live(sandbox, busy) == {"server_status": "up", "data": []}


def test_numbers_change_their_dress(sandbox, busy):
    sandbox.fault("text_numbers", list="cbhours")
    entry, answer = live(sandbox, busy)["data"][busy], activity(sandbox, busy)
    numbers = ("rank", "grank", "viewers", "followers")
    assert {type(entry[name]) for name in numbers} == {str}
    assert {type(rows(answer)[0][name]) for name in numbers} == {int}
    assert type(answer["total_time"]["hours"]) is str


def test_keys_may_be_in_upper_case(sandbox, busy):
    sandbox.fault("upper_case", list="cbhours")
    said = live(sandbox, busy)
    assert said["SERVER_STATUS"] == "up" and said["DATA"][busy.upper()]["ROOM_STATUS"] == "Online"


def test_strangers_and_hostile_entries_lie_between_good_ones(sandbox):
    names = [name for name in sandbox.world.people if sandbox.world.has_trophy(name)][:30]
    good = live(sandbox, *names)["data"]
    sandbox.fault("strangers", list="cbhours", times=1)
    assert live(sandbox, *names)["data"].items() > good.items()
    sandbox.fault("hostile", list="cbhours")
    said = live(sandbox, *names)["data"]
    assert sum(said[name] != good[name] for name in names) == len(hostile_entries())


def test_days_may_be_missing(sandbox, busy):
    whole = activity(sandbox, busy)
    sandbox.fault("days_missing", list="cbhours", every=4)
    some = activity(sandbox, busy)
    assert some["activity"].items() < whole["activity"].items()
    assert some["details"].items() < whole["details"].items() and some["activity"].keys() == some["details"].keys()


def test_somebody_may_be_always_on_air_and_is_told_quickly(sandbox, busy, clock):
    clock.advance(days=1)
    sandbox.fault("always_on", list="cbhours")
    began = time.monotonic()
    answer = activity(sandbox, busy)
    assert time.monotonic() - began < 5
    assert len(rows(answer)) == 28_800 and answer["total_time"] == {"hours": 1440, "minutes": 0}

"""The imitation of the affiliate API: the shape of the platform's sample, its rules, and what can go wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from scraper.sandbox.testing import Sandbox
from tests.helpers import FakeClock

SAMPLE = json.loads((Path(__file__).parent.parent / "pages" / "affiliate-onlinerooms.json").read_text(encoding="utf-8"))
PATH = "/api/public/affiliates/onlinerooms/"
MANY = {"people": 40, "more_rooms": 1200}


def ask(sandbox: Sandbox, **query: Any) -> requests.Response:
    return requests.get(sandbox.url + PATH, timeout=10, params={
        "wm": "SBX01", "client_ip": "request_ip", "format": "json", **query})


def rooms(sandbox: Sandbox, **query: Any) -> list[dict[str, Any]]:
    return ask(sandbox, **query).json()["results"]


def test_a_room_has_the_fields_and_types_of_the_sample(site):
    ours = rooms(site(people=200), limit=500)
    for room in ours:
        assert set(room) | {"country"} == set(SAMPLE["results"][0]) | {"country"}
    for name in SAMPLE["results"][0]:
        theirs = {type(room[name]) for room in SAMPLE["results"] if name in room}
        assert {type(room[name]) for room in ours if name in room} <= theirs, name
    assert {"country" in room for room in ours} == {True, False}


def test_everybody_who_is_online_is_there_and_nobody_else(site):
    sandbox = site(people=200)
    online = {person.username for person in sandbox.world.people.values() if person.online}
    answer = ask(sandbox, limit=500).json()
    assert {room["username"] for room in answer["results"]} == online
    assert answer["count"] == len(online)


def test_the_busiest_rooms_come_first(site):
    viewers = [room["num_users"] for room in rooms(site(**MANY), limit=500)]
    assert viewers == sorted(viewers, reverse=True)


def test_pages_follow_on_each_other(site):
    sandbox = site(**MANY, clock=FakeClock())
    pages = [rooms(sandbox, limit=500, offset=offset) for offset in (0, 500, 1000, 1500)]
    names = [room["username"] for page in pages for room in page]
    assert len(names) == len(set(names)) == ask(sandbox).json()["count"]
    assert [len(page) for page in pages[:2]] == [500, 500] and pages[3] == []


def test_genders_may_be_combined(site):
    sandbox = site(**MANY)
    counts = {gender: ask(sandbox, gender=gender).json()["count"] for gender in "mfct"}
    assert all(counts.values())
    assert ask(sandbox, gender=["m", "t"]).json()["count"] == counts["m"] + counts["t"]
    assert ask(sandbox).json()["count"] == sum(counts.values())
    assert {room["gender"] for room in rooms(sandbox, gender=["m", "t"], limit=500)} == {"m", "t"}


@pytest.mark.parametrize("query", [{"wm": ""}, {"client_ip": ""}, {"limit": 501}, {"limit": 0}, {"offset": "x"}])
def test_a_question_that_breaks_the_rules_is_refused(query, site):
    assert ask(site(), **query).status_code == 400


def test_unknown_parameters_are_ignored(site):
    assert ask(site(), username="zq").json()["count"] > 1


def test_time_passes_in_a_broadcast_and_a_new_one_begins_anew(site):
    clock = FakeClock()
    sandbox = site(people=30, clock=clock)
    name = rooms(sandbox)[0]["username"]

    def seconds() -> int:
        return next(room["seconds_online"] for room in rooms(sandbox) if room["username"] == name)

    before = seconds()
    clock.advance(minutes=10)
    assert seconds() == before + 600
    sandbox.world.set_online(name, False)
    assert name not in {room["username"] for room in rooms(sandbox)}
    sandbox.world.set_online(name, True)
    assert seconds() == 0


def test_viewers_move_from_poll_to_poll(site):
    clock = FakeClock()
    sandbox = site(**MANY, clock=clock)
    before = {room["username"]: room["num_users"] for room in rooms(sandbox, limit=50)}
    clock.advance(minutes=30)
    assert before != {room["username"]: room["num_users"] for room in rooms(sandbox, limit=50)}


@pytest.mark.parametrize(("kind", "status"), [("rate_limit", 429), ("challenge", 403), ("maintenance", 503),
                                              ("error", 500)])
def test_an_answer_of_its_own_hits_one_page(kind, status, site):
    sandbox = site(**MANY)
    sandbox.fault(kind, list="affiliate", page=2, times=1)
    assert [ask(sandbox, limit=500, offset=offset).status_code for offset in (0, 500, 500)] == [200, status, 200]


def test_html_comes_with_a_good_status(site):
    sandbox = site()
    sandbox.fault("html", list="affiliate", times=1)
    answer = ask(sandbox)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert ask(sandbox).json()["count"]


def test_json_may_end_in_the_middle(site):
    sandbox = site()
    sandbox.fault("broken_json", list="affiliate")
    with pytest.raises(requests.JSONDecodeError):
        ask(sandbox).json()


def test_the_count_may_lie(site):
    sandbox = site()
    truth = ask(sandbox).json()["count"]
    sandbox.fault("count", list="affiliate", times=1, off=50)
    assert ask(sandbox).json()["count"] == truth + 50
    sandbox.fault("count", list="affiliate", **{"is": 3})
    assert ask(sandbox).json()["count"] == 3


def test_shifting_pages_repeat_some_rooms_and_hide_as_many(site):
    sandbox = site(**MANY, clock=FakeClock())
    sandbox.fault("shift", list="affiliate", page=2, by=4)
    names = [room["username"] for offset in (0, 500, 1000) for room in rooms(sandbox, limit=500, offset=offset)]
    assert len(names) - len(set(names)) == 4
    assert len(names) == ask(sandbox).json()["count"]


def test_a_repeated_page_is_the_page_before(site):
    sandbox = site(**MANY, clock=FakeClock())
    sandbox.fault("repeated_page", list="affiliate", page=2)
    assert rooms(sandbox, limit=500) == rooms(sandbox, limit=500, offset=500)


def test_broken_rooms_lie_between_good_ones(site):
    sandbox = site()
    good = len(rooms(sandbox, limit=500))
    sandbox.fault("broken_room", list="affiliate")
    found = rooms(sandbox, limit=500)
    assert len(found) > good and found[0]["username"] and found[-1]["username"]
    assert None in found and {} in found

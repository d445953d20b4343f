"""A wish in the queue, through the real worker's code and the real server, against the imitation of the API."""

import signal

import pytest

from common.settings import load_settings
from scraper.commands.once import run_once
from scraper.sandbox.testing import running
from tests.helpers import WORKER


@pytest.fixture(autouse=True)
def _signals_as_they_were():
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def settings(database, tmp_path):
    return load_settings(data_dir=tmp_path / "data", database_url=database, worker_token=WORKER, affiliate_code="abc12")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_is_in_the_queue_is_read_and_nobody_else_of_their_gender(live_server, api_as, tmp_path, clock):
    owner = api_as("subscriber")
    with running(people=60, clock=clock) as site:
        woman = next(name for name, person in site.world.people.items() if person.online and person.gender == "f")
        for name in (woman, "nobody_here"):
            assert owner.post(f"/api/persons/{name}/queue", json={"priority": 1}).status_code == 200
        worker = load_settings(data_dir=tmp_path / "worker", server_url=live_server, worker_token=WORKER,
                               chaturbate_url=site.url, affiliate_code="abc12")
        assert run_once(worker, ["affiliate"], None, clock=clock) == 0
    entries = {entry["username"]: entry["state"] for entry in owner.get("/api/queue").get_json()["queue"]}
    assert entries == {woman: "complete", "nobody_here": "not_found"}
    people = owner.get("/api/persons?limit=500").get_json()["persons"]
    assert [person["username"] for person in people if person["gender"] == "f"] == [woman]
    assert any(person["gender"] == "m" for person in people)

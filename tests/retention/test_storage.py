"""How storage goes on, and what is advised. No database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from server.jobs.kinds import KINDS, fresh_config
from server.jobs.rules import WrongConfig, changed_config
from server.jobs.storage import Cycle, Facts, Growth, Kind, advice

WELL = Facts(interval_minutes=30, limit=500, snapshot_days=90, cycle=Cycle(20, 8, 6, 0.4, 0.2), bytes_a_day=1e6,
             full_in=None, unused_share=0, on_sqlite=True, not_cleaned_up=None)


def test_what_is_kept_for_some_days_stops_growing_when_as_much_goes_as_comes():
    growth = Growth(Kind(100, days=10, keep=90), Kind(0), hours_a_day=7, others_a_day=1)
    assert growth.after(1000, 80) == 1000 + 80 * 100 + 80
    assert growth.after(1000, 100) == 1000 + 80 * 100 + 20 * 7 + 100
    assert growth.today() == 101


def test_what_is_kept_for_ever_grows_for_ever():
    growth = Growth(Kind(100, days=500, keep=0), Kind(10, days=500, keep=365), hours_a_day=7, others_a_day=0)
    assert growth.after(0, 1000) == 100_000


def test_the_day_on_which_a_disk_is_full_is_told():
    growth = Growth(Kind(100), Kind(0), 0, 0)
    assert growth.days_until(0, 1_000) == 11
    assert growth.days_until(0, 999) == 10
    assert Growth(Kind(100, keep=90), Kind(0), 0, 0).days_until(0, 9_000) is None


def test_nothing_is_advised_where_all_is_well():
    assert advice(WELL) == []


@pytest.mark.parametrize("change, said", [
    ({"cycle": Cycle(20, 1200, 1000, 1, 1)}, "Lengthen the interval, or lower the limit"),
    ({"cycle": Cycle(20, 1200, 1000, 1, 1), "limit": 0}, "set a limit of rooms a poll (0 asks for all)"),
    ({"cycle": Cycle(20, 100, 80, 1, 1)}, "waiting for the API: 80.0 s"),
    ({"cycle": Cycle(20, 100, 80, 1, 9)}, "move to PostgreSQL"),
    ({"cycle": Cycle(20, 100, 80, 1, 9), "on_sqlite": False}, "the database's disk keeps up"),
    ({"full_in": 12}, "full in 12 days"),
    ({"bytes_a_day": 90e6}, "grows by 90 MB a day. A poll every 60 minutes instead of 30"),
    ({"snapshot_days": 0}, "kept for ever. With 90 days"),
    ({"unused_share": 0.4}, "40 % of the file"),
    ({"not_cleaned_up": "the job Retention is paused: Paused."}, "Nothing is cleaned up: the job Retention is paused"),
])
def test_advice_says_what_is_wrong_and_what_to_do(change, said):
    assert any(said in line for line in advice(replace(WELL, **change)))


@pytest.mark.parametrize("days", ["0", "30", " 7 ", "", 14])
def test_days_of_raw_pages_are_a_number_or_left_to_the_setting(days):
    kind = KINDS["retention"]
    config = changed_config(kind, fresh_config(kind), {"captureDays": days}, timedelta(0))
    assert config["captureDays"] == str(days).strip()


@pytest.mark.parametrize("days", ["many", "-1", "1.5", "99999", "٣", True, None])
def test_what_is_no_number_of_days_is_refused(days):
    kind = KINDS["retention"]
    with pytest.raises(WrongConfig):
        changed_config(kind, fresh_config(kind), {"captureDays": days}, timedelta(0))

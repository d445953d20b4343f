"""The calculator of storage. No database."""

import pytest

from server.jobs.forms import assumed_storage, rooms_a_poll
from server.jobs.kinds import KINDS, fresh_config
from server.jobs.storage import estimate, polls_a_day
from server.models import Run


@pytest.mark.parametrize("minutes, polls", [(15, 96), (30, 48), (60, 24), (120, 12)])
def test_polls_a_day(minutes, polls):
    assert polls_a_day(minutes) == polls


def test_the_documents_own_figures_come_out():
    """48 polls a day and about 15,000 rows of 1 KB: 15 MB a day, 450 MB a month, 5.4 GB a year, 1.35 GB in 90 days."""
    told = estimate(30, 312.5)
    assert told.polls_a_day == 48
    assert told.rows_a_day == 15_000
    assert told.bytes_a_day == 15_000_000
    assert told.bytes_a_month == 450_000_000
    assert told.bytes_a_year == 5_400_000_000
    assert told.bytes_kept() == told.bytes_kept(90) == 1_350_000_000


def test_the_configuration_at_first_asks_for_more_than_the_document_reckons_with():
    told = assumed_storage(fresh_config(KINDS["affiliate"]), None)
    assert told is not None
    assert told.rows_a_day == 48 * 500


def test_everyone_online_is_as_many_as_were_seen():
    config = fresh_config(KINDS["affiliate"]) | {"limit": 0, "intervalMinutes": 60}
    assert assumed_storage(config, None) is None
    told = assumed_storage(config, 4_525)
    assert told is not None
    assert told.rows_a_day == 24 * 4_525


def test_the_measured_rooms_are_the_mean_of_the_good_polls():
    runs = [Run(outcome=outcome, counters={"enriched": rooms})
            for outcome, rooms in (("ok", 400), ("failed", 0), ("partial", 200), ("blocked", 0))]
    assert rooms_a_poll(runs) == 300
    assert rooms_a_poll([]) is None

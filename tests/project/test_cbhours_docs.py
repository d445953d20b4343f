"""Every call in docs/cbhours.md works as it is printed, and its tables name what there is."""

import re

import pytest

from scraper.sources.cbhours import activity, live
from server.affiliate.store import add_persons
from server.jobs.kinds import KINDS, fresh_config, fresh_stats
from server.models import db
from tests.project.curl import DOCS, all_work, calls_of

TEXT = (DOCS / "cbhours.md").read_text()
CALLS = calls_of(TEXT)
JOBS = ("cbhours-live", "cbhours-activity")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_call_works_as_printed(app, clock, live_server, api_as):
    with app.app_context():
        add_persons(db.session(), ["some_name"], "model", clock())
        db.session.commit()
    all_work(CALLS, live_server, api_as("subscriber").token)


@pytest.mark.parametrize("job", JOBS)
def test_there_are_calls_for_all_that_can_be_done(job):
    actions = {found[1] for call in CALLS if (found := re.search(rf"/api/job/{job}/([a-z-]+)", call))}
    assert actions == {"status", "config", "start", "pause", "resume", "stop", "reset-stats", "run", "runs"}


@pytest.mark.parametrize("job", JOBS)
def test_every_field_is_named_with_its_true_default(job):
    column = 2 + JOBS.index(job)
    rows = [line.split("|") for line in TEXT.splitlines() if line.startswith("| `")]
    table = {row[1].strip(" `"): row[column].strip().strip("`").strip('"') for row in rows}
    config = fresh_config(KINDS[job])
    assert {name: table[name] for name in config} == {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in config.items()}


@pytest.mark.parametrize("job", JOBS)
def test_every_statistic_is_named(job):
    for name in fresh_stats(KINDS[job]):
        assert f"`{name}`" in TEXT


def test_the_worker_reads_as_many_by_default_as_the_server_says():
    assert fresh_config(KINDS["cbhours-live"])["limit"] == live.PEOPLE
    assert fresh_config(KINDS["cbhours-activity"])["limit"] == activity.PEOPLE

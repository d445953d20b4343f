"""Every call in docs/{affiliate,directory,gaps,pictures}.md works as printed, and the tables name what there is."""

import re

import pytest

from server.jobs.kinds import KINDS, fresh_config, fresh_stats
from tests.project.curl import DOCS, all_work, calls_of

TEXT = (DOCS / "affiliate.md").read_text()
MORE = [(DOCS / name).read_text() for name in ("directory.md", "gaps.md", "pictures.md")]
CALLS = calls_of(TEXT, *MORE)


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"affiliate_code": "abc12"})


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_call_works_as_printed(live_server, api_as):
    all_work(CALLS, live_server, api_as("subscriber").token)


def test_there_are_calls_for_all_that_can_be_done():
    actions = {found[1] for call in CALLS if (found := re.search(r"/api/job/affiliate/([a-z-]+)", call))}
    assert actions == {"status", "config", "start", "pause", "resume", "stop", "reset-stats", "run", "runs"}
    assert len([call for call in CALLS if "queue" in call]) == 3


def test_every_field_and_every_statistic_is_named():
    for name in [*fresh_config(KINDS["affiliate"]), *fresh_stats(KINDS["affiliate"])]:
        assert f"`{name}`" in TEXT

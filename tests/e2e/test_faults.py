"""Every fault of the site at the first page, in the middle, at the last: nothing false gets in, the next one heals."""

import pytest

from scraper.errors import ScraperError

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

# what goes wrong -> how the run ends, and the code of its error
STOPS = {
    "challenge": ("blocked", "challenge"),
    "sign_out": ("signed_out", "signed_out"),
    "other_account": ("signed_out", "wrong_account"),
    "maintenance": ("failed", "unavailable"),
    "rate_limit": ("blocked", "rate_limited"),
    "error": ("failed", "unavailable"),
    "cut": ("failed", "unavailable"),
    "unknown_layout": ("failed", "unknown_layout"),
    "age_gate": ("blocked", "age_gate"),
    "region_age_gate": ("blocked", "age_gate"),
    "reload_message": ("failed", "not_loaded"),
    "hang_json": ("failed", "not_loaded"),
    "ignored_filter": ("failed", "unknown_layout"),
}
# the list is read to its end, but is not the whole truth
SPOILS = ["empty_page", "repeated_page", "missing_page"]
PLACES = {"first": ("online", 1), "middle": ("offline", 1), "last": ("offline", 2)}
FOLLOWERS_PLACES = {"first": ("followers", 1), "middle": ("followers", 2), "last": ("followers", 3)}
FOLLOWERS_FAULTS = ["challenge", "sign_out", "other_account", "maintenance", "rate_limit", "error", "cut",
                    "unknown_layout", "age_gate", "repeated_page", "empty_page", "missing_page"]


def heals(stage, list_name):
    """The next good reading brings back the truth: who is there is there, who really left has taken the first step."""
    stage.sandbox.clear_faults()
    stage.sign_in()
    assert stage.read(list_name).outcome == "ok"
    follows = stage.follows(list_name)
    assert {name for name, state in follows.items() if state == "current"} == stage.truth(list_name)
    assert set(follows.values()) == {"current", "missing"}


def with_a_leaver_and_a_newcomer(stage, list_name):
    """One has left and one has come since the first reading, so that a false reading has something to get wrong."""
    world = stage.sandbox.world
    leaver = sorted(stage.truth(list_name))[0]
    if list_name == "following":
        world.unfollow(leaver)
        world.follow("newcomer")
    else:
        world.leave_me(leaver)
        world.follow_me("newcomer")


def check(stage, list_name, fault, places, expected):
    """The same fault at one place after the other: whatever the readings before have left, nothing false gets in."""
    stage.know(list_name)
    with_a_leaver_and_a_newcomer(stage, list_name)
    for where, (part, page) in places.items():
        before = stage.everything()
        happened = stage.sandbox.fault(fault, list=part, page=page)
        result = stage.read(list_name)
        assert happened.fired, where
        if expected:
            assert (result.outcome, result.error.code) == expected, where
            assert result.error.advice and result.error.advice != ScraperError.advice
        else:
            assert result.outcome in ("partial", "failed"), where
        scan = stage.newest_scan(list_name)
        assert scan.verdict in ("partial", "rejected"), where
        assert scan.explanation
        after = stage.everything()
        known = {row[1]: row for row in after}
        assert all(row[1] in known and known[row[1]][-4:] == row[-4:] for row in before), f"{where}: somebody is gone"
        assert "missing" not in stage.follows(list_name).values(), where
        assert {row[0] for row in after} - {row[0] for row in before} <= {"newcomer"}, where
        if scan.verdict == "rejected":
            assert after == before, where
        stage.sandbox.clear_faults()
        stage.sign_in()
    heals(stage, list_name)


@pytest.mark.parametrize("fault", [*STOPS, *SPOILS])
def test_following(stage, fault):
    check(stage(page_timeout=3, following=16, online=8, page_size=5), "following", fault, PLACES, STOPS.get(fault))


@pytest.mark.parametrize("fault", FOLLOWERS_FAULTS)
def test_followers(stage, fault):
    check(stage(page_timeout=3), "followers", fault, FOLLOWERS_PLACES, STOPS.get(fault))


def test_a_followers_page_in_no_known_layout_is_never_taken_for_nobody(stage):
    stage = stage()
    stage.know("followers")
    before = stage.everything()
    stage.sandbox.options.change(followers_layout="unknown")
    result = stage.read("followers")
    assert (result.outcome, result.error.code) == ("failed", "unknown_layout")
    assert stage.everything() == before


@pytest.mark.parametrize(("fault", "where", "list_name"), [
    ("totals", {"list": "any", "total": 60}, "following"), ("totals", {"list": "any", "total": -20}, "following"),
    ("stats_totals", {"list": "stats", "total": 60}, "followers")])
def test_totals_that_disagree_take_nobody_away(stage, fault, where, list_name):
    stage = stage()
    stage.know(list_name)
    with_a_leaver_and_a_newcomer(stage, list_name)
    stage.sandbox.fault(fault, **where)
    assert stage.read(list_name).outcome in ("partial", "failed")
    assert set(stage.follows(list_name).values()) == {"current"}
    heals(stage, list_name)


def test_a_page_in_another_language_is_read_as_well(stage):
    stage = stage()
    stage.sandbox.fault("language")
    assert stage.read().outcome == "ok"
    assert stage.read("followers").outcome == "ok"
    assert set(stage.follows()) == stage.truth()


def test_a_slow_page_is_waited_for(stage):
    stage = stage()
    stage.sandbox.fault("slow", list="online", page=1, times=1, seconds=2)
    assert stage.read().outcome == "ok"

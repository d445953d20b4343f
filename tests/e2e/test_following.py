"""The main job from the signed-in browser to the tables, against a nasty site in a real Chromium."""

import pytest

pytestmark = pytest.mark.browser


# Every look of the lists is read in tests/scraper/test_scan.py.
@pytest.mark.parametrize(("list_name", "options"), [
    ("following", {"generation": "C"}), ("followers", {"followers_layout": "F2-paged"}),
])
def test_a_first_reading_finds_exactly_who_is_there(stage, list_name, options):
    stage = stage(**options)
    assert stage.read(list_name).outcome == "ok"
    scan = stage.newest_scan(list_name)
    assert (scan.verdict, scan.state) == ("complete", "applied")
    follows = stage.follows(list_name)
    assert set(follows) == stage.truth(list_name)
    assert set(follows.values()) == {"current"}
    assert not any("trap" in name for name in follows)


def test_leaving_takes_two_readings_and_coming_back_opens_a_new_follow(stage):
    stage = stage()
    stage.read()
    leaver, brief = sorted(stage.truth())[:2]
    for name in (leaver, brief):
        stage.sandbox.world.unfollow(name)
    stage.read()
    assert [stage.follows()[name] for name in (leaver, brief)] == ["missing", "missing"]
    stage.sandbox.world.follow(brief)
    stage.read()
    assert [stage.follows()[name] for name in (leaver, brief)] == ["ended", "current"]
    assert stage.newest_scan().stats["unfollowed"] == 1
    stage.sandbox.world.follow(leaver)
    stage.read()
    assert stage.follows()[leaver] == "current"
    assert stage.newest_scan().stats["returned"] == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", [1, 2, 3])  # of 2 and 3 a part of the list loses a whole page while it is read
def test_people_who_go_online_and_offline_while_the_list_is_read_are_neither_lost_nor_doubled(stage, seed):
    stage = stage(churn=3, following=90, online=45, people=200, seed=seed)
    for _ in range(2):
        result = stage.read()
        assert (result.outcome, str(result.error)) == ("ok", "None")
        assert set(stage.follows()) == stage.truth()
        assert set(stage.follows().values()) == {"current"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_owner_is_only_ever_read_and_pictures_are_not_loaded(stage):
    stage = stage()
    stage.read()
    stage.read("followers")
    assert {asked.method for asked in stage.sandbox.requests} == {"GET"}
    assert not [asked.path for asked in stage.sandbox.requests if asked.path.endswith((".jpg", ".jpeg", ".png"))]

"""The same seed and the same steps make the same world, and people come, go and come back in it."""

import pytest

from scraper.sandbox.names import AWKWARD_FOLLOWED, AWKWARD_FOLLOWERS
from scraper.sandbox.world import SECOND_OWNER, Unknown, World


def _everything(world: World) -> object:
    return [(name, world.truth(name)) for name in world.accounts], world.online(), world.offline(), world.followers()


def test_the_same_seed_and_steps_make_the_same_world():
    one, other = World(seed=7, people=200), World(seed=7, people=200)
    assert _everything(one) == _everything(other)
    one.advance(500)
    for _ in range(100):
        other.advance(5)
    assert _everything(one) == _everything(other)
    assert one.happenings == other.happenings


def test_another_seed_makes_another_world():
    assert World(seed=1).truth() != World(seed=2).truth()


def test_awkward_names_are_on_the_lists():
    world = World(people=300)
    assert set(AWKWARD_FOLLOWED) <= set(world.following())
    assert set(AWKWARD_FOLLOWERS) <= set(world.followers())


@pytest.mark.parametrize(("following", "followers", "online"), [(0, 0, 0), (1, 0, 1), (7, 3, 0), (1350, 20, 400)])
def test_lists_have_the_asked_for_sizes(following, followers, online):
    world = World(following=following, followers=followers, online=online)
    assert (len(world.following()), len(world.followers()), len(world.online())) == (following, followers, online)


def test_nobody_followed_is_named_like_a_trap():
    world = World(people=3000)
    world.advance(1000)
    assert not [name for name in world.people if "trap" in name]


def test_online_and_offline_are_together_everybody_followed():
    world = World()
    world.advance(300)
    assert sorted(world.online() + world.offline()) == sorted(world.following())


def test_people_arrive_leave_and_come_back():
    world = World()
    happened = world.advance(600)
    left = {one.username for one in happened if one.what == "leave_me" and one.account == "demo_owner"}
    after = [one for one in happened if one.what == "follow_me" and one.account == "demo_owner"]
    assert {"follow", "unfollow", "follow_me", "leave_me", "online", "offline"} == {one.what for one in happened}
    assert len([one for one in after if one.username in left]) > 10


def test_whoever_left_comes_back_while_one_looks_on():
    """At a demo's speed of one thing a second a leaver is back within about two minutes."""
    world = World()
    world.advance(300)
    away = {}
    waits = []
    for one in world.advance(600):
        if one.account == "demo_owner" and one.what == "leave_me":
            away[one.username] = one.step
        elif one.account == "demo_owner" and one.what == "follow_me" and one.username in away:
            waits.append(one.step - away.pop(one.username))
    assert min(waits) >= 25
    assert sorted(waits)[len(waits) // 2] < 120


def test_each_owner_has_lists_of_his_own():
    world = World()
    assert world.truth(SECOND_OWNER)["following"] != world.truth()["following"]
    world.follow_me("new_here", SECOND_OWNER)
    assert "new_here" in world.followers(SECOND_OWNER)
    assert "new_here" not in world.followers()


def test_a_renamed_person_keeps_the_place_on_both_lists():
    world = World()
    place = world.following().index("zq"), world.followers().index("zq"), world.person("zq").num_followers
    world.rename("zq", "zq_the_second")
    assert place == (world.following().index("zq_the_second"), world.followers().index("zq_the_second"),
                     world.person("zq_the_second").num_followers)
    with pytest.raises(Unknown):
        world.person("zq")


def test_a_name_in_capitals_is_the_same_person():
    world = World()
    world.unfollow("ZQ")
    assert "zq" not in world.following()
    world.follow("Zq")
    assert world.following()[-1] == "zq"


def test_flipping_moves_people_between_the_two_lists_and_loses_nobody():
    world = World()
    before, online = sorted(world.following()), world.online()
    world.flip(9)
    assert sorted(world.following()) == before
    assert world.online() != online

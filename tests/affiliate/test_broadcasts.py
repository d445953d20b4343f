from datetime import UTC, datetime, timedelta

from server.affiliate import rules
from server.affiliate.rules import Open, changes
from tests.affiliate.rooms import NOON, room, rows, take

EVERYONE = frozenset("m")


def test_a_start_that_moves_by_a_minute_is_the_same_broadcast():
    what = changes({1: Open(1000, 1600, 1600, "m")}, {1: 2460}, 3400, EVERYONE)
    assert what == rules.Changes()


def test_a_later_start_ends_the_broadcast_and_begins_a_new_one():
    what = changes({1: Open(1000, 1600, 3000, "m")}, {1: 300}, 6000, EVERYONE)
    assert what.begin == {1: 5700}
    assert what.end == {1: rules.End(1600, 3000, 5700)}


def test_a_start_that_lies_before_the_last_proof_is_no_new_broadcast():
    assert changes({1: Open(1000, 1600, 9000, "m")}, {1: 5000}, 10_000, EVERYONE) == rules.Changes()


def test_one_miss_ends_nothing_and_two_do():
    going_on = {1: Open(1000, 1600, 1600, "m")}
    first = changes(going_on, {}, 3400, EVERYONE)
    assert (first.end, first.miss) == ({}, {1: (1, 3400)})
    going_on = rules.after(going_on, first, {}, 3400, {})
    assert changes(going_on, {}, 5200, EVERYONE).end == {1: rules.End(1600, 1600, 3400)}


def test_a_poll_that_did_not_see_everyone_misses_nobody():
    assert changes({1: Open(1000, 1600, 1600, "m")}, {}, 3400, frozenset()) == rules.Changes()


def test_a_poll_of_another_gender_misses_nobody():
    assert changes({1: Open(1000, 1600, 1600, "f")}, {}, 3400, EVERYONE) == rules.Changes()


def test_half_a_day_of_silence_ends_a_broadcast_without_a_proved_absence():
    at = 1600 + rules.SILENCE + 1
    assert changes({1: Open(1000, 1600, 1600, "m")}, {}, at, frozenset()).end == {1: rules.End(1600, 1600, None)}


def test_who_is_seen_again_after_one_miss_is_not_missed_any_more():
    assert changes({1: Open(1000, 1600, 1600, "m", 1, 3400)}, {1: 4200}, 5200, EVERYONE).heal == [1]


def test_a_room_that_does_not_say_how_long_it_is_online_keeps_its_broadcast():
    assert changes({1: Open(1000, 1600, 1600, "m")}, {1: None}, 3400, EVERYONE) == rules.Changes()


def _minutes(number):
    return NOON + timedelta(minutes=number)


def _broadcasts():
    found = rows("SELECT p.username, b.started_at, b.closed, b.polls, b.viewers_peak, b.viewers_mean, "
                 "b.followers_last - b.followers_first, b.last_seen_at, b.ended_latest FROM broadcasts b "
                 "JOIN persons p ON p.id = b.person_id ORDER BY p.username, b.started_at")
    return [tuple(_plain(value) for value in row) for row in found]


def _plain(value):
    """Moments as minutes after noon, whatever the database makes of them."""
    if isinstance(value, str) and value[:2] == "20":
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return (value - NOON).total_seconds() / 60 if isinstance(value, datetime) else value


def test_polls_are_joined_into_a_broadcast_with_its_figures(app):
    with app.app_context():
        take(room("ann", seconds_online=600, num_users=10, num_followers=100))
        take(room("ann", seconds_online=2430, num_users=30, num_followers=104), at=_minutes(30))
        take(room("ann", seconds_online=4200, num_users=20, num_followers=103), at=_minutes(60))
        take(at=_minutes(90))
        assert [row[2] for row in _broadcasts()] == [False]
        take(at=_minutes(120))
        assert _broadcasts() == [("ann", -10, True, 3, 30, 20.0, 3, 60, 90)]


def test_a_broadcast_that_was_held_to_have_ended_goes_on_when_it_comes_back(app):
    with app.app_context():
        take(room("ann", seconds_online=600))
        take(at=_minutes(30))
        take(at=_minutes(60))
        take(room("ann", seconds_online=600 + 90 * 60), at=_minutes(90))
        assert [(row[1], row[2]) for row in _broadcasts()] == [(-10, False)]
        take(room("ann", seconds_online=60), at=_minutes(120))
        assert [(row[1], row[2], row[3]) for row in _broadcasts()] == [(-10, True, 2), (119, False, None)]


def test_a_poll_that_came_late_counts_in_the_figures_of_its_broadcast(app):
    with app.app_context():
        take(room("ann", seconds_online=600, num_users=10, num_followers=100))
        take(room("ann", seconds_online=4200, num_users=20, num_followers=None), at=_minutes(60))
        take(room("ann", seconds_online=2400, num_users=60, num_followers=107), at=_minutes(30))
        take(room("ann", seconds_online=6000, num_users=None, num_followers=110), at=_minutes(90))
        take(at=_minutes(120))
        take(at=_minutes(150))
        assert _broadcasts() == [("ann", -10, True, 4, 60, 30.0, 10, 90, 120)]


def test_figures_of_the_next_broadcast_begin_anew(app):
    with app.app_context():
        take(room("ann", seconds_online=600, num_users=None, num_followers=None))
        take(room("ann", seconds_online=300, num_users=7, num_followers=50), at=_minutes(30))
        take(room("ann", seconds_online=2100, num_users=3, num_followers=52), at=_minutes(60))
        take(at=_minutes(90))
        take(at=_minutes(120))
        assert _broadcasts() == [("ann", -10, True, 1, None, None, None, 0, 25),
                                 ("ann", 25, True, 2, 7, 5.0, 2, 60, 90)]


def test_another_process_goes_on_with_the_same_broadcasts(app):
    from server.affiliate import store

    with app.app_context():
        take(room("ann", seconds_online=600), room("bob"))
        store._known.clear()
        take(room("bob", seconds_online=2400), at=_minutes(30))
        store._known.clear()
        take(room("bob", seconds_online=4200), at=_minutes(60))
        assert [(row[0], row[2], row[8]) for row in _broadcasts()] == [("ann", True, 30), ("bob", False, None)]


# Who is not in a poll and has not gone

def test_who_is_left_out_for_few_followers_is_not_missed():
    going_on = {1: Open(1000, 1600, 1600, "m", 1, 3400)}
    what = changes(going_on, {}, 5200, EVERYONE, there={1})
    assert (what.end, what.miss, what.heal) == ({}, {}, [1])
    assert rules.after(going_on, what, {}, 5200, {}) == {1: Open(1000, 1600, 1600, "m")}


def test_who_was_looked_for_by_name_is_missed_whatever_the_poll_saw():
    assert changes({1: Open(1000, 1600, 1600, "f")}, {}, 3400, frozenset(), gone={1}).miss == {1: (1, 3400)}


def test_a_poll_that_leaves_people_out_ends_nobodys_broadcast(app):
    def later(minutes, **more):
        take(room("bob", seconds_online=600 + minutes * 60), at=_minutes(minutes), min_followers=5000, **more)

    with app.app_context():
        take(room("ann"), room("bob"))
        for minutes in (30, 60, 90):
            later(minutes, left_out=1, left_out_names=["ann"])
        assert rows("SELECT count(*) FROM broadcasts WHERE closed") == [(0,)]
        for minutes in (120, 150):
            later(minutes)
        assert rows("SELECT count(*) FROM broadcasts WHERE closed") == [(1,)]


def test_who_was_looked_for_twice_in_vain_has_ended_although_nobody_else_was_looked_for(app):
    with app.app_context():
        take(room("ann", gender="f"), genders=["f"])
        for minutes in (30, 60):
            take(at=_minutes(minutes), saw_everyone=False, absent=["ann"])
        assert rows("SELECT count(*) FROM broadcasts WHERE closed") == [(1,)]

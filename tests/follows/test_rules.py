"""The truth table of follows, on the pure rules."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from server.follows.rules import Begin, Interval, OpenFollows, Span, changes, hold_limit, sharpened, with_event

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
FIRST = Span(NOON, NOON + timedelta(minutes=1))
SECOND = Span(NOON + timedelta(hours=1), NOON + timedelta(hours=1, minutes=1))
THIRD = Span(NOON + timedelta(hours=2), NOON + timedelta(hours=2, minutes=1))


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


class Open(NamedTuple):
    id: int
    username: str
    missing: bool


def read(open_follows, seen, verdict="complete", reading=SECOND, last_complete=FIRST, ended=None, **more):
    follows = OpenFollows({follow.username: follow.id for follow in open_follows if not follow.missing},
                          {follow.username: follow.id for follow in open_follows if follow.missing})
    return changes(follows, set(seen), verdict, reading, last_complete=last_complete, ended=ended or {}, **more)


def test_people_of_the_very_first_reading_began_before_it():
    result = read([], {"ann"}, reading=FIRST, last_complete=None)
    assert result.begin == (Begin("ann", None, FIRST.finished_at, returned=False),)


def test_somebody_new_began_between_two_readings():
    result = read([Open(1, "ann", False)], {"ann", "bob"})
    assert result.begin == (Begin("bob", FIRST.started_at, SECOND.finished_at, returned=False),)
    assert not result.go_missing and not result.end


def test_absent_once_is_missing_not_gone():
    result = read([Open(1, "ann", False), Open(2, "bob", False)], {"bob"})
    assert result.go_missing == (1,)
    assert result.end == ()


def test_absent_twice_is_gone():
    result = read([Open(1, "ann", True), Open(2, "bob", False)], {"bob"}, reading=THIRD, last_complete=SECOND)
    assert result.end == (1,)
    assert result.go_missing == ()


def test_back_while_missing_is_as_if_nothing_had_been():
    result = read([Open(1, "ann", True)], {"ann"})
    assert result.heal == (1,)
    assert result.begin == result.end == ()


def test_back_after_leaving_begins_anew():
    result = read([], {"ann"}, ended={"ann": at(0.5)})
    assert result.begin == (Begin("ann", at(0.5), SECOND.finished_at, returned=True),)


def test_a_follow_that_ended_while_the_list_was_read_does_not_begin_again():
    assert read([], {"ann"}, ended={"ann": SECOND.started_at}).begin == ()


def test_a_swap_of_two_names_is_one_missing_and_one_new():
    result = read([Open(1, "ann", False)], {"ann_2"})
    assert result.go_missing == (1,)
    assert [new.username for new in result.begin] == ["ann_2"]


def test_half_a_list_takes_nobody_away():
    result = read([Open(1, "ann", False), Open(2, "bob", True)], {"cal"}, verdict="partial")
    assert result.go_missing == result.end == ()
    assert [new.username for new in result.begin] == ["cal"]


def test_half_a_list_heals_and_refreshes():
    result = read([Open(1, "ann", False), Open(2, "bob", True)], {"ann", "bob"}, verdict="partial")
    assert result.refresh == (1,)
    assert result.heal == (2,)


def test_a_rejected_reading_changes_nothing():
    result = read([Open(1, "ann", False), Open(2, "bob", True)], {"cal"}, verdict="rejected")
    assert result == type(result)()


def test_the_same_reading_twice_changes_nothing_the_second_time():
    first = read([Open(1, "ann", False)], {"bob"})
    assert first.go_missing == (1,)
    again = read([Open(1, "ann", True), Open(2, "bob", False)], {"bob"}, last_complete=SECOND)
    assert again.late
    assert not (again.begin or again.heal or again.go_missing or again.end)


def test_an_older_reading_begins_and_ends_nothing():
    result = read([Open(1, "ann", False)], {"bob"}, reading=FIRST, last_complete=SECOND)
    assert result.late
    assert not (result.begin or result.go_missing or result.end)


def test_who_is_proved_present_after_the_reading_began_cannot_be_absent_from_it():
    assert read([Open(1, "ann", False)], set(), seen_later={1}).go_missing == ()


def test_the_brake_holds_when_more_than_a_tenth_would_leave():
    people = [Open(number, f"p{number}", False) for number in range(300)]
    staying = {f"p{number}" for number in range(31, 300)}
    held = read(people, staying)
    assert held.held
    assert len(held.would_leave) == 31
    assert not held.go_missing
    assert not read(people, staying | {"p0"}).held


def test_the_brake_never_holds_for_twenty():
    people = [Open(number, f"p{number}", False) for number in range(20)]
    assert len(read(people, {"new"}).go_missing) == 20
    assert hold_limit(20) == 20


def test_the_brake_counts_only_who_would_leave_now():
    people = [Open(number, f"p{number}", number < 100) for number in range(300)]
    result = read(people, {f"p{number}" for number in range(100, 300)})
    assert not result.held
    assert len(result.end) == 100


def test_a_held_reading_that_the_owner_accepts_takes_its_first_step():
    people = [Open(number, f"p{number}", False) for number in range(50)]
    result = read(people, {"p0"}, accepted=True)
    assert len(result.go_missing) == 49
    assert result.end == ()


def test_an_older_reading_narrows_the_start():
    known = Interval(at(0), at(4), seen_at=at(4))
    assert sharpened(known, present=True, reading=SECOND, whole=True).start_latest == SECOND.finished_at
    assert sharpened(known, present=False, reading=SECOND, whole=True).start_earliest == SECOND.started_at
    assert sharpened(known, present=False, reading=SECOND, whole=False) == known


def test_an_older_reading_narrows_the_end():
    known = Interval(None, at(0), seen_at=at(0), end_earliest=at(0), end_latest=at(4), end_source="browser")
    assert sharpened(known, present=True, reading=SECOND, whole=False).end_earliest == SECOND.started_at
    assert sharpened(known, present=False, reading=SECOND, whole=True).end_latest == SECOND.finished_at


def test_a_follow_event_is_exact():
    assert with_event([], "follow", at(1)) == [Interval(at(1), at(1), seen_at=at(1), start_source="events")]


def test_a_follow_event_narrows_what_a_reading_knew():
    [known] = with_event([Interval(at(0), at(2), seen_at=at(2))], "follow", at(1))
    assert (known.start_earliest, known.start_latest) == (at(1), at(1))
    assert known.is_open


def test_an_unfollow_event_ends_at_once():
    [known] = with_event([Interval(None, at(0), seen_at=at(0))], "unfollow", at(1))
    assert (known.end_earliest, known.end_latest, known.end_source) == (at(1), at(1), "events")


def test_an_unfollow_event_dates_what_two_readings_found_out():
    gone = Interval(None, at(0), seen_at=at(0), end_earliest=at(0), end_latest=at(4), end_source="browser")
    [known] = with_event([gone], "unfollow", at(1))
    assert (known.end_earliest, known.end_latest) == (at(1), at(1))


def test_events_in_the_wrong_order_leave_the_same_person_following():
    start = [Interval(None, at(0), seen_at=at(0))]
    right = with_event(with_event(start, "unfollow", at(1)), "follow", at(1.1))
    wrong = with_event(with_event(start, "follow", at(1.1)), "unfollow", at(1))
    assert [interval.is_open for interval in right] == [False, True]
    assert [interval.is_open for interval in wrong] == [False, True]
    assert wrong[0].end_latest == right[0].end_latest == at(1)
    assert wrong[1].start_latest == right[1].start_latest == at(1.1)


def test_an_event_twice_is_one_event():
    once = with_event([Interval(None, at(0), seen_at=at(0))], "unfollow", at(1))
    assert with_event(once, "unfollow", at(1)) == once
    back = with_event(once, "follow", at(2))
    assert with_event(back, "follow", at(2)) == back


def test_a_follow_event_of_somebody_missing_says_that_they_left_and_came_back():
    missing = Interval(None, at(0), seen_at=at(0), missing_since=at(2), missing_seen_at=at(1))
    left, back = with_event([missing], "follow", at(3))
    assert (left.end_earliest, left.end_latest) == (at(1), at(2))
    assert (back.start_latest, back.is_open) == (at(3), True)


def test_an_unfollow_event_older_than_the_newest_presence_means_there_and_back():
    known = Interval(None, at(0), seen_at=at(0))
    left, back = with_event([known], "unfollow", at(1), last_complete=Span(at(2), at(2.1)))
    assert left.end_latest == at(1)
    assert (back.start_earliest, back.start_latest, back.is_open) == (at(1), at(2), True)

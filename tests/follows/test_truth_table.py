"""Who follows and who has left after each sequence of readings, through the worker's door, on both databases."""

from uuid import uuid4

import pytest

from scraper.observations import ScanEnd
from server.errors import Refused
from server.follows import intake, store
from server.jobs.store import ensure_jobs
from server.models import Account, FollowList, Job, Person, Profile, Run, Scan
from tests.follows.lists import TOOK, Lists, hour

CROWD = [f"crowd_{number:02}" for number in range(30)]


def test_whoever_is_in_the_first_reading_began_before_it(lists: Lists):
    lists.read(["ann"], 0)
    (follow,) = lists.intervals("ann")
    assert follow.start_earliest is None
    assert follow.start_latest == hour(0) + TOOK


def test_a_newcomer_began_between_two_readings(lists: Lists):
    lists.read(["ann"], 0)
    scan = lists.read(["ann", "bob"], 6)
    (follow,) = lists.intervals("bob")
    assert (follow.start_earliest, follow.start_latest) == (hour(0), hour(6) + TOOK)
    assert scan.stats == {"total": 2, "new": 1, "returned": 0, "missing": 0, "unfollowed": 0}


def test_leaving_takes_two_readings_and_is_dated_by_the_first(lists: Lists):
    lists.read(["ann", "bob"], 0)
    first = lists.read(["ann"], 6)
    assert lists.state("bob") == "missing"
    second = lists.read(["ann"], 12)
    (follow,) = lists.intervals("bob")
    assert (follow.end_earliest, follow.end_latest) == (hour(0), hour(6) + TOOK)
    assert (first.stats["missing"], second.stats["unfollowed"]) == (1, 1)
    assert follow.end_scan_id == second.id


def test_coming_back_while_missing_is_as_if_nothing_had_been(lists: Lists):
    lists.read(["ann", "bob"], 0)
    lists.read(["ann"], 6)
    lists.read(["ann", "bob"], 12)
    (follow,) = lists.intervals("bob")
    assert follow.missing_since is None and follow.end_latest is None
    assert follow.seen_at == hour(12)


def test_coming_back_after_leaving_is_a_new_follow(lists: Lists):
    for number, names in enumerate([["ann", "bob"], ["ann"], ["ann"], ["ann", "bob"]]):
        scan = lists.read(names, 6 * number)
    old, new = lists.intervals("bob")
    assert old.end_latest == hour(6) + TOOK
    assert (new.start_earliest, new.start_latest) == (hour(12), hour(18) + TOOK)
    assert (scan.stats["new"], scan.stats["returned"]) == (0, 1)


def test_a_new_name_in_the_place_of_another_is_one_arrival_and_one_leaving(lists: Lists):
    lists.read(["ann", "old_name"], 0)
    lists.read(["ann", "new_name"], 6)
    lists.read(["ann", "new_name"], 12)
    assert (lists.state("old_name"), lists.state("new_name")) == ("ended", "current")


def test_the_same_scan_twice_changes_nothing(lists: Lists):
    lists.read(["ann", "bob"], 0)
    scan = lists.read(["ann"], 6)
    before = lists.everything()
    end = ScanEnd.model_validate(scan.evidence["end"]).model_copy(update={"batch_id": uuid4()})
    answer = intake.take_end(lists.session, end, hour(7))
    assert answer["stats"] == scan.stats
    assert lists.everything() == before


def test_a_reading_that_comes_late_begins_and_ends_nothing(lists: Lists):
    lists.read(["ann", "bob"], 0)
    lists.read(["ann", "bob"], 12)
    late = lists.read(["ann", "eve"], 6)
    assert (lists.state("bob"), lists.state("eve"), late.state) == ("current", "absent", "applied")


def test_a_reading_that_comes_late_narrows_the_bounds(lists: Lists):
    lists.read(["ann"], 0)
    lists.read(["ann", "bob"], 12)
    lists.read(["ann", "bob"], 6)
    (follow,) = lists.intervals("bob")
    assert (follow.start_earliest, follow.start_latest) == (hour(0), hour(6) + TOOK)


def test_a_partial_reading_adds_but_takes_nobody_away(lists: Lists):
    lists.read(["ann", "bob"], 0)
    for number in (1, 2, 3):
        scan = lists.read(["ann", "cas"], 6 * number, total=9)
        assert scan.verdict == "partial"
    assert [lists.state(name) for name in ("ann", "bob", "cas")] == ["current"] * 3


@pytest.mark.parametrize("fault", [{"signed_in_as": "somebody_else"}, {"total": 0, "stopped_by": "wrong_account"}])
def test_a_rejected_reading_changes_nothing(lists: Lists, fault: dict):
    lists.read(["ann", "bob"], 0)
    before = lists.everything()
    scan = lists.read(["ann", "eve"], 6, **fault)
    assert (scan.verdict, scan.state) == ("rejected", "dropped")
    assert lists.everything() == before


def test_a_page_that_never_arrived_makes_the_scan_partial(lists: Lists):
    lists.read(["ann", "bob"], 0)
    assert lists.read(["ann"], 6, pages=2).verdict == "partial"
    assert lists.state("bob") == "current"


def test_a_mass_change_waits_for_the_owner(lists: Lists):
    lists.read(["ann", *CROWD], 0)
    before = lists.everything()
    held = lists.read(["ann", "eve"], 6)
    assert (held.verdict, held.state, held.reason) == ("complete", "held", "mass_change")
    assert (held.diff["leave_count"], held.diff["begin"], held.diff["leave"]) == (30, ["eve"], CROWD)
    assert lists.everything() == before


def test_an_accepted_mass_change_counts_as_of_its_own_time(lists: Lists):
    lists.read(["ann", *CROWD], 0)
    held = lists.read(["ann", "eve"], 6)
    store.accept(lists.session, held, "owner", hour(30))
    lists.session.commit()
    (follow,) = lists.intervals(CROWD[0])
    assert follow.missing_since == hour(6) + TOOK
    assert (held.state, held.decided_by, held.stats["missing"]) == ("applied", "owner", 30)
    assert lists.intervals("eve")[0].start_latest == hour(6) + TOOK
    with pytest.raises(Refused):
        store.accept(lists.session, held, "owner", hour(31))


def test_a_rejected_mass_change_changes_nothing(lists: Lists):
    lists.read(["ann", *CROWD], 0)
    before = lists.everything()
    held = lists.read(["ann"], 6)
    store.reject(lists.session, held, "owner", hour(7))
    lists.session.commit()
    assert (held.state, held.reason) == ("dropped", "rejected_by_owner")
    assert lists.everything() == before


def test_a_later_reading_that_disagrees_takes_the_place_of_a_held_one(lists: Lists):
    lists.read(["ann", *CROWD], 0)
    held = lists.read(["ann"], 6)
    later = lists.read(["ann", *CROWD], 12)
    lists.session.refresh(held)
    assert (held.state, held.reason, later.state) == ("dropped", "superseded", "applied")
    assert lists.state(CROWD[0]) == "current"


def test_a_later_reading_that_agrees_is_held_instead(lists: Lists):
    lists.read(["ann", *CROWD], 0)
    held, later = lists.read(["ann"], 6), lists.read(["ann"], 12)
    lists.session.refresh(held)
    assert (held.state, later.state) == ("dropped", "held")


def test_events_say_the_exact_moment(lists: Lists):
    lists.read(["ann"], 0)
    lists.event("follow", "bob", 2)
    lists.event("unfollow", "bob", 3)
    (follow,) = lists.intervals("bob")
    assert (follow.start_earliest, follow.start_latest) == (hour(2), hour(2))
    assert (follow.end_earliest, follow.end_latest, follow.end_source) == (hour(3), hour(3), "events")


def test_events_in_the_wrong_order_and_twice_end_the_same(lists: Lists):
    lists.read(["ann"], 0)
    lists.read(["ann", "bob"], 6)
    lists.event("follow", "bob", 2)
    lists.event("follow", "bob", 2)
    assert [(f.start_earliest, f.start_latest) for f in lists.intervals("bob")] == [(hour(2), hour(2))]


def test_an_unfollow_event_ends_what_a_reading_missed(lists: Lists):
    lists.read(["ann", "bob"], 0)
    lists.read(["ann"], 6)
    lists.event("unfollow", "bob", 2)
    assert lists.state("bob") == "ended"
    assert lists.intervals("bob")[0].end_latest == hour(2)


def test_whoever_followed_after_the_reading_began_is_not_missing(lists: Lists):
    lists.read(["ann"], 0)
    lists.event("follow", "bob", 6.05)
    lists.read(["ann"], 6)
    assert lists.state("bob") == "current"


def test_an_event_of_an_unknown_person_who_leaves_makes_nobody(lists: Lists):
    lists.event("unfollow", "ghost", 1)
    assert lists.session.query(Person).count() == 0


def test_people_missing_make_a_confirming_reading_due_unless_it_was_one(lists: Lists):
    lists.read(["ann", "bob", "cas"], 0)
    account = lists.session.query(Account).one()
    ensure_jobs(lists.session, account)
    job = lists.session.query(Job).filter_by(name="followers").one()
    assert job.confirm_due_at is None
    lists.read(["ann", "cas"], 6)
    lists.session.refresh(job)
    assert job.confirm_due_at is not None
    job.confirm_due_at = None
    run = Run(job_id=job.id, trigger="confirm", created_at=hour(7), state="running")
    lists.session.add(run)
    lists.session.flush()
    lists.read(["ann"], 7, run_id=run.id)
    lists.session.refresh(job)
    assert job.confirm_due_at is None


def test_followers_are_viewers_and_broadcasters_are_models(lists: Lists):
    lists.read(["ann", "bob"], 0)
    lists.read([], 1, list_name="following", people=[
        {"username": "ann", "online": True, "broadcasts": True}, {"username": "cas", "broadcasts": True},
        {"username": "dot"}])
    roles = {person.username: person.role for person in lists.session.query(Person)}
    assert roles == {"ann": "both", "bob": "viewer", "cas": "model", "dot": "unknown"}


def test_profiles_are_written_on_change_only(lists: Lists):
    people = [{"username": "ann", "online": True, "age": 30, "tags": ["one", "two"], "display_name": "Ann"}]
    lists.read([], 0, list_name="following", people=people)
    lists.read([], 6, list_name="following", people=people)
    profile = lists.session.query(Profile).one()
    assert (profile.age, profile.tags, profile.changed_at) == (30, ["one", "two"], hour(0))
    assert profile.last_online_at == hour(6)
    lists.read([], 12, list_name="following", people=[{"username": "ann", "age": 31}])
    lists.session.refresh(profile)
    assert (profile.age, profile.display_name, profile.changed_at) == (31, "Ann", hour(12))


def test_bad_entries_are_set_aside_and_the_others_taken(lists: Lists):
    body, rejected = intake.check_items("scan-page", {"people": [
        {"username": "Ann", "age": "young", "country": "nowhere", "image_url": "javascript:alert(1)"},
        {"username": "not a name"}, {"username": 10482}, "cas", {"username": "bob", "age": 40}]})
    assert body["people"] == [{"username": "ann"}, {"username": "bob", "age": 40}]
    assert [one["item"] for one in rejected] == ["not a name", "10482", "cas"]


def test_a_list_is_changed_once_for_each_reading(lists: Lists):
    lists.read(["ann"], 0)
    scan = lists.read(["ann"], 6)
    state = lists.session.query(FollowList).one()
    assert (state.complete_scan_id, state.complete_started_at) == (scan.id, hour(6))
    assert lists.session.query(Scan).count() == 2

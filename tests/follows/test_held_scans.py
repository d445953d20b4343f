"""A held reading, from the brake to the end of the follows: by a program and by the page, on both databases."""

import pytest

from server.models import Account, Scan
from tests.follows.lists import Lists, hour

CROWD = [f"crowd_{number:02}" for number in range(30)]


@pytest.fixture
def held(lists: Lists):
    """A list of 31 that a complete reading shows with one: its address, after the test's own session let go."""
    lists.session.add(Account(username="demo_owner", created_at=hour(0)))
    lists.session.commit()
    lists.read(["ann", *CROWD], 0)
    scan = lists.read(["ann"], 6)
    assert scan.state == "held"
    id_ = scan.id
    lists.session.rollback()
    return id_


@pytest.fixture(params=["program", "page"])
def decide(request, held, client_as, api_as):
    """decide("accept") -> the status of the answer."""
    by_program = request.param == "program"
    caller = (api_as if by_program else client_as)("subscriber")
    return lambda what: caller.post(f"{'/api' if by_program else '/admin'}/scans/{held}/{what}").status_code


def test_an_accepted_reading_is_applied_and_the_next_one_ends_what_it_began(lists, held, decide):
    assert decide("accept") in (200, 302)
    assert {lists.state(name) for name in CROWD} == {"missing"}
    scan = lists.session.get_one(Scan, held)
    assert (scan.state, scan.verdict, scan.stats["missing"], scan.stats["unfollowed"]) == ("applied", "complete", 30, 0)
    assert scan.decided_by and scan.decided_at
    after = lists.read(["ann"], 12)
    assert (after.state, after.stats["unfollowed"], lists.state("ann")) == ("applied", 30, "current")
    assert {lists.state(name) for name in CROWD} == {"ended"}


def test_a_rejected_reading_changes_nothing_and_is_decided_once(lists, held, decide):
    before = lists.everything()
    lists.session.rollback()
    assert decide("reject") in (200, 302)
    assert lists.everything() == before
    lists.session.rollback()
    assert decide("accept") in (409, 302)
    assert lists.everything() == before
    assert lists.session.get_one(Scan, held).state == "dropped"

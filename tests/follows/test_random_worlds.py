"""Whatever half and false readings of a list arrive, in whatever order and however late: nobody is taken away.

The same as `test_rules_properties`, through the whole way: messages, verdict, store, database.
"""

from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from server.database import set_up_sqlite
from server.models import Account, FollowInterval, Person
from tests.follows.lists import TOOK, Lists, hour

FIRST_AT = 100
NAMES = [f"person_{number:02}" for number in range(40)]
some = st.sets(st.sampled_from(NAMES), max_size=40)

# What spoils a reading -> how it is told, and the verdicts that may come of it.
FAULTS = {
    "short of the site's total": ({"total": 90}, {"partial", "rejected"}),
    "stopped by a challenge": ({"stopped_by": "challenge"}, {"partial", "rejected"}),
    "stopped by a sign-out": ({"stopped_by": "signed_out"}, {"partial", "rejected"}),
    "a page never arrived": ({"pages": 4}, {"partial", "rejected"}),
    "somebody else's list": ({"signed_in_as": "somebody_else"}, {"rejected"}),
    "whole, but older than what is known": ({}, {"complete"}),
}
accounts = count()


@st.composite
def reading(draw):
    fault = draw(st.sampled_from(sorted(FAULTS)))
    late = fault.startswith("whole")
    at = draw(st.integers(0, FIRST_AT - 1) if late else st.integers(0, 2 * FIRST_AT))
    return fault, draw(some), at


@pytest.fixture
def engine(database):
    engine = create_engine(database)
    set_up_sqlite(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("list_name", ["followers", "following"])
@settings(max_examples=15, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(first=some, later=st.lists(reading(), max_size=8))
def test_no_half_false_or_late_reading_ever_takes_anybody_away(engine, list_name, first, later):
    account = f"owner_{next(accounts)}"  # a panel of its own for each world would cost a second
    with Session(engine, expire_on_commit=False) as session:
        lists = Lists(session, account)
        assert lists.read(first, FIRST_AT, list_name=list_name).verdict == "complete"
        for fault, names, at in later:
            how, verdicts = FAULTS[fault]
            assert lists.read(names, at, list_name=list_name, **how).verdict in verdicts
        session.expire_all()
        query = (select(Person.username, FollowInterval).join(Person, Person.id == FollowInterval.person_id)
                 .join(Account, Account.id == FollowInterval.account_id).where(Account.username == account))
        found = [(name, follow) for name, follow in session.execute(query)]
    assert [name for name, follow in found if follow.end_latest or follow.missing_since] == []
    names = [name for name, _ in found]
    assert len(names) == len(set(names)) and first <= set(names)
    for name, follow in found:
        assert name not in first or follow.start_latest <= hour(FIRST_AT) + TOOK
        assert follow.start_earliest is None or follow.start_earliest < follow.start_latest

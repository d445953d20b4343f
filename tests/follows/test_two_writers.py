"""Several writers at the same moment, each on a connection of its own as several servers are."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from scraper.observations import FollowEvent, FollowEvents
from server.database import set_up_sqlite
from server.follows import intake
from server.models import FollowInterval, Person, Scan
from tests.follows.lists import Lists, hour

CROWD = [f"crowd_{number:03}" for number in range(150)]
FIRST = [*CROWD, "ann", "bob"]
ROUNDS = 4
Work = list[tuple[Any, list[str], float]]  # (list, or events of who left; people; hour)


def write(engine: Any, together: threading.Barrier, work: Work) -> None:
    """Each piece of work begins at the same moment as the other writer's piece."""
    for what, names, at in work:
        together.wait(60)
        with Session(engine) as session:
            if what == "events":
                intake.take_events(session, FollowEvents(
                    batch_id=uuid4(), observed_at=hour(at), account="demo_owner",
                    items=[FollowEvent(username=name, event="unfollow", at=hour(at)) for name in names]), hour(at))
                session.commit()
            else:
                Lists(session).read(names, at, list_name=what)


def at_once(engine: Any, *works: Work) -> None:
    """These pieces of work, the first of each writer together, then the second, and so on; what fails is raised."""
    together = threading.Barrier(len(works))
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(write, engine, together, work) for work in works]:
            done.result(90)


def told(session: Session, names: list[str], at: float) -> None:
    """One reading by nobody but us; SQLite's one writer is let go afterwards."""
    Lists(session).read(names, at)
    session.rollback()


@pytest.fixture
def engine(database: str) -> Any:
    engine = create_engine(database, pool_size=8)
    if engine.dialect.name == "sqlite":
        set_up_sqlite(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Any) -> Any:
    with Session(engine) as session:
        yield session


def follows(session: Session, direction: str = "follower") -> dict[str, list[str]]:
    """The states of each person's follows, oldest first."""
    session.expire_all()
    query = (select(Person.username, FollowInterval).join(Person, Person.id == FollowInterval.person_id)
             .where(FollowInterval.direction == direction).order_by(FollowInterval.start_latest, FollowInterval.id))
    found: dict[str, list[str]] = {}
    for name, row in session.execute(query):
        state = "ended" if row.end_latest else "missing" if row.missing_since else "current"
        found.setdefault(name, []).append(state)
    session.rollback()
    return found


def test_two_first_readings_of_one_list_begin_each_follow_once(engine, session):
    at_once(engine, [("followers", FIRST, 0)], [("followers", FIRST, 0)])
    assert follows(session) == {name: ["current"] for name in FIRST}
    assert session.scalar(select(func.count()).select_from(Person)) == len(FIRST)


def test_two_readings_of_one_list_end_as_if_one_had_come_after_the_other(engine, session):
    """The older one without bob, the newer one with eve: whichever is taken first, each step is taken once."""
    told(session, FIRST, 0)
    times = [number * 10.0 for number in range(1, ROUNDS + 1)]
    at_once(engine, [("followers", [*CROWD, "ann"], at) for at in times],
            [("followers", [*CROWD, "ann", "eve"], at + 1) for at in times])
    found = follows(session)
    assert all(found[name] == ["current"] for name in [*CROWD, "ann"])
    assert found["bob"] == ["ended"]
    assert found["eve"] == ["current"]  # missing at most once, and seen by the next newer one
    states = session.scalars(select(Scan.state)).all()
    assert set(states) == {"applied"} and len(states) == 1 + 2 * ROUNDS


def test_both_lists_of_an_account_at_once(engine, session):
    """They share their people, whom each of them may be the first to know."""
    names = [[*CROWD, *(f"new_{number}_{one}" for one in range(20))] for number in range(ROUNDS)]
    at_once(engine, [("followers", names[number], 10 * number) for number in range(ROUNDS)],
            [("following", list(reversed(names[number])), 10 * number) for number in range(ROUNDS)])
    for direction in ("follower", "following"):
        found = follows(session, direction)
        assert all(len(states) == 1 for states in found.values())
        assert all(found[name] == ["current"] for name in names[-1])
        assert all(found[f"new_0_{one}"] == ["ended"] for one in range(20))


def test_events_and_a_reading_at_once(engine, session):
    """Bob leaves by an event while a reading without him is applied: one follow, ended once."""
    told(session, FIRST, 0)
    at_once(engine, [("followers", [*CROWD, "ann"], 10)], [("events", ["bob"], 9)])
    assert follows(session)["bob"] == ["ended"]
    assert session.scalars(select(FollowInterval.end_latest).join(Person).where(
        Person.username == "bob")).one() - hour(9) == timedelta(0)

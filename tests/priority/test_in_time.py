"""Polls, answers of CBHours and readings of lists in any order: what SQL, Python and counts say of who is live agrees
at every moment, and nobody is live on old words."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from server import priorities
from server.models import Job, Person, PersonCurrent, db
from server.people.directory import Wanted, directory, fitting
from server.people.rows import COLUMNS, PersonRow, freshness, live_now, told, with_current
from server.people.seen import Seen, record
from server.users.coverage import STALE_FOR, Live, live
from tests.affiliate import rooms
from tests.affiliate.rooms import NOON
from tests.cbhours import answers as cbhours

NAMES = [f"person_{number:02}" for number in range(14)]


def all_rows(session):
    return [PersonRow(*row) for row in session.execute(with_current(select(*COLUMNS).select_from(Person)))]


def counted(rows, about):
    """Who is live by whose word, one after the other."""
    found = {"affiliate": 0, "cbhours": 0, "browser": 0, "stale": 0}
    for row in rows:
        now = told(row, about)
        if now.live:
            found[now.origins["live"].source] += 1
            continue
        said = [word for word in now.words if word.source != "browser"]
        last = max(said, key=lambda word: word.at, default=None)
        if last is not None and row.live_until and row.cbhours_live_until:
            last = last._replace(value=True)
        if last is not None and last.value and row.last_seen_at >= about.now - STALE_FOR:
            found["stale"] += 1
    return Live(found["affiliate"], found["cbhours"], found["browser"], found["stale"])


def something_happens(chance, at, session):
    kind = chance.choice(("poll", "poll", "complete poll", "cbhours", "cbhours", "cbhours", "list"))
    some = [name for name in NAMES if chance.random() < 0.5]
    if kind == "cbhours":
        some = some or NAMES[:1]
        cbhours.take(cbhours.live(*(
            cbhours.offline(name) if chance.random() < 0.4 else cbhours.entry(name, rank=chance.choice((None, 5, 6)))
            for name in some if chance.random() < 0.8), asked=some, at=at))
    elif kind == "list":
        record(session, {name: Seen({"age": 30}, at, online_at=at if chance.random() < 0.6 else None, broadcasts=True)
                         for name in some[:4]})
        session.commit()
    else:
        rooms.take(*(rooms.room(name, seconds_online=chance.choice((0, 3000))) for name in some), at=at,
                   saw_everyone=kind == "complete poll")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_in_sql_python_and_counts_agree_on_who_is_live(app, seed):
    chance = random.Random(seed)
    with app.app_context():
        session = db.session()
        cbhours.add(*NAMES)
        for name, choice in (("affiliate", (15, 30, 90)), ("cbhours-live", (5, 10, 60))):
            job = session.scalars(select(Job).where(Job.name == name)).one()
            job.config = {**job.config, "intervalMinutes": chance.choice(choice)}
        session.commit()
        at, live_people = NOON, 0
        for _ in range(14):
            at += timedelta(minutes=chance.choice((1, 3, 8, 20, 70)))
            late = chance.random() < 0.2
            something_happens(chance, at - timedelta(minutes=12) if late else at, session)
            for wait in (0, chance.choice((6, 14, 16, 44, 46, 1_500))):
                about = freshness(session, at + timedelta(minutes=wait))
                rows = all_rows(session)
                shown = {row.username for row in rows if told(row, about).live}
                by_sql = session.scalars(select(Person.username).outerjoin(
                    PersonCurrent, PersonCurrent.person_id == Person.id).where(live_now(about)))
                assert set(by_sql) == shown
                wanted = Wanted("username", live=True)
                assert {row.username for row in directory(session, wanted, about.now).rows} == shown
                assert fitting(session, wanted, about.now) == len(shown)
                assert live(session, about) == counted(rows, about)
                longest = max(priorities.fresh_for(about.intervals[source]) for source in ("affiliate", "cbhours"))
                assert all(row.last_seen_at >= about.now - longest for row in rows if row.username in shown)
                live_people += len(shown)
        assert live_people > 20  # else this shows nothing


@pytest.mark.parametrize("sort", ["rank", "-rank", "gender_rank", "-gender_rank"])
def test_whose_rank_is_not_known_comes_last_whichever_way_and_no_page_shows_anybody_twice(app, sort):
    chance = random.Random(7)
    with app.app_context():
        cbhours.add(*NAMES)
        ranks = {name: chance.choice((1, 2, 2, 90)) for name in NAMES[:9]}
        cbhours.take(cbhours.live(*(cbhours.entry(name, rank=rank, grank=100 - rank) for name, rank in ranks.items())))
        found, cursor = [], ""
        while True:
            cut = directory(db.session(), Wanted(sort, after=cursor, limit=3), NOON)
            found += [(row.username, row.rank, row.gender_rank) for row in cut.rows]
            if cut.next is None:
                break
            cursor = cut.next
        assert sorted(name for name, *_ in found) == NAMES
        place = 1 if "gender" not in sort else 2
        known = [row[place] for row in found[:9]]
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert [row[place] for row in found[9:]] == [None] * 5

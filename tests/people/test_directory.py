"""One page of the directory after the other, whichever way it is found, against everybody sorted by hand."""

import random
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from server.errors import Refused
from server.models import Person, PersonCurrent, PersonDetails, PersonTag, db
from server.people import directory as pages
from server.people.directory import Wanted, directory, fitting
from server.people.rows import COLUMNS, PersonRow, freshness, told, with_current
from tests.affiliate.rooms import NOON as NOW

WAYS: dict[str, dict[str, Any]] = {
    "few": {}, "sort among some": {"FEW": 0}, "sort among many": {"FEW": 0, "SOME": 0, "SOME_NAMES": 0},
    "walk": {"FEW": 0, "SOME": 0, "SOME_NAMES": 0, "SOME_OF_BOTH": 0},
    "walk, then sort": {"FEW": 0, "SOME": 0, "SOME_NAMES": 0, "SOME_OF_BOTH": 0, "STEPS": (1, 3)}}
VALUES = {"username": lambda row: row.username, "seen": lambda row: row.last_seen_at,
          "followers": lambda row: row.followers, "age": lambda row: AGES[row.person_id], "rank": lambda row: row.rank,
          "gender_rank": lambda row: row.gender_rank}
AGES: dict[int, int | None] = {}  # person -> age that lists are sorted by
ROLES = {"all": ("model", "viewer", "both", "unknown"), "models": ("model", "both"), "viewers": ("viewer", "both")}


def current_row(chance, person_id):
    """What the sources said at all kinds of moments."""
    def sometime(*, often=0.6):
        minutes = chance.choice((1, 5, 9, 11, 14, 16, 50, 5_000))
        return NOW - timedelta(minutes=minutes) if chance.random() < often else None

    polled, asked, listed = sometime(), sometime(), sometime(often=0.4)
    online = asked if asked and chance.random() < 0.6 else None
    ranked = chance.random() < 0.5
    return PersonCurrent(
        person_id=person_id, snapshots=chance.randrange(3), affiliate_at=polled, live_at=polled,
        live_until=polled + timedelta(minutes=45) if polled and chance.random() < 0.8 else None,
        cbhours_at=asked, cbhours_live_until=online + timedelta(minutes=15) if online else None,
        list_live_at=listed, last_seen_at=max((at for at in (polled, online, listed) if at), default=None),
        followers=chance.choice((None, 0, 7, 7, 2**40)), rank=chance.choice((1, 5, 5, 70)) if ranked else None,
        gender_rank=chance.choice((None, 2, 3)) if ranked else None, rank_at=asked)


@pytest.fixture
def crowd(app):
    """60 people with all kinds of gaps, and many who share a value."""
    chance = random.Random(5)
    with app.app_context():
        session = db.session()
        for number in range(60):
            person = Person(username=f"{chance.choice('abc')}_{number:02}", created_at=NOW,
                            role=chance.choice(("model", "viewer", "both", "unknown")))
            session.add(person)
            session.flush()
            if chance.random() < 0.7:
                session.add(current_row(chance, person.id))
            AGES[person.id] = None
            if chance.random() < 0.7:
                AGES[person.id] = chance.choice((None, 20, 20, 41))
                session.add(PersonDetails(person_id=person.id, sort_age=AGES[person.id]))
            session.add_all(PersonTag(person_id=person.id, tag=tag) for tag in ("music", "c++")
                            if chance.random() < 0.3)
        session.commit()
        yield session


def by_hand(session, wanted):
    """Everybody who fits, in order: usernames."""
    about = freshness(session, NOW)
    rows = [PersonRow(*row) for row in session.execute(with_current(select(*COLUMNS).select_from(Person)))]
    tagged = set(session.scalars(select(PersonTag.person_id).where(PersonTag.tag == wanted.tag)))
    fit = [row for row in rows if row.role in ROLES[wanted.role] and wanted.search in row.username
           and (not wanted.tag or row.person_id in tagged)
           and (wanted.live is None or told(row, about).live is wanted.live)]
    value = VALUES[wanted.sort.removeprefix("-")]
    known = sorted((row for row in fit if value(row) is not None), key=lambda row: (value(row), row.person_id),
                   reverse=wanted.sort.startswith("-"))
    unknown = sorted((row for row in fit if value(row) is None), key=lambda row: row.username)
    return [row.username for row in known + unknown]


def forwards_and_backwards(session, wanted):
    """Both ways through the list, seven a page."""
    forward, backward = [], []
    cut = directory(session, wanted, NOW)
    assert cut.previous is None
    forward += cut.rows
    while cut.next:
        cut = directory(session, replace(wanted, after=cut.next), NOW)
        forward += cut.rows
    backward = list(cut.rows)
    while cut.previous:
        cut = directory(session, replace(wanted, before=cut.previous), NOW)
        backward = [*cut.rows, *backward]
    return [[row.username for row in one] for one in (forward, backward)]


def test_every_sort_and_filter_shows_everybody_once_whichever_way_it_is_found(crowd, monkeypatch):
    filters = [{}, {"role": "models"}, {"role": "viewers"}, {"live": True}, {"live": False}, {"tag": "music"},
               {"tag": "C++"}, {"search": "A_"}, {"search": "b_", "tag": "music", "role": "models"},
               {"live": True, "role": "viewers"}, {"tag": "nobody_has_it"}]
    for (way, settings), sort, narrow in product(WAYS.items(), VALUES, filters):
        for setting, value in settings.items():
            monkeypatch.setattr(pages, setting, value)
        wanted = Wanted(random.Random(f"{way}{sort}").choice(("", "-")) + sort, limit=7, **narrow)
        expected = by_hand(crowd, wanted)
        assert forwards_and_backwards(crowd, wanted) == [expected, expected], (way, wanted)
        assert fitting(crowd, wanted, NOW) == len(expected), wanted


def test_a_cursor_of_another_order_is_refused(crowd):
    cursor = directory(crowd, Wanted("-followers", limit=3), NOW).next
    for sort in ("followers", "-seen", "username", "-age"):
        with pytest.raises(Refused):
            directory(crowd, Wanted(sort, after=cursor), NOW)

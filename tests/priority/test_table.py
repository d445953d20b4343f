"""Who wins, field by field, in every combination of what the sources have said and when: once purely, once through the
doors of the product. The order is written down here a second time, as the design has it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from server import priorities
from server.models import Person, PersonTag, db
from server.people import values
from server.people.rows import PersonRow, freshness, row_of, told
from server.people.seen import Seen, record
from tests.affiliate import rooms
from tests.affiliate.rooms import NOON
from tests.cbhours import answers as cbhours

ORDER = {
    "profile": ("affiliate", "cbhours", "browser"),
    "live": ("affiliate", "cbhours", "browser"),
    "numbers": ("affiliate", "cbhours"),
    "followers": ("cbhours", "affiliate"),
    "tags": ("affiliate", "cbhours"),
    "rank": ("cbhours",),
}
FIELDS = {
    "display_name": "profile", "age": "profile", "gender": "profile", "birthday": "profile", "country": "profile",
    "location": "profile", "spoken_languages": "profile", "is_new": "profile", "image_url": "profile",
    "image_url_360x270": "profile", "live": "live", "show": "numbers", "viewers": "numbers",
    "seconds_online": "numbers", "is_hd": "numbers", "followers": "followers", "subject": "tags", "tags": "tags",
    "rank": "rank", "gender_rank": "rank",
}
FRESH = {"affiliate": timedelta(minutes=45), "cbhours": timedelta(minutes=15), "browser": timedelta(minutes=10)}
SAID = {
    "affiliate": {
        "display_name": "By Affiliate", "age": 31, "gender": "f", "birthday": "1995-01-02", "country": "PT",
        "location": "Porto", "spoken_languages": "English", "is_new": False,
        "image_url": "https://pictures.example/a.jpg", "image_url_360x270": "https://pictures.example/a_s.jpg",
        "live": True, "show": "public", "viewers": 41, "seconds_online": 600, "is_hd": True, "followers": 1001,
        "subject": "by affiliate", "tags": ["affiliate"]},
    "cbhours": {
        "gender": "m", "is_new": True, "live": True, "show": "private", "viewers": 42, "followers": 1002,
        "subject": "by cbhours", "tags": ["cbhours"], "rank": 12, "gender_rank": 3},
    "browser": {
        "display_name": "By Browser", "age": 33, "gender": "t", "country": "ES", "location": "Vigo",
        "image_url": "https://pictures.example/b.jpg", "subject": "by browser", "tags": ["browser"], "live": True},
}
ROOM = {"display_name": "display_name", "age": "age", "gender": "gender", "birthday": "birthday", "country": "country",
        "location": "location", "spoken_languages": "spoken_languages", "is_new": "is_new", "image_url": "image_url",
        "image_url_360x270": "image_url_360x270", "current_show": "show", "num_users": "viewers",
        "seconds_online": "seconds_online", "is_hd": "is_hd", "num_followers": "followers", "room_subject": "subject",
        "tags": "tags"}
ENTRY = {"gender": "gender", "is_new": "is_new", "current_show": "show", "viewers": "viewers", "followers": "followers",
         "room_subject": "subject", "tags": "tags", "rank": "rank", "grank": "gender_rank"}


class Answer(NamedTuple):
    """What a source answers so many minutes before noon. says: all, nothing (of the single fields), offline."""

    minutes: int
    says: str = "all"

    @property
    def at(self) -> datetime:
        return NOON - timedelta(minutes=self.minutes)


# Fresh, stale, staler still, so that each of two stale words is once the newer one; with and without single fields.
AFFILIATE = {"absent": (), "fresh": (Answer(20),), "stale": (Answer(60),), "old": (Answer(200),),
             "fresh, says little": (Answer(20, "nothing"),), "stale, says little": (Answer(60, "nothing"),)}
CBHOURS = {"absent": (), "fresh": (Answer(5),), "stale": (Answer(50),), "old": (Answer(150),),
           "fresh, says little": (Answer(5, "nothing"),), "offline": (Answer(5, "offline"),),
           "offline since": (Answer(150), Answer(5, "offline")), "was offline": (Answer(50, "offline"),)}
BROWSER = {"absent": (), "fresh": (Answer(8),), "stale": (Answer(100),), "old": (Answer(300),)}
CASES = list(product(AFFILIATE, CBHOURS, BROWSER))


def words(source: str, answers: tuple[Answer, ...], field: str) -> Iterator[priorities.Word]:
    """What a source says of a field: the newest answer counts, for some fields the newest that is not Offline."""
    if not answers:
        return
    newest = answers[-1]
    if field == "live":
        online = newest.says != "offline"
        yield priorities.Word(online, source, newest.at)
        return
    told = [answer for answer in answers if answer.says != "offline"]
    if told and told[-1].says == "all" and field in SAID[source]:
        # Numbers of a broadcast are of now only while its source says that it goes on.
        ended = FIELDS[field] == "numbers" and newest.says == "offline"
        yield priorities.Word(SAID[source][field], source, told[-1].at, told[-1].at if ended else None)


def expected(field: str, said: list[priorities.Word]) -> tuple[Any, str | None, datetime | None, bool]:
    """value, source, moment, fresh: straight from the rule."""
    def fresh(word: priorities.Word) -> bool:
        return word.until is None and NOON - word.at <= FRESH[word.source]

    group = FIELDS[field]
    for source in ORDER[group]:
        for word in said:
            if word.source == source and (group == "profile" or fresh(word)):
                return word.value, source, word.at, fresh(word)
    last = max((word for word in said if word.source in ORDER[group] or group == "tags"), key=lambda word: word.at,
               default=None)
    return (None, None, None, False) if last is None else (
        last.value, last.source, last.at, fresh(last))


def case_words(case: tuple[str, str, str], field: str) -> list[priorities.Word]:
    affiliate, by_cbhours, browser = case
    return [*words("affiliate", AFFILIATE[affiliate], field), *words("cbhours", CBHOURS[by_cbhours], field),
            *words("browser", BROWSER[browser], field)]


def test_the_table_is_that_of_the_design():
    own = {group: tuple(source for source in order if source not in ("import", "manual"))
           for group, order in priorities.ORDER.items()}
    assert own == ORDER
    assert priorities.FIELDS == FIELDS


@pytest.mark.parametrize("field", FIELDS)
def test_every_combination_of_words_has_the_winner_of_the_table(field):
    intervals = {source: fresh / 1.5 for source, fresh in FRESH.items()}
    for case in CASES:
        said = case_words(case, field)
        if FIELDS[field] == "numbers":  # when they are to be believed their sources say themselves
            said = [word if word.until else word._replace(until=word.at + FRESH[word.source]) for word in said]
        value, source, at, fresh = expected(field, case_words(case, field))
        found = priorities.winner(FIELDS[field], said, intervals, NOON)
        if source is None:
            assert found is None, case
        else:
            assert found is not None and (found.value, found.source, found.at) == (value, source, at), case
            assert priorities.origin_of(found, intervals, NOON).fresh == fresh, case


@pytest.fixture
def everybody(app):
    """One person for each case, in order, and what their sources said, taken in the order in which it was said."""
    with app.app_context():
        names = [f"person_{number}" for number in range(len(CASES))]
        db.session.add_all(Person(username=name, role="model", created_at=NOON - timedelta(days=9)) for name in names)
        db.session.commit()
        told_by: dict[tuple[int, str], list[tuple[str, str]]] = {}
        for name, case in zip(names, CASES, strict=True):
            for source, states, state in zip(("affiliate", "cbhours", "browser"), (AFFILIATE, CBHOURS, BROWSER), case,
                                             strict=True):
                for answer in states[state]:
                    told_by.setdefault((-answer.minutes, source), []).append((name, answer.says))
        for (minutes, source), people in sorted(told_by.items()):
            DOORS[source](people, NOON + timedelta(minutes=minutes))
        yield names
        db.session.rollback()


def _poll(people: list[tuple[str, str]], at: datetime) -> None:
    found = []
    for name, says in people:
        found.append(rooms.room(name) | {
            theirs: SAID["affiliate"][ours] if says == "all" else None for theirs, ours in ROOM.items()})
    rooms.take(*found, at=at, saw_everyone=False)


def _ask(people: list[tuple[str, str]], at: datetime) -> None:
    entries = [cbhours.offline(name) if says == "offline" else {"username": name, "online": True} | {
        theirs: SAID["cbhours"][ours] if says == "all" else None for theirs, ours in ENTRY.items()}
        for name, says in people]
    for start in range(0, len(entries), 50):
        answer = cbhours.take(cbhours.live(*entries[start:start + 50], at=at))
        assert not answer["rejected"]


def _list(people: list[tuple[str, str]], at: datetime) -> None:
    fields = {name: value for name, value in SAID["browser"].items() if name != "live"}
    record(db.session(), {name: Seen(dict(fields), at, online_at=at, broadcasts=True) for name, _ in people})
    db.session.commit()


DOORS = {"affiliate": _poll, "cbhours": _ask, "browser": _list}


def test_through_the_doors_every_field_of_everybody_shows_the_winner_of_the_table(everybody):
    about = freshness(db.session(), NOON)
    wrong = []
    for name, case in zip(everybody, CASES, strict=True):
        row = row_of(db.session(), name)
        found = shown(row, about)
        for field in FIELDS:
            want = expected(field, case_words(case, field))
            if field == "live":
                value, source, at, fresh = want
                want = (bool(value) and fresh, source, at, fresh)
            if found[field] != want:
                wrong.append((case, field, found[field], want))
    assert not wrong, f"{len(wrong)} are wrong, first {wrong[:3]}"


def shown(row: PersonRow | None, about: Any) -> dict[str, tuple[Any, str | None, datetime | None, bool]]:
    """field -> value, source, moment, fresh, as lists have them."""
    assert row is not None
    now = told(row, about)
    found: dict[str, Any] = {}
    for field, group in FIELDS.items():
        origin = now.apart.get(field, now.origins[group])
        value = now.live if field == "live" else getattr(now.person, field)
        found[field] = (value, *(origin if value is not None else priorities.NO_ORIGIN))
    return found


def test_lists_and_profiles_say_the_same_and_losers_are_told_apart(everybody):
    about = freshness(db.session(), NOON)
    for name, case in list(zip(everybody, CASES, strict=True))[::7]:
        row = row_of(db.session(), name)
        listed = shown(row, about)
        assert row is not None
        for one in values.of_person(db.session(), row, about):
            field = {"current_show": "show"}.get(one.name, one.name)
            if field not in FIELDS:
                continue
            assert (one.value, *one.origin) == listed[field], (case, field)
            said = {word.source: word.value for word in case_words(case, field)}
            others = {word.source: word.value for word in one.others}
            assert others == {source: value for source, value in said.items()
                              if source != one.origin.source and value != one.value}, (case, field)


def test_a_filter_by_tag_finds_whom_it_shows_with_that_tag_while_words_are_fresh(everybody):
    about = freshness(db.session(), NOON)
    tagged = dict(db.session.execute(
        select(Person.username, PersonTag.tag).join(PersonTag, PersonTag.person_id == Person.id)).all())
    for name in everybody:
        tags, source, _, fresh = shown(row_of(db.session(), name), about)["tags"]
        if fresh and source in ("affiliate", "cbhours"):
            assert [tagged[name]] == tags

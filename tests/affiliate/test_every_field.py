"""Nothing is lost by storing texts by change: joined together the tables give back every field of every poll."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from server.affiliate import store
from server.models import db
from tests.affiliate.rooms import NOON, room, take, told

NAMES = ("ann", "bob", "carol_7", "_d")
plain_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[
    chr(number) for number in (*range(32), 127) if number not in (9, 10)]), max_size=30)
maybe = st.none
ROOM = st.fixed_dictionaries({
    "username": st.sampled_from(NAMES), "display_name": maybe() | plain_text,
    "gender": st.sampled_from(["m", "f", "c", "t", None]), "age": maybe() | st.integers(0, 120),
    "birthday": st.sampled_from([None, "", "1901-01-01", "yesterday"]), "location": maybe() | plain_text,
    "country": st.sampled_from([None, "PT", "DE"]), "spoken_languages": st.sampled_from([None, "", "English, Español"]),
    "current_show": st.sampled_from([None, "public", "private", "hidden", "a\tb\\c\nd"]),
    "room_subject": maybe() | plain_text | st.sampled_from(["A", "B"]),
    "tags": maybe() | st.lists(st.sampled_from(["a", "b", "ü", "x y", '"']), max_size=3, unique=True),
    "is_new": st.sampled_from([None, True, False]), "is_hd": st.sampled_from([None, True, False]),
    "num_users": maybe() | st.integers(0, 2**31 - 1), "num_followers": maybe() | st.integers(0, 2**63 - 1),
    "seconds_online": maybe() | st.integers(0, 200_000),
    "image_url": st.sampled_from([None, "https://pictures.example/a.jpg"]),
    "image_url_360x270": st.sampled_from([None, "//pictures.example/b.jpg"]),
})
POLLS = st.lists(st.tuples(st.integers(0, 9), st.lists(ROOM, max_size=4, unique_by=lambda one: one["username"]),
                           st.booleans()), min_size=1, max_size=7, unique_by=lambda one: one[0])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(polls=POLLS)
def test_every_field_of_every_poll_comes_back(app, polls):
    """Whatever the order in which the polls arrive, and whether or not this process remembers the ones before."""
    with app.app_context():
        _empty()
        said = {}
        for step, rooms, remembers in polls:
            at = NOON + timedelta(minutes=30 * step)
            if not remembers:
                store.forget(db.session())
            take(*rooms, at=at)
            said |= {(one["username"], int(at.timestamp())): one for one in rooms}
            assert told() == said


def _empty():
    for table in ("affiliate_api_snapshots", "affiliate_profiles", "affiliate_subjects", "affiliate_tags",
                  "affiliate_polls", "broadcasts", "person_current", "person_details", "person_tags", "persons",
                  "affiliate_shows", "system_facts"):
        db.session.execute(text(f"DELETE FROM {table}"))
    db.session.commit()


def test_texts_are_written_only_when_they_change(app):
    with app.app_context():
        for step in range(6):
            take(room("ann", num_users=step, room_subject="two" if step >= 3 else "one"),
                 at=NOON + timedelta(minutes=30 * step))
        count = {table: db.session.execute(text(f"SELECT count(*) FROM affiliate_{table}")).scalar()
                 for table in ("api_snapshots", "profiles", "subjects", "tags")}
        assert count == {"api_snapshots": 6, "profiles": 1, "subjects": 2, "tags": 1}


def test_the_same_poll_again_changes_nothing(app):
    with app.app_context():
        take(room("ann"), room("bob"), batch_id="6a1ab1a5-0000-4000-8000-000000000001")
        before = told(), db.session.execute(text("SELECT snapshots FROM person_current")).all()
        db.session.rollback()
        take(room("ann"), room("bob"), batch_id="6a1ab1a5-0000-4000-8000-000000000001")
        assert (told(), db.session.execute(text("SELECT snapshots FROM person_current")).all()) == before


def test_a_poll_that_is_rolled_back_leaves_no_trace_in_the_memory_of_the_process(app, monkeypatch):
    with app.app_context():
        take(room("ann", room_subject="one"))

        def fails(*_args, **_more):
            raise ValueError("full disk")

        with monkeypatch.context() as patch:
            patch.setattr("server.affiliate.intake._keep_poll", fails)
            with pytest.raises(ValueError, match="full disk"):
                take(room("ann", room_subject="two"), room("bob"), at=NOON + timedelta(minutes=30))
            db.session.rollback()
        take(room("ann", room_subject="two"), room("bob"), at=NOON + timedelta(minutes=60))
        said = told(NOON + timedelta(minutes=60))
        assert {key[0]: value["room_subject"] for key, value in said.items()} == {
            "ann": "two", "bob": "jigsaw evening"}

"""Who wins at ingest: followers of CBHours while fresh, texts of the affiliate API while fresh, and what is late."""

from datetime import timedelta

import pytest

from server.models import Job, PersonCurrent, PersonDetails, db
from tests.affiliate import rooms as affiliate
from tests.affiliate.rooms import room
from tests.cbhours.answers import NOON, add, entry, live, offline, rows, take

MINUTE = timedelta(minutes=1)


def poll(*those, at=NOON, **more):
    affiliate.take(*those, at=at, **more)


def now(name="ann"):
    """The current rows of a person."""
    db.session.rollback()
    person = db.session.execute(db.text("SELECT id FROM persons WHERE username = :name"), {"name": name}).scalar_one()
    found = db.session.get_one(PersonCurrent, person), db.session.get(PersonDetails, person)
    for row in found:
        if row is not None:
            db.session.refresh(row)
    return found


def tags(name="ann"):
    return {tag for tag, in rows("SELECT tag FROM person_tags t JOIN persons p ON p.id = t.person_id "
                                 "WHERE p.username = :name", name=name)}


@pytest.fixture(autouse=True)
def everybody(app):
    with app.app_context():
        add("ann")
        yield


def test_fresh_followers_of_cbhours_win_and_its_ranks_stand(app):
    poll(room("ann", num_followers=900))
    take(live(entry("ann", followers=1000), at=NOON + MINUTE))
    current, _ = now()
    assert (current.followers, current.followers_source, current.followers_at) == (1000, "cbhours", NOON + MINUTE)
    assert (current.rank, current.gender_rank, current.rank_at) == (120, 45, NOON + MINUTE)
    assert (current.live_source, current.viewers, current.live_at) == ("affiliate", 40, NOON), "its own words stay"
    assert (current.cbhours_at, current.cbhours_live_until) == (NOON + MINUTE, NOON + 16 * MINUTE)


def test_stale_followers_that_come_in_late_do_not_beat_a_poll(app):
    poll(room("ann", num_followers=900), at=NOON + 60 * MINUTE)
    take(live(entry("ann", followers=1000), at=NOON + 30 * MINUTE), now=NOON + 61 * MINUTE)
    current, _ = now()
    assert (current.followers, current.followers_source) == (900, "affiliate")
    assert (current.rank, current.cbhours_at) == (120, NOON + 30 * MINUTE), "nobody else says these"


def test_an_answer_without_followers_or_ranks_takes_none_away(app):
    take(live(entry("ann", followers=1000)))
    take(live(entry("ann", followers=None, rank=None, grank=None), at=NOON + MINUTE))
    take(live(offline("ann"), at=NOON + 2 * MINUTE))
    current, _ = now()
    assert (current.followers, current.followers_at, current.rank, current.rank_at) == (1000, NOON, 120, NOON)
    assert (current.cbhours_at, current.cbhours_live_until) == (NOON + 2 * MINUTE, None)
    assert rows("SELECT online, viewers, show, subject FROM cbhours_current") in (
        [(False, 40, "public", "jigsaw evening")], [(0, 40, "public", "jigsaw evening")])


def test_zero_is_a_value(app):
    take(live(entry("ann", followers=5)))
    take(live(entry("ann", followers=0, viewers=0, rank=0, grank=0), at=NOON + MINUTE))
    current, _ = now()
    assert (current.followers, current.rank, current.gender_rank) == (0, 0, 0)
    assert rows("SELECT followers, viewers, rank, grank FROM cbhours_live_stats ORDER BY checked_at")[1] == (0, 0, 0, 0)


def test_texts_of_a_fresh_poll_stay(app):
    poll(room("ann", room_subject="of the poll", tags=["one"]))
    take(live(entry("ann", room_subject="of cbhours", tags=["two"]), at=NOON + 45 * MINUTE),
         now=NOON + 45 * MINUTE)
    _, details = now()
    assert (details.subject, details.tags, details.tags_source) == ("of the poll", ["one"], "affiliate")
    assert tags() == {"one"}


def test_texts_are_taken_over_when_no_poll_is_fresh_and_given_back_by_the_next(app):
    poll(room("ann", room_subject="of the poll", tags=["one"]))
    later = NOON + 46 * MINUTE
    take(live(entry("ann", room_subject="of cbhours", tags=["two", "x" * 80]), at=later))
    _, details = now()
    assert (details.subject, details.tags, details.tags_source, details.tags_at) == (
        "of cbhours", ["two", "x" * 60], "cbhours", later)
    assert tags() == {"two", "x" * 60}
    subjects = rows("SELECT count(*) FROM affiliate_subjects")
    poll(room("ann", room_subject="of the poll", tags=["one"]), at=later + MINUTE)
    _, details = now()
    assert (details.subject, details.tags, details.tags_source) == ("of the poll", ["one"], "affiliate")
    assert tags() == {"one"}
    assert rows("SELECT count(*) FROM affiliate_subjects") == subjects, "it says what it said: no new row of history"


def test_who_is_offline_takes_over_nothing(app):
    poll(room("ann", room_subject="of the poll"))
    take(live(offline("ann"), at=NOON + 120 * MINUTE))
    _, details = now()
    assert (details.subject, details.tags_source) == ("of the poll", "affiliate")


def test_what_cbhours_leaves_out_stays(app):
    poll(room("ann", room_subject="of the poll", tags=["one"]))
    take(live(entry("ann", room_subject=None, tags=["two"]), at=NOON + 60 * MINUTE))
    _, details = now()
    assert (details.subject, details.subject_source) == ("of the poll", "affiliate")
    assert (details.tags, details.tags_source) == (["two"], "cbhours")


def test_texts_follow_cbhours_as_long_as_nobody_else_speaks(app):
    for number, said in enumerate((["a", "b"], ["b", "c"], [])):
        take(live(entry("ann", tags=said, room_subject=f"subject {number}"), at=NOON + number * MINUTE))
        _, details = now()
        assert (details.tags, details.subject) == (said, f"subject {number}")
        assert details.tags_at == details.subject_at == NOON + number * MINUTE
        assert tags() == set(said)


def test_gender_and_newness_stay_under_its_own_name(app):
    poll(room("ann", gender="m", is_new=False))
    take(live(entry("ann", gender="f", is_new=True), at=NOON + MINUTE))
    _, details = now()
    assert (details.gender, details.is_new, details.profile_source) == ("m", False, "affiliate")
    said, = rows("SELECT gender, is_new FROM cbhours_current")
    assert (said[0], bool(said[1])) == ("f", True)


def test_last_seen_is_the_newest_proof_by_whomever(app):
    poll(room("ann"))
    take(live(entry("ann"), at=NOON - 5 * MINUTE), now=NOON + MINUTE)
    assert now()[0].last_seen_at == NOON
    take(live(entry("ann"), at=NOON + 5 * MINUTE))
    take(live(offline("ann"), at=NOON + 6 * MINUTE))
    assert now()[0].last_seen_at == NOON + 5 * MINUTE
    poll(room("ann"), at=NOON + 30 * MINUTE)
    assert now()[0].last_seen_at == NOON + 30 * MINUTE


def test_online_is_believed_as_long_as_the_interval_says(app):
    job = db.session.query(Job).filter_by(name="cbhours-live").one()
    job.config = job.config | {"intervalMinutes": 60}
    db.session.commit()
    take(live(entry("ann")))
    assert now()[0].cbhours_live_until == NOON + 90 * MINUTE

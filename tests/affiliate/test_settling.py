"""Where polls and CBHours, or polls and lists, speak of the same: who stands in the current rows afterwards."""

from datetime import timedelta

import pytest

from server.models import Job, Person, db
from server.people.rows import freshness, row_of, told
from server.people.seen import Seen, record
from tests.affiliate.rooms import NOON, room, rows, take
from tests.cbhours import answers as cbhours


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def shown(username, minutes):
    return told(row_of(db.session(), username), freshness(db.session(), after(minutes)))


def texts():
    return rows("SELECT d.subject, d.subject_source, d.tags_source FROM person_details d") + rows(
        "SELECT tag FROM person_tags ORDER BY tag")


OURS = [("jigsaw evening", "affiliate", "affiliate"), ("music",), ("puzzle",)]


@pytest.mark.parametrize("warm", [True, False])
def test_a_poll_takes_back_what_cbhours_took_over_and_writes_no_history_for_it(app, warm, monkeypatch):
    with app.app_context():
        take(room("ann"))
        cbhours.take(cbhours.live(cbhours.entry("ann", room_subject="chess", tags=["chess"]), at=after(20)))
        assert texts() == OURS  # the poll's word is fresh
        cbhours.take(cbhours.live(cbhours.entry("ann", room_subject="chess", tags=["chess"]), at=after(60)))
        assert texts() == [("chess", "cbhours", "cbhours"), ("chess",)]
        if not warm:
            from server.affiliate import store
            monkeypatch.setattr(store, "_known", type(store._known)())
        take(room("ann"), at=after(70))
        assert texts() == OURS
        assert rows("SELECT count(*) FROM affiliate_subjects") == [(1,)]
        assert rows("SELECT count(*) FROM affiliate_tags") == [(1,)]
        assert (shown("ann", 71).person.subject, shown("ann", 71).origins["tags"].source) == (
            "jigsaw evening", "affiliate")


def test_what_a_poll_leaves_unsaid_stays_with_whom_it_belongs_to(app):
    with app.app_context():
        take(room("ann"))
        cbhours.take(cbhours.live(cbhours.entry("ann", room_subject="chess", tags=["chess"]), at=after(60)))
        take(room("ann", tags=None), at=after(70))
        assert texts() == [("jigsaw evening", "affiliate", "cbhours"), ("chess",)]
        now = shown("ann", 71)
        assert now.origins["tags"].source == "cbhours" and now.apart["subject"].source == "affiliate"


def test_a_poll_confirms_no_tags_that_it_does_not_say(app):
    with app.app_context():
        take(room("ann"))
        take(room("ann", tags=None), at=after(30))
        assert (shown("ann", 44).person.tags, shown("ann", 44).origins["tags"][:2]) == (
            ["puzzle", "music"], ("affiliate", NOON))
        cbhours.take(cbhours.live(cbhours.entry("ann", tags=["chess"]), at=after(48)))
        assert (shown("ann", 50).person.tags, shown("ann", 50).origins["tags"].source) == (["chess"], "cbhours")
        assert shown("ann", 50).apart["subject"].source == "affiliate"
        assert texts() == [("jigsaw evening", "affiliate", "cbhours"), ("chess",)]  # a filter by tag finds the same


def test_a_poll_takes_back_what_a_list_took_over(app):
    with app.app_context():
        take(room("ann"))
        card = {"ann": Seen({"subject": "cards", "tags": ["cards"], "age": 44}, after(60), None, True)}
        record(db.session(), card)
        db.session.commit()
        assert texts() == [("cards", "browser", "browser"), ("cards",)]
        take(room("ann"), at=after(70))
        assert texts() == OURS
        record(db.session(), {"ann": Seen({"tags": ["music"]}, after(80), None, True)})
        db.session.commit()
        assert texts() == OURS


def test_a_complete_poll_ends_a_live_word_at_once_and_leaves_that_of_cbhours(app):
    with app.app_context():
        take(room("ann"), room("bob"), room("carol", gender="f"))
        cbhours.take(cbhours.live(cbhours.entry("bob", viewers=77), at=after(28)))
        assert all(shown(name, 29).live for name in ("ann", "bob", "carol"))
        take(room("dora"), at=after(30))  # all men were seen
        assert [shown(name, 31).live for name in ("ann", "bob", "carol", "dora")] == [False, True, True, True]
        assert shown("bob", 31).origins["live"].source == "cbhours"
        assert (shown("bob", 31).person.viewers, shown("bob", 31).origins["numbers"].source) == (77, "cbhours")
        assert shown("ann", 31).origins["live"][:2] == ("affiliate", NOON)  # since when it is known no more


def test_whoever_a_poll_left_out_for_want_of_followers_is_not_ended(app):
    with app.app_context():
        take(room("ann"))
        take(at=after(10), left_out_names=["ann"])
        assert shown("ann", 11).live
        take(at=after(20), saw_everyone=False, absent=["ann"])  # looked for by name
        assert not shown("ann", 21).live


def test_a_late_poll_makes_nobody_live_whom_a_newer_one_has_ended(app):
    with app.app_context():
        take(room("ann"))
        take(at=after(20))
        assert not shown("ann", 21).live
        take(room("ann"), room("bob"), at=after(10))
        assert [shown(name, 21).live for name in ("ann", "bob")] == [False, False]
        assert shown("ann", 21).person.last_seen_at == after(10)


@pytest.mark.parametrize(("minutes", "interval", "winner"), [
    (14, 10, ("cbhours", 900)), (16, 10, ("affiliate", 1000)),
    (80, 60, ("cbhours", 900)), (91, 60, ("affiliate", 1000)),
])
def test_followers_of_cbhours_stand_as_long_as_its_own_interval_says(app, minutes, interval, winner):
    with app.app_context():
        job = db.session.query(Job).filter_by(name="cbhours-live").one()
        job.config = {**job.config, "intervalMinutes": interval}
        cbhours.add("ann")
        cbhours.take(cbhours.live(cbhours.entry("ann", followers=900)))
        take(room("ann"), at=after(minutes))
        assert rows("SELECT followers_source, followers, affiliate_followers FROM person_current") == [(*winner, 1000)]
        now = shown("ann", minutes)
        assert (now.origins["followers"].source, now.person.followers) == winner


def test_followers_go_back_to_the_affiliate_api_at_reading_when_cbhours_has_gone(app):
    with app.app_context():
        cbhours.add("ann")
        cbhours.take(cbhours.live(cbhours.entry("ann", followers=900)))
        take(room("ann"), at=after(5))
        assert shown("ann", 15).person.followers == 900
        assert shown("ann", 16).person.followers == 1000
        assert shown("ann", 60).origins["followers"][::2] == ("affiliate", False)


def test_an_age_that_polls_leave_out_is_that_of_the_list_also_for_sorting(app):
    with app.app_context():
        db.session.add(Person(username="ann", role="viewer", created_at=NOON))
        db.session.commit()
        record(db.session(), {"ann": Seen({"age": 44, "display_name": "Anne"}, NOON, None, True)})
        db.session.commit()
        ages = "SELECT age, sort_age FROM person_details"
        assert rows(ages) == [(44, 44)]
        take(room("ann", age=None), at=after(5))
        assert rows(ages) == [(None, 44)]
        now = shown("ann", 6)
        assert (now.person.age, now.apart["age"].source) == (44, "browser")
        assert (now.person.display_name, now.origins["profile"].source) == ("Ann", "affiliate")
        record(db.session(), {"ann": Seen({"age": 45}, after(7), None, True)})
        db.session.commit()
        assert rows(ages) == [(None, 45)]
        take(room("ann", age=31), at=after(10))
        assert rows(ages) == [(31, 31)]
        record(db.session(), {"ann": Seen({"age": 46}, after(12), None, True)})
        db.session.commit()
        assert rows(ages) == [(31, 31)]

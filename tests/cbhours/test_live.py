"""Live answers through the worker's door: every field comes back, late and repeated ones change nothing newer."""

import base64
import gzip
import json
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import text

from server.cbhours import due, queries
from server.models import CaptureRow, CbhoursPoll, CbhoursShow, HeardSpan, Job, Person, db
from tests.cbhours.answers import (
    NOON,
    add,
    entry,
    everything,
    live,
    offline,
    recorded_live,
    rows,
    run_id,
    sample,
    state,
    take,
)

MINUTE = timedelta(minutes=1)
CAPTURE = {"url": "https://www.example.test/api.php?action=get_live&usernames=alder_lane%2Czq",
           "content_type": "application/json",
           "body": base64.b64encode(gzip.compress(json.dumps(sample("live")).encode())).decode()}
VIEW = ("room_status", "gender", "is_new", "rank", "grank", "viewers", "followers", "current_show", "room_subject",
        "tags")


def told():
    """(username, second) -> every field of that answer, through the view."""
    found = {}
    for row in db.session.execute(text("SELECT * FROM v_cbhours_live_stats")).mappings():
        values = {name: row[name] for name in VIEW}
        values["tags"] = None if values["tags"] is None else json.loads(values["tags"])
        values["is_new"] = None if values["is_new"] is None else bool(values["is_new"])
        found[row["username"], row["checked_seconds"]] = values
    db.session.rollback()
    return found


def test_the_recorded_answer_comes_back_field_by_field(app, worker_client, clock):
    said = sample("live")["data"]
    with app.app_context():
        add(*said)
    answer = worker_client.post("/api/ingest/cbhours-live", json=recorded_live(clock.now, capture=CAPTURE))
    assert (answer.status_code, answer.json["accepted"], answer.json["rejected"]) == (200, 4, [])
    letters = {"Male": "m", "Female": "f", "Trans": "t"}
    with app.app_context():
        for name, values in said.items():
            here = told()[name, int(clock.now.timestamp())]
            if values["room_status"] == "Online":
                assert here == values | {"gender": letters[values["gender"]]}
            else:
                assert here == dict.fromkeys(VIEW) | {"room_status": "Offline"}
        poll = db.session.query(CbhoursPoll).one()
        assert (poll.asked, poll.online, poll.offline, poll.unknown, poll.rejected) == (4, 3, 1, 0, 0)
        assert db.session.get_one(CaptureRow, poll.capture_id).url == CAPTURE["url"]


def test_the_same_batch_twice_is_answered_the_same_and_changes_nothing(app, worker_client, clock):
    with app.app_context():
        add("alder_lane", "zq", "_m7", "cedar_finch")
    message = recorded_live(clock.now, capture=CAPTURE)
    first = worker_client.post("/api/ingest/cbhours-live", json=message)
    with app.app_context():
        before = everything(), rows("SELECT count(*) FROM cbhours_polls")
    again = worker_client.post("/api/ingest/cbhours-live", json=message)
    assert (again.json, again.headers["X-MHC-Repeated"]) == (first.json, "1")
    with app.app_context():
        assert (everything(), rows("SELECT count(*) FROM cbhours_polls")) == before


def test_only_names_that_are_known_and_were_asked_for_count(app):
    with app.app_context():
        add("ann", "bob")
        answer = take(live(entry("ann"), entry("bob"), entry("stranger"), asked=["ann", "Stranger", "ghost"]))
        assert answer["accepted"] == 1
        assert {one["item"]: one["reason"] for one in answer["rejected"]} == {
            "bob": "was not asked for", "stranger": "nobody of this name is known",
            "ghost": "nobody of this name is known"}
        assert sorted(person.username for person in db.session.query(Person)) == ["ann", "bob"]
        assert [name for name, _ in told()] == ["ann"]


def test_one_bad_entry_costs_that_entry_and_one_bad_value_that_value(app, worker_client, clock):
    with app.app_context():
        add("ann", "bob", "carol")
    message = live(entry("ann", rank=-1, viewers=2**40, followers="many", tags=["Fun\x00", "fun", "", "x" * 500],
                         room_subject="hi\x07 \ud83d", current_show="y" * 90),
                   {"username": "bob"}, 7, {"online": True}, entry("not a name"), entry("CAROL", grank=0),
                   asked=["ann", "bob", "carol"], at=clock.now)
    answer = worker_client.post("/api/ingest/cbhours-live", data=json.dumps(message),
                                content_type="application/json").json
    assert (answer["accepted"], answer["rejected_total"]) == (2, 4)
    with app.app_context():
        here = told()["ann", int(clock.now.timestamp())]
        assert (here["rank"], here["viewers"], here["followers"], here["grank"]) == (None, None, None, 45)
        assert here["tags"] == ["fun", "x" * 100]
        assert (here["room_subject"], here["current_show"]) == ("hi ", "y" * 40)
        assert told()["carol", int(clock.now.timestamp())]["grank"] == 0
        assert state("bob").misses == 0, "a bad entry is no word on whether the name is known"
        assert {tag for tag, in rows("SELECT tag FROM person_tags WHERE person_id = 1")} == {"fun", "x" * 60}


def test_absurdly_many_kinds_of_shows_cost_no_answer(app):
    with app.app_context():
        add("ann", "bob")
        db.session.add_all([CbhoursShow(id=number, name=f"show {number}") for number in range(1, 1_001)])
        db.session.commit()
        assert take(live(entry("ann", current_show="one more"), entry("bob", current_show="show 7")))["accepted"] == 2
        assert [told()[name, int(NOON.timestamp())]["current_show"] for name in ("ann", "bob")] == [None, "show 7"]


SAID = [entry("ann", rank=1), offline("ann"), entry("ann", room_subject="another", followers=1001),
        entry("ann", room_subject="another", tags=None, rank=None, grank=None), entry("ann"),
        entry("ann", viewers=7)]


@pytest.mark.parametrize("order", [*permutations(range(3)), (5, 4, 3, 2, 1, 0), (2, 0, 4, 1, 3), (0, 4, 2, 1, 3),
                                   (4, 0, 3, 2, 1)])
def test_answers_in_any_order_leave_the_same_database(app, order):
    with app.app_context():
        add("ann", "bob")
        messages = [live(said | {"username": name}, at=NOON + number * MINUTE) for name in ("ann", "bob")
                    for number, said in enumerate(SAID[:len(order)])]
        for message in messages[:len(order)]:
            take(message, now=NOON + 7 * MINUTE)
        for number in order:
            take(messages[len(order) + number], now=NOON + 7 * MINUTE)
        seen = told()
        for number, said in enumerate(SAID[:len(order)]):
            second = int((NOON + number * MINUTE).timestamp())
            assert seen["ann", second] == seen["bob", second]
            assert seen["ann", second]["room_subject"] == said.get("room_subject")
        for table, those in everything().items():
            columns = [name for name, in rows("SELECT name FROM pragma_table_info(:table)", table=table)] \
                if db.engine.dialect.name == "sqlite" else [name for name, in rows(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = :table "
                    "ORDER BY ordinal_position", table=table)]
            place = columns.index("person_id")
            ann, bob = ([row[:place] + row[place + 1:] for row in those if row[place] == person] for person in (1, 2))
            assert ann == bob, table


def test_a_second_answer_of_the_same_second_does_not_replace_the_first(app):
    with app.app_context():
        add("ann")
        take(live(entry("ann", viewers=5)))
        before = everything()
        take(live(entry("ann", viewers=6, room_subject="else")))
        assert everything() == before


def test_a_killed_transaction_leaves_nothing_and_the_next_one_everything(app):
    with app.app_context():
        add("ann")
        before = everything()
        message = live(entry("ann"))

        class Killed(Exception):
            pass

        real = db.session.commit
        try:
            db.session.commit = lambda: (_ for _ in ()).throw(Killed)
            with pytest.raises(Killed):
                take(message)
        finally:
            db.session.commit = real
            db.session.rollback()
        assert everything() == before
        assert take(message)["accepted"] == 1
        assert len(told()) == 1


def test_whoever_is_missing_from_an_answer_is_unknown_and_not_offline(app):
    with app.app_context():
        add("ann", "bob")
        take(live(entry("ann"), asked=["ann", "bob"]))
        assert [name for name, _ in told()] == ["ann"]
        assert (state("bob").has_trophy, state("bob").ask_again_at) == (False, NOON + timedelta(days=7))
        assert rows("SELECT count(*) FROM cbhours_current") == [(1,)]


def test_two_misses_from_different_runs_end_what_is_known(app):
    with app.app_context():
        add("ann", "bob")
        take(live(entry("ann"), entry("bob")))
        one, other = run_id(), run_id()
        for number, run in enumerate((one, one, one), 1):
            take(live(entry("bob"), asked=["ann", "bob"], at=NOON + number * MINUTE, run_id=str(run)))
        assert (state("ann").has_trophy, state("ann").misses) == (True, 1)
        take(live(entry("bob"), asked=["ann", "bob"], at=NOON + 10 * MINUTE, run_id=str(other)))
        assert (state("ann").has_trophy, state("ann").ask_again_at) == (False, NOON + 10 * MINUTE + timedelta(days=7))
        assert rows("SELECT online FROM cbhours_current WHERE person_id = 1")[0][0], "its last word stays its last word"


def test_an_answer_that_suddenly_knows_nobody_is_not_believed(app):
    with app.app_context():
        add("ann", "new")
        take(live(entry("ann")))
        for number in range(1, 4):
            take(live(asked=["ann", "new"], at=NOON + number * MINUTE, run_id=str(run_id())))
        assert (state("ann").has_trophy, state("ann").misses) == (True, 0)
        assert (state("new").has_trophy, state("new").misses) == (None, 0)
        assert state("new").live_asked_at == NOON + 3 * MINUTE
        assert [poll.problems for poll in db.session.query(CbhoursPoll).order_by(CbhoursPoll.id)][1:] == [
            {"distrusted": 2}] * 3


def test_an_answered_call_is_a_hearing(app):
    with app.app_context():
        add("ann")
        take(live(entry("ann")))
        job = db.session.query(Job).filter_by(name=due.LIVE).one()
        assert db.session.query(HeardSpan).filter_by(job_id=job.id).one().heard_at == NOON


def test_a_bad_raw_answer_is_set_aside_and_the_rest_taken(app):
    with app.app_context():
        add("ann")
        answer = take(live(entry("ann"), capture=CAPTURE | {"body": "no gzip"}))
        assert (answer["accepted"], [one["item"] for one in answer["rejected"]]) == (1, ["capture"])
        assert db.session.query(CbhoursPoll).one().capture_id is None


def test_the_number_of_statements_does_not_grow_with_the_people(app):
    from tests.jobs.helpers import statements

    with app.app_context():
        few, many = [f"few_{number}" for number in range(3)], [f"many_{number}" for number in range(50)]
        add(*few, *many)
        take(live(entry(few[0])))
    counts = []
    for number, names in enumerate((few, many), 1):
        def post(names=names, number=number):
            with app.app_context():
                take(live(*(entry(name) for name in names[1:]), asked=names, at=NOON + number * MINUTE))
        counts.append(statements(app, post))
    assert counts[0] == counts[1] < 30


def test_live_answers_are_read_back_in_order(app):
    with app.app_context():
        person, = add("ann")
        for number, said in enumerate(SAID):
            take(live(said, at=NOON + number * MINUTE))
        first = int(NOON.timestamp())
        found = queries.live(db.session(), person, first + 60, first + 240)
        assert [(one.at - first, one.online, one.rank, one.show) for one in found] == [
            (60, False, None, None), (120, True, 120, "public"), (180, True, None, "public")]

from datetime import timedelta

from server.models import Person, db
from server.people.erase import erase
from tests.affiliate.rooms import NOON, poll, room, rows, take, told
from tests.ingest.helpers import packed, page, send


def test_one_bad_room_never_costs_the_poll(worker_client, app):
    body = poll(room("ann"), {"username": "no name at all!"}, "a text", None, {"age": 3}, room("bob", age="x" * 9000),
                room("carol", num_followers=2**80, tags=["x", 7], num_users=-4, room_subject="a\x00b"),
                {"username": "bare"})
    answer = send(worker_client, "affiliate-rooms", body)
    assert answer.status_code == 200, answer.json
    assert answer.json["accepted"] == 4
    assert answer.json["rejected_total"] == 4
    with app.app_context():
        said = {name: values for (name, _), values in told().items()}
        assert set(said) == {"ann", "bob", "carol", "bare"}
        assert said["ann"] == room("ann")
        assert said["bob"] == room("bob", age=None)
        assert said["carol"] == room("carol", num_followers=None, tags=None, num_users=None, room_subject="ab")


def test_the_same_batch_twice_is_answered_the_same_and_changes_nothing(worker_client, app):
    body = poll(room("ann"), captures=[{"url": "https://x.example/", "body": packed(b"{}")}])
    first = send(worker_client, "affiliate-rooms", body)
    again = send(worker_client, "affiliate-rooms", body)
    assert again.json == first.json
    assert again.headers["X-MHC-Repeated"] == "1"
    with app.app_context():
        assert rows("SELECT count(*) FROM affiliate_poll_captures") == [(1,)]
        assert rows("SELECT snapshots FROM person_current") == [(1,)]


def test_a_raw_answer_that_cannot_be_kept_costs_only_itself(worker_client):
    body = poll(room("ann"), captures=[{"url": "https://x.example/", "body": "no gzip"}])
    answer = send(worker_client, "affiliate-rooms", body)
    assert (answer.json["accepted"], answer.json["rejected_total"]) == (1, 1)


def test_whoever_is_seen_broadcasting_is_a_model(worker_client, app, clock):
    with app.app_context():
        db.session.add(Person(username="ann", role="viewer", created_at=NOON))
        db.session.add(Person(username="bob", role="unknown", created_at=NOON))
        db.session.commit()
        take(room("ann"), room("bob"), room("carol"))
        assert rows("SELECT username, role FROM persons ORDER BY username") == [
            ("ann", "both"), ("bob", "model"), ("carol", "model")]


def test_the_current_row_follows_every_poll_and_keeps_what_is_not_said_any_more(app):
    with app.app_context():
        take(room("ann", tags=["old"]))
        take(room("ann", num_users=77, num_followers=None, tags=None, room_subject=None, current_show="private"),
             at=NOON + timedelta(minutes=30))
        assert rows("SELECT last_show, viewers, followers, subject, last_seen_at = live_at, snapshots, live_source "
                    "FROM v_person_current_state") == [
                        ("private", 77, 1000, "jigsaw evening", True, 2, "affiliate")]
        assert rows("SELECT tag FROM person_tags") == [("old",)]


def test_a_late_poll_changes_nothing_that_is_newer(app):
    with app.app_context():
        take(room("ann", num_users=2, room_subject="new"), at=NOON + timedelta(minutes=30))
        take(room("ann", num_users=1, room_subject="old"), room("bob", room_subject="only once"))
        assert rows("SELECT username, viewers, subject, snapshots FROM v_person_current_state ORDER BY username") == [
            ("ann", 2, "new", 2), ("bob", 40, "only once", 1)]


def test_another_poll_of_the_same_moment_stores_nobody_twice(app):
    with app.app_context():
        take(room("ann", num_users=1))
        take(room("ann", num_users=2), room("bob"))
        assert rows("SELECT username, viewers, snapshots FROM v_person_current_state ORDER BY username") == [
            ("ann", 1, 1), ("bob", 40, 1)]
        assert sorted(key[0] for key in told()) == ["ann", "bob"]


def test_list_pages_do_not_replace_what_the_affiliate_api_said(app, worker_client, clock):
    with app.app_context():
        take(room("ann", age=31))
    clock.now = NOON + timedelta(minutes=5)
    seen = {"username": "ann", "age": 40, "tags": ["page"], "online": True, "broadcasts": True}
    first = page(clock, seen, {"username": "bob", "age": 22, "tags": ["page"], "online": True})
    assert send(worker_client, "scan-page", first).status_code == 200
    end = {"batch_id": "6a1ab1a5-0000-4000-8000-00000000000e", "observed_at": clock.now.isoformat(),
           "scan_id": first["scan_id"], "account": "demo_owner", "list": "followers",
           "started_at": clock.now.isoformat(), "finished_at": clock.now.isoformat(), "pages": 1}
    assert send(worker_client, "scan-end", end).status_code == 200
    with app.app_context():
        found = rows("SELECT username, age, profile_source, tags_source FROM v_person_current_state ORDER BY username")
        assert found[0] == ("ann", 31, "affiliate", "affiliate")
        assert found[1:] in ([], [("bob", 22, "browser", "browser")])
        assert ("page",) not in rows("SELECT tag FROM person_tags JOIN persons ON persons.id = person_id "
                                     "WHERE username = 'ann'")


def test_an_erased_person_is_in_no_table_and_is_somebody_new_when_seen_again(app):
    with app.app_context():
        take(room("ann"), room("bob"), captures=[{"url": "https://x.example/", "body": packed(b"ann and bob")}])
        receipt = erase(db.session(), "ann", now=NOON, actor="a test")
        db.session.commit()
        assert (receipt["snapshots"], receipt["broadcasts"], receipt["captures"]) == (1, 1, 1)
        for table in ("affiliate_api_snapshots", "affiliate_profiles", "affiliate_subjects", "affiliate_tags",
                      "broadcasts", "person_current", "person_details"):
            assert rows(f"SELECT count(*) FROM {table}") == [(1,)], table
        take(room("ann"), room("bob"), at=NOON + timedelta(minutes=30))
        assert [key[0] for key in told(NOON + timedelta(minutes=30))].count("ann") == 1

"""What `/api/followers/…`, `/api/scans` and `/api/persons` answer, on both databases."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from server.jobs.store import ensure_jobs
from server.models import Account, CaptureRow, Person, ScanPageRow, db
from tests.follows.lists import Lists, hour

PAGES = Path(__file__).resolve().parents[1] / "pages"
CROWD = [f"crowd_{number:02}" for number in range(30)]


def page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def waiting(lists: Lists, program: Any) -> Any:
    """The program, before each of whose requests the test's own session lets go of SQLite's one writer."""
    plain = program.open

    def open_(*args: Any, **kwargs: Any) -> Any:
        lists.session.rollback()
        return plain(*args, **kwargs)

    program.open = open_
    return program


@pytest.fixture
def api(lists: Lists, api_as: Callable[[str], Any]) -> Any:
    """A subscriber's program, in a panel with one account and nobody on its lists yet."""
    lists.session.add(Account(username="demo_owner", created_at=hour(0)))
    lists.session.commit()
    return waiting(lists, api_as("subscriber"))


def test_following_has_the_moments_under_their_own_names(lists: Lists, api: Any):
    ann = {"username": "ann", "online": True, "broadcasts": True, "age": 30, "tags": ["one"]}
    lists.read([], 0, list_name="following", people=[ann])
    lists.read([], 6, list_name="following", people=[ann, {"username": "bob"}])
    answer = api.get("/api/followers/following?sort=username").json
    first, second = answer["following"]
    assert (answer["total"], answer["next_cursor"]) == (2, None)
    assert (first["username"], first["state"], first["age"], first["tags"]) == ("ann", "current", 30, ["one"])
    assert (first["following_since"], first["following_since_earliest"]) == (None, None)
    assert first["following_since_latest"] == "2026-11-01T12:05:00.000Z"
    assert second["following_since"] == second["following_since_latest"] == "2026-11-01T18:05:00.000Z"
    assert second["following_since_earliest"] == "2026-11-01T12:00:00.000Z"
    assert second["unfollowed_at"] is None


def test_missing_followers_are_marked(lists: Lists, api: Any):
    lists.read(["ann", "bob"], 0)
    lists.read(["ann"], 6)
    rows = api.get("/api/followers/followers?sort=username").json["followers"]
    assert [(row["username"], row["state"], row["missing_since"]) for row in rows] == [
        ("ann", "current", None), ("bob", "missing", "2026-11-01T18:05:00.000Z")]


def test_unfollowed_counts_days_and_tells_what_they_say(lists: Lists, api: Any):
    lists.read(["ann", "bob"], 0)
    lists.event("follow", "cas", 24)
    lists.event("unfollow", "cas", 24 * 11)
    lists.event("unfollow", "bob", 24 * 12)
    answer = api.get("/api/followers/unfollowed?days=30").json
    bob, cas = answer["unfollowed"]
    assert (cas["username"], cas["days_followed"], cas["days_followed_at_least"]) == ("cas", 10, False)
    assert (cas["follower_since"], cas["unfollower_at"]) == ("2026-11-02T12:00:00.000Z", "2026-11-12T12:00:00.000Z")
    assert (bob["follower_since"], bob["days_followed"], bob["days_followed_at_least"]) == (None, 12, True)
    assert (cas["days_followed_least"], cas["days_followed_most"]) == (10, 10)
    assert (bob["days_followed_least"], bob["days_followed_most"]) == (12, None)
    assert answer["total"] == 2
    assert answer["insights"] == {"total": 2, "average_days": 11, "average_days_at_least": True, "rate": 0.6667}
    week = api.get("/api/followers/unfollowed?days=7").json
    assert (week["total"], week["insights"]) == (1, {
        "total": 1, "average_days": 12, "average_days_at_least": True, "rate": 0.5})


def test_days_followed_have_the_bounds_of_the_two_moments(lists: Lists, api: Any):
    for number, names in enumerate([["ann"], ["ann", "bob"], ["ann", "bob"], ["ann"], ["ann"]]):
        lists.read(names, 24 * number)
    (bob,) = api.get("/api/followers/unfollowed").json["unfollowed"]
    assert (bob["days_followed_least"], bob["days_followed"], bob["days_followed_most"]) == (1, 2, 3)
    (told,) = api.get("/api/persons/bob").json["follows"]
    assert {name: told[name] for name in told if name.startswith("days_")} == {
        name: bob[name] for name in bob if name.startswith("days_")}


def test_nobody_left_is_not_a_rate_of_nothing(api: Any):
    answer = api.get("/api/followers/unfollowed").json
    assert answer["insights"] == {"total": 0, "average_days": None, "average_days_at_least": False, "rate": None}


def test_pages_show_everybody_once(lists: Lists, api: Any):
    lists.read(CROWD, 0)
    for path in ("/api/followers/followers?sort=since", "/api/followers/followers?sort=-since",
                 "/api/followers/followers?sort=username", "/api/followers/followers?sort=-username",
                 "/api/followers/history?direction=follower", "/api/persons?sort=-username", "/api/persons?sort=seen"):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = api.get(f"{path}&limit=13" + (f"&cursor={cursor}" if cursor else "")).json
            assert answer["total"] == 30
            seen += [row["username"] for row in answer.get("followers") or answer.get("history") or answer["persons"]]
            cursor = answer["next_cursor"]
        assert sorted(seen) == CROWD, path


def test_a_cursor_that_is_none_names_the_field(api: Any):
    for path in ("following", "followers", "unfollowed", "history"):
        for cursor in ("x", "!!", "W10", "WyJhIl0", "bnVsbA", "WzEsMiwzXQ", "é"):
            answer = api.get(f"/api/followers/{path}", query_string={"cursor": cursor})
            assert (answer.status_code, answer.json["error"]["field"]) == (400, "cursor"), (path, cursor)
    for path in ("/api/scans", "/api/persons"):
        answer = api.get(path, query_string={"cursor": "WyJhIl0"})
        assert (answer.status_code, answer.json["error"]["field"]) == (400, "cursor"), path


def test_a_wrong_field_is_named(api: Any):
    for query in ("limit=0", "limit=501", "sort=shoes", "role=kings"):
        answer = api.get(f"/api/followers/followers?{query}")
        assert (answer.status_code, answer.json["error"]["field"]) == (400, query.split("=")[0])


def test_with_several_accounts_one_has_to_be_named(lists: Lists, api: Any):
    lists.session.add(Account(username="second_owner", created_at=hour(0)))
    lists.session.commit()
    answer = api.get("/api/followers/following")
    assert (answer.status_code, answer.json["error"]["field"]) == (400, "account")
    assert api.get("/api/followers/following?account=second_owner").json["total"] == 0


def test_history_tells_every_edge_with_its_scan(lists: Lists, api: Any):
    first = lists.read(["ann", "bob"], 0)
    lists.read(["ann"], 6)
    last = lists.read(["ann"], 12)
    edges = api.get("/api/followers/history?username=bob").json["history"]
    assert [(edge["event"], edge["at"], edge["scan_id"], edge["source"]) for edge in edges] == [
        ("unfollow", "2026-11-01T18:05:00.000Z", str(last.id), "browser"), ("follow", None, str(first.id), "browser")]
    assert api.get("/api/followers/history?since=2026-11-01T15:00:00Z").json["total"] == 1
    assert api.get("/api/followers/history?until=2026-10-31").json["total"] == 0


def test_a_whole_list_of_usernames_takes_away_and_a_part_does_not(api: Any):
    def hand(names: list[Any], complete: bool) -> Any:
        return api.post("/api/followers/update-followers", json={"usernames": names, "complete": complete}).json

    assert hand(["Ann", "bob"], True)["stats"] == {
        "total": 2, "new": 2, "returned": 0, "missing": 0, "unfollowed": 0}
    api.application.extensions["mhc_clock"].advance(hours=1)
    part = hand(["cas"], False)
    assert (part["scan"]["verdict"], part["stats"]["new"], part["stats"]["missing"]) == ("partial", 1, 0)
    api.application.extensions["mhc_clock"].advance(hours=1)
    whole = hand(["ann", "cas"], True)
    assert (whole["scan"]["source"], whole["stats"]["missing"]) == ("manual", 1)


def test_a_bad_username_costs_neither_the_others_nor_anybody_their_follow(api: Any):
    api.post("/api/followers/update-followers", json={"usernames": ["ann", "bob"], "complete": True})
    api.application.extensions["mhc_clock"].advance(hours=1)
    answer = api.post("/api/followers/update-followers",
                      json={"usernames": ["ann", "no such name", 7, None, {"a": 1}, "cas"], "complete": True}).json
    assert (answer["scan"]["verdict"], answer["scan"]["rejected"], len(answer["rejected"])) == ("partial", 4, 4)
    assert (answer["stats"]["new"], answer["stats"]["missing"]) == (1, 0)


def test_saved_pages_are_judged_like_a_scan(lists: Lists, api: Any):
    answer = api.post("/api/followers/update-followers",
                      json={"html": [page("followers-page1.html"), page("followers-last.html")]}).json
    assert (answer["scan"]["verdict"], answer["scan"]["found"], answer["stats"]["new"]) == ("complete", 8, 8)
    one = api.post("/api/followers/update-followers", json={"html": page("followers-page1.html")}).json
    assert (one["scan"]["verdict"], one["stats"]["missing"]) == ("partial", 0)
    assert lists.session.query(CaptureRow).count() == 3


def test_uploaded_files_are_read_together(api: Any):
    names = ["followed-online-page1.html", "followed-online-last.html", "followed-offline-page1.html"]
    files = [(io.BytesIO(page(name).encode()), name) for name in names]
    answer = api.post("/api/followers/update-following", data={"files": files}, content_type="multipart/form-data")
    scan = answer.json["scan"]
    assert (answer.status_code, scan["verdict"], scan["found"], scan["state"]) == (200, "complete", 13, "applied")


def test_a_page_that_is_no_list_changes_nothing(api: Any):
    api.post("/api/followers/update-followers", json={"usernames": ["ann"], "complete": True})
    for name in ("login.html", "challenge.html", "followers-unknown-layout.html", "not-found.html"):
        answer = api.post("/api/followers/update-followers", json={"html": page(name)}).json
        assert (answer["scan"]["verdict"], answer["scan"]["state"]) == ("rejected", "dropped"), name
    assert api.get("/api/followers/followers").json["total"] == 1


def test_a_hand_over_that_is_none_is_refused(api: Any):
    for body in ({}, {"html": "x", "usernames": []}, {"usernames": "ann"}, {"html": []}, {"pages": 1}, [], 7,
                 {"usernames": ["a"], "complete": "perhaps"},
                 {"usernames": ["a"], "observed_at": "2030-01-01T00:00:00Z"}):
        answer = api.post("/api/followers/update-followers", data=json.dumps(body), content_type="application/json")
        assert answer.status_code == 400, body
    assert api.get("/api/scans").json["total"] == 0


def test_scans_are_listed_with_evidence_and_decided(lists: Lists, api: Any):
    lists.read(["ann", *CROWD], 0)
    held = str(lists.read(["ann"], 6).id)
    listed = api.get("/api/scans?state=held").json
    assert [scan["id"] for scan in listed["scans"]] == [held]
    one = api.get(f"/api/scans/{held}").json["scan"]
    assert (one["diff"]["leave_count"], one["evidence"][0]["facts"]["part"]) == (30, "followers")
    accepted = api.post(f"/api/scans/{held}/accept").json["scan"]
    assert (accepted["state"], accepted["stats"]["missing"]) == ("applied", 30)
    assert api.post(f"/api/scans/{held}/reject").status_code == 409
    assert api.get("/api/scans/00000000-0000-0000-0000-000000000000").status_code == 404


def test_the_directory_filters(lists: Lists, api: Any):
    lists.read([], 0, list_name="following", people=[
        {"username": "ann", "online": True, "broadcasts": True, "tags": ["dance"]}, {"username": "bob_50%"[:6]}])
    lists.read(["cas"], 0)

    def names(query: str) -> list[str]:
        return [row["username"] for row in api.get(f"/api/persons?{query}").json["persons"]]

    assert names("") == ["ann", "bob_50", "cas"]
    assert names("role=models") == ["ann"]
    assert names("role=viewer") == ["cas"]
    assert names("tag=dance") == ["ann"]
    assert names("q=B_5") == ["bob_50"]
    assert names("q=%25") == []
    assert names("live=true") == []


def test_a_person_says_where_each_value_comes_from(lists: Lists, api: Any):
    lists.read([], 0, list_name="following", people=[{"username": "ann", "age": 30}])
    answer = api.get("/api/persons/Ann").json
    assert answer["age"] == {"value": 30, "source": "browser", "observed_at": "2026-11-01T12:00:00.000Z",
                             "fresh": False, "others": []}
    assert answer["country"]["value"] is None and answer["country"]["source"] is None
    assert [(row["direction"], row["state"]) for row in answer["follows"]] == [("following", "current")]
    assert api.get("/api/persons/nobody").status_code == 404


def test_fresh_follows_the_schedule_of_the_lists_and_live_does_not(lists: Lists, api: Any, clock: Any):
    clock.now = hour(0)
    ensure_jobs(lists.session, lists.session.query(Account).one())
    lists.read([], 0, list_name="following", people=[{"username": "ann", "age": 30, "online": True}])

    def ann() -> tuple[bool, bool]:
        answer = api.get("/api/persons/ann").json
        return answer["age"]["fresh"], answer["live"]["value"]

    assert ann() == (True, True)
    clock.advance(minutes=11)
    assert ann() == (False, False)
    api.post("/api/job/following/config", json={"intervalMinutes": 60})
    api.post("/api/job/following/start")
    clock.advance(minutes=78)
    assert ann() == (True, False)
    clock.advance(minutes=2)
    assert ann() == (False, False)
    assert api.get("/api/persons?live=true").json["total"] == 0


def test_an_erased_person_is_nowhere(lists: Lists, api: Any, api_as: Callable[[str], Any]):
    api.post("/api/followers/update-followers",
             json={"html": [page("followers-page1.html"), page("followers-last.html")]})
    name = api.get("/api/followers/followers?limit=1").json["followers"][0]["username"]
    assert api.delete(f"/api/persons/{name}").status_code == 403
    admin = waiting(lists, api_as("admin"))
    receipt = admin.delete(f"/api/persons/{name}").json
    assert (receipt["persons"], receipt["follows"], receipt["scan_pages"], receipt["captures"]) == (1, 1, 1, 1)
    assert admin.get(f"/api/persons/{name}").status_code == 404
    assert admin.delete(f"/api/persons/{name}").status_code == 404
    assert lists.session.query(Person).filter_by(username=name).count() == 0
    assert lists.session.query(ScanPageRow).count() == 2
    lists.session.rollback()
    assert admin.delete("/api/persons/demo_owner").status_code == 409


def test_the_erase_command_prints_a_receipt(lists: Lists, app: Any):
    lists.read(["ann"], 0)
    lists.session.rollback()
    done = app.test_cli_runner().invoke(args=["erase", "ann", "--yes"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["follows"] == 1
    assert lists.state("ann") == "absent"


def test_a_list_costs_the_same_statements_however_long(lists: Lists, api: Any):
    paths = ("/api/followers/followers", "/api/followers/unfollowed", "/api/followers/history", "/api/persons")

    def statements() -> list[int]:
        counted = []
        for path in paths:
            said: list[str] = []

            def note(_c: Any, _cursor: Any, statement: str, *_rest: Any, said: list[str] = said) -> None:
                said.append(statement)

            lists.session.rollback()
            event.listen(db.engine, "before_cursor_execute", note)
            assert api.get(path).status_code == 200
            event.remove(db.engine, "before_cursor_execute", note)
            counted.append(len(said))
        return counted

    lists.read(["ann", "bob"], 0)
    api.get("/api/persons")
    few = statements()
    lists.read(["ann", "bob", *CROWD], 6)
    assert statements() == few


def test_a_first_upload_makes_the_account_that_its_pages_name(api_as):
    panel = api_as("admin")
    pages = [(PAGES / name).read_text() for name in ("followers-page1.html", "followers-last.html")]
    answer = panel.post("/api/followers/update-followers", json={"html": pages})
    assert answer.get_json()["scan"]["verdict"] == "complete"
    assert answer.get_json()["scan"]["account"] == "demo_owner"
    assert panel.get("/api/followers/followers").get_json()["total"] == 8


def test_usernames_alone_have_to_say_whose_they_are(api_as):
    panel = api_as("admin")
    names = {"usernames": ["ann", "bob"], "complete": True}
    answer = panel.post("/api/followers/update-followers", json=names)
    assert (answer.status_code, answer.get_json()["error"]["field"]) == (400, "account")
    assert panel.post("/api/followers/update-followers?account=demo_owner", json=names).status_code == 200
    mistyped = panel.post("/api/followers/update-followers?account=demo_ovner", json=names)
    assert mistyped.get_json()["error"]["code"] == "unknown_account"


def test_before_there_is_an_account_the_lists_are_empty(api_as):
    panel = api_as("viewer")
    assert panel.get("/api/followers/following").get_json()["following"] == []
    assert panel.get("/api/followers/followers").get_json()["followers"] == []
    unfollowed = panel.get("/api/followers/unfollowed?days=7").get_json()
    assert (unfollowed["unfollowed"], unfollowed["insights"]["rate"]) == ([], None)
    assert panel.get("/api/followers/history").get_json()["history"] == []

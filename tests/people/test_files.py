"""Lists as files: everything that fits, nothing a spreadsheet could take for a command."""

import csv
import io
import json

import pytest

from server.exports import streams
from server.exports.formats import cell
from server.follows.queries import CURRENT_SORTS
from tests.affiliate.rooms import room, take
from tests.pages_ui import seed
from tests.pages_ui.conftest import session  # noqa: F401  a fixture


@pytest.mark.parametrize(("text", "safe"), [
    ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(1)", "'@SUM(1)"),
    ("\t=1", "' =1"), ("\r=1", "'=1"), ("\n=1", "' =1"), ("  =1", "'  =1"), ("\u00a0=1", "'\u00a0=1"),
    ("\u200b=1", "'\u200b=1"), ("\u202e=1", "'=1"), ("＝1", "'＝1"), ("\x00=1", "'=1"), ("\x00", ""),
    ("a\r\nb\u2028c", "a b c"), ("\ud800x", "x"), ("plain, \"quoted\"", "plain, \"quoted\""), ("", ""), (None, ""),
    (-5, "-5"), (0, "0"), (True, "yes"), (False, "no"), (["=a", "b"], "'=a b"), ([], ""),
])
def test_a_cell_is_never_a_formula(text, safe):
    assert cell(text) == safe


@pytest.fixture
def everybody(session, clock):  # noqa: F811
    """Three who follow, one of them gone, with texts that a spreadsheet would run."""
    owner = seed.account(session, clock.now)
    for number, name in enumerate(("ann", "bob", "cleo")):
        who = seed.person(session, name, clock.now, "both", subject="=1+1", tags=["@tag", "music"][:2 - number],
                          display_name="-" + name)
        seed.follow(session, owner, who, "follower", since=clock.now, earliest=clock.now)
        seed.follow(session, owner, who, "following", since=clock.now)
    gone = seed.person(session, "dan", clock.now)
    seed.follow(session, owner, gone, "follower", since=clock.now, end_earliest=clock.now, end_latest=clock.now)
    session.commit()


def table(answer):
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))


def test_a_file_holds_exactly_what_the_filters_leave_in_the_order_of_the_page(everybody, client_as):
    browser = client_as("viewer")

    def names(query):
        return [row["username"] for row in table(browser.get(f"/users/{query}"))]

    assert names("directory.csv?sort=-username") == ["dan", "cleo", "bob", "ann"]
    assert names("directory.csv?tag=music&sort=username") == ["ann"]
    assert names("directory.csv?q=nobody") == []
    assert names("following.csv?sort=username&q=o") == ["bob", "cleo"]
    assert names("followers.csv?sort=-username&role=viewers") == ["cleo", "bob", "ann"]
    assert names("unfollowed.csv") == ["dan"] and names("unfollowed.csv?who=me") == []


def test_the_lines_of_json_are_the_objects_of_the_api(everybody, client_as, api_as):
    api = api_as("viewer")
    for path, key in (("/api/persons", "persons"), ("/api/followers/following", "following"),
                      ("/api/followers/followers", "followers"), ("/api/followers/unfollowed", "unfollowed")):
        answer = api.get(f"{path}?format=jsonl&limit=1")
        assert [json.loads(line) for line in answer.text.splitlines()] == api.get(path).json[key], path
        columns = table(api.get(f"{path}?format=csv"))[0]
        assert len(columns) > 25 and columns["username"]


def test_a_file_has_a_harmless_name_and_says_nothing_that_runs(everybody, client_as):
    answer = client_as("viewer").get("/users/directory.csv?q=%22%0d%0aSet-Cookie:x&tag=../..")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="directory.csv"'
    answer = client_as("viewer").get("/users/directory.csv?sort=username")
    assert answer.mimetype == "text/csv" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (table(answer)[0]["subject"], table(answer)[0]["display_name"]) == ("'=1+1", "'-ann")
    assert table(answer)[0]["tags"] == "'@tag music"


def test_a_long_list_is_sent_in_batches_and_misses_nobody(session, client_as, clock, monkeypatch):  # noqa: F811
    owner = seed.account(session, clock.now)
    seed.many(session, owner, clock.now, 230)
    session.commit()
    monkeypatch.setattr(streams, "BATCH", 50)
    for sort in ("seen", "-age", "username"):
        answer = client_as("viewer").get(f"/users/directory.csv?sort={sort}")
        assert answer.is_streamed
        assert len({row["username"] for row in table(answer)}) == 230
    for sort in CURRENT_SORTS:
        assert len({row["username"] for row in table(client_as("viewer").get(
            f"/users/followers.csv?sort={sort}"))}) == 230


def test_a_cursor_or_a_wrong_word_does_no_harm_to_a_file(everybody, client_as, api_as):
    assert len(table(client_as("viewer").get("/users/directory.csv?after=nonsense&sort='%3b drop"))) == 4
    assert api_as("viewer").get("/api/persons?format=xlsx").status_code == 400
    assert client_as("viewer").get("/users/directory.exe").status_code == 404


def test_what_a_poll_said_is_in_the_file(app, client_as, clock):
    with app.app_context():
        take(room("ann", num_followers=1234))
    (row,) = table(client_as("viewer").get("/users/directory.csv"))
    assert (row["followers"], row["live"], row["viewers"], row["snapshots"]) == ("1234", "yes", "40", "1")
    assert (row["origins.followers.source"], row["origins.followers.fresh"]) == ("affiliate", "yes")
    clock.advance(minutes=46)
    (row,) = table(client_as("viewer").get("/users/directory.csv"))
    assert (row["followers"], row["live"], row["viewers"]) == ("1234", "no", "")

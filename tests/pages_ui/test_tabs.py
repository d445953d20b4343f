"""The four Users tabs."""

from datetime import timedelta

import pytest

from tests.pages_ui import seed
from tests.pages_ui.conftest import heads, text, usernames

COLUMNS = {
    "directory": "Username, Image, Age, Role, Tags, Priority, Followers, Rank, Gender Rank, Events, Snapshots, "
                 "Last Seen, Actions",
    "following": "Username, Image, Age, Role, Tags, Followers, Rank, Gender Rank, Following Since, Last Seen, Actions",
    "followers": "Username, Image, Age, Role, Tags, Follower Since, Last Seen, Actions",
    "unfollowed": "Username, Image, Age, Role, Followed On, Unfollowed On, Days Followed, Last Seen, Actions",
}


def one_of_each(session, now):
    """ann follows, bob is followed, cleo left, dan was unfollowed by the owner."""
    owner = seed.account(session, now)
    day = timedelta(days=1)
    people = {name: seed.person(session, name, now, role) for name, role in (
        ("ann", "viewer"), ("bob", "model"), ("cleo", "viewer"), ("dan", "both"), ("eve", "unknown"))}
    seed.follow(session, owner, people["ann"], "follower", since=now - 2 * day, earliest=now - 2 * day)
    seed.follow(session, owner, people["bob"], "following", since=now - 3 * day)
    seed.follow(session, owner, people["cleo"], "follower", since=now - 20 * day, earliest=now - 21 * day,
                end_earliest=now - 5 * day, end_latest=now - 4 * day)
    seed.follow(session, owner, people["dan"], "following", since=now - 80 * day,
                end_earliest=now - 61 * day, end_latest=now - 60 * day)
    session.commit()
    return owner, people


@pytest.mark.parametrize("tab", COLUMNS)
def test_a_tab_has_exactly_its_columns(session, visit, clock, tab):
    one_of_each(session, clock.now)
    days = "?days=all" if tab == "unfollowed" else ""
    assert ", ".join(heads(visit(f"/users/{tab}{days}"))) == COLUMNS[tab]


@pytest.mark.parametrize("tab", COLUMNS)
def test_an_empty_tab_says_what_to_do(visit, tab):
    shown = visit(f"/users/{tab}")
    # The directory fills without an account of the owner's, too: by polls.
    words = ("Nobody is known yet", "Start the job") if tab == "directory" else (
        "No account yet", "python -m scraper login")
    assert all(word in text(shown.css("#people")) for word in words)
    assert not shown.css("table")


@pytest.mark.parametrize("tab", ["following", "followers"])
def test_a_list_that_was_never_read_says_how_to_read_it(session, visit, clock, tab):
    seed.account(session, clock.now)
    session.commit()
    shown = visit(f"/users/{tab}")
    assert f"Update {tab.capitalize()} List" in text(shown.css("#reading form[method=post] button"))
    assert "has not been read" in text(shown.css("#people"))


def test_every_tab_shows_its_people_and_all_tabs_show_the_counts(session, visit, clock):
    one_of_each(session, clock.now)
    assert usernames(visit("/users/directory")) == ["ann", "bob", "cleo", "dan", "eve"]
    assert usernames(visit("/users/following")) == ["bob"]
    assert usernames(visit("/users/followers")) == ["ann"]
    shown = visit("/users/unfollowed")
    assert usernames(shown) == ["cleo"]
    assert shown.css("#tabs .count::text").getall() == ["5", "1", "1", "1"]


def test_models_are_those_seen_broadcasting_and_viewers_those_who_follow(session, visit, clock):
    one_of_each(session, clock.now)
    assert usernames(visit("/users/directory?role=models")) == ["bob", "dan"]
    assert usernames(visit("/users/directory?role=viewers")) == ["ann", "cleo", "dan"]
    assert usernames(visit("/users/followers?role=models")) == []


def test_search_finds_parts_of_usernames_and_takes_wildcards_literally(session, visit, clock):
    for name in ("river_fox", "riverxfox", "north"):
        seed.person(session, name, clock.now)
    session.commit()
    assert usernames(visit("/users/directory?q=RIVER")) == ["river_fox", "riverxfox"]
    assert usernames(visit("/users/directory?q=r_f")) == ["river_fox"]
    assert usernames(visit("/users/directory?q=%25")) == []
    assert "Nobody fits" in text(visit("/users/directory?q=zzz").css("#people"))


def test_search_in_the_address_survives_strange_letters(visit):
    visit("/users/directory?q=%00", status=400)
    for strange in ("%ff%fe", "%ed%a0%80", "'; DROP TABLE persons; --", "%E2%80%AEabc", "💜", "ß" * 400):
        visit(f"/users/directory?q={strange}")
        visit(f"/users/directory?tag={strange}")


def test_tag_filter_leaves_out_people_without_the_tag(session, visit, clock):
    seed.person(session, "ann", clock.now, "model", tags=["music", "chess"])
    seed.person(session, "bob", clock.now, "model", tags=["yoga"])
    seed.person(session, "cleo", clock.now)
    session.commit()
    assert usernames(visit("/users/directory?tag=music")) == ["ann"]
    assert usernames(visit("/users/directory?tag=%23MUSIC")) == ["ann"]
    assert usernames(visit("/users/directory")) == ["ann", "bob", "cleo"]


def test_unfollowed_shows_both_directions_and_periods(session, visit, clock):
    one_of_each(session, clock.now)
    assert usernames(visit("/users/unfollowed?who=me&days=30")) == []
    assert usernames(visit("/users/unfollowed?who=me&days=90")) == ["dan"]
    assert usernames(visit("/users/unfollowed?days=7")) == ["cleo"]
    assert usernames(visit("/users/unfollowed?who=nonsense&days=nonsense")) == ["cleo"]


def test_days_followed_say_at_least_where_the_start_is_unknown(session, visit, clock):
    one_of_each(session, clock.now)
    left = visit("/users/unfollowed")
    assert text(left.css("td[data-label='Days Followed']")) == "15–17"
    mine = visit("/users/unfollowed?who=me&days=all")
    assert text(mine.css("td[data-label='Days Followed']")) == "at least 19"
    assert text(mine.css("#figures .figure:nth-child(2) .value")) == "at least 19"


def test_insights_count_average_and_share(session, visit, clock):
    one_of_each(session, clock.now)
    figures = visit("/users/unfollowed").css("#figures")
    assert [text(value) for value in figures.css(".value")] == ["1", "15", "50.0 %"]
    assert all(figures.css("abbr::attr(title)").getall())


def test_times_say_their_bounds(session, visit, clock):
    owner = seed.account(session, clock.now)
    now = clock.now  # 20 Nov 2026 12:00 in Lisbon
    hour = timedelta(hours=1)
    for name, earliest, latest in (("open", None, now - 24 * hour), ("exact", now - hour, now - hour),
                                   ("today", now - 3 * hour, now - hour), ("night", now - 14 * hour, now - 10 * hour)):
        seed.follow(session, owner, seed.person(session, name, now), "follower", since=latest, earliest=earliest)
    session.commit()
    shown = visit("/users/followers?sort=username")
    cells = [text(cell) for cell in shown.css("td[data-label='Follower Since']")]
    said = dict(zip(usernames(shown), cells, strict=True))
    assert said["open"] == "before 19 Nov 12:00"
    assert said["exact"] == "20 Nov 11:00"
    assert said["today"] == "between 09:00 and 11:00"
    assert said["night"] == "between 19 Nov 22:00 and 20 Nov 02:00"
    assert "Europe/Lisbon" in text(shown.css("footer"))


def test_missing_people_are_marked(session, visit, clock):
    owner = seed.account(session, clock.now)
    seed.follow(session, owner, seed.person(session, "ann", clock.now), "follower", since=clock.now,
                missing_since=clock.now, missing_seen_at=clock.now - timedelta(hours=1))
    session.commit()
    shown = visit("/users/followers").css("td .missing")
    assert text(shown) == "Missing since 20 Nov 12:00, to be confirmed by the next reading"


def test_somebody_who_came_back_is_marked_among_the_unfollowed(session, visit, clock):
    owner, people = one_of_each(session, clock.now)
    seed.follow(session, owner, people["cleo"], "follower", since=clock.now, earliest=clock.now - timedelta(hours=1))
    session.commit()
    assert "came back" in text(visit("/users/unfollowed").css("td[data-label='Unfollowed On']"))


def test_blanks_say_which_source_is_still_to_come(session, visit, clock):
    one_of_each(session, clock.now)
    row = visit("/users/directory").css("tbody tr")[0]
    for column in ("Age", "Tags", "Followers", "Rank", "Gender Rank", "Events", "Snapshots", "Last Seen"):
        cell = row.css(f"td[data-label='{column}'] .blank")
        assert cell.css("::attr(title)").get(), column
        assert "0" not in text(cell)


@pytest.mark.parametrize("sort", ["username", "-username", "age", "-age", "seen", "-seen", "since", "-since"])
def test_paging_shows_everybody_once_forwards_and_backwards(session, visit, clock, sort):
    owner = seed.account(session, clock.now)
    seed.many(session, owner, clock.now, 130)
    session.commit()
    forward, address = [], f"/users/followers?sort={sort}"
    while address:
        shown = visit(address)
        forward.append(usernames(shown))
        last, address = address, shown.css("a[rel=next]::attr(href)").get()
    assert [len(names) for names in forward] == [50, 50, 30]
    assert len({name for names in forward for name in names}) == 130
    backward, address = [], last
    while address:
        shown = visit(address)
        backward.append(usernames(shown))
        address = shown.css("a[rel=prev]::attr(href)").get()
    assert backward[::-1] == forward


def test_sorting_turns_round_and_says_so(session, visit, clock):
    one_of_each(session, clock.now)
    shown = visit("/users/directory?sort=username")
    head = shown.css("th[aria-sort]")
    assert head.attrib["aria-sort"] == "ascending"
    assert usernames(visit(head.css("a::attr(href)").get())) == ["eve", "dan", "cleo", "bob", "ann"]


@pytest.mark.parametrize("wrong", ["after=abc", "before=AAAA", "after=" + "x" * 5000])
def test_a_cursor_of_somewhere_else_is_refused(session, visit, clock, wrong):
    one_of_each(session, clock.now)
    visit(f"/users/directory?{wrong}", status=400)


@pytest.mark.parametrize("address", ["/users/directory", "/users/directory?role=models&q=person&tag=music",
                                     "/users/following", "/users/followers", "/users/unfollowed"])
def test_a_page_asks_few_statements_however_many_rows_it_has(session, visit, clock, statements, address):
    owner = seed.account(session, clock.now)
    seed.many(session, owner, clock.now, 1)
    session.commit()
    visit(address)
    with statements() as one:
        visit(address)
    seed.many(session, owner, clock.now, 120, first=1)
    session.commit()
    with statements() as many:
        visit(address)
    # Few people may be found in one statement fewer, or in one more: those with a sort value and those without.
    assert len(many) <= 18 and len(one) <= 18, "\n".join(many)


def test_ten_thousand_people(session, visit, clock):
    owner = seed.account(session, clock.now)
    seed.many(session, owner, clock.now, 10_000)
    session.commit()
    shown = visit("/users/followers?sort=-since")
    assert len(usernames(shown)) == 50
    assert shown.css("#tabs .active .count::text").get() == "10,000"


def test_the_first_addresses_lead_to_the_tabs(client_as):
    browser = client_as("viewer")
    for address, target in (("/", "/users/directory"), ("/users", "/users/directory"), ("/follow", "/users/following")):
        assert browser.get(address).headers["Location"] == target


def test_each_account_has_its_own_lists(session, visit, clock):
    one_of_each(session, clock.now)
    studio = seed.account(session, clock.now, "studio_two")
    seed.follow(session, studio, seed.person(session, "zoe", clock.now), "follower", since=clock.now)
    session.commit()
    assert usernames(visit("/users/followers?account=studio_two")) == ["zoe"]
    shown = visit("/users/followers?account=demo_owner")
    assert usernames(shown) == ["ann"]
    assert shown.css("select[name=account] option::text").getall() == ["demo_owner", "studio_two"]
    visit("/users/followers?account=nobody_here", status=404)


@pytest.mark.parametrize(("lasted", "exact", "words"), [
    ({"seconds": 20}, False, "at least a moment"), ({"minutes": 2}, False, "at least 2 min"),
    ({"hours": 23, "minutes": 59}, False, "at least 23 h"), ({"hours": 5}, True, "under 1 day"),
    ({"hours": 30}, True, "1"), ({"days": 12}, True, "12")])
def test_a_follow_shorter_than_a_day_is_not_said_to_last_no_days(session, visit, clock, lasted, exact, words):
    owner = seed.account(session, clock.now)
    began, ended = clock.now - timedelta(hours=1) - timedelta(**lasted), clock.now - timedelta(hours=1)
    seed.follow(session, owner, seed.person(session, "ann", clock.now), "follower", since=began,
                earliest=began if exact else None, end_earliest=ended, end_latest=ended)
    session.commit()
    shown = visit("/users/unfollowed")
    assert text(shown.css("td[data-label='Days Followed']")) == words
    average = text(shown.css("#figures .figure:nth-child(2) .value"))
    assert not average.removeprefix("at least ").startswith("0"), average


def test_the_counts_of_big_lists_are_remembered_for_seconds_and_never_past_a_change(session, visit, clock, statements):
    owner = seed.account(session, clock.now)
    stand = seed.follow_list(session, owner, "follower", clock.now)
    seed.many(session, owner, clock.now, 5_000)
    session.commit()

    def counted():
        with statements() as asked:
            shown = visit("/users/unfollowed").css("#tabs .count::text").getall()
        return shown, sum("count(*)" in statement and "FROM persons" in statement for statement in asked)

    assert counted() == (["5,000", "0", "5,000", "0"], 1)
    assert counted() == (["5,000", "0", "5,000", "0"], 0)
    seed.follow(session, owner, seed.person(session, "newcomer", clock.now), "follower", since=clock.now)
    stand.version += 1
    session.commit()
    assert counted() == (["5,001", "0", "5,001", "0"], 1)
    clock.advance(seconds=11)
    assert counted()[1] == 1


def test_the_counts_of_small_lists_are_always_of_now(session, visit, clock):
    one_of_each(session, clock.now)
    visit("/users/directory")
    seed.person(session, "zoe", clock.now)
    session.commit()
    assert visit("/users/directory").css("#tabs .count::text").get() == "6"

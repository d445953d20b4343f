"""What a scan is worth."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from scraper.observations import PageFacts, ScanEnd
from scraper.verdict import ReadPage, judge, slack, wants_another_pass

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def page(part, number, last, names, *, passes=1, header=None, stated=None, **facts):
    online, total = header or (None, None)
    given = {
        "signed_in_as": "demo_owner", "layout": "known", "active_page": number, "has_next": number < last,
        "last_page": last, "header_online": online, "header_total": total, "stated_total": stated,
        "cards": len(names), "path": "/", **facts,
    }
    return ReadPage(PageFacts(part=part, pass_number=passes, page=number, **given), tuple(names))


def end(pages, list_name="following", **more):
    return ScanEnd(observed_at=NOON, scan_id=uuid4(), account="demo_owner", list=list_name, started_at=NOON,
                   finished_at=NOON, pages=len(pages), **more)


def names(start, stop):
    return [f"p{number}" for number in range(start, stop)]


def following(**facts):
    return [page("online", 1, 2, names(0, 90), header=(120, 200), **facts),
            page("online", 2, 2, names(90, 120), header=(120, 200), **facts),
            page("offline", 1, 1, names(120, 200), header=(120, 200), **facts)]


def followers(stated=150):
    return [page("followers", 1, 2, names(0, 90), stated=stated),
            page("followers", 2, 2, names(90, 150), stated=stated)]


def changed(pages, index, **facts):
    page_facts = pages[index].facts.model_copy(update=facts)
    people = () if facts.get("problem") else pages[index].usernames
    return [*pages[:index], ReadPage(page_facts, people), *pages[index + 1:]]


def test_everything_read_and_counted_is_complete():
    verdict = judge(end(following()), following())
    assert (verdict.verdict, verdict.reason, verdict.expected, verdict.found) == ("complete", None, 200, 200)
    assert all(check.passed for check in verdict.checks)


def test_followers_are_counted_against_the_stats_api():
    pages = followers()
    assert judge(end(pages, "followers", stats_followers=150), pages).verdict == "complete"
    verdict = judge(end(pages, "followers", stats_followers=190), pages)
    assert (verdict.verdict, verdict.reason) == ("partial", "totals_disagree")


def test_without_any_total_nothing_is_proved():
    pages = followers(stated=None)
    verdict = judge(end(pages, "followers"), pages)
    assert (verdict.verdict, verdict.reason) == ("partial", "no_total")


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("code", ["challenge", "signed_out", "rate_limited", "unavailable", "unknown_layout",
                                  "not_loaded", "age_gate", "redirected"])
def test_a_page_that_could_not_be_read_makes_it_partial_and_names_why(index, code):
    pages = changed(following(), index, problem=code, signed_in_as=None)[:index + 1]
    verdict = judge(end(pages, stopped_by=code), pages)
    assert verdict.reason == code
    assert verdict.verdict == ("rejected" if index == 0 else "partial")


@pytest.mark.parametrize("index", [0, 1, 2])
def test_somebody_elses_page_spoils_everything(index):
    pages = changed(following(), index, signed_in_as="somebody_else")
    verdict = judge(end(pages), pages)
    assert (verdict.verdict, verdict.reason) == ("rejected", "wrong_account")
    pages = changed(following(), index, signed_in_as="somebody_else", problem="wrong_account")
    assert judge(end(pages), pages).verdict == "rejected"


def test_the_account_is_compared_without_case():
    pages = following(signed_in_as="Demo_Owner")
    assert judge(end(pages), pages).verdict == "complete"


def test_a_page_that_names_nobody_is_not_proved_to_be_ours():
    pages = changed(following(), 1, signed_in_as=None)
    assert judge(end(pages), pages).reason == "signed_out"


def test_a_missing_page_is_noticed():
    pages = [following()[0], following()[2]]
    assert judge(end(pages), pages).reason == "pages_missing"


def test_a_page_lost_on_its_way_is_noticed():
    pages = following()
    assert judge(end([*pages, pages[0]]), pages).reason == "page_lost"


def test_only_half_of_the_followed_cams_is_not_the_whole():
    pages = following()[:2]
    assert judge(end(pages), pages).verdict == "partial"


def shorter():
    """The online rooms filled two pages when the first was read, and one when the second was asked for."""
    pages = [page("online", 1, 2, names(0, 90), header=(91, 170)),
             page("online", 2, 1, [], header=(90, 170), problem="past_the_end", active_page=None, has_next=False),
             page("offline", 1, 1, names(90, 170), header=(90, 170))]
    return pages


def test_a_list_that_became_shorter_while_it_was_read_ends_where_it_ends_now():
    assert judge(end(shorter()), shorter()).verdict == "complete"
    assert not wants_another_pass("following", shorter())


def test_a_list_that_became_shorter_by_more_than_a_page_is_not_whole():
    pages = changed(shorter(), 1, page=3, last_page=2, problem="past_the_end")
    assert judge(end(pages), pages).reason == "pages_missing"


def test_the_same_page_twice_is_noticed():
    pages = following()
    twice = [pages[0], ReadPage(pages[1].facts, pages[0].usernames), pages[2]]
    assert judge(end(twice), twice).reason == "repeated_page"


def test_a_page_that_marks_another_number_was_not_read():
    pages = changed(following(), 1, active_page=1)
    assert judge(end(pages), pages).reason == "pages_missing"


def test_a_last_page_with_a_working_next_button_is_not_the_last():
    pages = changed(following(), 1, has_next=True)
    assert judge(end(pages), pages).reason == "pages_missing"


def test_more_people_than_the_site_counts_is_not_our_list():
    pages = following()
    pages[1] = ReadPage(pages[1].facts, (*pages[1].usernames, *[f"stranger_{number}" for number in range(20)]))
    verdict = judge(end(pages), pages)
    assert (verdict.verdict, verdict.reason) == ("rejected", "more_than_total")


def test_fewer_than_the_site_counts_is_partial():
    pages = following()
    pages[1] = ReadPage(pages[1].facts, pages[1].usernames[:20])
    assert judge(end(pages), pages).reason == "fewer_than_total"


def test_a_few_vanished_accounts_are_allowed_and_said():
    pages = following()
    pages[1] = ReadPage(pages[1].facts, pages[1].usernames[:-slack(200)])
    verdict = judge(end(pages), pages)
    assert verdict.verdict == "complete"
    assert "The site counts 2 more" in verdict.explanation


def test_nobody_online_is_believed_only_with_the_header():
    online = page("online", 1, 1, [], header=(0, 80), empty_marker=True)
    offline = page("offline", 1, 1, names(0, 80), header=(0, 80))
    assert judge(end([online, offline]), [online, offline]).verdict == "complete"
    for doubt in ({"header_online": 3}, {"empty_marker": False}):
        pages = changed([online, offline], 0, **doubt)
        assert judge(end(pages), pages).reason == "empty_page"


def test_nobody_followed_at_all_is_complete_when_everything_says_so():
    pages = [page("online", 1, 1, [], header=(0, 0), empty_marker=True),
             page("offline", 1, 1, [], header=(0, 0), empty_marker=True)]
    assert judge(end(pages), pages).verdict == "complete"


@pytest.mark.parametrize(("stats", "marker", "verdict"), [
    (0, True, "complete"), (5, True, "rejected"), (None, True, "rejected"), (0, False, "rejected")])
def test_no_followers_needs_the_marker_and_the_stats_api(stats, marker, verdict):
    pages = [page("followers", 1, 1, [], empty_marker=marker)]
    assert judge(end(pages, "followers", stats_followers=stats), pages).verdict == verdict


def test_the_sites_own_online_list_is_a_cross_check():
    pages = following()
    assert judge(end(pages, json_online=names(0, 120)), pages).verdict == "complete"
    verdict = judge(end(pages, json_online=names(0, 120) + names(500, 510)), pages)
    assert (verdict.verdict, verdict.reason) == ("partial", "online_rooms_disagree")


def test_an_entry_that_was_set_aside_leaves_the_list_unproved():
    assert judge(end(following()), following(), set_aside=1).reason == "entries_set_aside"


def test_a_problem_that_a_later_pass_healed_is_forgotten():
    first = changed(following(), 1, problem="repeated_page")
    second = [ReadPage(read.facts.model_copy(update={"pass_number": 2}), read.usernames) for read in following()]
    pages = first + second
    assert judge(end(pages), pages).verdict == "complete"


def test_a_list_by_hand_is_what_its_owner_says():
    pages = [page("followers", 1, 1, ["ann", "bob"], layout=None, signed_in_as=None)]
    assert judge(end(pages, "followers", declared_complete=True), pages).verdict == "complete"
    assert judge(end(pages, "followers", declared_complete=False), pages).verdict == "partial"
    assert judge(end(pages, "followers", declared_complete=True), pages, set_aside=1).verdict == "partial"


def test_an_empty_list_by_hand_proves_nothing():
    pages = [page("followers", 1, 1, [], layout=None, signed_in_as=None)]
    assert judge(end(pages, "followers", declared_complete=True), pages).verdict == "rejected"


def test_a_clean_pass_is_enough():
    assert not wants_another_pass("following", following(), json_online=names(0, 120))


def test_a_list_that_moved_is_read_again():
    moved = following()
    moved[1] = ReadPage(moved[1].facts, moved[1].usernames[1:])
    assert wants_another_pass("following", moved)
    assert wants_another_pass("following", following(), json_online=["somebody_else"])
    assert wants_another_pass("following", following()[:2])


def test_a_second_pass_without_anybody_new_is_the_last():
    first = following()
    first[1] = ReadPage(first[1].facts, first[1].usernames[1:])
    second = [ReadPage(read.facts.model_copy(update={"pass_number": 2}), read.usernames) for read in first]
    assert not wants_another_pass("following", first + second)


def test_a_second_pass_that_found_somebody_makes_the_union_whole():
    first = following()
    first[1] = ReadPage(first[1].facts, first[1].usernames[1:])
    second = [ReadPage(read.facts.model_copy(update={"pass_number": 2}), read.usernames) for read in following()]
    second[0] = ReadPage(second[0].facts, second[0].usernames[1:])
    assert not wants_another_pass("following", first + second)
    verdict = judge(end(first + second), first + second)
    assert (verdict.verdict, verdict.found) == ("complete", 200)

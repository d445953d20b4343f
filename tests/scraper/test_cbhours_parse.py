"""What is made of CBHours' answers: the recorded samples value by value, and all that an answer may say."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.errors import Unavailable, UnknownAnswer
from scraper.observations import CbhoursRoom, CbhoursSegmentSeen
from scraper.sandbox.cbhours import hostile_entries, hostile_rows
from scraper.sources.cbhours.parse import (
    LONGEST_SHOW,
    Activity,
    Live,
    SaidError,
    is_said,
    parse_activity,
    parse_live,
    parse_months,
)

PAGES = Path(__file__).parent.parent / "pages"
LIVE = (PAGES / "cbhours-live.json").read_bytes()
ACTIVITY = (PAGES / "cbhours-activity.json").read_bytes()
NO_TROPHY = (PAGES / "cbhours-activity-no-trophy.json").read_bytes()
MONTHS = (PAGES / "cbhours-months.json").read_bytes()
NAMES = ["alder_lane", "zq", "_m7", "cedar_finch"]
START, END = date(2025, 12, 21), date(2025, 12, 23)
LATER = datetime(2025, 12, 24, tzinfo=UTC)
ONLINE = json.loads(LIVE)["data"]["alder_lane"]
ROW = json.loads(ACTIVITY)["details"]["2025-12-21"][0]


def live_of(said: Any = None, asked: list[str] | None = None, **changed: Any) -> Live:
    """The sample with its data, or more of it, changed."""
    whole = json.loads(LIVE)
    return parse_live(json.dumps({**whole, **({"data": said} if said is not None else {}), **changed}).encode(),
                      NAMES if asked is None else asked)


def room(**said: Any) -> tuple[CbhoursRoom, dict[str, int]]:
    live = live_of({"zq": {**ONLINE, **said}}, ["zq"])
    return live.rooms[0], dict(live.problems)


def activity_of(until: datetime = LATER, **changed: Any) -> Activity:
    """The sample with some of it changed; what becomes None is left out."""
    said = {key: value for key, value in {**json.loads(ACTIVITY), **changed}.items() if value is not None}
    return parse_activity(json.dumps(said).encode(), "alder_lane", START, END, until)


def segment(**said: Any) -> tuple[CbhoursSegmentSeen, dict[str, int]]:
    activity = activity_of(details={"2025-12-21": [{**ROW, **said}]})
    return activity.segments[0], dict(activity.problems)


# -- the samples --------------------------------------------------------------------------------------


def test_the_live_sample_is_read_whole() -> None:
    live = parse_live(LIVE, NAMES)
    assert (live.unknown, live.unreadable, dict(live.problems)) == ([], [], {})
    genders = {"Male": "m", "Female": "f", "Trans": "t"}
    for read, (name, said) in zip(live.rooms, json.loads(LIVE)["data"].items(), strict=True):
        if name == "cedar_finch":
            assert read == CbhoursRoom(username=name, online=False)
            continue
        told = {key: value for key, value in said.items() if key not in ("room_status", "gender")}
        assert read == CbhoursRoom(username=name, online=True, gender=genders[said["gender"]], **told)
    assert (live.rooms[1].viewers, live.rooms[1].followers, live.rooms[1].tags) == (0, 0, [])


def test_the_activity_sample_is_read_whole() -> None:
    activity = parse_activity(ACTIVITY, "alder_lane", START, END, LATER)
    assert activity.days == {"2025-12-21": 12, "2025-12-22": 0, "2025-12-23": 84}
    assert activity.total == sum(activity.days.values()) == 96
    assert [(f"{one.at:%Y-%m-%dT%H:%M}", one.show, one.rank, one.grank, one.viewers, one.followers, one.gender)
            for one in activity.segments] == [
        (row["timestamp"], row["type"], int(row["rank"]), int(row["grank"]), int(row["viewers"]),
         int(row["followers"]), row["gender"])
        for rows in json.loads(ACTIVITY)["details"].values() for row in rows]
    assert activity.segments[0].viewers == 0, "zero is a value"
    assert {one.show for one in activity.segments} == {"_public", "_private", "_group", "_ticket"}
    assert {one.at.tzinfo for one in activity.segments} == {UTC}
    assert dict(activity.problems) == {}


def test_the_sample_of_somebody_without_a_trophy_is_news_about_the_person() -> None:
    for read in (lambda: parse_activity(NO_TROPHY, "alder_lane", START, END, LATER), lambda: parse_months(NO_TROPHY),
                 lambda: parse_live(NO_TROPHY, ["zq"])):
        with pytest.raises(SaidError, match="add a trophy") as said:
            read()
        assert said.value.code == 300 and said.value.is_not_set_up and not said.value.asks_for_a_pause
    assert is_said(NO_TROPHY)


def test_the_months_sample_is_read() -> None:
    assert parse_months(MONTHS) == ["2025-12", "2025-11", "2025-10"]


# -- live ---------------------------------------------------------------------------------------------


def test_a_name_that_is_left_out_is_unknown_and_not_offline() -> None:
    live = parse_live(LIVE, ["nobody_here", *NAMES])
    assert live.unknown == ["nobody_here"]
    assert "nobody_here" not in [room.username for room in live.rooms]


@pytest.mark.parametrize("entry", [
    None, [], {}, "", {"status": "error", "message": "Error Code:300 no trophy"}, {"error": "Error Code:300"},
    {"error": "not found"}, "Error Code:300 no trophy", {"STATUS": "Error", "Message": "unknown model"}])
def test_an_entry_that_is_an_error_is_unknown(entry: Any) -> None:
    live = live_of({"zq": entry}, ["zq"])
    assert (live.rooms, live.unknown, live.unreadable) == ([], ["zq"], [])


@pytest.mark.parametrize("entry", [
    {"status": "error", "message": "Error Code:500 try later"}, {"room_status": "Away"}, {"room_status": None}, 5,
    "Online", {"rank": 1}, ["Online"], {"room_status": True}])
def test_an_entry_that_says_nothing_of_the_person_is_neither(entry: Any) -> None:
    live = live_of({"zq": entry}, ["zq"])
    assert (live.rooms, live.unknown, live.unreadable, dict(live.problems)) == ([], [], ["zq"], {"room_status": 1})


def test_names_are_matched_whatever_their_case_and_strangers_are_ignored() -> None:
    live = live_of({"ZQ": ONLINE, "stranger": ONLINE, " Cedar_Finch ": {"ROOM_STATUS": "OFFLINE"}},
                   ["zq", "cedar_finch"])
    assert [(room.username, room.online) for room in live.rooms] == [("zq", True), ("cedar_finch", False)]
    assert live.unknown == [] and dict(live.problems) == {}


def test_of_two_entries_for_one_name_the_first_counts() -> None:
    live = live_of({"zq": ONLINE, "ZQ": {"room_status": "Offline"}}, ["zq"])
    assert [room.online for room in live.rooms] == [True] and live.problems == {"username": 1}


@pytest.mark.parametrize("state", ["down", "", None, True, 1, ["up"], "maintenance"])
def test_an_answer_of_a_server_that_is_not_up_is_discarded(state: Any) -> None:
    with pytest.raises(Unavailable):
        live_of(server_status=state)


def test_up_may_be_written_in_any_case() -> None:
    assert len(live_of(server_status=" UP ").rooms) == 4


def test_no_data_may_be_an_empty_list() -> None:
    assert live_of([], ["zq"]).unknown == ["zq"]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"text"', b'{"server_status": "up"}', b"<html></html>",
                                  b'{"server_status": "up", "data": [{"zq": {}}]}', b"[" * 100_000,
                                  b'{"server_status": "up", "data": {"zq": {"room_st'])
def test_what_is_no_live_answer_is_unknown_and_makes_nobody_unknown(body: bytes) -> None:
    with pytest.raises(UnknownAnswer):
        parse_live(body, ["zq"])


@pytest.mark.parametrize(("said", "meant"), [
    (0, 0), ("0", 0), (8617, 8617), ("8617", 8617), (" 8617 ", 8617), ("8,617", 8617), (12.0, 12),
    (2**31 - 1, 2**31 - 1), ("", None), (None, None)])
@pytest.mark.parametrize("field", ["rank", "grank", "viewers", "followers"])
def test_a_number_is_a_number_as_text_and_empty_is_missing(said: Any, meant: int | None, field: str) -> None:
    read, problems = room(**{field: said})
    assert (getattr(read, field), problems) == (meant, {})
    row, problems = segment(**{field: said})
    assert (getattr(row, field), problems) == (meant, {})


@pytest.mark.parametrize("said", [-1, "-1", 1.5, True, "many", [], {}, "1e9", "9" * 40, 10**40, float("inf"), 2**63])
@pytest.mark.parametrize("field", ["rank", "grank", "viewers", "followers"])
def test_what_is_no_number_is_left_out_and_counted(said: Any, field: str) -> None:
    read, problems = room(**{field: said})
    assert (getattr(read, field), problems) == (None, {field: 1})
    row, problems = segment(**{field: said})
    assert (getattr(row, field), problems) == (None, {field: 1})


def test_ranks_and_viewers_fit_into_their_columns_and_followers_may_be_more() -> None:
    read, problems = room(rank=2**31, viewers=2**31, followers=2**31)
    assert (read.rank, read.viewers, read.followers) == (None, None, 2**31)
    assert problems == {"rank": 1, "viewers": 1}


@pytest.mark.parametrize(("said", "meant"), [
    ("Male", "m"), ("Female", "f"), ("Couple", "c"), ("Trans", "t"), ("m", "m"), ("F", "f"), ("c", "c"), ("t", "t"),
    ("s", "t"), (" male ", "m"), ("TRANSGENDER", "t"), ("", None), (None, None)])
def test_a_gender_is_a_word_or_a_letter(said: Any, meant: str | None) -> None:
    assert room(gender=said)[0].gender == segment(gender=said)[0].gender == meant
    assert room(gender=said)[1] == {}


@pytest.mark.parametrize("said", ["x", "séance", 5, [], True])
def test_an_unknown_gender_is_none_and_counted(said: Any) -> None:
    read, problems = room(gender=said)
    assert read.gender is None and problems == {"gender": 1}


@pytest.mark.parametrize(("said", "meant"), [("public", "public"), (" Private ", "private"), ("cam2cam", "cam2cam"),
                                             ("", None), (None, None)])
def test_shows_are_an_open_list(said: Any, meant: str | None) -> None:
    assert room(current_show=said)[0].current_show == segment(type=said)[0].show == meant


def test_a_show_that_no_column_holds_is_left_out() -> None:
    long = "x" * (LONGEST_SHOW + 1)
    assert room(current_show=long)[1] == {"current_show": 1} and room(current_show=long)[0].current_show is None
    assert segment(type=long)[1] == {"type": 1} and segment(type="x" * LONGEST_SHOW)[0].show == "x" * LONGEST_SHOW


def test_hostile_entries_cost_no_other_entry() -> None:
    names = [f"name_{number}" for number in range(len(hostile_entries()))]
    live = live_of({**dict(zip(names, hostile_entries(), strict=True)), "zq": ONLINE}, [*names, "zq"])
    assert live.rooms[-1] == room()[0]
    assert [one.username for one in live.rooms] == ["name_0", "name_1", "name_2", "name_10", "zq"]
    assert live.unknown == [] and live.unreadable == names[3:10]
    first, second = live.rooms[:2]
    assert (first.rank, first.grank, first.viewers, first.followers) == (None,) * 4
    assert (first.gender, first.is_new, first.tags) == (None,) * 3
    assert second.tags == ["5", "ok"] and 1990 < len(second.room_subject or "") <= 2000 and second.is_new is True
    assert "\x00" not in (second.room_subject or "")
    assert (live.rooms[3].rank, live.rooms[3].viewers, live.rooms[3].followers) == (8617, 0, 0)


# -- activity -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["true", 1, "ok", None, "", [], {}, 0, False])
def test_only_true_is_a_success(status: Any) -> None:
    with pytest.raises(UnknownAnswer):
        activity_of(status=status)


@pytest.mark.parametrize(("words", "code", "pause"), [
    ("Error Code:300 no trophy", 300, False), ("error code: 500 broken", 500, False), ("no number", None, False),
    ("Error Code:429 stop", 429, True), ("You are making too many requests", None, True),
    ("Your IP is blocked for an hour", None, True), ("Error Code:7 Rate limit reached", 7, True),
    ("Error Code:300 too many models without a trophy", 300, False), ("", None, False), (None, None, False)])
def test_an_error_is_known_by_its_word_although_it_is_true_too(words: Any, code: int | None, pause: bool) -> None:
    with pytest.raises(SaidError) as said:
        parse_activity(json.dumps({"status": "error", "message": words}).encode(), "zq", START, END, LATER)
    assert (said.value.code, said.value.asks_for_a_pause) == (code, pause)
    assert str(said.value)


def test_an_error_without_its_number_does_not_speak_for_another_http_status() -> None:
    assert not is_said(b'{"status": "error", "message": "no number"}')
    assert not is_said(b"<html>Error Code:300</html>") and not is_said(b"") and not is_said(LIVE)


def test_an_answer_about_somebody_else_is_not_taken() -> None:
    with pytest.raises(UnknownAnswer, match="somebody else"):
        activity_of(model="zq")
    assert activity_of(model="Alder_Lane").segments and activity_of(model=None).segments


@pytest.mark.parametrize("state", [False, "false", "down"])
def test_activity_of_a_server_that_is_not_up_is_discarded(state: Any) -> None:
    with pytest.raises(Unavailable, match="Back at noon"):
        activity_of(serverStatus=state, serverMessage="Back at noon")


def test_days_may_be_missing_unsorted_and_outside() -> None:
    activity = activity_of(activity={
        "2025-12-23": "2025-12-23 Tue - 01 Hours 24 Minutes", "2025-12-24": "00 Hours 03 Minutes",
        "2025-12-20": "00 Hours 03 Minutes", "2025-12-21": "x - 00 Hours 12 Minutes"})
    assert activity.days == {"2025-12-23": 84, "2025-12-21": 12}
    assert activity.problems == {"activity": 2}


@pytest.mark.parametrize("words", ["", None, 12, "soon", "25 Hours 00 Minutes", "00 Hours 1441 Minutes"])
def test_a_day_without_an_amount_is_left_out_and_counted(words: Any) -> None:
    activity = activity_of(activity={"2025-12-21": words})
    assert activity.days == {} and activity.problems == {"activity": 1}


@pytest.mark.parametrize(("days", "count"), [(None, 0), ([], 0), ("days", 1), (5, 1)])
def test_without_days_there_are_none(days: Any, count: int) -> None:
    assert (activity_of(activity=days).days, activity_of(activity=days).problems["activity"]) == ({}, count)


@pytest.mark.parametrize(("total", "meant"), [
    ({"hours": 1, "minutes": 36}, 96), ({"hours": "1", "minutes": "36"}, 96), ({"Hours": 0, "Minutes": 0}, 0),
    ({"hours": 72, "minutes": 1}, None), ({"hours": -1, "minutes": 0}, None), ({"hours": 1}, None), ("1:36", None),
    (None, None)])
def test_the_total_is_tolerated_in_any_form(total: Any, meant: int | None) -> None:
    assert activity_of(total_time=total).total == meant


@pytest.mark.parametrize("details", [None, [], {}])
def test_without_details_there_are_no_segments(details: Any) -> None:
    activity = activity_of(details=details)
    assert activity.segments == [] and dict(activity.problems) == {}


def test_segments_are_sorted_and_a_time_that_is_repeated_is_there_once() -> None:
    first, second = {**ROW, "timestamp": "2025-12-21T22:39"}, {**ROW, "timestamp": "2025-12-21T22:36", "viewers": ""}
    activity = activity_of(details={"2025-12-21": [first, second, {**second, "viewers": "7", "rank": "1"}, first]})
    assert [one.at.minute for one in activity.segments] == [36, 39]
    assert (activity.segments[0].viewers, activity.segments[0].rank) == (7, 5720), "gaps are filled, values stay"
    assert activity.problems == {"repeated": 1}, "the same once more is no problem"


def test_a_segment_counts_by_its_own_time_and_not_by_the_day_above_it() -> None:
    activity = activity_of(details={"2025-12-23": [ROW], "whatever": [{**ROW, "timestamp": "2025-12-22T00:00"}]})
    assert [f"{one.at:%d %H:%M}" for one in activity.segments] == ["21 22:36", "22 00:00"]


@pytest.mark.parametrize("timestamp", [
    "2025-12-20T23:57", "2025-12-24T00:00", "2025-02-30T10:00", "2025-12-21T24:00", "2025-12-21T10:60", "", None, 5,
    "2025-12-21", "20251221T1000", "٢025-12-21T10:00"])
def test_a_segment_outside_the_days_or_without_a_time_is_left_out(timestamp: Any) -> None:
    activity = activity_of(details={"2025-12-21": [{**ROW, "timestamp": timestamp}, ROW]})
    assert len(activity.segments) == 1 and activity.problems == {"timestamp": 1}


def test_both_ends_of_the_range_are_in_it_and_what_has_not_happened_is_not() -> None:
    rows = [{**ROW, "timestamp": text} for text in ("2025-12-21T00:00", "2025-12-23T23:57:00", "2025-12-23 12:00")]
    assert len(activity_of(details={"x": rows}).segments) == 3
    early = activity_of(until=datetime(2025, 12, 23, 12, 0, tzinfo=UTC), details={"x": rows})
    assert [one.at.hour for one in early.segments] == [0, 12]


def test_hostile_rows_cost_no_other_row() -> None:
    activity = activity_of(details={"2025-12-21": [ROW], "2025-12-23": hostile_rows(END), "x": "rows", "y": None})
    assert [f"{one.at:%d %H:%M}" for one in activity.segments] == ["21 22:36", "23 00:01", "23 00:02", "23 00:04"]
    assert activity.segments[3] == CbhoursSegmentSeen(at=datetime(2025, 12, 23, 0, 4, tzinfo=UTC))
    assert activity.problems["timestamp"] == 9 and activity.problems["details"] == 2


def test_sixty_days_without_a_break_are_28800_segments() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [{**ROW, "timestamp": f"{begin + timedelta(minutes=3 * number):%Y-%m-%dT%H:%M}"} for number in range(28_800)]
    body = json.dumps({"status": True, "details": {"2026-01-01": rows}}).encode()
    activity = parse_activity(body, "zq", begin.date(), begin.date() + timedelta(days=59), begin + timedelta(days=90))
    assert len(activity.segments) == 28_800 and not activity.problems


# -- months, and anything at all ----------------------------------------------------------------------


def test_months_are_sorted_and_what_is_none_is_left_out() -> None:
    assert parse_months(b'["2025-10", "2025-12", "2025-13", 5, null, "2025-12", "soon"]') == ["2025-12", "2025-10"]
    assert parse_months(b"[]") == []


@pytest.mark.parametrize("body", [b"", b"{}", b'{"status": true}', b"null", b'"2025-12"', b"[5]", b'["soon"]', b"[[["])
def test_what_is_no_list_of_months_is_unknown(body: bytes) -> None:
    with pytest.raises(UnknownAnswer):
        parse_months(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["Online", "Offline", "up", "error", "2025-12-21", "2025-12-21T10:00", "Error Code:300", "0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(max_size=8) | st.sampled_from([
            "zq", "ZQ", "data", "server_status", "room_status", "status", "message", "activity", "details", "timestamp",
            "total_time", "hours", "minutes", "rank", "viewers", "followers", "gender", "type", "tags", "model"]),
        inner, max_size=6), max_leaves=25)


@given(said=JSON, inner=JSON)
@settings(max_examples=300, deadline=None)
def test_no_answer_makes_it_stumble(said: Any, inner: Any) -> None:
    bodies = [said, {"server_status": "up", "data": {"zq": inner}}, {"server_status": "up", "data": inner},
              {"status": True, "activity": inner, "total_time": inner, "details": {"2025-12-21": [inner]}},
              {"status": True, "details": inner}]
    for body in bodies:
        text = json.dumps(body).encode()
        for read in (partial(parse_live, text, ["zq"]), partial(parse_activity, text, "zq", START, END, LATER),
                     partial(parse_months, text)):
            with suppress(SaidError, UnknownAnswer, Unavailable):
                read()

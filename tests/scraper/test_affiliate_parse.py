"""What is made of the affiliate API's answers: the recorded sample value by value, and all that a room may say."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.errors import UnknownAnswer, WrongUse
from scraper.observations import AffiliateRoom
from scraper.sandbox.affiliate import broken_rooms
from scraper.sources.affiliate.parse import LONGEST, asked_genders, parse_page

PAGES = Path(__file__).parent.parent / "pages"
FIELDS = [name for name in AffiliateRoom.model_fields if name != "username"]


def page_of(*rooms: Any, **more: Any) -> bytes:
    return json.dumps({"count": len(rooms), "results": list(rooms), **more}).encode()


def only(**said: Any) -> tuple[AffiliateRoom, dict[str, int]]:
    page = parse_page(page_of({"username": "zq", **said}))
    return page.rooms[0], dict(page.problems)


def test_the_sample_is_read_whole_and_without_a_problem() -> None:
    body = (PAGES / "affiliate-onlinerooms.json").read_bytes()
    page = parse_page(body)
    assert (page.count, page.listed, len(page.rooms), dict(page.problems)) == (12, 12, 12, {})
    for room, said in zip(page.rooms, json.loads(body)["results"], strict=True):
        for name in FIELDS:
            if name != "room_subject":
                meant = None if name == "country" and not said.get(name) else said.get(name)
                assert getattr(room, name) == meant, (room.username, name)


def test_the_samples_awkward_values_are_kept() -> None:
    rooms = {room.username: room for room in parse_page((PAGES / "affiliate-onlinerooms.json").read_bytes()).rooms}
    assert rooms["10482"].display_name == "十四 & Fourteen"
    assert (rooms["zq"].age, rooms["zq"].num_users, rooms["zq"].num_followers) == (None, 0, 0)
    assert rooms["tags_n_tea"].num_followers == 3_000_000_000
    assert rooms["birchandbay"].current_show == "hidden"
    assert rooms["birchandbay"].room_subject == "Ticket show: watercolour lesson 'live' #art #lesson"
    assert rooms["__moss__"].country is None and rooms["zq"].country is None
    assert (rooms["zq"].display_name, rooms["zq"].birthday) == ("", "")


def test_nobody_online_is_an_answer() -> None:
    page = parse_page((PAGES / "affiliate-onlinerooms-empty.json").read_bytes())
    assert (page.count, page.rooms) == (0, [])


@pytest.mark.parametrize("body", [
    b"", b"[]", b"null", b'"text"', b"{}", b'{"count": 5}', b'{"count": 0, "results": null}', b'{"results": {}}',
    b'{"count": 1, "results": [{"user', b"<html></html>", b"[" * 100_000])
def test_what_is_no_list_of_rooms_is_an_unknown_answer_and_never_an_empty_list(body: bytes) -> None:
    with pytest.raises(UnknownAnswer):
        parse_page(body)


@pytest.mark.parametrize(("said", "meant"), [
    (41867, 41867), (0, 0), ("41867", 41867), ("41,867", 41867), ("1 204", 1204), (5.0, 5), ("7.0", 7), ("٣", 3),
    (3_000_000_000, 3_000_000_000), (2**63 - 1, 2**63 - 1), (None, None), ("", None)])
def test_a_number_in_any_dress_is_the_number(said: Any, meant: int | None) -> None:
    room, problems = only(num_followers=said)
    assert room.num_followers == meant and not problems


@pytest.mark.parametrize("said", [-1, 2**63, 1.5, True, "many", "12abc", [], {}, "1e9", "-3"])
def test_what_is_no_number_is_unknown_and_counted(said: Any) -> None:
    room, problems = only(num_followers=said)
    assert room.num_followers is None and problems == {"num_followers": 1}


@pytest.mark.parametrize("digits", ["9" * 5000, "1e400", "NaN", "Infinity", "-Infinity"])
def test_a_number_beyond_all_bounds_spoils_only_itself(digits: str) -> None:
    body = b'{"count": 1, "results": [{"username": "zq", "age": 30, "num_users": %s}]}' % digits.encode()
    room = parse_page(body).rooms[0]
    assert (room.num_users, room.age) == (None, 30)


def test_an_age_is_within_reason() -> None:
    assert only(age=99)[0].age == 99
    assert only(age=5000) == (AffiliateRoom(username="zq"), {"age": 1})


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_may_be_null_or_missing(name: str) -> None:
    assert only(**{name: None}) == (AffiliateRoom(username="zq"), {})


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [{"a": 1}, [[]], [{}], {"$": []}])
def test_a_field_of_the_wrong_kind_spoils_only_itself(name: str, value: Any) -> None:
    page = parse_page(page_of({"username": "zq", name: value}, {"username": "dd9", "age": 30}))
    assert getattr(page.rooms[0], name) in (None, [], "")
    assert page.rooms[1].age == 30


@pytest.mark.parametrize("said", [{}, {"username": None}, {"username": 10482}, {"username": ""}, {"username": "a b"},
                                  {"username": "ünï"}, {"username": "x" * 51}, {"username": ["zq"]}, None, 5, "zq", []])
def test_a_room_without_a_name_is_left_out_and_counted(said: Any) -> None:
    page = parse_page(page_of(said, {"username": "dd9"}))
    assert [room.username for room in page.rooms] == ["dd9"]
    assert page.listed == 2 and page.problems == {"username": 1}


def test_names_are_lower_case_and_the_slug_may_stand_in() -> None:
    assert [room.username for room in parse_page(page_of({"username": " ZQ "}, {"slug": "DD9"})).rooms] == ["zq", "dd9"]


@pytest.mark.parametrize(("said", "meant", "problems"), [
    ("m", "m", {}), ("F", "f", {}), ("s", "t", {}), ("", None, {}), ("x", None, {"gender": 1}),
    (5, None, {"gender": 1})])
def test_a_gender_is_one_of_four_letters(said: Any, meant: str | None, problems: dict[str, int]) -> None:
    room, found = only(gender=said)
    assert (room.gender, found) == (meant, problems)


@pytest.mark.parametrize("show", ["public", "private", "group", "away", "hidden", "password protected", "séance"])
def test_an_unknown_show_is_a_show(show: str) -> None:
    assert only(current_show=show.title()) == (AffiliateRoom(username="zq", current_show=show), {})


def test_tags_lose_their_sign_and_come_once() -> None:
    assert only(tags=["#One", "one", "two", ""])[0].tags == ["one", "two"]
    assert only(tags="#one, #two three")[0].tags == ["one", "two", "three"]
    assert only(tags=[None, "ok", {"a": 1}]) == (AffiliateRoom(username="zq", tags=["ok"]), {"tags": 2})
    assert only(tags=[])[0].tags == []


def test_languages_may_be_a_list() -> None:
    assert only(spoken_languages=["English", "Español"])[0].spoken_languages == "English, Español"


@pytest.mark.parametrize("address", [
    "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//", "ftp://x/y", "https://user@host/x",
    "https://a\\@b/x", "https://x y/", 5, "https://" + "x" * 2000])
def test_an_address_that_is_none_of_the_web_is_not_kept(address: Any) -> None:
    assert only(image_url=address) == (AffiliateRoom(username="zq"), {"image_url": 1})


def test_a_text_holds_nothing_that_cannot_be_stored() -> None:
    room, _ = only(display_name="a\x00b\ud800c\x1bd\ttab", room_subject="<b>&lt;i&gt; &amp;amp; Ω")
    assert room.display_name == "abcd\ttab"
    assert room.room_subject == "<b><i> &amp; Ω"


@pytest.mark.parametrize("name", LONGEST)
def test_a_text_without_end_is_cut_and_counted(name: str) -> None:
    room, problems = only(**{name: "x" * 100_000})
    assert getattr(room, name) == "x" * LONGEST[name] and problems == {name: 1}


def test_broken_utf_8_is_survived_and_shown() -> None:
    body = b'{"count": 2, "results": [{"username": "zq", "display_name": "caf\xe9 \xf0\x9f"}, {"username": "dd9", ' \
           b'"location": "Qu\xc3\x83\xc2\xa9bec"}]}'
    zq, dd9 = parse_page(body).rooms
    assert zq.display_name == "caf\ufffd \ufffd"
    assert dd9.location == "Qu\u00c3\u00a9bec"
    assert parse_page(b"\xef\xbb\xbf" + page_of({"username": "zq"})).rooms


def test_rooms_that_break_every_rule_spoil_no_other() -> None:
    page = parse_page(page_of({"username": "first"}, *broken_rooms(), {"username": "last", "age": 30}))
    names = [room.username for room in page.rooms]
    assert names == ["first", "broken_types", "broken_nulls", "broken_numbers", "broken_text", "last"]
    rooms = dict(zip(names, page.rooms, strict=True))
    assert rooms["last"].age == 30
    assert rooms["broken_types"].num_users == 1204 and rooms["broken_types"].num_followers == 3_000_000_000
    assert rooms["broken_types"].tags == ["one", "two"] and rooms["broken_types"].gender is None
    assert rooms["broken_nulls"] == AffiliateRoom(username="broken_nulls")
    assert page.problems["username"] == page.listed - len(page.rooms) == 8


anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
                        max_leaves=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), anything), max_size=5))
def test_nothing_that_rooms_say_costs_a_room(said: list[dict[str, Any]]) -> None:
    page = parse_page(page_of(*({**room, "username": f"room_{place}"} for place, room in enumerate(said))))
    assert [room.username for room in page.rooms] == [f"room_{place}" for place in range(len(said))]
    for room in page.rooms:  # whatever was kept can be written
        room.model_dump_json().encode("utf-8")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_rooms_or_an_unknown_answer(body: bytes) -> None:
    with suppress(UnknownAnswer):
        parse_page(body)


@pytest.mark.parametrize(("text", "genders"), [
    ("m", ["m"]), ("m,f", ["m", "f"]), ("f, M", ["m", "f"]), ("m,f,t,c", ["m", "f", "c", "t"]), ("t,t", ["t"])])
def test_genders_may_be_combined(text: str, genders: list[str]) -> None:
    assert asked_genders(text) == genders


@pytest.mark.parametrize("text", ["", "x", "m,", "m,x", "male", "mf"])
def test_other_genders_are_wrong_use(text: str) -> None:
    with pytest.raises(WrongUse, match="gender"):
        asked_genders(text)

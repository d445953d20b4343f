"""A poll in which everything is as it should be is read at once; the result is the same as room by room."""

import json

import pytest

from server import bulk
from server.affiliate.rooms import check_rooms, storable, tame_poll
from tests.affiliate.rooms import poll, room


def read(*rooms):
    return tame_poll(json.dumps(poll(*rooms)).encode())


@pytest.mark.parametrize("told", [
    {}, {"room_subject": "tab\tand\nline ü 😀 \u2028"}, {"tags": []}, {"tags": ['so "so"', "back\\slash", "\u2028"]},
    {"tags": None, "room_subject": None, "num_users": None, "is_hd": None, "country": None, "image_url": None},
    {"num_followers": 2**63 - 1, "age": 2**15 - 1, "current_show": "x" * 40, "image_url": "//pictures.example/a.jpg"},
], ids=str)
def test_an_ordinary_poll_is_stored_as_room_by_room(told):
    rooms = [room("ann", **told), room("bob"), room("ann", room_subject="said twice")]
    slowly, rejected = check_rooms(rooms)
    assert rejected == []
    assert storable(read(*rooms).rooms) == storable(slowly)


@pytest.mark.parametrize("told", [
    {"username": "Ann"}, {"username": "ann\n"}, {"username": None}, {"unheard": 1}, {"gender": "x"}, {"age": -1},
    {"age": 2**15}, {"num_users": 2**31}, {"num_followers": 2**63}, {"num_followers": 2**80}, {"country": "pt"},
    {"country": "PT\n"}, {"room_subject": "a\x00b"}, {"room_subject": "x" * 4001}, {"display_name": "\x7f"},
    {"display_name": "\ud800"}, {"tags": ["x" * 101]}, {"tags": ["\x01"]}, {"tags": ["a"] * 101}, {"tags": "a"},
    {"image_url": "javascript:alert(1)"}, {"image_url": "https:///no-host"}, {"current_show": "x" * 41},
], ids=ascii)
def test_whatever_needs_a_closer_look_is_not_read_at_once(told):
    assert read(room("bob"), room("ann") | told) is None


def test_a_body_that_is_no_poll_is_not_read_at_once():
    assert tame_poll(b"{") is None
    assert tame_poll(b'"\x00"') is None
    assert tame_poll(json.dumps(poll(room("ann"), stopped_detail="\x00")).encode()) is None


@pytest.mark.parametrize(("column", "array"), [
    ([1, None, -2**63], "{1, NULL, -9223372036854775808}"), ([True, None, False], "{True, NULL, False}"), ([], "{}"),
])
def test_numbers_as_an_array_of_postgresql(column, array):
    assert bulk.numbers(column) == array


@pytest.mark.parametrize(("column", "array"), [
    (["plain", None, ""], '{"plain",NULL,""}'), (['a "b"', "c\\d", None], '{"a \\"b\\"","c\\\\d",NULL}'),
    (["NULL", "{,}"], '{"NULL","{,}"}'),
])
def test_texts_as_an_array_of_postgresql(column, array):
    assert bulk.texts(column) == array

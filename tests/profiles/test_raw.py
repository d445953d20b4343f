"""Raw answers as text: the person's part first, nothing lost, nothing believed. Without a database."""

import json

import pytest

from server.profiles import raw

ROOM = {"username": "ann", "num_users": 40, "room_subject": "<b>x</b>"}


def text_of(value, name="ann"):
    return raw.text_of(value if isinstance(value, bytes) else json.dumps(value).encode(), name)


def test_of_many_rooms_the_persons_own_comes_first():
    found = text_of({"count": 2, "rooms": [{"username": "bob"}, ROOM]})
    assert (found.kind, [json.loads(one) for one in found.own]) == ("json", [ROOM])
    assert json.loads(found.whole)["count"] == 2
    assert "\n" in found.whole


def test_a_name_as_a_key_is_found_whatever_its_case():
    found = text_of({"server_status": "up", "data": {"Ann": {"room_status": "Offline"}, "bob": {}}})
    assert [json.loads(one) for one in found.own] == [{"Ann": {"room_status": "Offline"}}]


def test_an_answer_about_one_person_is_theirs_as_a_whole():
    said = {"model": "ann", "details": {}}
    assert [json.loads(one) for one in text_of(said).own] == [said]


def test_only_so_many_own_parts_are_put_first():
    assert len(text_of([ROOM] * 50).own) == raw.OWN_PARTS


@pytest.mark.parametrize("content", [
    b"{not json", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"", b"\xff\xfe\x00"])
def test_what_is_not_json_is_text(content):
    found = raw.text_of(content, "ann")
    assert (found.kind, found.own) == ("text", [])
    assert found.whole == content.decode("utf-8", "replace")


def test_json_nested_as_deep_as_it_can_be_read_is_still_told():
    deep = b"[" * 500 + b'"ann"' + b"]" * 500
    assert '"ann"' in raw.text_of(deep, "ann").whole


def test_of_a_page_the_places_around_the_name_come_first():
    found = raw.text_of(("x" * 5000 + "<a href='/ann/'>Ann</a>" + "y" * 5000 + "joanna").encode(), "ann")
    assert found.kind == "text"
    assert [one.startswith("… ") and one.endswith(" …") for one in found.own] == [True]
    assert "<a href='/ann/'>Ann</a>" in found.own[0]


@pytest.mark.parametrize(("content", "named"), [
    ('{"username": "ann"}', True), ("/ANN/", True), ("ann", True), ("joanna ann_b annb 1ann", False), ("", False),
    ("an\u0301n", False), ('{"username": "an"}', False)])
def test_a_name_counts_as_a_whole_word_alone(content, named):
    assert raw.names(content.encode(), "ann") is named


def test_a_name_is_no_pattern():
    assert not raw.names(b"a1n a.n", "a_n")


def test_long_texts_come_in_parts_that_make_up_the_whole():
    text = "".join(chr(33 + number % 90) for number in range(raw.PART * 2 + 5))
    parts = [raw.part_of(text, number) for number in (1, 2, 3)]
    assert "".join(part for part, _, _ in parts) == text
    assert [(number, count) for _, number, count in parts] == [(1, 3), (2, 3), (3, 3)]
    assert raw.part_of(text, 99)[1:] == (3, 3)
    assert raw.part_of(text, 0)[1:] == (1, 3)
    assert raw.part_of(text, None) == (text, 1, 1)
    assert raw.part_of("x" * (raw.WHOLE + 1), None)[1] == 1
    assert raw.part_of("", None) == ("", 1, 1)

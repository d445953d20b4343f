"""Nothing secret reaches a log, and nobody can forge a line of it."""

import io
import json
import logging

import pytest
import structlog

from common import logs
from common.logs import MASK, hide, masked, set_up_logs

SECRET = "s3cr3t-V4lue-of-the-tests"


@pytest.fixture
def log():
    """The log as JSON; reading it gives one dictionary a line. All is as before afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    hidden = set(logs._hidden)
    stream = io.StringIO()
    set_up_logs("json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    logs._hidden.clear()
    logs._hidden.update(hidden)
    structlog.reset_defaults()


def _text(lines):
    return json.dumps(lines, ensure_ascii=False)


def test_a_known_secret_is_masked_wherever_it_stands(log):
    hide(SECRET)
    structlog.get_logger("x").info(f"said {SECRET}", other=f"a{SECRET}b", deep={"list": [SECRET, {"more": SECRET}]})
    logging.getLogger("library").warning("a library says %s", SECRET)
    assert SECRET not in _text(log())
    assert _text(log()).count(MASK) >= 5


def test_a_secret_in_an_exception_is_masked(log):
    hide(SECRET)
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError:
        structlog.get_logger("x").exception("went wrong")
        logging.getLogger("library").exception("went wrong there, too")
    assert SECRET not in _text(log())
    assert ["ValueError: cannot use" in line["exception"] for line in log()] == [True, True]


@pytest.mark.parametrize("key", ["token", "worker_token", "password", "Cookie", "authorization", "sessionid",
                                 "csrf_token", "api_key", "client_secret"])
def test_a_value_is_masked_by_the_name_of_its_key(log, key):
    structlog.get_logger("x").info("asked", **{key: "anything-at-all"}, headers={key: "anything-at-all"})
    assert "anything-at-all" not in _text(log())


@pytest.mark.parametrize("text", [
    f"GET https://host/path?token={SECRET}&page=2",
    f"GET https://host/path?access_token={SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"Cookie: sessionid={SECRET}; csrftoken={SECRET}",
    f"postgresql://panel:{SECRET}@database/panel",
    "https://eventsapi.chaturbate.com/events/some_owner/AbCdEfGhIjKl123456/",
    f"http://127.0.0.1:3000/setup?code={SECRET}",
    f'{{"password": "{SECRET}"}}',
    f"csrfmiddlewaretoken={SECRET}",
])
def test_what_looks_like_a_secret_is_masked_by_its_place(text):
    shown = masked(text)
    assert SECRET not in shown
    assert "AbCdEfGhIjKl123456" not in shown
    assert MASK in shown


def test_what_is_no_secret_stays_readable():
    text = "read page 3 of https://chaturbate.com/followed-cams/offline/?page=3 in 1.2 s"
    assert masked(text) == text


def test_text_from_outside_cannot_forge_a_second_line(log):
    forged = 'harmless\n{"event": "all is well", "level": "info"}\r\nmore'
    structlog.get_logger("x").info(forged, name=forged)
    logging.getLogger("library").warning("%s", forged)
    assert len(log()) == 2
    assert log()[0]["event"] != "all is well"


def test_on_a_terminal_text_from_outside_cannot_forge_a_second_line():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logs("text", stream)
    try:
        structlog.get_logger("x").info("one\nsecond line", name="two\nthird line\x1b[2J")
        logging.getLogger("library").warning("three\nfourth line")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    assert len(stream.getvalue().splitlines()) == 2
    assert "\x1b[2J" not in stream.getvalue()


def test_a_short_value_is_not_hidden_since_it_would_blank_whole_words():
    before = set(logs._hidden)
    hide("abc", "", None)
    assert logs._hidden == before

"""What leaves the worker holds no secret, and what it asks for it asks politely."""

import base64
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import responses
from structlog.testing import capture_logs

from common.settings import Settings, load_settings
from scraper.http import LONGEST_WAIT, SHORTEST_WAIT, Pacer, num_followers, retry_after
from scraper.layout_files import layouts_for
from scraper.scrub import capture_of, scrub
from scraper.sources.pages.parse import read_list_page

PAGES = Path(__file__).parent.parent / "pages"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", [path.name for path in sorted(PAGES.glob("*.html"))])
def test_no_kept_page_holds_a_token_or_a_signed_name(name: str) -> None:
    clean = scrub((PAGES / name).read_text())
    for secret in ("SAMPLEcsrftoken", "sample\\u002Dsignature", "__cf_chl_f_tk=SAMPLE"):
        assert secret not in clean


@pytest.mark.parametrize("text", [
    '<input type="hidden" name="csrfmiddlewaretoken" value="hush1234">',
    "<input value='hush1234' type=hidden name=csrfmiddlewaretoken>",
    '<input type="password" name="password" value="hush1234">',
    "csrftoken: 'hush1234',", '"sessionid": "hush1234"', '\\u0022signed_username\\u0022: \\u0022hush1234\\u0022',
    "&quot;edge_auth&quot;: &quot;hush1234&quot;", "/x/?token=hush1234&amp;y=1",
    'window.initialRoomDossier = "{\\u0022chat_password\\u0022: \\"hush1234\\"}";',
])
def test_each_place_of_a_secret_is_emptied(text: str) -> None:
    assert "hush1234" not in scrub(text)
    assert "removed" in scrub(text)


def test_a_scrubbed_page_reads_the_same(tmp_path: Path) -> None:
    html = (PAGES / "followed-online-page1.html").read_text()
    read = [read_list_page(one, list_name="following", part="online", layouts=layouts_for(tmp_path), account=None)
            for one in (html, scrub(html))]
    assert read[0] == read[1]


def test_a_capture_is_the_scrubbed_page_packed() -> None:
    capture = capture_of("<p>csrftoken: 'hush1234'</p>", "https://x.example/?token=hush1234")
    assert gzip.decompress(base64.b64decode(capture.body)) == b"<p>csrftoken: 'removed'</p>"
    assert "hush1234" not in capture.url


class Time:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_pages_are_kept_apart_from_start_to_start() -> None:
    time = Time()
    pacer = Pacer((3, 5), now=lambda: time.now, sleep=time.sleep, chance=lambda low, high: (low + high) / 2)
    assert pacer.wait() == 0
    time.now += 1.5  # the page took so long
    assert pacer.wait() == 2.5
    time.now += 10
    assert pacer.wait() == 0
    assert time.slept == [2.5]


@pytest.mark.parametrize(("header", "wait"), [
    ("120", timedelta(minutes=2)), ("0", SHORTEST_WAIT), ("-5", SHORTEST_WAIT), ("999999999999", LONGEST_WAIT),
    ("Fri, 20 Nov 2026 12:30:00 GMT", timedelta(minutes=30)), ("Fri, 20 Nov 2020 12:30:00 GMT", SHORTEST_WAIT),
    ("soon", None), ("", None), (None, None), ("9" * 400, None),
])
def test_the_sites_wish_is_obeyed_within_bounds(header: str | None, wait: timedelta | None) -> None:
    assert retry_after(header, NOW) in (wait, LONGEST_WAIT if header == "9" * 400 else wait)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, chaturbate_url="https://site.example", stats_token="hush-stats-token-0001")


@responses.activate
@pytest.mark.parametrize(("file", "count"), [("stats.json", 8), ("stats-never-broadcast.json", 0)])
def test_the_stats_api_names_the_number_of_followers(settings: Settings, file: str, count: int) -> None:
    responses.get("https://site.example/statsapi/", body=(PAGES / file).read_text(), content_type="application/json")
    assert num_followers(settings, "Demo_Owner") == count


@responses.activate
@pytest.mark.parametrize("answer", [
    {"status": 401}, {"status": 503, "body": "<html>"}, {"body": "<html>hello"}, {"json": []}, {"json": {}},
    {"json": {"username": "other", "num_followers": 5}}, {"json": {"username": "demo_owner", "num_followers": -1}},
    {"json": {"username": "demo_owner", "num_followers": "5"}},
    {"json": {"username": "demo_owner", "num_followers": True}},
    {"body": requests.ConnectionError("https://site.example/statsapi/?token=hush-stats-token-0001")},
    {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
])
def test_no_number_is_no_number_and_the_token_stays_hidden(settings: Settings, answer: dict) -> None:
    responses.get("https://site.example/statsapi/", **answer)
    with capture_logs() as logs:
        assert num_followers(settings, "demo_owner") is None
    assert logs
    assert "hush" not in repr(logs)


def test_without_a_token_nothing_is_asked(tmp_path: Path) -> None:
    assert num_followers(load_settings(data_dir=tmp_path), "demo_owner") is None

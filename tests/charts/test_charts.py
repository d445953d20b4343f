"""Charts against what is stored, on both databases: numbers, breaks, hours, days, files, pictures, words."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import server
from server.charts import pictures, theme
from server.charts.drawing import BUCKETS
from server.charts.series import bucket_width
from server.models import db
from tests.charts import stories

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday; the owner lives in Lisbon


@pytest.fixture
def viewer(client_as):
    return client_as("viewer")


@pytest.fixture
def write(app):
    """Work in the database, kept at the end."""
    with app.app_context():
        yield stories
        db.session.remove()


def points(answer, line: str = "0") -> list[tuple[int, int]]:
    told = answer.json["lines"][line]
    return list(zip(accumulate(told["at"]), accumulate(told["value"]), strict=True))


def before(**span: float) -> datetime:
    return NOW - timedelta(**span)


# ---- numbers


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 1_200), st.integers(0, 9_000)), min_size=1_001, max_size=1_500),
       st.randoms(use_true_random=False))
def test_a_chart_has_the_stored_numbers_at_both_ends_and_the_extremes_of_every_bucket(write, viewer, told, dice):
    name = f"ann{dice.getrandbits(60)}"
    moments = list(accumulate(step for step, _ in told))
    first = NOW - timedelta(seconds=moments[-1])
    stored = [(stories.second(first + timedelta(seconds=at)), value) for at, (_, value) in
              zip(moments, told, strict=True)]
    write.segments(write.person(name), [
        (datetime.fromtimestamp(at, UTC), {"followers": value}) for at, value in stored])
    db.session.commit()
    drawn = points(viewer.get(f"/profile/{name}/charts/followers.json?range=all"))
    assert set(drawn) <= set(stored)
    assert (drawn[0], drawn[-1]) == (stored[0], stored[-1])
    low, high = min(stored[0][0], stories.second(before(days=1))), stories.second(NOW)
    width = bucket_width(low, high, BUCKETS)
    for start in range(low, high + 1, width):
        inside = [value for at, value in stored if start <= at < start + width]
        kept = [value for at, value in drawn if start <= at < start + width]
        assert (min(kept, default=None), max(kept, default=None)) == (
            min(inside, default=None), max(inside, default=None))
    assert len(drawn) <= 3 * BUCKETS


def test_followers_of_two_sources_are_two_lines_and_each_breaks_where_it_knows_nothing(write, viewer):
    ann = write.person()
    polls = [before(minutes=30 * step) for step in range(8, 0, -1)]
    write.polls(polls)
    write.seen(ann, [(polls[0], 10, 1), (polls[1], 11, 2), (polls[4], 12, 3), (polls[5], 13, 3)])
    write.segments(ann, [(before(minutes=100), {"followers": 20}), (before(minutes=97), {"followers": 21}),
                         (before(minutes=60), {"followers": 22})])
    write.live(ann, [(before(minutes=30), None), (before(minutes=20), {"followers": 23})])
    db.session.commit()
    told = viewer.get("/profile/ann/charts/followers.json?range=24h")
    assert [value for _, value in points(told)] == [10, 11, 12, 13]
    assert told.json["lines"]["0"]["breaks"] == [2]
    assert [value for _, value in points(told, "1")] == [20, 21, 22, 23]
    assert told.json["lines"]["1"]["breaks"] == [2, 3]
    assert told.json["words"] == ("Followers of ann, 24 hours. Affiliate API: first 10, last 13, lowest 10, highest "
                                  "13; CBHours: first 20, last 23, lowest 20, highest 23.")
    legend = [item["attributes"]["label"]["value"] for item in _models(told.json["item"], "LegendItem")]
    assert legend == ["Affiliate API", "CBHours"]


def test_hours_that_were_rolled_up_keep_their_lowest_and_highest_viewers(write, viewer):
    ann = write.person()
    write.hour(ann, before(hours=20), viewers_min=3, viewers_max=90, followers=7, followers_at=1200)
    write.hour(ann, before(hours=19), viewers_min=4, viewers_max=4)
    write.seen(ann, [(before(hours=17), 60, 5)])
    write.polls([before(hours=17)])
    db.session.commit()
    told = viewer.get("/profile/ann/charts/viewers.json?range=24h")
    assert [value for _, value in points(told)] == [3, 90, 4, 5]
    assert told.json["lines"]["0"]["breaks"] == [3]
    followers = points(viewer.get("/profile/ann/charts/followers.json?range=24h"))
    assert followers[0] == (stories.second(before(hours=20)) + 1200, 7)


def test_rank_stands_upside_down_and_comes_from_cbhours_alone(write, viewer):
    write.segments(write.person(), [(before(minutes=9), {"rank": 300, "grank": 12}),
                                    (before(minutes=6), {"rank": 290, "grank": None})])
    db.session.commit()
    told = viewer.get("/profile/ann/charts/rank.json")
    assert [value for _, value in points(told)] == [300, 290]
    assert _models(told.json["item"], "DataRange1d")[0]["attributes"]["flipped"] is True
    assert [value for _, value in points(viewer.get("/profile/ann/charts/gender-rank.json"))] == [12]


def test_kinds_of_shows_are_bands_and_public_ones_are_not(write, viewer):
    ann = write.person()
    write.shows()
    write.segments(ann, [(before(minutes=60 - 3 * step), {"show_id": 2 if 4 <= step < 8 else 1}) for step in range(15)])
    db.session.commit()
    told = viewer.get("/profile/ann/charts/viewers.json?range=24h").json
    assert told["columns"] == {"band-0": {"start": [stories.second(before(minutes=48)) * 1000],
                                          "end": [stories.second(before(minutes=36)) * 1000]}}


def test_a_second_person_lies_over_the_first_with_names_in_the_legend(write, viewer):
    for name, rank in (("ann", 5), ("bea", 9)):
        write.segments(write.person(name), [(before(minutes=9), {"rank": rank})])
    db.session.commit()
    told = viewer.get("/profile/ann/charts/rank.json?with=Bea")
    assert (points(told)[0][1], points(told, "1")[0][1]) == (5, 9)
    lines = [one["attributes"] for one in _models(told.json["item"], "Line")]
    assert [line.get("line_dash", []) for line in lines] == [[], [6]]
    assert lines[0]["line_color"] != lines[1]["line_color"]
    legend = [item["attributes"]["label"]["value"] for item in _models(told.json["item"], "LegendItem")]
    assert legend == ["ann, CBHours", "bea, CBHours"]


def test_numbers_too_large_for_a_browser_are_not_drawn(write, viewer):
    write.segments(write.person(), [(before(minutes=9), {"followers": 2**63 - 1}), (before(minutes=6), {})])
    db.session.commit()
    assert [value for _, value in points(viewer.get("/profile/ann/charts/followers.json"))] == [1000]
    assert viewer.get("/profile/ann/charts").status_code == 200


def _models(node, name: str) -> list[dict]:
    if isinstance(node, list):
        return [one for child in node for one in _models(child, name)]
    if not isinstance(node, dict):
        return []
    mine = [node] if node.get("name") == name and "attributes" in node else []
    return mine + [one for child in node.values() for one in _models(child, name)]


# ---- time


def rows(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_averages_of_the_week_leave_out_what_nobody_watched(write, viewer):
    ann = write.person()
    friday = datetime(2026, 11, 13, 20, 0, tzinfo=UTC)  # Lisbon has UTC in winter
    write.heard("affiliate", friday, friday + timedelta(hours=2))
    write.heard("affiliate", friday - timedelta(days=7), friday - timedelta(days=7) + timedelta(hours=1))
    write.broadcast(ann, friday, friday + timedelta(minutes=30))
    db.session.commit()
    week = rows(viewer.get("/profile/ann/charts/hours.csv?range=30d"))
    told = {(row["weekday"], int(row["hour"])): row for row in week}
    assert told["Fri", 20]["average_minutes"] == "15.0"  # half an hour in two watched hours, of four weeks
    assert told["Fri", 21] == {"weekday": "Fri", "hour": "21", "minutes_on_air": "0", "minutes_watched": "60",
                               "average_minutes": "0.0"}
    assert told["Sat", 3]["average_minutes"] == ""
    cells = viewer.get("/profile/ann/charts/hours.json?range=30d").json
    assert len(cells["columns"]["cells"]["x"]) == 2
    assert cells["columns"]["cells"]["what"] == ["15 min on average", "0 min on average"]
    assert cells["notes"] == ["Rests on 3 hours of watched time."]


def test_a_day_nobody_watched_is_left_out_and_a_watched_day_off_is_zero(write, viewer):
    ann = write.person()
    told = [(10, 60, 20), (11, 0, 0), (12, 30, 0), (13, None, 0), (14, 0, 0)]  # of the 12th it says not when
    write.days(ann, [(date(2026, 11, day), *more) for day, *more in told], datetime(2026, 11, 15, tzinfo=UTC))
    write.segments(ann, [(datetime(2026, 11, 10, 9, tzinfo=UTC) + timedelta(minutes=3 * step), {})
                         for step in range(20)])
    db.session.commit()
    days = rows(viewer.get("/profile/ann/charts/calendar.csv?range=30d"))
    assert [(row["day"], row["minutes_on_air"]) for row in days] == [
        ("2026-11-10", "60"), ("2026-11-11", "0"), ("2026-11-14", "0")]
    told = viewer.get("/profile/ann/charts/calendar.json?range=30d").json
    assert told["columns"]["cells"]["when"][0] == "Tue 10 Nov 2026"
    assert (told["columns"]["cells"]["x"], told["columns"]["cells"]["y"]) == ([0, 0, 0], [1, 2, 5])


def test_a_source_that_never_knew_somebody_has_not_watched_them(write, viewer):
    write.person()
    write.heard("affiliate", before(days=5), NOW)
    db.session.commit()
    assert viewer.get("/profile/ann/charts/calendar.json").json["empty"].startswith("Nobody watched in 30 days")


def test_broadcasts_and_segments_at_the_same_time_count_once(write, viewer):
    ann = write.person()
    start = datetime(2026, 11, 18, 18, tzinfo=UTC)
    write.broadcast(ann, start, start + timedelta(hours=1))
    write.segments(ann, [(start + timedelta(minutes=3 * step), {}) for step in range(30)])
    db.session.commit()
    (day,) = rows(viewer.get("/profile/ann/charts/calendar.csv?range=7d"))
    assert (day["minutes_on_air"], day["minutes_watched"]) == ("90", "90")


# ---- files and pictures


def test_a_file_has_every_stored_point_with_its_source(write, viewer):
    ann = write.person()
    write.segments(ann, [(before(minutes=3 * step), {"rank": step}) for step in range(2_000, 0, -1)])
    db.session.commit()
    told = rows(viewer.get("/profile/ann/charts/rank.csv?range=7d"))
    assert len(told) == 2_000
    assert told[-1] == {"moment": "2026-11-20T11:57:00.000Z", "username": "ann", "source": "cbhours", "rank": "1",
                        "gap_before": "no"}
    answer = viewer.get("/profile/ann/charts/rank.csv?range=7d")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ann-rank-7d.csv"'
    assert answer.content_type == "text/csv; charset=utf-8"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_picture_shows_the_line_in_the_colours_of_its_source(write, viewer, mode):
    ann = write.person()
    write.polls([before(hours=step) for step in (3, 2, 1)])
    write.seen(ann, [(before(hours=3), 10, 1), (before(hours=2, minutes=59), 40, 1)])
    write.segments(ann, [(before(minutes=3 * step), {"followers": step}) for step in range(100, 0, -1)])
    db.session.commit()
    answer = viewer.get(f"/profile/ann/charts/followers.png?range=24h&theme={mode}")
    assert answer.content_type == "image/png"
    picture = Image.open(io.BytesIO(answer.data))
    assert picture.size == (pictures.WIDTH, pictures.HEIGHT)
    colours = {colour for _, colour in picture.getcolors(1_000_000)}
    card, lines = theme.THEMES[mode].card, theme.THEMES[mode].lines[0]
    assert {pictures.rgb(card), pictures.rgb(lines["affiliate"]), pictures.rgb(lines["cbhours"])} <= colours


@pytest.mark.parametrize("chart", ["followers", "viewers", "rank", "gender-rank", "hours", "calendar"])
@pytest.mark.parametrize("ending", ["json", "png", "csv"])
def test_every_chart_can_be_had_of_somebody_nothing_is_known_of(write, viewer, chart, ending):
    write.person()
    db.session.commit()
    assert viewer.get(f"/profile/ann/charts/{chart}.{ending}?range=all").status_code == 200


# ---- words, names, periods, permissions


def test_an_empty_chart_says_why(write, viewer):
    write.person()
    write.knows(write.person("bea"), trophy=False)
    write.segments(write.person("cleo"), [(before(days=20), {})])
    db.session.commit()

    def why(name: str, chart: str) -> str:
        return viewer.get(f"/profile/{name}/charts/{chart}.json?range=7d").json["empty"]

    assert why("ann", "rank") == "Ranks come from CBHours; it has told nothing of ann so far."
    assert why("bea", "rank") == "Ranks come from CBHours; it does not know bea."
    assert why("ann", "followers") == "Neither the affiliate API nor CBHours has told followers of ann so far."
    assert why("cleo", "rank") == "Nothing was told of cleo in 7 days. A longer range may show something."


def test_the_page_has_each_chart_as_a_picture_with_its_figures_in_words(write, viewer):
    write.segments(write.person(), [(before(minutes=9), {"followers": 1204}), (before(minutes=6), {"followers": 1190})])
    db.session.commit()
    page = viewer.get("/profile/ann/charts?range=7d").text
    assert page.count("<noscript><img") == 6
    assert 'alt="Followers of ann, 7 days. CBHours: first 1,204, last 1,190, lowest 1,190, highest 1,204."' in page
    assert 'href="/profile/ann/charts?range=60d"' in page
    assert "/profile/ann/charts/rank.csv?range=7d" in page


def test_the_words_of_the_page_are_those_of_the_charts(write, viewer):
    ann = write.person()
    write.polls([before(hours=3)])
    write.seen(ann, [(before(hours=3), 10, 4)])
    write.hour(ann, before(hours=9), viewers_min=2, viewers_max=70, followers=8)
    write.segments(ann, [(before(minutes=9), {"followers": 5}), (before(minutes=6), {"followers": 9})])
    write.live(ann, [(before(minutes=2), {"followers": 6}), (before(minutes=1), None)])
    db.session.commit()
    page = viewer.get("/profile/ann/charts?range=7d").text
    for chart in ("followers", "viewers", "rank", "gender-rank"):
        words = viewer.get(f"/profile/ann/charts/{chart}.json?range=7d").json["words"]
        assert f'data-alt="{words}"' in page


def test_a_name_nobody_has_is_said_on_the_page_and_refused_elsewhere(write, viewer):
    write.person()
    db.session.commit()
    page = viewer.get("/profile/ann/charts?with=%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</bdi> is known here" in page.text
    for ending in ("json", "csv", "png"):
        refused = viewer.get(f"/profile/ann/charts/rank.{ending}?with=nobody_here")
        assert refused.status_code == 404
    for hostile in ("..%2f..", "%00", "x" * 300, "%E2%80%AE"):
        assert viewer.get(f"/profile/{hostile}/charts/rank.json").status_code in (400, 404)
        assert viewer.get(f"/profile/ann/charts/{hostile}.json").status_code in (400, 404)


@pytest.mark.parametrize("query", ["range=1y", "from=yesterday", "from=2026-02-02&to=2026-02-01", "from=0001-01-01",
                                   "to=9999-12-31T23:59:59Z", "from=2026-13-01", "range=7d%27"])
def test_a_period_that_is_none_is_refused(write, viewer, query):
    write.person()
    db.session.commit()
    for place in ("charts", "charts/rank.json", "charts/rank.png", "charts/hours.csv"):
        assert viewer.get(f"/profile/ann/{place}?{query}").status_code == 400


def test_a_period_can_be_chosen_by_days_of_the_owner_or_moments(write, viewer):
    write.segments(write.person(), [(datetime(2026, 7, 1, 22, 57, tzinfo=UTC), {"rank": 1}),
                                    (datetime(2026, 7, 1, 23, tzinfo=UTC), {"rank": 2})])  # midnight in Lisbon
    db.session.commit()
    asked = "/profile/ann/charts/rank.json?"
    assert [rank for _, rank in points(viewer.get(f"{asked}from=2026-07-02&to=2026-07-02"))] == [2]
    assert [rank for _, rank in points(viewer.get(f"{asked}from=2026-07-01&to=2026-07-02"))] == [1, 2]
    assert [rank for _, rank in points(viewer.get(f"{asked}from=2026-07-01T00:00:00Z&to=2026-07-01T22:58:00Z"))] == [1]


def test_charts_need_the_permission_and_are_kept_by_nobody(write, viewer, client):
    write.person()
    db.session.commit()
    for place in ("charts", *(f"charts/rank.{ending}" for ending in ("json", "png", "csv"))):
        assert client.get(f"/profile/ann/{place}").status_code in (302, 401)
        assert viewer.get(f"/profile/ann/{place}").headers["Cache-Control"] == "private, no-store"


def test_only_the_page_of_charts_may_write_style_elements(write, viewer):
    write.person()
    db.session.commit()
    policy = viewer.get("/profile/ann/charts").headers["Content-Security-Policy"]
    assert "style-src-elem 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy
    assert "default-src 'self'" in policy
    for elsewhere in ("/profile/ann", "/profile/ann/charts/rank.json"):
        assert "unsafe-inline" not in viewer.get(elsewhere).headers["Content-Security-Policy"]


def test_the_scripts_of_bokeh_come_from_here_and_may_be_kept(client):
    answer = client.get("/assets/bokeh/3/bokeh.min.js")
    assert answer.status_code == 200
    assert {"public", "immutable", "max-age=31536000"} <= set(answer.headers["Cache-Control"].split(", "))
    answer.close()
    for other in ("bokeh-widgets.min.js", "..%2f..%2f..%2f__init__.py", "compiler.js"):
        assert client.get(f"/assets/bokeh/3/{other}").status_code == 404


# ---- the API


def test_the_history_has_points_of_both_sources_each_with_its_own(write, viewer):
    ann = write.person()
    write.polls([before(minutes=60)])
    write.seen(ann, [(before(minutes=60), 10, 3)])
    write.segments(ann, [(before(minutes=59), {"followers": 11, "rank": 7, "viewers": 4}),
                         (before(minutes=10), {"followers": 12, "rank": None, "viewers": 5})])
    db.session.commit()
    told = viewer.get("/api/persons/ann/history?fields=followers,rank,viewers").json
    assert told["source"] is None
    assert told["sources"] == ["affiliate", "cbhours", "cbhours", "cbhours"]
    assert told["moments"][2] == "2026-11-20T11:04:00.000Z"  # the line breaks behind the segment
    assert told["values"] == {"followers": [10, 11, None, 12], "rank": [None, 7, None, None],
                              "viewers": [3, 4, None, 5]}
    alone = viewer.get("/api/persons/ann/history?fields=followers,gender_rank&source=cbhours").json
    assert (alone["source"], alone["values"]["gender_rank"]) == ("cbhours", [90, None, 90])
    assert viewer.get("/api/persons/ann/history?fields=rank").json["sources"] == ["cbhours"] * 3
    refused = viewer.get("/api/persons/ann/history?fields=rank&source=affiliate")
    assert (refused.status_code, refused.json["error"]["field"]) == (400, "source")


def test_a_thinned_history_keeps_the_extremes_of_either_source(write, viewer):
    ann = write.person()
    write.segments(ann, [(before(minutes=3 * step), {"rank": {777: 5_000, 778: 1}.get(step, 300 + step)})
                         for step in range(3_000, 0, -1)])
    db.session.commit()
    told = viewer.get("/api/persons/ann/history?fields=rank&points=100").json
    assert len(told["moments"]) <= 110
    assert {1, 5_000} <= set(told["values"]["rank"])


def test_answers_are_small(write, viewer):
    write.year("ann", NOW, segments_in_60_days=28_800)
    for chart in ("followers", "viewers", "rank"):
        told = viewer.get(f"/profile/ann/charts/{chart}.json?range=60d")
        assert len(told.data) < 60_000
        json.loads(told.data)


def test_the_server_starts_without_loading_bokeh(tmp_path):
    code = ("import sys; from server import create_app; from common.settings import load_settings; "
            f"create_app(load_settings(data_dir={str(tmp_path)!r})); "
            "print(sorted({'bokeh', 'numpy', 'tornado', 'playwright'} & set(sys.modules)))")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True,
                         cwd=Path(server.__file__).parent.parent)
    assert ran.stdout.strip() == "[]"

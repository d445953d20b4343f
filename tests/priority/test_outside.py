"""What programs are told: the API, files and the view agree with the table on who wins."""

import csv
import io
from datetime import timedelta

import pytest

from common.clock import utc_now
from server.models import CbhoursCurrent, PersonCurrent, db
from tests.affiliate.rooms import NOON, room, rows, take
from tests.cbhours import answers as cbhours


@pytest.fixture
def two_sources(app, clock):
    """Of ann both sources speak, of bob CBHours alone, which does not know carol."""
    with app.app_context():
        cbhours.add("bob", "carol")
        take(room("ann", gender=None, num_followers=1000))
        cbhours.take(cbhours.live(cbhours.entry("ann", followers=1001, gender="f", rank=12, grank=3, viewers=44),
                                  cbhours.entry("bob", rank=7, grank=None), asked=["ann", "bob", "carol"],
                                  at=NOON + timedelta(minutes=2)))
    clock.advance(minutes=5)


def test_the_directory_tells_ranks_and_whose_words_it_took(two_sources, api_as):
    found = api_as("viewer").get("/api/persons?sort=rank").json["persons"]
    assert [(one["username"], one["rank"], one["gender_rank"], one["has_cbhours_trophy"]) for one in found] == [
        ("bob", 7, None, True), ("ann", 12, 3, True), ("carol", None, None, False)]
    ann = found[1]
    assert (ann["followers"], ann["gender"], ann["viewers"]) == (1001, "f", 40)
    said = {"source": "cbhours", "observed_at": "2026-11-20T12:02:00.000Z", "fresh": True}
    assert ann["origins"]["followers"] == ann["origins"]["rank"] == ann["origins"]["apart"]["gender"] == said
    assert ann["origins"]["live"]["source"] == "affiliate"
    assert (found[0]["live"], found[0]["origins"]["live"]) == (True, said)
    last = api_as("viewer").get("/api/persons?sort=-gender_rank").json["persons"]
    assert [one["username"] for one in last] == ["ann", "bob", "carol"]


def test_a_person_is_told_value_by_value_with_the_losers(two_sources, api_as):
    ann = api_as("viewer").get("/api/persons/ann").json
    assert ann["has_cbhours_trophy"] is True
    assert ann["followers"] == {
        "value": 1001, "source": "cbhours", "observed_at": "2026-11-20T12:02:00.000Z", "fresh": True,
        "others": [{"value": 1000, "source": "affiliate", "observed_at": "2026-11-20T12:00:00.000Z"}]}
    assert [one["source"] for one in ann["viewers"]["others"]] == ["cbhours"]
    assert (ann["gender"]["source"], ann["age"]["source"], ann["rank"]["others"]) == ("cbhours", "affiliate", [])


def test_files_carry_ranks_with_their_source_and_moment(two_sources, api_as):
    text = api_as("viewer").get("/api/persons?format=csv&sort=rank").get_data(as_text=True)
    lines = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert [(one["username"], one["rank"], one["gender_rank"], one["origins.rank.source"]) for one in lines] == [
        ("bob", "7", "", "cbhours"), ("ann", "12", "3", "cbhours"), ("carol", "", "", "")]
    assert lines[0]["origins.rank.observed_at"] == "2026-11-20T12:02:00.000Z"
    assert lines[0]["origins.live.source"] == "cbhours"


@pytest.mark.parametrize(("affiliate", "by_cbhours", "show"), [
    (5, 5, "public"), (5, -5, "public"), (-5, 5, "private"), (None, 5, "private"), (-5, -5, None), (5, None, "public"),
    (-5, None, None), (None, None, None),
])
def test_the_view_tells_the_show_in_the_same_order(app, affiliate, by_cbhours, show):
    def until(minutes):
        return None if minutes is None else utc_now() + timedelta(minutes=minutes)

    with app.app_context():
        (person,) = cbhours.add("ann")
        db.session.add(PersonCurrent(person_id=person, show="public", live_until=until(affiliate), snapshots=1,
                                     cbhours_live_until=until(by_cbhours)))
        db.session.add(CbhoursCurrent(person_id=person, show="private"))
        db.session.commit()
        assert rows("SELECT current_show FROM v_person_current_state") == [(show,)]

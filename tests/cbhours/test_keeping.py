"""What goes: by its age, in small batches, and with a person who is erased. And how many people CBHours covers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from server.models import Base, CaptureRow, db
from server.people.erase import erase
from server.retention import cbhours, store
from server.retention.keeping import Keeping
from server.retention.plan import plan
from tests.cbhours.answers import NOON, TODAY, activity, add, entry, live, offline, rows, segment, take
from tests.cbhours.test_live import CAPTURE

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
KEEP_ALL = Keeping(0, 0, 0, 0, 0, 0, 0, 0, 0)


def count(table):
    return rows(f"SELECT count(*) FROM {table}")[0][0]


def seed_days(name):
    """Live answers and activity of a hundred days, with a subject that changes every tenth day."""
    for day in range(100, -1, -10):
        at = NOON - day * DAY
        take(live(entry(name, room_subject=f"subject {day // 20}"), at=at), now=NOON)
        take(activity(name, segment(at - 3 * MINUTE), start=at.date(), end=at.date(), at=at, total=3), now=NOON)


def test_live_answers_go_by_their_days_and_the_text_in_force_stays(app):
    with app.app_context():
        add("ann", "bob")
        seed_days("ann")
        keeping = replace(KEEP_ALL, cbhours=45)
        planned = {one.kind: one.would_go for one in plan(db.session(), keeping, NOON)}
        db.session.rollback()
        gone = store.run_all(db.session(), keeping, NOON)
        assert {name: planned[name] for name in ("cbhours_live", "cbhours_texts", "cbhours_polls", "activity")} == {
            "cbhours_live": 6, "cbhours_texts": 3, "cbhours_polls": 6, "activity": 0}
        assert {name: gone[name] for name in ("cbhours_live", "cbhours_texts", "cbhours_polls", "activity")} == {
            "cbhours_live": 6, "cbhours_texts": 3, "cbhours_polls": 6, "activity": 0}
        assert [subject for subject, in rows("SELECT room_subject FROM v_cbhours_live_stats ORDER BY checked_seconds")
                ] == ["subject 2", "subject 1", "subject 1", "subject 0", "subject 0"]
        assert count("cbhours_activity") == 11 and count("cbhours_current") == count("cbhours_states") == 1
        assert store.run_all(db.session(), keeping, NOON)["deleted"] == 0


def test_activity_stays_for_ever_unless_told_otherwise(app):
    with app.app_context():
        add("ann")
        seed_days("ann")
        assert store.run_all(db.session(), KEEP_ALL, NOON + 5_000 * DAY)["deleted"] == 0
        gone = store.run_all(db.session(), replace(KEEP_ALL, activity=45), NOON)
        assert {name: gone[name] for name in ("activity", "activity_days", "activity_readings", "cbhours_live")} == {
            "activity": 6, "activity_days": 6, "activity_readings": 6, "cbhours_live": 0}
        assert (count("cbhours_activity"), count("cbhours_days"), count("cbhours_readings")) == (5, 5, 5)


@pytest.mark.parametrize("most", [1, 4, 1_000])
def test_batches_are_small_and_together_take_everything(app, most):
    with app.app_context():
        names = [f"person_{number}" for number in range(9)]
        add(*names)
        for day in (50, 40, 1):
            take(live(*(entry(name) for name in names), at=NOON - day * DAY), now=NOON)
        parts, first, span, batches = cbhours.live(int((NOON - 30 * DAY).timestamp())), 0, 0, []
        while first is not None:
            gone = cbhours.delete_some(db.session(), parts, first, span, most)
            db.session.commit()
            batches.append(sum(gone.counts.values()))
            first, span = gone.next_person, gone.span
        assert sum(batches) == 18
        assert count("cbhours_live_stats") == 9
        assert max(batches) <= max(most, 2) + 4


def test_who_is_erased_is_gone_from_all_that_cbhours_said(app):
    url = "https://www.example.test/api.php?action=get_live&usernames="
    with app.app_context():
        ann = add("ann", "bob", "annabel")[0]
        pages = iter(range(100))

        def page(names):
            return CAPTURE | {"url": url + "%2C".join(names) + f"&n={next(pages)}"}

        take(live(entry("ann"), entry("bob"), capture=page(["ann", "bob"])))
        take(live(offline("bob"), asked=["bob", "ann"], at=NOON + MINUTE, capture=page(["bob", "ann"])))
        take(live(entry("bob"), entry("annabel"), at=NOON + 2 * MINUTE, capture=page(["bob", "annabel"])))
        for name in ("ann", "bob"):
            take(activity(name, segment(NOON - 9 * MINUTE), at=NOON + 3 * MINUTE, capture=CAPTURE | {
                "url": f"https://www.example.test/api.php?username={name}"}))
        assert db.session.query(CaptureRow).count() == 5
        for row in db.session.query(CaptureRow):  # the recorded answer is the same each time; real ones are not
            row.sha256 = f"{row.id:064}"
        db.session.commit()
        receipt = erase(db.session(), "ann", now=NOON, actor="somebody")
        db.session.commit()
        assert (receipt["cbhours_live"], receipt["cbhours_activity"], receipt["captures"]) == (1, 1, 3)
        for name, table in Base.metadata.tables.items():
            if "person_id" in table.columns:
                assert not db.session.execute(table.select().where(table.c.person_id == ann)).all(), name
        db.session.rollback()
        assert count("cbhours_live_stats") == 4 and count("cbhours_activity") == 1
        left = [url for url, in rows("SELECT url FROM captures ORDER BY url")]
        assert ["bob%2Cannabel" in left[0], left[1].endswith("username=bob"), len(left)] == [True, True, 2]
        assert take(live(entry("ann"), at=NOON + 4 * MINUTE))["accepted"] == 0, "CBHours brings nobody back"


def test_its_coverage_is_told(app, api_as, clock):
    def told():
        return {one.pop("source"): one for one in api_as("viewer").get("/api/sources").json["sources"]}["cbhours"]

    clock.now = NOON
    nothing = {"people": 0, "fresh": 0, "live": 0, "newest": None, "age_seconds": None, "interval_minutes": 10.0,
               "heard": False}
    assert told() == nothing
    with app.app_context():
        add("ann", "bob", "ghost")
        take(live(entry("ann"), offline("bob"), asked=["ann", "bob", "ghost"]))
    clock.now = NOON + 15 * MINUTE
    assert told() == {"people": 2, "fresh": 2, "live": 1, "newest": "2026-11-20T12:00:00.000Z", "age_seconds": 900,
                      "interval_minutes": 10.0, "heard": True}
    clock.now = NOON + 16 * MINUTE
    assert {name: told()[name] for name in ("people", "fresh", "live", "heard")} == {
        "people": 2, "fresh": 0, "live": 0, "heard": False}


def test_the_tables_are_among_the_sizes(app, api_as):
    with app.app_context():
        add("ann")
        take(activity("ann", segment(NOON - 3 * MINUTE), start=TODAY, end=TODAY))
    tables = {table["name"]: table["rows"] for table in api_as("viewer").get("/api/storage").json["tables"]}
    assert (tables["cbhours_activity"], tables["cbhours_days"], tables["cbhours_live_stats"]) == (1, 1, 0)
    kinds = {one["kind"]: one["days"] for one in api_as("viewer").get("/api/retention/dry-run").json["kinds"]}
    assert (kinds["cbhours_live"], kinds["activity"]) == (90, 0)

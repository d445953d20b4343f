"""Activity through the worker's door: segment by segment, corrected where CBHours corrects itself, never taken away."""

import base64
import gzip
import json
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from server.cbhours import due, queries
from server.models import CaptureRow, CbhoursReading, HeardSpan, Job, db
from tests.cbhours.answers import (
    NOON,
    TODAY,
    activity,
    add,
    entry,
    everything,
    live,
    recorded_activity,
    rows,
    run_id,
    sample,
    segment,
    state,
    take,
)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CAPTURE = {"url": "https://www.example.test/api.php?action=get_activity&username=alder_lane",
           "content_type": "application/json",
           "body": base64.b64encode(gzip.compress(json.dumps(sample("activity")).encode())).decode()}


def told():
    """Every segment, through the view, in order."""
    found = [dict(row) for row in db.session.execute(text(
        "SELECT username, seconds, show_type, rank, grank, followers, viewers, gender FROM v_cbhours_activity "
        "ORDER BY seconds")).mappings()]
    db.session.rollback()
    return found


def test_the_recorded_answer_comes_back_field_by_field(app, worker_client, clock):
    with app.app_context():
        person, = add("alder_lane")
    answer = worker_client.post("/api/ingest/cbhours-activity", json=recorded_activity(clock.now, capture=CAPTURE))
    assert answer.status_code == 200
    assert {name: answer.json[name] for name in ("accepted", "added", "changed", "rejected")} == {
        "accepted": 6, "added": 6, "changed": 0, "rejected": []}
    with app.app_context():
        assert told() == [
            {"username": "alder_lane",
             "seconds": int(datetime.fromisoformat(one["timestamp"] + ":00+00:00").timestamp()),
             "show_type": one["type"], "gender": one["gender"],
             **{name: int(one[name]) for name in ("rank", "grank", "followers", "viewers")}}
            for day in sample("activity")["details"].values() for one in day]
        assert [(day.day, day.minutes, day.segments) for day in queries.days(db.session(), person)] == [
            (date(2025, 12, 21), 12, 4), (date(2025, 12, 22), 0, 0), (date(2025, 12, 23), 84, 2)]
        reading = db.session.query(CbhoursReading).one()
        assert (reading.start_day, reading.end_day, reading.segments, reading.added) == (
            date(2025, 12, 21), date(2025, 12, 23), 6, 6)
        assert db.session.get_one(CaptureRow, reading.capture_id).url == CAPTURE["url"]
        assert (state("alder_lane").has_trophy, state("alder_lane").months) == (True, ["2025-12", "2025-11", "2025-10"])


def test_a_second_time_without_a_change_writes_no_segment(app):
    with app.app_context():
        add("ann")
        said = [segment(NOON - number * 3 * MINUTE) for number in range(1, 40)]
        assert take(activity("ann", *said))["added"] == 39
        before = everything()
        answer = take(activity("ann", *said))
        assert (answer["accepted"], answer["added"], answer["changed"]) == (39, 0, 0)
        assert everything() == before


def test_a_segment_that_was_corrected_is_changed_and_counted(app):
    with app.app_context():
        person, = add("ann")
        at = [NOON - number * 3 * MINUTE for number in (3, 2, 1)]
        take(activity("ann", *(segment(one, viewers=5) for one in at)))
        answer = take(activity("ann", segment(at[0], viewers=5), segment(at[1], viewers=9, show="_private"),
                               at=NOON + MINUTE))
        assert (answer["added"], answer["changed"]) == (0, 1)
        assert [(one.viewers, one.show) for one in queries.activity(db.session(), person)] == [
            (5, "_public"), (9, "_private"), (5, "_public")], "one that is left out stays"


def test_what_an_answer_leaves_out_of_a_segment_takes_nothing_away(app):
    with app.app_context():
        person, = add("ann")
        take(activity("ann", segment(NOON - 3 * MINUTE, rank=7, viewers=None)))
        answer = take(activity("ann", segment(NOON - 3 * MINUTE, rank=None, viewers=4), at=NOON + MINUTE))
        assert answer["changed"] == 1
        one, = queries.activity(db.session(), person)
        assert (one.rank, one.viewers) == (7, 4)


def test_an_older_answer_that_comes_in_late_fills_gaps_and_corrects_nothing(app):
    with app.app_context():
        ann, bob = add("ann", "bob")
        at = [NOON - number * 3 * MINUTE for number in (3, 2, 1)]
        first = [segment(at[0], viewers=1), segment(at[1], viewers=1, rank=None)], {TODAY.isoformat(): 6}
        second = [segment(at[1], viewers=2, followers=None), segment(at[2], viewers=2)], {TODAY.isoformat(): 9}
        answers = [(first, NOON), (second, NOON + MINUTE)]
        for name, order in (("ann", answers), ("bob", answers[::-1])):
            for (segments, days), moment in order:
                take(activity(name, *segments, at=moment, days=days), now=NOON + 2 * MINUTE)
        assert queries.activity(db.session(), ann) == queries.activity(db.session(), bob)
        assert [one.viewers for one in queries.activity(db.session(), ann)] == [1, 2, 2]
        assert queries.days(db.session(), ann) == queries.days(db.session(), bob)
        for table in ("cbhours_current", "person_current"):
            both = rows(f"SELECT * FROM {table} ORDER BY person_id")
            assert [value for value in both[0] if value != ann] == [value for value in both[1] if value != bob]
        assert state("ann").activity_read_at == state("bob").activity_read_at == NOON + MINUTE


def test_what_is_older_than_sixty_days_stays(app):
    with app.app_context():
        person, = add("ann")
        old = NOON - 100 * DAY
        take(activity("ann", segment(old), start=old.date(), end=old.date(), at=old + DAY), now=NOON)
        take(activity("ann", segment(NOON - 3 * MINUTE)))
        assert [one.at for one in queries.activity(db.session(), person)] == [
            int(old.timestamp()), int((NOON - 3 * MINUTE).timestamp())]


def test_bad_segments_cost_themselves_and_bad_values_themselves(app, worker_client, clock):
    with app.app_context():
        person, = add("ann")
    good = [segment(NOON - 9 * MINUTE, rank=-4, show="_" + "x" * 60),
            segment(NOON - 6 * MINUTE, viewers=0, rank="five"),
            segment(NOON - 3 * MINUTE, viewers=3), segment(NOON - 3 * MINUTE, viewers=4)]
    bad = [segment(NOON + 6 * MINUTE), segment(NOON - 90 * DAY), {"at": "soon"}, {"viewers": 4}, 5,
           {"at": "2026-11-20T11:00:00"}]
    for message in (activity("ann", *good, *bad), activity("ann", *good[2:], *bad[:2], at=NOON + MINUTE)):
        answer = worker_client.post("/api/ingest/cbhours-activity", json=message).json
        assert answer["rejected_total"] == len(message["segments"]) - len([one for one in message["segments"]
                                                                           if one in good])
    with app.app_context():
        assert [(one.rank, one.viewers, one.show and len(one.show)) for one in queries.activity(
            db.session(), person)] == [(None, 12, 40), (None, 0, 7), (5720, 3, 7)], "of two at a time the first counts"


@pytest.mark.parametrize("start, end", [(TODAY, TODAY - DAY), (date(1, 1, 1), TODAY), (TODAY + DAY, TODAY + 2 * DAY),
                                        (TODAY - 500 * DAY, TODAY)])
def test_days_that_nobody_can_have_asked_for_are_refused(app, start, end):
    with app.app_context():
        add("ann")
        before = everything()
        answer = take(activity("ann", segment(NOON - 3 * MINUTE), start=start, end=end))
        assert (answer["accepted"], len(answer["rejected"])) == (0, 1)
        assert everything() == before


@pytest.mark.parametrize("name", ["stranger", "not a name", ""])
def test_activity_makes_nobody_known(app, name):
    with app.app_context():
        answer = take(activity(name, segment(NOON - 3 * MINUTE), capture=CAPTURE))
        assert (answer["accepted"], answer["rejected"][0]["reason"]) == (0, "nobody of this name is known")
        assert rows("SELECT count(*) FROM persons") == rows("SELECT count(*) FROM cbhours_activity") == [(0,)]


def test_days_that_are_left_out_are_zero_only_if_the_total_agrees(app):
    with app.app_context():
        ann, bob = add("ann", "bob")
        span = {"start": TODAY - 2 * DAY, "end": TODAY}
        days = {(TODAY - DAY).isoformat(): 30, "2026-02-31": 5, (TODAY - 90 * DAY).isoformat(): 9}
        take(activity("ann", days=days, total=30, **span))
        take(activity("bob", days=days, total=31, **span))
        assert [day.minutes for day in queries.days(db.session(), ann)] == [0, 30, 0]
        assert [day.minutes for day in queries.days(db.session(), bob)] == [None, 30, None]
        take(activity("bob", total=7, at=NOON + MINUTE, **span), now=NOON + MINUTE)
        assert [day.minutes for day in queries.days(db.session(), bob)] == [None, 30, None], "what was said stays said"


def test_somebody_who_is_not_set_up_is_missed_and_left_alone_for_a_day(app):
    with app.app_context():
        add("ann", "new")
        take(live(entry("ann")))
        said = {"problem": "not_set_up", "detail": "Error Code:300 To use this api please add a trophy"}
        for name in ("ann", "new"):
            take(activity(name, at=NOON + MINUTE, run_id=str(run_id()), **said))
        assert (state("new").has_trophy, state("new").ask_again_at) == (False, NOON + MINUTE + 7 * DAY)
        assert (state("ann").has_trophy, state("ann").misses) == (True, 1)
        assert state("ann").activity_due_at - NOON > DAY / 2
        assert (state("ann").problem, state("ann").detail) == ("not_set_up", said["detail"])
        assert state("ann").activity_read_at is None
        take(activity("ann", at=NOON + DAY, run_id=str(run_id()), **said))
        assert state("ann").has_trophy is False
        take(live(entry("ann"), at=NOON + 10 * DAY))
        assert (state("ann").has_trophy, state("ann").problem, state("ann").activity_due_at) == (True, None, None)


def test_another_problem_is_no_word_on_whether_the_name_is_known(app):
    with app.app_context():
        add("ann")
        take(activity("ann", problem="unavailable", detail="HTTP 502"))
        assert (state("ann").has_trophy, state("ann").misses, state("ann").problem) == (None, 0, "unavailable")
        take(activity("ann", at=NOON + MINUTE))
        assert (state("ann").has_trophy, state("ann").problem) == (True, None)
        take(activity("ann", problem="unavailable", at=NOON), now=NOON + 2 * MINUTE)
        assert state("ann").problem is None, "an older answer that comes in late is not the newest"


def test_a_newer_segment_brings_newer_followers_and_ranks(app):
    with app.app_context():
        add("ann")
        take(live(entry("ann", followers=1000, rank=50, grank=5), at=NOON - 30 * MINUTE), now=NOON)
        take(activity("ann", segment(NOON - 40 * MINUTE, followers=990, rank=70), segment(
            NOON - 6 * MINUTE, followers=None, rank=40, grank=None), segment(NOON - 9 * MINUTE, followers=1010)))
        assert rows("SELECT followers, rank, grank FROM cbhours_current") == [(1010, 40, None)]
        assert rows("SELECT followers, followers_source, rank, gender_rank FROM person_current") == [
            (1010, "cbhours", 40, None)]
        seen, = rows("SELECT max(at) FROM cbhours_activity")[0]
        assert seen == int((NOON - 6 * MINUTE).timestamp())


def test_a_corrected_segment_corrects_the_current_values_too(app):
    with app.app_context():
        add("ann")
        at = NOON - 6 * MINUTE
        take(activity("ann", segment(at, followers=100, rank=50)))
        take(activity("ann", segment(at, followers=105, rank=40), at=NOON + 2 * MINUTE), now=NOON + 3 * MINUTE)
        take(activity("ann", segment(at, followers=103, rank=45), at=NOON + MINUTE), now=NOON + 3 * MINUTE)
        assert rows("SELECT followers, rank FROM cbhours_current") == [(105, 40)]
        assert rows("SELECT followers, rank FROM person_current") == [(105, 40)]
        assert rows("SELECT followers, rank FROM cbhours_activity") == [(105, 40)]


def test_who_was_on_air_is_a_model(app):
    with app.app_context():
        add("fan", "quiet", role="viewer")
        take(activity("fan", segment(NOON - 3 * MINUTE)))
        take(activity("quiet"))
        assert rows("SELECT username, role FROM persons ORDER BY username") == [("fan", "both"), ("quiet", "viewer")]


@pytest.mark.parametrize("problem, heard", [(None, True), ("not_set_up", True), ("unavailable", False)])
def test_an_answer_is_a_hearing_of_its_job(app, problem, heard):
    with app.app_context():
        add("ann")
        take(activity("ann", problem=problem))
        job = db.session.query(Job).filter_by(name=due.ACTIVITY).one()
        assert [span.heard_at for span in db.session.query(HeardSpan).filter_by(job_id=job.id)] == [NOON] * heard


def test_broadcasts_and_holdings_are_told(app):
    with app.app_context():
        person, = add("ann")
        take(activity("ann", *(segment(NOON - 60 * MINUTE + number * 3 * MINUTE, viewers=number, followers=100 + number)
                               for number in (0, 1, 2, 10, 11))))
        take(live(entry("ann")))
        found = queries.sessions(db.session(), person)
        assert [(one.minutes, one.peak, one.mean, one.followers_first, one.followers_last) for one in found] == [
            (9, 2, 1.0, 100, 102), (6, 11, 10.5, 110, 111)]
        held = {one.table: (one.rows, one.first, one.last) for one in queries.holdings(db.session(), person)}
        assert held["cbhours_activity"] == (5, NOON - 60 * MINUTE, NOON - 27 * MINUTE)
        assert held["cbhours_live_stats"] == (1, NOON, NOON)
        assert held["cbhours_days"][0] == 60
        assert held["cbhours_readings"] == (1, NOON, NOON)

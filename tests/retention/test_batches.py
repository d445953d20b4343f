"""Snapshots that are too old become hourly figures: nothing is counted twice, nothing is lost, whatever happens."""

import random
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from server.affiliate import months
from server.follows.pages import pack, unpack_people
from server.ingest import store as ingest
from server.ingest.schema import checked
from server.models import AffiliateHour, Job, QueueEntry, Run, Scan, ScanPageRow, db
from server.people.erase import erase
from server.people.store import ensure_account
from server.profiles import sessions as broadcasts
from server.retention import hours, store
from server.retention.hours import Cuts
from server.retention.keeping import Keeping
from server.retention.plan import plan
from server.retention.rules import HOUR, hour_of
from tests.affiliate.rooms import NOON, poll, room, rows, take, told

PEOPLE = ("ann", "bob", "carol", "dave")
KEEP_ALL = Keeping(0, 0, 0, 0, 0, 0, 0, 0, 0)


def second(at):
    return int(at.timestamp())


def random_polls(generator, count=14):
    """So many polls at uneven moments, each with some of the people; the moment of the last."""
    at = NOON - timedelta(days=1)
    for _ in range(count):
        at += timedelta(seconds=generator.randrange(300, 3000))
        take(*(room(name, num_users=generator.choice((None, generator.randrange(900))),
                    num_followers=generator.choice((None, generator.randrange(10**12))),
                    seconds_online=generator.choice((None, generator.randrange(9000))),
                    current_show=generator.choice(("public", "private", None)),
                    room_subject=generator.choice(("one", "two", None)), tags=generator.choice((["a"], ["b", "c"])))
               for name in PEOPLE if generator.random() < 0.7), at=at)
    return at


def raw():
    return rows("SELECT person_id, observed_at, viewers, followers, show_id FROM affiliate_api_snapshots ORDER BY 1, 2")


def texts():
    return sum(rows(f"SELECT count(*) FROM {table.__tablename__}")[0][0] for table in hours.TEXTS)


def hourly():
    found = {(row.person_id, row.hour): (row.polls, row.viewers_min, row.viewers_max, row.viewers_sum,
                                         row.viewers_polls, row.followers, row.public_polls)
             for row in db.session.query(AffiliateHour) if row.polls}
    db.session.rollback()
    return found


def reckoned(snapshots, public):
    """What the hourly figures of these snapshots must be, reckoned in the plainest way."""
    found = {}
    for key in {(person, hour_of(at)) for person, at, *_ in snapshots}:
        those = [row[2:] for row in snapshots if (row[0], hour_of(row[1])) == key]
        viewers = [one[0] for one in those if one[0] is not None]
        followers = [one[1] for one in those if one[1] is not None]
        found[key] = (len(those), min(viewers, default=None), max(viewers, default=None), sum(viewers), len(viewers),
                      followers[-1] if followers else None, sum(one[2] == public for one in those))
    return found


def public_show():
    return rows("SELECT id FROM affiliate_shows WHERE name = 'public'")[0][0]


def roll_up_all(cut, most=hours.MOST, texts=None):
    """Batch after batch until nothing is left; how many there were."""
    batches, first, span = 0, 0, 0
    while first is not None:
        done = hours.roll_up_some(db.session(), Cuts(cut, texts), first, span, most)
        db.session.commit()
        first, span, batches = done.next_person, done.span, batches + 1
    return batches


@pytest.mark.parametrize("seed", range(2))
def test_the_hours_say_what_the_snapshots_said_and_the_view_is_right_for_what_is_left(app, seed):
    generator = random.Random(seed)
    with app.app_context():
        random_polls(generator)
        before, everything, public = raw(), told(), public_show()
        for back in (20, 17, 14):  # as on following days
            cut = hour_of(second(NOON - timedelta(hours=back)))
            db.session.execute(db.text("UPDATE broadcasts SET closed = true, last_seen_at = first_seen_at"))
            db.session.commit()
            waiting = hours.waiting(db.session(), Cuts(cut, cut))
            there = [len(raw()), texts()]
            roll_up_all(cut, most=generator.choice((1, 5, 1000)), texts=cut)
            assert waiting == (there[0] - len(raw()), there[1] - texts()), "the dry run has said so"
            assert hourly() == reckoned([row for row in before if row[1] < cut], public)
            assert raw() == [row for row in before if row[1] >= cut]
            assert told() == {key: values for key, values in everything.items() if key[1] >= cut}
        oldest = rows("SELECT person_id, min(since), count(*) FROM affiliate_subjects WHERE since < :cut "
                      "GROUP BY person_id HAVING count(*) > 1", cut=cut)
        assert oldest == [], "of the texts before the cut only the newest is left"


def test_a_batch_that_is_repeated_or_killed_does_no_harm(app):
    with app.app_context():
        last = random_polls(random.Random(7))
        db.session.execute(db.text("UPDATE broadcasts SET closed = true, last_seen_at = first_seen_at"))
        db.session.commit()
        before, cut = raw(), hour_of(second(last)) + HOUR
        hours.roll_up_some(db.session(), Cuts(cut, cut), 1, 1, 1)
        db.session.rollback()  # killed before its commit
        assert (raw(), hourly()) == (before, {})
        first = hours.roll_up_some(db.session(), Cuts(cut, cut), 1, 1, 1)
        db.session.commit()
        assert first.snapshots
        hours.roll_up_some(db.session(), Cuts(cut, cut), 1, 1, 1)  # killed here, and begun anew
        db.session.commit()
        assert roll_up_all(cut) >= 1
        assert raw() == []
        assert hourly() == reckoned(before, public_show())
        assert hours.roll_up_some(db.session(), Cuts(cut, cut)).snapshots == 0


UNTIL_KILLED = """
import sys
from common.settings import load_settings
from server import create_app
from server.models import db
from server.retention.hours import Cuts, roll_up_some

cut = int(sys.argv[3])
with create_app(load_settings(data_dir=sys.argv[1], database_url=sys.argv[2])).app_context():
    first = 0
    while first is not None:
        done = roll_up_some(db.session(), Cuts(cut, cut), first, 1, 1)
        db.session.commit()
        first = done.next_person
        print(first, flush=True)
"""


def test_a_process_that_is_killed_in_the_middle_leaves_everything_right(app, settings):
    with app.app_context():
        last = random_polls(random.Random(3), count=8)
        db.session.execute(db.text("UPDATE broadcasts SET closed = true, last_seen_at = first_seen_at"))
        db.session.commit()
        before, public, cut = raw(), public_show(), hour_of(second(last)) + HOUR
        db.engine.dispose()
        cleaning = subprocess.Popen(
            [sys.executable, "-c", UNTIL_KILLED, str(settings.data_dir), settings.database_url, str(cut)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert cleaning.stdout.readline() == "1\n"
        assert cleaning.stdout.readline() == "2\n"
        cleaning.kill()
        cleaning.wait()
        cleaning.stdout.close()
        left = raw()
        assert hourly() == reckoned([row for row in before if row not in left], public)
        roll_up_all(cut)
        assert (raw(), hourly()) == ([], reckoned(before, public))


def test_nothing_is_lost_while_late_polls_come_in_and_two_clean_up_at_once(app):
    """Every sighting carries one viewer, so that the sum counts them."""
    with app.app_context():
        take(room("ann"), at=NOON + timedelta(days=2))
        db.session.remove()
    cut, over, trouble = second(NOON) + 24 * HOUR, threading.Event(), []

    def clean_up():
        with app.app_context():
            try:
                while not over.is_set():
                    roll_up_all(cut)
            except DBAPIError as error:
                trouble.append(error)

    cleaning = [threading.Thread(target=clean_up) for _ in range(2)]
    for thread in cleaning:
        thread.start()
    with app.app_context():
        for number in range(25):
            take(room("ann", num_users=1), room("bob", num_users=1), at=NOON + timedelta(minutes=7 * number))
    over.set()
    for thread in cleaning:
        thread.join()
    with app.app_context():
        roll_up_all(cut)
        assert trouble == []
        assert len(raw()) == 1
        assert rows("SELECT sum(polls), sum(viewers_sum) FROM affiliate_hourly") == [(50, 50)]


def test_what_comes_late_for_a_rolled_up_hour_is_neither_doubled_nor_lost(app):
    with app.app_context():
        for minutes in (0, 20, 40):
            take(room("ann", num_users=10 + minutes, num_followers=100 + minutes), at=NOON + timedelta(minutes=minutes))
        take(at=NOON + timedelta(hours=2))
        take(at=NOON + timedelta(hours=2, minutes=10))  # so that the broadcast has ended
        public, cut = public_show(), second(NOON) + HOUR
        roll_up_all(cut)
        late = NOON + timedelta(minutes=30)
        take(room("ann", num_users=500, num_followers=7), at=late)
        take(room("ann", num_users=20, num_followers=120), at=NOON + timedelta(minutes=20))  # the same poll once more
        assert [row[1] for row in raw()] == [second(late)]
        before = [(1, second(NOON) + 60 * m, 10 + m, 100 + m, public) for m in (0, 20, 40)]
        roll_up_all(cut)
        figures = hourly()
        ((person, _hour),) = figures
        rowset = [(person, *row[1:]) for row in [*before, (1, second(late), 500, 7, public)]]
        assert figures == reckoned(sorted(rowset), public)
        assert next(iter(figures.values()))[5] == 140, "the followers at the end are those of the last poll"


def test_broadcasts_keep_their_figures_and_one_that_lasts_over_the_cut_keeps_its_snapshots(app):
    with app.app_context():
        for step in range(4):
            take(room("ann", num_users=10 * step, seconds_online=60 + 1800 * step, num_followers=100 + step),
                 room("bob", seconds_online=60 + 1800 * step), at=NOON + timedelta(minutes=30 * step))
        for step in range(4, 8):
            take(room("bob", seconds_online=60 + 1800 * step), at=NOON + timedelta(minutes=30 * step))
        ann, bob = (rows("SELECT id FROM persons WHERE username = :name", name=name)[0][0] for name in ("ann", "bob"))

        def figures_of(person):
            told = broadcasts.page(db.session(), person, limit=9).rows[0].parts[0]
            db.session.rollback()
            return told.sightings, told.peak, told.mean, told.followers_first, told.followers_last

        figures = figures_of(ann)
        roll_up_all(second(NOON + timedelta(hours=3)))
        assert [row[0] for row in raw()] == [bob] * 8
        assert figures_of(ann) == figures == (4, 30, 15.0, 100, 103)
        assert figures_of(bob)[0] == 8, "all of them are still there, as it goes on"
        for minutes in (240, 270):
            take(at=NOON + timedelta(minutes=minutes))
        roll_up_all(second(NOON + timedelta(hours=3)))
        assert [row[0] for row in raw()] == [bob] * 8, "it has ended after the cut"
        roll_up_all(second(NOON + timedelta(hours=5)))
        assert raw() == []
        assert figures_of(bob)[0] == 8


def test_a_month_that_is_empty_is_dropped_and_one_that_is_over_is_packed_beside_the_requests(app):
    january = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
    with app.app_context():
        for month in range(1, 4):
            take(room("ann"), at=january.replace(month=month))
            take(at=january.replace(month=month) + timedelta(hours=1))
            take(at=january.replace(month=month) + timedelta(hours=2))
        now = january.replace(month=4)
        counts = store.run_all(db.session(), replace(KEEP_ALL, snapshots=60), now)
        assert counts["snapshots"] == 1
        there = [month.month for month in months.months(db.session())]
        db.session.rollback()
        assert len(raw()) == 2
        if db.engine.dialect.name == "postgresql":
            assert (counts["months_dropped"], counts["months_packed"]) == (1, 2)
            assert there == [2, 3]
            assert all(months.is_closed(db.session(), months.Month(2026, month)) for month in there)
            late = january + timedelta(minutes=5)  # its month is made again
            ingest.take(db.session(), "affiliate-rooms", checked("affiliate-rooms", poll(room("bob"), at=late)), [],
                        observed_at=late, received_at=now, skew=timedelta(0))
            db.session.commit()
            assert len(raw()) == 3
            assert hours.is_rolled_up(db.session(), second(january))
            assert not hours.is_rolled_up(db.session(), second(january) + 1)


def test_everything_else_goes_by_its_own_days_and_what_is_needed_stays(app, clock):
    old, young = clock.now - timedelta(days=50), clock.now - timedelta(days=5)
    keeping = replace(KEEP_ALL, broadcasts=30, readings=30, runs=30, logs=10, queue=30)
    with app.app_context():
        job = db.session.query(Job).filter_by(name="affiliate").one()
        lonely = db.session.query(Job).filter_by(name="images").one()
        for whose, at in ((job, old), (job, young), (lonely, old)):
            db.session.add(Run(id=uuid4(), job_id=whose.id, state="ended", trigger="manual", created_at=at,
                               started_at=at, ended_at=at, outcome="ok", log=[{"text": "said"}]))
        for number, (priority, state, at) in enumerate((
                (1, "complete", old), (1, "not_found", young), (1, "queued", None), (2, "complete", old))):
            db.session.add(QueueEntry(username=f"somebody_{number}", priority=priority, state=state,
                                      requested_by="x", requested_at=old, ended_at=at))
        account = ensure_account(db.session(), "demo_owner", old)
        for state, at in (("applied", old), ("applied", young), ("held", old)):
            scan = Scan(id=uuid4(), account_id=account.id, list="followers", source="browser", started_at=at,
                        received_at=at, state=state)
            db.session.add(scan)
            db.session.flush()
            db.session.add(ScanPageRow(scan_id=scan.id, batch_id=uuid4(), observed_at=at, facts={}, people=pack(
                [{"username": f"person_{number}"} for number in range(20)])))
            db.session.flush()
        db.session.commit()
        take(room("ann"), at=old)
        take(at=old + timedelta(minutes=30))
        take(at=old + timedelta(minutes=60))
        take(room("bob"), at=young)
        planned = {one.kind: one.would_go for one in plan(db.session(), keeping, clock.now) if one.days}
        db.session.rollback()
        gone = store.run_all(db.session(), keeping, clock.now)
        assert planned == {"broadcasts": 1, "pages_of_readings": 1, "runs": 1, "logs": 2, "queue_entries": 1}
        assert {kind: gone[kind] for kind in ("broadcasts", "pages_of_readings", "runs", "queue_entries")} == {
            "broadcasts": 1, "pages_of_readings": 1, "runs": 1, "queue_entries": 1}
        pages = db.session.query(ScanPageRow).order_by(ScanPageRow.id)
        assert [len(unpack_people(page.people)) for page in pages] == [0, 20, 20], "of what is held nothing goes"
        db.session.rollback()
        assert gone["logs"] == 1, "of the runs that are left; that of today is young"
        assert rows("SELECT count(*) FROM runs")[0][0] == 2, "the newest run of a job stays, however old"
        assert rows("SELECT count(*) FROM queue_entries")[0][0] == 3
        assert all(value == 0 for value in store.run_all(db.session(), keeping, clock.now).values())
        assert all(one.would_go == 0 for one in plan(db.session(), keeping, clock.now))


def test_who_is_erased_is_gone_from_the_hours_too(app):
    with app.app_context():
        take(room("ann"), room("bob"), at=NOON)
        take(at=NOON + timedelta(hours=1))
        take(at=NOON + timedelta(hours=2))
        roll_up_all(second(NOON) + 3 * HOUR)
        assert len(hourly()) == 2
        receipt = erase(db.session(), "ann", now=NOON, actor="somebody")
        db.session.commit()
        assert len(hourly()) == 1
        assert receipt["hours"] == 1

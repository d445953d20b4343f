"""Pictures on the server: kept once, shown safely, fetched when they are due, gone when they are nobody's."""

import base64
import os
import re
import threading
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import select, text

from scraper.jobs import JobContext
from scraper.outbox import Outbox
from scraper.sandbox.testing import running
from scraper.server_client import ServerClient
from scraper.sources.images.job import run as run_job
from server.admin import storage_queries
from server.database import writing
from server.jobs import store as jobs
from server.jobs.kinds import KINDS
from server.models import FollowInterval, Job, Person, PersonPicture, Picture, PictureState, Profile, db
from server.people import erase
from server.people.store import ensure_account
from server.pictures import files, queries, rules, store
from server.pictures.rules import FIRST_REST, LONGEST_REST, rest_after
from server.queue import store as queue
from tests.affiliate.rooms import NOON, poll, room
from tests.helpers import WORKER, with_token
from tests.pictures.samples import SVG, animated, picture, with_exif

COLOURS = ("red", "green", "blue", "yellow", "purple")


def add_person(app, name: str, url: str | None = "https://thumb.live.mmcdn.com/ri/x.jpg") -> int:
    with app.app_context(), writing() as session:
        person = Person(username=name, created_at=NOON)
        session.add(person)
        session.flush()
        if url:
            session.add(Profile(person_id=person.id, image_url=url, changed_at=NOON))
        return person.id


@pytest.fixture
def person(app) -> int:
    return add_person(app, "zq")


@pytest.fixture
def send(worker_client, clock):
    def send(body=None, name="zq", **more):
        message = {"batch_id": str(uuid4()), "observed_at": clock.now.isoformat(), "username": name,
                   "url": "https://thumb.live.mmcdn.com/ri/x.jpg"} | more
        if body is not None:
            message |= {"content_type": "image/jpeg", "body": base64.b64encode(body).decode()}
        return worker_client.post("/api/ingest/picture", json=message)
    return send


@pytest.fixture
def wanted(worker_client):
    def wanted(limit=200):
        answer = worker_client.post("/api/worker/pictures/wanted", json={"limit": limit})
        assert answer.status_code == 200
        return [one["username"] for one in answer.json["pictures"]]
    return wanted


@pytest.fixture
def on_disk(app, settings):
    def on_disk():
        folder = settings.data_folder / "images"
        return sorted(path.relative_to(folder) for path in folder.rglob("*.webp")) if folder.exists() else []
    return on_disk


def kept(app, person_id):
    with app.app_context():
        return queries.of_person(db.session(), person_id)


def configure(app, **config):
    with app.app_context():
        job = jobs.job_of(db.session(), KINDS["images"], None)
        jobs.configure(db.session(), job, config, NOON, timedelta(0))
        db.session.commit()


def make_old(settings):
    """As if every file had been written long ago."""
    for path in (settings.data_folder / "images").rglob("*.webp"):
        os.utime(path, (1_000_000, 1_000_000))


# Kept, and shown

def test_a_picture_is_kept_and_shown_to_those_who_may_see_people(app, person, send, client_as, on_disk):
    answer = send(with_exif())
    assert answer.json | {} == {"accepted": 1, "rejected": [], "rejected_total": 0}
    (shown,) = kept(app, person).shown
    assert (shown.width, shown.height) == (100, 200)
    assert len(on_disk()) == 3
    with app.app_context():
        assert queries.of_people(db.session(), [person, 10**6]) == {person: shown.sha256}
        assert queries.of_people(db.session(), []) == {}
    viewer = client_as("viewer")
    for size, pixels in ((".72", (72, 72)), (".360", (100, 200)), ("", (100, 200))):
        file = viewer.get(f"/images/{shown.sha256}{size}.webp")
        assert (file.status_code, file.content_type) == (200, "image/webp")
        assert Image.open(BytesIO(file.data)).size == pixels and b"SECRET" not in file.data


def test_s9_a_picture_is_told_so_that_it_can_only_be_drawn(app, person, send, client_as, client):
    send(picture())
    address = f"/images/{kept(app, person).newest}.72.webp"
    answer = client_as("viewer").get(address)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox "
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "max-age=604800", "immutable"}
    again = client_as("viewer").get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    turned_away = client.get(address)
    assert turned_away.status_code == 302 and "no-store" in turned_away.headers["Cache-Control"]


def test_s12_no_name_leads_out_of_the_folder(app, person, send, client_as, settings):
    send(picture())
    sha256 = kept(app, person).newest
    (settings.data_folder / "images" / "secret.webp").write_text("secret")
    viewer = client_as("viewer")
    for name in ("secret.webp", "../secret.key", "%2e%2e/secret.key", "..%2fsecret.key", "a" * 64 + ".webp",
                 f"{sha256.upper()}.webp", f"{sha256}.73.webp", f"{sha256}.webp/", f"{sha256}.0.webp", sha256,
                 f"{sha256}.webp%00", f"{sha256}.72.webp%0a", ".lock"):
        answer = viewer.get(f"/images/{name}")
        assert answer.status_code in (400, 404), name
        assert b"secret" not in answer.data.replace(b"secret.", b"")
        assert "no-store" in answer.headers["Cache-Control"]
    path = settings.data_folder / "images" / sha256[:2] / f"{sha256}.72.webp"
    path.unlink()
    path.symlink_to(settings.data_folder / "images" / "secret.webp")
    assert viewer.get(f"/images/{sha256}.72.webp").status_code == 404


def test_the_same_picture_is_stored_once_whosever_it_is(app, person, send, on_disk):
    other = add_person(app, "alder_lane")
    send(picture(kind="PNG"))
    send(picture(kind="PNG", compress_level=1), "alder_lane")
    assert kept(app, person).newest == kept(app, other).newest
    assert len(on_disk()) == 3


def test_a_persons_pictures_are_a_history_with_its_times(app, person, send, clock):
    began = clock.now
    for colour in ("red", "red", "green", "red"):
        send(picture(colour))
        clock.advance(days=1)
    shown = kept(app, person).shown
    assert [(one.first_seen_at - began, one.last_seen_at - began) for one in shown] == [
        (timedelta(0), timedelta(days=3)), (timedelta(days=2), timedelta(days=2))]
    assert kept(app, person).newest == shown[0].sha256


def test_one_that_comes_in_late_takes_its_place_in_the_history(app, person, send, clock):
    send(picture("red"))
    newest = kept(app, person).newest
    send(picture("green"), observed_at=(clock.now - timedelta(days=1)).isoformat())
    send(observed_at=(clock.now - timedelta(days=1)).isoformat(), problem="not_found")
    found = kept(app, person)
    assert found.newest == newest == found.shown[0].sha256 and len(found.shown) == 2
    assert found.state.problem is None and found.state.tried_at == clock.now


@pytest.mark.parametrize("body", [SVG, b"", animated("WEBP"), picture()[:-200]],
                         ids=["svg", "nothing", "moving", "half"])
def test_the_server_looks_for_itself(app, person, send, on_disk, body):
    answer = send(body)
    assert (answer.status_code, answer.json["accepted"], answer.json["rejected"][0]["item"]) == (200, 0, "zq")
    assert kept(app, person).state.problem and on_disk() == []


def test_what_is_no_message_is_refused_and_a_stranger_set_aside(app, person, send):
    for wrong in ({"username": "No Name"}, {"url": "file:///etc/passwd"}, {"url": "https://" + "x" * 2000},
                  {"extra": 1}):
        assert send(picture(), **wrong).status_code == 400
    assert send(body=None, content_type="image/jpeg", problem=None).json["accepted"] == 0
    answer = send(picture(), "nobody_here")
    assert (answer.status_code, answer.json["rejected"][0]["item"]) == (200, "nobody_here")


def test_the_files_are_there_before_the_row(app, person, send, on_disk, monkeypatch):
    app.testing = False

    def fail(*_):
        raise OSError("no more room")

    monkeypatch.setattr(store.files, "write", fail)
    assert send(picture()).status_code >= 500
    with app.app_context():
        assert db.session.scalars(select(Picture)).all() == []
    monkeypatch.undo()
    monkeypatch.setattr(store, "_trim", fail)
    assert send(picture()).status_code >= 500
    with app.app_context():
        assert db.session.scalars(select(Picture)).all() == []
    assert len(on_disk()) == 3


def test_several_servers_may_keep_the_same_pictures_at_once(app, clock, on_disk):
    names = [f"person_{number}" for number in range(4)]
    people = [add_person(app, name) for name in names]
    bodies = [base64.b64encode(picture(colour)).decode() for colour in ("red", "green", "blue")]
    answers = []

    def work(name, program):
        for body in bodies * 2:
            answers.append(program.post("/api/ingest/picture", json={
                "batch_id": str(uuid4()), "observed_at": clock.now.isoformat(), "username": name, "body": body,
                "url": "https://thumb.live.mmcdn.com/ri/x.jpg"}).status_code)
            answers.append(program.post("/api/worker/pictures/wanted", json={}).status_code)

    configure(app, keep=1)
    threads = [threading.Thread(target=work, args=[name, with_token(app, WORKER)]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200} and len(answers) == 48
    shown = {kept(app, one).newest for one in people}
    assert {str(path)[3:67] for path in on_disk()} >= shown


# When they are fetched

def test_rests_grow_and_have_an_end():
    assert [rest_after(n) for n in (0, 1, 2, 3)] == [FIRST_REST, FIRST_REST, FIRST_REST * 2, FIRST_REST * 4]
    assert rest_after(10) == rest_after(10**6) == LONGEST_REST
    assert rules.old_before(NOON, 0) is None


def test_a_good_picture_is_left_alone_until_it_is_old(app, person, send, wanted, clock):
    _on_a_list(app, person)
    assert wanted() == ["zq"]
    send(picture())
    assert wanted() == []
    clock.advance(days=6, hours=23)
    assert wanted() == []
    clock.advance(hours=1)
    assert wanted() == ["zq"]
    configure(app, refreshDays=0)
    clock.advance(days=1000)
    assert wanted() == []


def test_an_address_that_fails_rests_longer_each_time(app, person, send, wanted, clock):
    _on_a_list(app, person)
    for failures in range(1, 5):
        assert wanted() == ["zq"]
        send(problem="not_found", detail="the image host answers 404")
        clock.now += rest_after(failures) - timedelta(seconds=1)
        assert wanted() == []
        clock.advance(seconds=1)
    send(picture())
    assert kept(app, person).state.failures == 0 and wanted() == []


def test_an_address_that_has_changed_need_not_rest(app, person, send, wanted, clock):
    _on_a_list(app, person)
    for _ in range(5):
        send(problem="not_found")
    with app.app_context(), writing() as session:
        session.get(Profile, person).image_url = "https://thumb.live.mmcdn.com/ri/new.jpg"
    assert wanted() == []
    clock.advance(hours=1)
    assert wanted() == ["zq"]


def test_the_most_wanted_come_first(app, worker_client, send, wanted, clock):
    for name in ("listed", "queued", "asked_for", "forgotten"):
        add_person(app, name)
    add_person(app, "nowhere", url="//evil.example/x.jpg")
    add_person(app, "shouting", url="HTTPS://thumb.live.mmcdn.com/x.jpg")
    add_person(app, "endless", url="https://thumb.live.mmcdn.com/" + "x" * 2000)
    add_person(app, "without", url=None)
    rooms = [room("live_small", num_followers=5), room("live_big", num_followers=900),
             room("live_unknown", num_followers=None)]
    worker_client.post("/api/ingest/affiliate-rooms", json=poll(*rooms, at=clock.now))
    with app.app_context(), writing() as session:
        ids = dict(session.execute(select(Person.username, Person.id)).all())
        store.want(session, ids["asked_for"], clock.now)
        for name in ("nowhere", "shouting", "endless", "without"):
            store.want(session, ids[name], clock.now)
        queue.add(session, "queued", 2, "somebody", clock.now)
    _on_a_list(app, ids["listed"])
    order = ["asked_for", "queued", "listed", "live_big", "live_small", "live_unknown"]
    assert wanted() == order
    assert wanted(2) == order[:2]
    send(picture(), "asked_for")
    assert wanted() == order[1:]
    clock.advance(days=1)
    assert wanted() == ["queued", "listed"]  # nobody is called live on old evidence


def test_asking_for_a_fresh_one_brings_the_job_forward_but_not_again_and_again(app, person, clock):
    with app.app_context():
        session = db.session()
        job = jobs.job_of(session, KINDS["images"], None)
        store.want(session, person, clock.now)
        assert job.next_due_at is None  # not on its schedule: it stays so
        jobs.start(session, job, clock.now, timedelta(0))
        job.next_due_at = clock.now + timedelta(minutes=40)
        db.session.commit()
        store.want(db.session(), person, clock.now)
        db.session.commit()
        assert db.session.get(Job, job.id).next_due_at == clock.now
        run = jobs.claim(db.session(), worker="w", jobs=["images"], now=clock.now, minimum_gap=timedelta(0))
        jobs.finish(db.session(), run.id, jobs.End("ok"), clock.now, timedelta(0))
        store.want(db.session(), person, clock.now)
        db.session.commit()
        assert db.session.get(Job, job.id).next_due_at == clock.now + store.BETWEEN_RUNS


# What goes

def test_no_more_pictures_of_a_person_are_kept_than_wanted(app, person, send, wanted, clock, on_disk, settings):
    configure(app, keep=3)
    for colour in COLOURS:
        send(picture(colour))
        clock.advance(days=1)
    assert len(kept(app, person).shown) == 3 and len(on_disk()) == 15
    wanted()
    assert len(on_disk()) == 15, "the files may be somebody's whose row is not committed yet"
    make_old(settings)
    clock.advance(hours=2)
    wanted()
    assert len(on_disk()) == 15, "their rows are gone since the last sweep"
    clock.advance(days=1)
    wanted()
    assert len(on_disk()) == 9
    with app.app_context():
        assert db.session.query(Picture).count() == db.session.query(PersonPicture).count() == 3


def test_a_picture_that_was_fetched_just_now_is_left_alone(app, person, send, wanted, clock, on_disk, settings):
    configure(app, keep=1)
    send(picture("red"))
    send(picture("green"))
    make_old(settings)
    wanted()
    with app.app_context():
        assert db.session.query(Picture).count() == 2
    clock.advance(hours=1, seconds=1)
    wanted()
    assert len(on_disk()) == 3


def test_files_without_a_row_are_swept_away_once_a_day(app, person, send, wanted, clock, on_disk, settings):
    send(picture("red"))
    wanted()
    with app.app_context():
        files.write("ab" * 32, {0: b"x", 72: b"y"})
    dead = settings.data_folder / "images" / "ab" / ".unfinished.1.abcd"
    dead.write_bytes(b"half")
    make_old(settings)
    wanted()
    assert len(on_disk()) == 5
    clock.advance(days=1)
    wanted()
    assert len(on_disk()) == 3 and not dead.exists()


def test_an_erased_person_leaves_no_picture_behind(app, person, send, client_as, on_disk):
    other = add_person(app, "alder_lane")
    send(picture("red"))
    send(picture("green"))
    send(picture("green"), "alder_lane")
    send(picture("blue"), "alder_lane")
    theirs = {one.sha256 for one in kept(app, other).shown}
    mine, shared = sorted((one.sha256 for one in kept(app, person).shown), key=theirs.__contains__)
    with app.app_context():
        receipt = erase.erase(db.session(), "zq", now=NOON, actor="tests")
        assert len(on_disk()) == 9, "nothing goes before the erasure is certain"
        db.session.commit()
    assert receipt["pictures"] == 2
    viewer = client_as("viewer")
    assert viewer.get(f"/images/{mine}.webp").status_code == 404
    assert viewer.get(f"/images/{shared}.webp").status_code == 200
    assert len(on_disk()) == 6
    with app.app_context():
        assert {row.person_id for row in db.session.scalars(select(PictureState))} == {other}


def test_an_erasure_that_is_taken_back_leaves_the_pictures(app, person, send, on_disk):
    send(picture("red"))
    with app.app_context():
        erase.erase(db.session(), "zq", now=NOON, actor="tests")
        db.session.rollback()
        db.session.execute(select(Person))
        db.session.commit()
    assert len(on_disk()) == 3 and kept(app, person).newest


# Seen from outside

def test_both_views_give_the_local_path_before_the_address(app, worker_client, send, clock):
    worker_client.post("/api/ingest/affiliate-rooms", json=poll(room("zq"), at=clock.now))
    clock.advance(minutes=10)
    send(picture())
    clock.advance(minutes=20)
    worker_client.post("/api/ingest/affiliate-rooms", json=poll(room("zq", num_users=1), at=clock.now))
    with app.app_context():
        rows = db.session.execute(text("SELECT image_path, image_path_360x270, image_url FROM "
                                       "v_affiliate_api_snapshots ORDER BY observed_seconds")).all()
        now = db.session.execute(text("SELECT image, image_path, image_url, image_360x270 FROM "
                                      "v_person_current_state")).one()
        sha256 = db.session.scalar(select(Picture.sha256))
    path = f"images/{sha256[:2]}/{sha256}.webp"
    small = path.replace(".webp", ".360.webp")
    assert [tuple(row) for row in rows] == [(None, None, "https://pictures.example/zq.jpg"),
                                            (path, small, "https://pictures.example/zq.jpg")]
    assert tuple(now) == (path, path, "https://pictures.example/zq.jpg", small)


def test_the_persons_page_shows_the_newest_picture_and_its_history(app, person, send, client_as, clock):
    assert "None has been fetched so far" in client_as("viewer").get("/profile/zq").text
    for colour in ("red", "green"):
        send(picture(colour))
        clock.advance(days=1)
    send(problem="not_found", detail="the image host answers 404 <b>")
    page = client_as("viewer").get("/profile/zq").text
    newest, older = (one.sha256 for one in kept(app, person).shown)
    assert re.findall(r'src="/images/(\w+)\.(\d+)\.webp"', page) == [(newest, "360"), (newest, "360"), (older, "360")]
    assert "the image host answers 404 &lt;b&gt;" in page and "thumb.live.mmcdn.com" not in page


def test_the_storage_page_says_how_large_the_files_are(app, person, send, client_as, settings):
    send(picture())
    size = sum(path.stat().st_size for path in (settings.data_folder / "images").rglob("*.webp"))
    page = client_as("viewer").get("/admin/storage").text
    with app.app_context():
        assert storage_queries.files(db.session()) == (0, size)
    assert re.search(r">[^<]+</span><span class=\"label\">pictures, in files", page)


def test_a_round_from_the_job_to_the_page(app, live_server, settings, client_as, tmp_path, clock):
    with running(people=6, clock=clock) as sandbox:
        for name in list(sandbox.world.people)[:2]:
            _on_a_list(app, add_person(app, name, f"{sandbox.url}/ri/{name}.jpg"))
        far = settings.model_copy(update={"server_url": live_server, "chaturbate_url": sandbox.url})
        outbox = Outbox.of(tmp_path / "worker")
        (tmp_path / "worker").mkdir(exist_ok=True)
        result = run_job(JobContext(far, None, {"limit": 50}, None, outbox, lambda _: None, clock))
        assert (result.outcome, result.counters["fetched"]) == ("ok", 2)
        outbox.deliver(ServerClient.of(far, clock), lambda: False)
    with app.app_context():
        found = queries.of_people(db.session(), list(db.session.scalars(select(Person.id))))
    assert len(found) == 2
    assert client_as("viewer").get(f"/images/{min(found.values())}.72.webp").status_code == 200


def _on_a_list(app, person_id: int) -> None:
    """The owner follows this person."""
    with app.app_context(), writing() as session:
        account = ensure_account(session, "demo_owner", NOON)
        session.add(FollowInterval(account_id=account.id, person_id=person_id, direction="following",
                                   start_latest=NOON, start_source="browser", seen_at=NOON))

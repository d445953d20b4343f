"""The button that reads a list, its progress, uploads, and the readings' own pages."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from parsel import Selector
from sqlalchemy import select

from server.models import FollowInterval, Job, KeyValue, Run
from tests.pages_ui import seed
from tests.pages_ui.conftest import text, usernames


def job(session, owner, name="followers"):
    return session.scalars(select(Job).filter_by(account_id=owner.id, name=name)).one()


def worker_is_there(session, now):
    session.add(KeyValue(name="worker.seen", value="host:1", at=now))


def test_the_button_asks_for_a_reading_once(session, visit, client_as, clock):
    seed.account(session, clock.now)
    session.commit()
    browser = client_as("admin")
    for _ in range(2):
        assert browser.post("/users/followers/update").headers["Location"] == "/users/followers"
    runs = session.scalars(select(Run)).all()
    assert [(run.state, run.trigger, run.requested_by) for run in runs] == [("queued", "manual", "admin-of-tests")]


def test_a_viewer_sees_no_button_and_may_not_press_it(session, visit, client_as, clock):
    seed.account(session, clock.now)
    session.commit()
    shown = visit("/users/followers", role="viewer")
    assert not shown.css("#reading form, form[enctype]")
    for address in ("update", "cancel", "upload"):
        assert client_as("viewer").post(f"/users/followers/{address}").status_code == 403


def test_without_an_account_the_button_says_why_it_cannot_work(visit):
    shown = visit("/users/following").css("#reading")
    assert "disabled" in shown.css("button").attrib
    assert "python -m scraper login" in text(shown)


def test_without_a_worker_the_page_says_that_one_has_to_run(session, visit, clock):
    seed.account(session, clock.now)
    session.commit()
    assert "python -m scraper run" in text(visit("/users/following").css("#reading"))
    worker_is_there(session, clock.now)
    session.commit()
    assert "python -m scraper run" not in text(visit("/users/following").css("#reading"))
    clock.advance(minutes=5)
    assert "The worker is silent" in text(visit("/users/following").css("#reading"))


@pytest.mark.parametrize(("state", "words"), [("signed_out", "login"), ("challenge", "human check"),
                                              ("wrong_account", "Somebody else"), ("age_gate", "age check")])
def test_a_dead_sign_in_is_said_beside_the_button_and_in_the_header(session, visit, clock, state, words):
    seed.account(session, clock.now, session_state=state)
    session.commit()
    shown = visit("/users/following")
    assert words in text(shown.css("#reading"))
    assert shown.css(".session-light .light-red")
    assert text(shown.css(".session-light .visually-hidden")).strip(": ")
    assert shown.css(".session-light::attr(href)").get().startswith("/room")


@pytest.mark.parametrize(("facts", "colour"), [
    ({}, "green"), ({"session_state": "unknown"}, "amber"), ({"cookies_end": timedelta(days=1)}, "amber"),
    ({"cookies_end": timedelta(days=-1)}, "amber"), ({"cookies_end": None}, "green")])
def test_the_light_warns_before_the_cookies_end(session, visit, clock, facts, colour):
    facts = {key: clock.now + value if isinstance(value, timedelta) else value for key, value in facts.items()}
    seed.account(session, clock.now, **facts)
    session.commit()
    assert visit("/events").css(f".session-light .light-{colour}")


def test_progress_is_shown_while_a_reading_goes_on(session, visit, client_as, clock):
    owner = seed.account(session, clock.now)
    worker_is_there(session, clock.now)
    session.add(Run(job_id=job(session, owner).id, state="running", trigger="manual", created_at=clock.now,
                    started_at=clock.now, lease_until=clock.now + timedelta(minutes=1),
                    progress={"phase": "followers", "done": 4, "total": 15, "detail": "<b>page</b> 4"}))
    session.commit()
    shown = visit("/users/followers/reading")
    assert shown.css("progress").attrib["value"] == "4"
    assert "4 of 15" in text(shown)
    assert shown.css("#reading").attrib["hx-trigger"] == "every 2s"
    assert not shown.css("b")
    client_as("admin").post("/users/followers/cancel")
    assert "Stopping" in text(visit("/users/followers/reading"))


def test_the_list_is_shown_anew_when_it_has_changed(session, client_as, clock):
    owner = seed.account(session, clock.now)
    stand = seed.follow_list(session, owner, "follower", clock.now)
    session.commit()
    browser = client_as("admin")
    assert "HX-Trigger" not in browser.get("/users/followers/reading?version=1").headers
    stand.version = 2
    session.commit()
    assert browser.get("/users/followers/reading?version=1").headers["HX-Trigger"] == "list-changed"


def test_a_result_tells_who_came_and_went(session, visit, clock):
    owner = seed.account(session, clock.now)
    seed.scan(session, owner, "followers", clock.now)
    session.commit()
    assert "180 people, 3 new, 1 came back, 2 missing, 1 unfollowed" in text(visit("/users/followers").css("#reading"))


def test_a_failed_run_tells_what_went_wrong_and_what_to_do(session, visit, clock):
    owner = seed.account(session, clock.now)
    session.add(Run(job_id=job(session, owner).id, state="ended", trigger="manual", created_at=clock.now,
                    started_at=clock.now, ended_at=clock.now, outcome="blocked", error_code="challenge",
                    error_message="The site asked for a human check.", error_advice="Open the site, wait `an hour`."))
    session.commit()
    shown = text(visit("/users/followers").css("#reading"))
    assert "blocked by the site" in shown
    assert "human check" in shown
    assert "wait an hour" in shown


def test_several_files_of_usernames_are_handed_over_and_judged(session, visit, client_as, clock):
    seed.account(session, clock.now)
    session.commit()
    files = [(io.BytesIO(names.encode()), name) for name, names in (("a.txt", "ann\nbob\n"), ("b.txt", "cleo\n"))]
    answer = client_as("admin").post("/users/followers/upload", data={"files": files}, follow_redirects=True)
    shown = Selector(answer.text)
    assert set(usernames(shown)) == {"ann", "bob", "cleo"}
    assert "judged partial" in text(shown.css(".alert"))


def test_an_upload_without_a_file_or_with_rubbish_changes_nothing(session, visit, client_as, clock):
    seed.account(session, clock.now)
    session.commit()
    browser = client_as("admin")
    answer = browser.post("/users/followers/upload", data={}, follow_redirects=True)
    assert "No file was chosen" in answer.text
    rubbish = {"files": [(io.BytesIO(b"\x89PNG\x00\xff"), "x.html")]}
    assert "not a text" in browser.post("/users/followers/upload", data=rubbish, follow_redirects=True).text
    assert session.scalars(select(FollowInterval)).all() == []


def test_a_reading_shows_all_its_evidence(session, visit, clock):
    owner = seed.account(session, clock.now)
    scan = seed.scan(session, owner, "followers", clock.now)
    session.commit()
    assert f"/admin/scans/{scan.id}" in visit("/admin/scans").css("tbody a::attr(href)").getall()
    shown = visit(f"/admin/scans/{scan.id}")
    said = text(shown.css("main"))
    for fact in ("complete", "180", "cards-2025", "signed in as demo_owner", "31.2 s", "header 40/180",
                 "read from the first to the last page", "1.2 s"):
        assert fact in said, fact
    assert len(shown.css("table tbody tr")) == 2
    visit(f"/admin/scans/{uuid4()}", status=404)


def test_a_held_reading_shows_who_would_go_and_can_be_rejected(session, visit, client_as, clock):
    owner = seed.account(session, clock.now)
    scan = seed.held_scan(session, owner, clock.now, seed.names(28))
    session.commit()
    assert "Decide here" in text(visit("/users/followers").css("#reading"))
    shown = visit(f"/admin/scans/{scan.id}")
    assert len(shown.css("details .username")) == 28
    assert len(shown.css("form[method=post] button.btn-warning")) == 1
    assert not visit(f"/admin/scans/{scan.id}", role="viewer").css("main form")
    assert client_as("viewer").post(f"/admin/scans/{scan.id}/accept").status_code == 403
    client_as("admin").post(f"/admin/scans/{scan.id}/reject")
    session.refresh(scan)
    assert (scan.state, scan.decided_by) == ("dropped", "admin-of-tests")
    session.commit()
    again = client_as("admin").post(f"/admin/scans/{scan.id}/accept", follow_redirects=True)
    assert "does not wait" in again.text


def test_a_reading_that_failed_says_on_which_page(session, visit, clock):
    owner = seed.account(session, clock.now)
    scan = seed.scan(session, owner, "followers", clock.now, verdict="rejected", state="dropped", reason="challenge",
                     explanation="This reading cannot be trusted.", pages=1)
    session.commit()
    assert "changed nothing" in text(visit(f"/admin/scans/{scan.id}").css("main h2"))


def test_scans_are_paged_and_filtered(session, visit, statements, clock):
    owner = seed.account(session, clock.now)
    seed.scan(session, owner, "following", clock.now)
    session.commit()
    visit("/admin/scans")
    with statements() as one:
        visit("/admin/scans")
    for number in range(60):
        seed.scan(session, owner, "followers", clock.now - timedelta(hours=number), pages=0)
    session.commit()
    with statements() as many:
        first = visit("/admin/scans")
    assert len(one) == len(many) <= 10
    second = visit(first.css("a[rel=next]::attr(href)").get())
    assert [len(shown.css("tbody tr")) for shown in (first, second)] == [50, 11]
    assert len(visit("/admin/scans?list=following").css("tbody tr")) == 1
    assert "of this kind" in text(visit("/admin/scans?state=held").css(".empty"))


def test_system_tells_kind_size_and_rows(session, visit, clock):
    owner = seed.account(session, clock.now)
    seed.many(session, owner, clock.now, 3)
    worker_is_there(session, clock.now)
    session.commit()
    shown = visit("/admin/system", role="viewer")
    rows = dict(zip(*[iter(shown.css("tbody td::text").getall())] * 2, strict=False))
    assert rows["persons"] == "3"
    assert any(kind in text(shown) for kind in ("SQLite", "PostgreSQL"))
    assert "A worker was last heard" in text(shown)


def test_a_first_upload_before_anybody_has_signed_in_is_possible_on_the_page(session, visit, client_as):
    assert visit("/users/followers").css("#upload form[enctype]")
    names = {"files": [(io.BytesIO(b"ann\nbob\n"), "names.txt")]}
    answer = client_as("admin").post("/users/followers/upload", data=names, follow_redirects=True)
    assert "Whose list is this?" in text(Selector(answer.text).css(".alert"))
    assert session.scalars(select(FollowInterval)).all() == []


def test_a_reading_that_still_comes_in_shows_itself_anew(session, visit, clock):
    owner = seed.account(session, clock.now)
    scan = seed.scan(session, owner, "followers", clock.now, state="receiving", verdict=None, finished_at=None)
    session.commit()
    assert visit(f"/admin/scans/{scan.id}").css("#scan").attrib["hx-trigger"] == "every 3s"
    scan.state = "applied"
    session.commit()
    assert "hx-trigger" not in visit(f"/admin/scans/{scan.id}").css("#scan").attrib


def test_the_tab_fills_itself_once_the_account_is_there(session, client_as, clock):
    browser = client_as("admin")
    assert "version=-1" in browser.get("/users/followers").text
    assert "HX-Trigger" not in browser.get("/users/followers/reading?version=-1").headers
    seed.account(session, clock.now)
    session.commit()
    assert browser.get("/users/followers/reading?version=-1").headers["HX-Trigger"] == "list-changed"

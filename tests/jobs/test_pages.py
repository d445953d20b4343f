"""/admin/jobs and /admin/runs as people see them, without JavaScript."""

import pytest

from server.models import Job, db
from tests.jobs.helpers import add_account, claim, finish, report


@pytest.fixture
def job_id(app):
    add_account(app, "demo_owner")
    with app.app_context():
        return db.session.query(Job).filter_by(name="following").one().id


def test_before_there_is_an_account_the_page_says_what_to_do(client_as):
    page = client_as("viewer").get("/admin/jobs").get_data(as_text=True)
    assert "python -m scraper login" in page


def test_the_whole_life_of_a_job_goes_through_forms(client_as, worker_client, job_id):
    browser = client_as("subscriber")

    def press(action, **fields):
        answered = browser.post(f"/admin/jobs/{job_id}/{action}", data=fields, follow_redirects=True)
        assert answered.status_code == 200
        return answered.get_data(as_text=True)

    assert "Not on a schedule" in browser.get("/admin/jobs").get_data(as_text=True)
    assert "It is on its schedule now." in press("start")
    assert "Paused: nothing starts" in press("pause")
    assert "Next run" in press("resume")
    run = claim(worker_client)
    report(worker_client, run, phase="Online pages", done=3, total=15, detail="<script>alert(1)</script>")
    page = browser.get("/admin/jobs").get_data(as_text=True)
    assert "Online pages: 3 of 15" in page
    assert "<script>alert" not in page
    finish(worker_client, run, outcome="signed_out", code="signed_out", waiting_ms=12_300, counters={"found": 4})
    assert "Signed out: run python -m scraper login" in browser.get("/admin/jobs").get_data(as_text=True)
    told = browser.get(f"/admin/runs/{run['id']}").get_data(as_text=True)
    assert "What to do." in told
    assert "12.3 s" in told
    assert "off its schedule" in press("stop")


def test_the_configuration_form_keeps_what_is_right_and_names_what_is_wrong(client_as, job_id):
    browser = client_as("admin")
    right = {"intervalMinutes": "120", "confirmMinutes": "0", "maxPasses": "2"}
    kept = browser.post(f"/admin/jobs/{job_id}/config", data=right, follow_redirects=True).get_data(as_text=True)
    assert "Kept." in kept
    assert 'value="120"' in kept
    assert "Switched off" in kept
    for wrong in ("", "abc", "-5", "3", "²", "9" * 30):
        page = browser.post(f"/admin/jobs/{job_id}/config", data=right | {"intervalMinutes": wrong},
                            follow_redirects=True).get_data(as_text=True)
        assert "intervalMinutes" in page
        assert 'value="120"' in page


def test_a_run_by_hand_is_cancelled_from_its_page(client_as, job_id):
    browser = client_as("admin")
    browser.post(f"/admin/jobs/{job_id}/run")
    run_id = browser.get("/api/job/following/status").get_json()["run"]["id"]
    page = browser.get(f"/admin/runs/{run_id}").get_data(as_text=True)
    assert "Waiting for the worker" in page
    assert "cancelled" in browser.post(f"/admin/runs/{run_id}/cancel", follow_redirects=True).get_data(as_text=True)
    again = browser.post(f"/admin/runs/{run_id}/cancel", follow_redirects=True).get_data(as_text=True)
    assert "already ended" in again


def test_who_looks_on_sees_no_buttons_and_cannot_press_them(client_as, job_id):
    browser = client_as("viewer")
    assert "Start the schedule" not in browser.get("/admin/jobs").get_data(as_text=True)
    assert browser.post(f"/admin/jobs/{job_id}/start").status_code == 403


def test_the_live_part_alone_is_a_part(client_as, job_id):
    part = client_as("viewer").get(f"/admin/jobs/{job_id}/live").get_data(as_text=True)
    assert "<html" not in part
    assert "Not on a schedule" in part


@pytest.mark.parametrize("address", ["/admin/jobs/999/live", "/admin/runs/00000000-0000-0000-0000-000000000000",
                                     f"/admin/jobs/{10**30}/live", f"/admin/captures/{10**30}"])
def test_what_is_not_there_is_a_404(client_as, address):
    assert client_as("admin").get(address).status_code == 404

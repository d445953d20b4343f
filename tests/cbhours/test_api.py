"""Where somebody stands with CBHours, and asking for them by hand."""

from datetime import timedelta

import pytest

from server.models import db
from tests.cbhours.answers import NOON, activity, add, entry, live, sample, take


@pytest.fixture
def ann(app):
    with app.app_context():
        add("ann")
    return "/api/persons/ann/cbhours"


def test_before_anybody_asked_nothing_is_known(ann, api_as):
    told = api_as("viewer").get(ann).json
    assert (told["has_trophy"], told["misses"], told["wanted_at"], told["reads_at"]) == (None, 0, None, None)
    assert "live poll finds out" in told["reason"]


def test_what_is_known_is_told(app, ann, api_as, clock):
    with app.app_context():
        take(live(entry("ann")))
        take(activity("ann", months=sample("months")))
        db.session.execute(db.text("UPDATE jobs SET scheduled = :yes, next_due_at = :at WHERE name LIKE 'cbhours%'"),
                           {"yes": True, "at": str(NOON)})
        db.session.commit()
    clock.now = NOON + timedelta(minutes=1)
    told = api_as("viewer").get(ann).json
    assert (told["has_trophy"], told["months"], told["problem"]) == (True, sample("months"), None)
    assert told["proved_at"] == told["activity_read_at"] == told["live_asked_at"] == "2026-11-20T12:00:00.000Z"
    assert told["activity_due_at"] == told["reads_at"] == "2026-11-21T06:00:00.000Z"


def test_an_unknown_name_says_what_cbhours_wants(app, ann, api_as):
    with app.app_context():
        take(live(asked=["ann"]))
    told = api_as("viewer").get(ann).json
    assert (told["has_trophy"], told["ask_again_at"]) == (False, "2026-11-27T12:00:00.000Z")
    assert told["reads_at"] is None and "trophy or calendar" in told["reason"]


def test_asking_by_hand_makes_the_job_due_now_although_it_is_stopped(ann, api_as, worker_client, clock):
    told = api_as("subscriber").post(ann)
    assert told.status_code == 202
    assert (told.json["wanted_at"], told.json["reads_at"]) == ("2026-11-20T12:00:00.000Z",) * 2
    assert told.json["reason"].startswith("Asked for by hand.")
    assert worker_client.post("/api/worker/claim", json={"worker": "w", "jobs": ["cbhours-activity"]}).json["run"]
    assert "taken it" in api_as("viewer").get(ann).json["reason"]


def test_whoever_becomes_p1_is_read_too_only_where_that_is_switched_on(ann, api_as):
    owner = api_as("subscriber")

    def wanted_after(priority, **config):
        assert owner.post("/api/job/cbhours-activity/config", json=config).status_code == 200
        assert owner.delete("/api/persons/ann/queue").status_code == 200
        assert owner.post("/api/persons/ann/queue", json={"priority": priority}).status_code == 200
        return owner.get(ann).json["wanted_at"]

    assert wanted_after(1) is None
    assert wanted_after(2, readPriority=True) is None
    assert wanted_after(1, enabled=False) is None
    assert wanted_after(1, enabled=True) == "2026-11-20T12:00:00.000Z"
    assert owner.post("/api/persons/not_known_yet/queue", json={"priority": 1}).status_code == 200


def test_a_job_that_is_switched_off_says_so(ann, api_as):
    api_as("admin").post("/api/job/cbhours-activity/config", json={"enabled": False})
    answer = api_as("subscriber").post(ann)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "disabled")
    assert api_as("viewer").get(ann).json["wanted_at"] is None


@pytest.mark.parametrize("name", ["nobody", "x" * 60, "%00", "a b"])
def test_whoever_is_not_known_here_cannot_be_asked_for(app, api_as, name):
    for method in ("get", "post"):
        answer = getattr(api_as("admin"), method)(f"/api/persons/{name}/cbhours")
        assert answer.status_code in (400, 404), answer.text


def test_looking_and_asking_need_their_permissions(app, ann, client, api_as, client_as):
    assert client.get(ann).status_code == 401
    assert client.post(ann).status_code in (400, 401)
    assert api_as("viewer").get(ann).status_code == 200
    assert api_as("viewer").post(ann).status_code == 403
    assert api_as("subscriber").post(ann).status_code == 202
    assert client_as("subscriber").post(ann).status_code == 202

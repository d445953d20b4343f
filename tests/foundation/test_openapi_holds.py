"""Requests made up from the description, good ones and bad ones: what comes back is what the description says."""

from collections import Counter
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from scraper.observations import MESSAGES
from server.access.guard import WORKER
from server.models import Person, PersonNote, Scan, db
from server.people.store import ensure_account
from tests.follows.lists import Lists
from tests.helpers import WORKER as WORKER_TOKEN

CHECKS = [schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance,
          response_headers_conformance, response_schema_conformance]
CROWD = [f"crowd_{number:02}" for number in range(30)]
NOW = "2026-11-20T12:00:00.000Z"
LONGEST_WAIT = 0.05  # seconds; a description allows minutes
bounded = settings(max_examples=5, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
                   suppress_health_check=list(HealthCheck))


@pytest.fixture
def panel(app, clock):
    """A panel that knows something: lists with people who came and left, two held readings."""
    app.testing = False  # an accident is an answer with 500 here, as it is for everybody else
    with app.app_context():
        ensure_account(db.session(), "demo_owner", clock())
        lists = Lists(db.session())
        for at, names in enumerate([["ann", "bob", *CROWD], ["ann", "cas", *CROWD], ["ann", "cas", *CROWD]]):
            lists.read(names, at)
            lists.read(names, at, list_name="following")
        lists.read(["ann"], 5)
        lists.read(["ann"], 5, list_name="following")
        ann = db.session.scalar(select(Person.id).filter_by(username="ann"))
        db.session.add_all(PersonNote(person_id=ann, text="a note", author="token admin", created_at=clock())
                           for _ in range(2))
        db.session.commit()
    return app


@pytest.fixture
def known(panel, worker_client):
    """What is there, by the name under which a path asks for it."""
    run, cleaning = (worker_client.post("/api/worker/claim", json={
        "worker": "tests", "jobs": [], "force": {"job": job}}).json["run"] for job in ("followers", "retention"))
    with panel.app_context():
        accepted, rejected = db.session.scalars(select(Scan.id).where(Scan.state == "held"))
        note, spare = db.session.scalars(select(PersonNote.id))
        return {"note_id": note, "spare_note": spare,
                "run_id": run["id"], "scan_id": str(accepted), "rejected": str(rejected), "username": "ann",
                "job": "followers", "cleaning": cleaning["id"]}


def exercise(operation, mode, headers, known):
    """Some requests of this operation, the answer to each held against the description: how often which status.

    Every second good request is aimed at what is there, so that it gets behind the first door.
    """
    seen = Counter()

    @bounded
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        if "wait" in (case.query or {}):
            case.query["wait"] = LONGEST_WAIT
        if mode is GenerationMode.POSITIVE and seen.total() % 2 == 0:
            aim(case, known, seen.total())
        response = case.call(headers=headers)
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS, headers=headers)

    ask()
    return seen


def aim(case, known, number):
    case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
    if case.operation.label == "DELETE /api/persons/{username}":
        case.path_parameters["username"] = CROWD[number]
    if case.operation.label == "DELETE /api/persons/{username}/notes/{note_id}":
        case.path_parameters["note_id"] = known["spare_note"]
    if case.operation.label.endswith("/reject"):
        case.path_parameters["scan_id"] = known["rejected"]
    for name in ("account", "cursor"):
        case.query.pop(name, None)
    if not isinstance(case.body, dict):
        return
    if case.operation.label.startswith("POST /api/followers/update") and case.media_type == "application/json":
        case.body = {"usernames": case.body.get("usernames") or [], "complete": bool(number % 4)}
    case.body.update({name: NOW for name in ("observed_at", "started_at", "finished_at") if name in case.body})
    if case.operation.label == "POST /api/worker/retention":
        case.body = {"run_id": known["cleaning"]}
    case.body.update({"account": "demo_owner"} if "account" in case.body else {})
    if "kind" in case.path_parameters:
        kinds = {"facts": "scan-page", "finished_at": "scan-end", "state": "session", "url": "picture"}
        kind = next((kind for field, kind in kinds.items() if field in case.body), "follow-events")
        case.path_parameters["kind"] = kind
        case.body.update(kind=kind, batch_id=str(uuid4()))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["admin", "worker"])
def test_every_answer_is_as_described(panel, known, api_as, who):
    """Each caller asks for everything; what is not theirs is refused, what is theirs is reached."""
    token = api_as("admin").token if who == "admin" else WORKER_TOKEN
    described = schemathesis.openapi.from_dict(panel.api_doc)
    described.app = panel
    asked, unreached = 0, []
    for operation in (result.ok() for result in described.get_all_operations()):
        asked += 1
        mine = (operation.definition.raw["x-requires"] == WORKER) == (who == "worker")
        seen = exercise(operation, GenerationMode.POSITIVE, {"Authorization": f"Bearer {token}"}, known)
        if not mine:
            assert set(seen) == {403}, operation.label
            continue
        if not any(status < 300 for status in seen):
            unreached.append((operation.label, dict(seen)))
        if operation.definition.raw.get("parameters") or operation.definition.raw.get("requestBody"):
            exercise(operation, GenerationMode.NEGATIVE, {"Authorization": f"Bearer {token}"}, known)
    assert asked == sum(len(methods) for methods in panel.api_doc["paths"].values())
    assert unreached == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_each_kind_of_message_is_described_and_answered_as_described(panel, worker_client):
    operation = panel.api_doc["paths"]["/api/ingest/{kind}"]["post"]
    bodies = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    described = {panel.api_doc["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]["kind"]["const"]
                 for body in bodies}
    assert described == set(MESSAGES) == set(operation["parameters"][0]["schema"]["enum"])

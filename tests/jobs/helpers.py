"""What a worker and an owner do in the tests of jobs."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from server.models import db
from server.people.store import ensure_account


def add_account(app: Any, name: str) -> int:
    """An account with its jobs; its id."""
    with app.app_context():
        account = ensure_account(db.session(), name, app.extensions["mhc_clock"]())
        db.session.commit()
        return account.id


def claim(worker: Any, **more: Any) -> dict[str, Any] | None:
    """The run that this worker gets, if any."""
    answered = worker.post("/api/worker/claim", json={"worker": "test:1:a", "jobs": ["following", "followers"]} | more)
    assert answered.status_code == 200, answered.get_json()
    return answered.get_json()["run"]


def report(worker: Any, run: dict[str, Any], **progress: Any) -> Any:
    return worker.post(f"/api/worker/runs/{run['id']}/progress", json={"phase": "Reading", "done": 1} | progress)


def finish(worker: Any, run: dict[str, Any] | None, *, outcome: str = "ok", code: str | None = None,
           **more: Any) -> Any:
    assert run is not None, "nothing was claimed"
    error = {"code": code, "message": "What happened.", "advice": "What to do."} if code else None
    return worker.post(f"/api/worker/runs/{run['id']}/finish", json={"outcome": outcome, "error": error} | more)


def statements(app: Any, action: Callable[[], Any]) -> int:
    """How many statements this action sends to the database."""
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", counted)
    try:
        action()
    finally:
        event.remove(engine, "before_cursor_execute", counted)
    return count

"""Pages for the tests: a browser that is signed in, a database to fill, a counter of statements."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from parsel import Selector
from sqlalchemy import event
from sqlalchemy.orm import Session

from server.models import db


@pytest.fixture
def session(app: Any) -> Iterator[Any]:
    """The database, to be filled and committed by the test; apart from the sessions of requests."""
    with app.app_context():
        engine = db.engine
    with Session(engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def visit(client_as: Callable[[str], Any]) -> Callable[..., Selector]:
    """visit("/users/directory") -> what an admin sees there; role="viewer" for somebody else."""
    browsers: dict[str, Any] = {}

    def get(address: str, *, role: str = "admin", status: int = 200) -> Selector:
        browser = browsers.setdefault(role, client_as(role))
        answer = browser.get(address)
        assert answer.status_code == status, answer.text[:2000]
        return Selector(answer.text)

    return get


@pytest.fixture
def statements(app: Any) -> Callable[[], Any]:
    """`with statements() as seen:` collects what the database was asked inside the block."""

    @contextmanager
    def watch() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
                seen.append(statement)

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return watch


def heads(page: Selector) -> list[str]:
    """The titles of the columns."""
    return [" ".join(head.xpath("normalize-space(.)").getall()) for head in page.css("thead th")]


def usernames(page: Selector) -> list[str]:
    return page.css("#people a.username bdi::text").getall()


def text(found: Any) -> str:
    return " ".join(found.xpath("normalize-space(.)").getall())

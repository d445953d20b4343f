"""A scan is applied by the same number of statements however long the list is."""

from typing import Any

from sqlalchemy import event

from server.models import db
from tests.follows.lists import Lists


def _statements(lists: Lists, names: list[str], at: float) -> int:
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, many: bool) -> None:
        assert not many, "one statement a row"
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    lists.read(names, at)
    event.remove(db.engine, "before_cursor_execute", note)
    return len(said)


def _story(lists: Lists, length: int) -> list[int]:
    """First import, then people who come, go missing, come back and leave."""
    step = max(length // 100, 2)
    names = [f"of_{length}_{number:05}" for number in range(length)]
    readings = [
        names,
        names[step:] + [f"new_{length}_{number}" for number in range(step)],
        names[2 * step:] + [f"newer_{length}_{number}" for number in range(step)] + names[:step // 2],
        names,
    ]
    lists.account = f"owner_{length}"
    return [_statements(lists, reading, 6 * number) for number, reading in enumerate(readings)]


def test_ten_names_and_five_thousand_take_the_same_statements(lists: Lists):
    lists.read(["ann"], 0)  # what is done once is done
    assert _story(lists, 10) == _story(lists, 5_000)

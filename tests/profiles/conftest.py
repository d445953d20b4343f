"""The pages' own fixtures, and one broadcaster to tell things about."""

from typing import Any

import pytest

from tests.pages_ui import seed
from tests.pages_ui.conftest import session, statements, visit  # noqa: F401  fixtures
from tests.profiles import year


@pytest.fixture
def ann(session: Any, clock: Any) -> Any:  # noqa: F811
    """Somebody who broadcasts; the kinds of shows are there."""
    year.shows(session)
    who = seed.person(session, "ann", clock.now, "model", age=31)
    session.commit()
    return who

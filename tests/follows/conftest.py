from collections.abc import Iterator
from typing import Any

import pytest

from server.models import db
from tests.follows.lists import Lists


@pytest.fixture
def lists(app: Any) -> Iterator[Lists]:
    with app.app_context():
        yield Lists(db.session())

"""Random activity with corrections, late and repeated answers, against a simple model."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.cbhours import queries
from server.models import db
from tests.cbhours.answers import NOON, TODAY, activity, add, segment, take

NUMBERS = ("viewers", "rank", "followers")
number = st.one_of(st.none(), st.integers(0, 3))
told = st.dictionaries(st.integers(0, 11), st.tuples(number, number, number), max_size=8)
answers = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), told), min_size=1, max_size=8)
FIRST = NOON - timedelta(days=2)
SLOT = timedelta(hours=4)


class Model:
    """Slot -> values. What is not said takes nothing away; on days that a newer answer told of an older one fills."""

    def __init__(self) -> None:
        self.values: dict[int, dict[str, Any]] = {}
        self.read: list[tuple[int, int]] = []

    def take(self, moment: int, back: int, said: dict[int, tuple[Any, ...]]) -> tuple[int, int]:
        added = changed = 0
        for slot, values in said.items():
            day = (FIRST + slot * SLOT).date()
            if day < TODAY - timedelta(days=back):
                continue
            late = any(other > moment and day >= TODAY - timedelta(days=span) for other, span in self.read)
            new = dict(zip(NUMBERS, values, strict=True))
            if slot not in self.values:
                self.values[slot], added = new, added + 1
                continue
            old = self.values[slot]
            strong, weak = (old, new) if late else (new, old)
            self.values[slot] = {name: weak[name] if strong[name] is None else strong[name] for name in NUMBERS}
            changed += self.values[slot] != old
        self.read.append((moment, back))
        return added, changed


@pytest.mark.slow
def test_whatever_comes_in_whatever_order_is_what_the_model_says(app):
    numbers = iter(range(10_000))

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(answers)
    def check(given_answers):
        with app.app_context():
            name = f"person_{next(numbers)}"
            person, = add(name)
            model = Model()
            for moment, back, said in given_answers:
                message = activity(
                    name, *(segment(FIRST + slot * SLOT, **dict(zip(NUMBERS, values, strict=True)))
                            for slot, values in said.items()),
                    at=NOON + timedelta(minutes=moment), start=TODAY - timedelta(days=back))
                for once_more in (False, True):
                    expected = (0, 0) if once_more else model.take(moment, back, said)
                    answer = take(message, now=NOON + timedelta(hours=9))
                    if not once_more:
                        assert (answer["added"], answer["changed"]) == expected
            found = {one.at: {name: getattr(one, name) for name in NUMBERS}
                     for one in queries.activity(db.session(), person)}
            assert found == {int((FIRST + slot * SLOT).timestamp()): values for slot, values in model.values.items()}
            for day in queries.days(db.session(), person):
                assert day.segments == sum((FIRST + slot * SLOT).date() == day.day for slot in model.values)
            db.session.rollback()

    check()

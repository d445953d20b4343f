"""Answers and a poll that come in at the same time wait for each other: nothing is lost, nobody fails."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from server.models import db
from tests.affiliate.rooms import poll, room
from tests.cbhours.answers import NOON, activity, add, entry, live, rows, segment
from tests.helpers import WORKER, with_token

NAMES = [f"person_{number:02}" for number in range(30)]
ROUNDS = 6


@pytest.mark.slow
def test_answers_and_polls_at_the_same_time(app, clock):
    clock.now = NOON + timedelta(hours=2)
    with app.app_context():
        add(*NAMES)
        db.session.remove()

    def post(kind, message):
        return with_token(app, WORKER).post(f"/api/ingest/{kind}", json=message)

    messages = []
    for number in range(ROUNDS):
        at = NOON + timedelta(minutes=number)
        forward, backward = ([entry(name, followers=1000 + number) for name in those] for those in (NAMES, NAMES[::-1]))
        messages += [("cbhours-live", live(*forward, at=at)),
                     ("cbhours-live", live(*backward, at=at + timedelta(seconds=30))),
                     ("affiliate-rooms", poll(*(room(name) for name in NAMES), at=at)),
                     ("cbhours-activity", activity(NAMES[number], segment(at), at=at + timedelta(minutes=4)))]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: post(*one), messages))
    assert {answer.status_code for answer in answers} == {200}
    with app.app_context():
        assert rows("SELECT count(*) FROM cbhours_live_stats") == [(2 * ROUNDS * len(NAMES),)]
        assert rows("SELECT count(*) FROM cbhours_texts") == [(len(NAMES),)]
        assert rows("SELECT min(followers), max(followers) FROM cbhours_current") == [(1000 + ROUNDS - 1,) * 2]
        assert rows("SELECT count(*) FROM cbhours_activity") == [(ROUNDS,)]
        assert rows("SELECT count(*) FROM affiliate_api_snapshots") == [(ROUNDS * len(NAMES),)]

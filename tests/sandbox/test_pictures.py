"""The pictures of invented people."""

from io import BytesIO

import pytest
import requests
from PIL import Image

from scraper.sandbox.faults import PICTURE_KINDS


def fetch(sandbox, name, *, small="ri"):
    return requests.get(f"{sandbox.url}/{small}/{name}.jpg", timeout=10, allow_redirects=False)


def test_everybody_has_a_picture_of_their_own_and_always_the_same(sandbox):
    one, two, *_ = sandbox.world.people
    body = fetch(sandbox, one).content
    assert fetch(sandbox, one, small="riw").content == fetch(sandbox, one.upper()).content == body
    assert fetch(sandbox, two).content != body
    with Image.open(BytesIO(body)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (360, 270))


def test_a_new_broadcast_has_a_new_picture(sandbox):
    person = next(iter(sandbox.world.people.values()))
    before = fetch(sandbox, person.username).content
    sandbox.world.advance(1)
    sandbox.world.set_online(person.username, not person.online)
    assert fetch(sandbox, person.username).content != before


@pytest.mark.parametrize("kind", sorted(PICTURE_KINDS))
def test_each_fault_hits_pictures_that_are_asked_for_by_name_and_those_alone(sandbox, kind):
    good = fetch(sandbox, "zq").content
    sandbox.fault(kind, times=1)
    assert fetch(sandbox, "zq").content == good, "a browser asks for pictures beside every page"
    fault = sandbox.fault(kind, list="images", times=1)
    answer = fetch(sandbox, "zq")
    assert fault.fired == 1 and (answer.status_code, answer.content) != (200, good)
    assert fetch(sandbox, "zq").content == good

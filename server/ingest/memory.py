"""Memory while a large message is taken in."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Thousands of small objects are made here and none in a circle: looking for circles in all that the process
    holds takes several times as long as the work itself."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

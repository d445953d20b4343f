"""How many people a list has. Counting a hundred thousand rows for every page costs more than the page itself.

What is small is counted each time. Bigger counts are remembered for some seconds.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.models import Person
from server.people import directory
from server.people.directory import Cut, Wanted

WORTH_REMEMBERING = 1_000
FOR = timedelta(seconds=30)
TAGS_FOR = timedelta(minutes=5)
AT_MOST = 500  # so many different questions


def total(session: Session, wanted: Wanted, cut: Cut, now: datetime) -> int:
    """How many fit in all; filtered ones counted up to `COUNT_CAP` + 1."""
    if cut.few is not None:
        return cut.few
    if not wanted.narrowed:
        return everybody(session, now)
    asked = (wanted.role, wanted.search, wanted.tag, wanted.live)
    return int(remembered(asked, now, FOR, lambda: directory.fitting(session, wanted, now),
                           worth=lambda count: count >= WORTH_REMEMBERING))


def everybody(session: Session, now: datetime) -> int:
    """How many people are known."""
    def count() -> int:
        return session.scalar(select(func.count()).select_from(Person)) or 0

    return int(remembered("everybody", now, FOR, count, worth=lambda count: count >= WORTH_REMEMBERING))


def popular_tags(session: Session, now: datetime, limit: int = 12) -> list[tuple[str, int]]:
    """The tags that most people have, with how many; of some minutes ago where there are many people."""
    return list(remembered(("tags", limit), now, TAGS_FOR, lambda: directory.popular_tags(session, limit),
                            worth=lambda tags: sum(count for _, count in tags) >= WORTH_REMEMBERING))


def remembered(what: Any, now: datetime, how_long: timedelta, count: Any, *, worth: Any) -> Any:
    """What `count` answers, or what it answered a short time ago, if that is `worth` it."""
    kept: OrderedDict[Any, tuple[datetime, Any]] = current_app.extensions.setdefault("people_counts", OrderedDict())
    if what in kept:
        at, value = kept[what]
        if timedelta(0) <= now - at < how_long:
            return value
    value = count()
    if worth(value):
        kept[what] = (now, value)
        while len(kept) > AT_MOST:
            kept.popitem(last=False)
    else:
        kept.pop(what, None)
    return value

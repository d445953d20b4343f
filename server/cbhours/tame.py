"""Answers of CBHours as they can be stored: hostile texts tamed, impossible values left out. Pure.

One bad value costs that value, one bad entry costs that entry, never the batch.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter, lt
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs it; the one of `typing` tells it too little before 3.12

from scraper.observations import CbhoursActivity, CbhoursRoom, CbhoursSegmentSeen, Gender, username
from server.ingest.text import plain

Rejected = dict[str, str]
MOST_TAGS = 100
LONGEST_TAG = 100
LONGEST_SHOWN_TAG = 60
LONGEST_SHOW = 40
LONGEST_SUBJECT = 4_000
DAY = 86_400
MOST_DAYS = 400  # that an answer may span
MOST_MINUTES = 24 * 60
EARLIEST = date(2005, 1, 1)
_INT4, _INT8 = 2**31 - 1, 2**63 - 1
_LARGEST = {"rank": _INT4, "grank": _INT4, "viewers": _INT4, "followers": _INT8}
_PLAIN = "^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_AT = r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|\+00:00)$"
_MONTH = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])").fullmatch
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_SEGMENTS = TypeAdapter(list[CbhoursSegmentSeen])
_FIELDS = ("at", "show", "gender", "rank", "grank", "viewers", "followers")
_row = itemgetter(*_FIELDS)


class Room(NamedTuple):
    """One entry of a live answer; the values of somebody who is offline are all None."""

    online: bool
    rank: int | None = None
    grank: int | None = None
    viewers: int | None = None
    followers: int | None = None
    show: str | None = None
    gender: str | None = None
    is_new: bool | None = None
    subject: str | None = None
    tags: list[str] | None = None

    @property
    def texts(self) -> tuple[str | None, bool | None, str | None, str | None]:
        """gender, is_new, subject, and the tags as JSON: what is kept once a change."""
        return self.gender, self.is_new, self.subject, None if self.tags is None else _json(self.tags)


# Three minutes: at (whole seconds since 1970), show, gender, rank, grank, viewers, followers. A plain tuple, for there
# are tens of thousands in an answer.
Segment = tuple[int, str | None, str | None, int | None, int | None, int | None, int | None]


def shown_tags(tags: Iterable[str]) -> list[str]:
    """The tags as they are filtered by, none longer than a filter takes."""
    return [tag[:LONGEST_SHOWN_TAG] for tag in tags]


# ---- live answers

def check_rooms(items: Sequence[Any]) -> tuple[list[CbhoursRoom], list[Rejected]]:
    """The entries of a message with the bad values left out, and the bad entries with their reasons."""
    good, rejected = [], []
    for item in items:
        try:
            good.append(_tamed(item if isinstance(item, CbhoursRoom) else _one(CbhoursRoom, item)))
        except ValueError as error:
            rejected.append({"item": _shown(item), "reason": plain(str(error), 300)})
    return good, rejected


def room_of(said: CbhoursRoom) -> Room:
    """A checked entry as it is stored."""
    if not said.online:
        return Room(False)
    return Room(True, said.rank, said.grank, said.viewers, said.followers, said.current_show, said.gender,
                said.is_new, said.room_subject, said.tags)


def _one(kind: Any, item: Any) -> Any:
    """An entry without the values that cannot be; raises ValueError for what is no entry at all."""
    if not isinstance(item, Mapping):
        raise ValueError("not an entry")
    told = {key: value for key, value in item.items() if key in kind.model_fields}
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors(include_url=False, include_input=False)}
        needed = sorted(name for name in wrong if kind.model_fields[name].is_required())
        if needed:
            raise ValueError(f"{', '.join(needed)}: missing, or cannot be") from None
        return kind.model_validate({key: value for key, value in told.items() if key not in wrong})


def _tamed(room: CbhoursRoom) -> CbhoursRoom:
    """raises  ValueError for what cannot be a username"""
    tags = None if room.tags is None else [
        tag for tag in (plain(one, LONGEST_TAG).strip().lower() for one in room.tags) if tag]
    return room.model_copy(update={
        "username": username(room.username), **{name: _bounded(name, getattr(room, name)) for name in _LARGEST},
        "current_show": _text(room.current_show, LONGEST_SHOW),
        "room_subject": _text(room.room_subject, LONGEST_SUBJECT),
        "tags": None if tags is None else list(dict.fromkeys(tags))[:MOST_TAGS]})


def _bounded(name: str, number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= _LARGEST[name] else None


def _text(text: str | None, longest: int) -> str | None:
    return None if text is None else plain(text, longest)


# ---- activity

class TameSegment(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    at: Annotated[str, Field(pattern=_AT)]
    show: Annotated[str | None, Field(pattern=_PLAIN, max_length=LONGEST_SHOW)]
    gender: Gender | None
    rank: Annotated[int | None, Field(ge=0, le=_INT4)]
    grank: Annotated[int | None, Field(ge=0, le=_INT4)]
    viewers: Annotated[int | None, Field(ge=0, le=_INT4)]
    followers: Annotated[int | None, Field(ge=0, le=_INT8)]


class TameActivity(CbhoursActivity):
    """An answer in which every segment is as it should be."""

    segments: list[TameSegment]  # type: ignore[assignment]
    months: list[Annotated[str, Field(pattern=_PLAIN)]] | None = None
    problem: Annotated[str, Field(pattern=_PLAIN)] | None = None
    detail: Annotated[str, Field(pattern=_PLAIN)] | None = None


def tame_activity(body: bytes) -> TameActivity | None:
    """The answer in a body, read at once; None if anything in it needs a closer look."""
    try:
        told = TameActivity.model_validate_json(body)
        _seconds([one["at"] for one in told.segments])
    except ValueError:  # also what pydantic raises
        return None
    return told


def check_segments(items: list[Any]) -> tuple[list[CbhoursSegmentSeen], list[Rejected]]:
    """The segments of a message with the bad values left out, and the bad ones with their reasons."""
    try:
        return _SEGMENTS.validate_python(items), []
    except ValidationError:
        good, rejected = [], []
        for item in items:
            try:
                good.append(item if isinstance(item, CbhoursSegmentSeen) else _one(CbhoursSegmentSeen, item))
            except ValueError as error:
                rejected.append({"item": _shown(item), "reason": plain(str(error), 300)})
        return good, rejected


def segments_of(said: Sequence[Any], start: date, end: date, now: datetime) -> tuple[list[Segment], list[Rejected]]:
    """The segments of an answer as they are stored, each second once (the first word counts), in order; and those
    that cannot be: outside the days that were asked for, or to come.

    said  of a `TameActivity`, or as `check_segments` gives them
    """
    first, last = first_second(start), min(first_second(end) + DAY, int(now.timestamp()) + 1)
    if not said:
        return [], []
    if isinstance(said[0], dict):
        texts, *columns = zip(*map(_row, said), strict=True)
        seconds = _seconds(texts)
    else:
        moments, *columns = zip(*(tuple(getattr(one, name) for name in _FIELDS) for one in map(_tame_segment, said)),
                                strict=True)
        seconds = [int(moment.timestamp()) for moment in moments]
    rows: list[Segment] = list(zip(seconds, *columns, strict=True))
    if first <= seconds[0] and seconds[-1] < last and all(map(lt, seconds, seconds[1:])):
        return rows, []
    found: dict[int, Segment] = {}
    rejected: list[Rejected] = []
    for row in rows:
        if first <= row[0] < last:
            found.setdefault(row[0], row)
        else:
            rejected.append({"item": datetime.fromtimestamp(row[0], UTC).isoformat(), "reason": "lies in the future"
                             if row[0] > now.timestamp() else "outside the days that were asked for"})
    return [found[at] for at in sorted(found)], rejected


def _seconds(texts: Sequence[str]) -> list[int]:
    """Moments of UTC as whole seconds since 1970. Days and times of day come again and again.

    raises  ValueError for a day that there is not
    """
    days = {text: first_second(date.fromisoformat(text)) for text in {text[:10] for text in texts}}
    times = {text: seconds_of_day(time.fromisoformat(text)) for text in {text[11:19] for text in texts}}
    return [days[text[:10]] + times[text[11:19]] for text in texts]


def first_second(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def seconds_of_day(at: time) -> int:
    return 3_600 * at.hour + 60 * at.minute + at.second


def _tame_segment(one: CbhoursSegmentSeen) -> CbhoursSegmentSeen:
    return one.model_copy(update={name: _bounded(name, getattr(one, name)) for name in _LARGEST} | {
        "show": _text(one.show, LONGEST_SHOW)})


def days_of(said: Mapping[str, int], start: date, end: date) -> dict[date, int]:
    """Minutes of the days that an answer names and that were asked for; impossible ones are left out."""
    found = {}
    for text, minutes in said.items():
        try:
            day = date.fromisoformat(text)
        except ValueError:
            continue
        if start <= day <= end and 0 <= minutes <= MOST_MINUTES:
            found[day] = minutes
    return found


def months_of(said: Iterable[str] | None) -> list[str] | None:
    """Months that can be, newest first; None: nothing was said."""
    return None if said is None else sorted({month for month in said if _MONTH(month)}, reverse=True)[:1_200]


def span_of(start: date, end: date, now: datetime) -> tuple[date, date] | None:
    """The days of an answer as far as they have begun; None: they cannot be."""
    end = min(end, now.astimezone(UTC).date())
    if start < EARLIEST or end < start or end - start >= timedelta(days=MOST_DAYS):
        return None
    return start, end


def _shown(item: Any) -> str:
    if isinstance(item, CbhoursRoom):
        return plain(item.username, 100)
    name = item.get("username", item.get("at", item)) if isinstance(item, Mapping) else item
    return plain(str(name), 100)

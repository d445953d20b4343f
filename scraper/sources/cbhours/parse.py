"""Answers of CBHours: bytes in, values out. Pure.

Tolerant value by value, see `scraper.tolerant`. What decides whether an answer counts at all is strict: activity only
with `"status": true` (`"error"` would pass for success as well, if one only asked whether it is there), live only with
`"server_status": "up"`.

    live      {"server_status": "up", "data": {"<name>": {"room_status": "Online" | "Offline", …}}}
    activity  {"status": true, "activity": {day: text}, "total_time": {…}, "details": {day: [segment, …]}}
    months    ["2025-12", …]
    errors    {"status": "error", "message": "Error Code:300 …"}; 300: the person is not set up there
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from scraper.errors import Unavailable, UnknownAnswer
from scraper.observations import CbhoursRoom, CbhoursSegmentSeen, Gender
from scraper.tolerant import flag_of, gender_of, json_of, number_of, storable, tags_of, text_of, word_of

NOT_SET_UP = 300
LARGEST_SMALL = 2**31 - 1  # of ranks and viewers
LONGEST_SHOW = 40
LONGEST_SUBJECT = 2000
LONGEST_DETAIL = 500
MINUTES_OF_A_DAY = 1440
MOST_MONTHS = 1200
GENDER_WORDS: dict[str, Gender] = {
    "male": "m", "man": "m", "men": "m", "female": "f", "woman": "f", "women": "f", "couple": "c", "couples": "c",
    "trans": "t", "transgender": "t", "transsexual": "t", "ts": "t", "s": "t"}
_CODE = re.compile(r"error\s*code\s*:?\s*(\d{1,6})", re.I)
_SLOW_DOWN = re.compile(r"too (?:many|fast|often)|rate.?limit|slow down|\b(?:ip|you)\b.{0,30}\b(?:ban|block)", re.I)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.A)
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.A)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.A)
_AMOUNT = re.compile(r"(\d{1,6})\s*Hours?\s+(\d{1,6})\s*Minutes?", re.I | re.A)


class SaidError(Exception):
    """The answer is an error of CBHours. code: its number; None: it has none. The text is its own words."""

    def __init__(self, code: int | None, words: str) -> None:
        super().__init__(words)
        self.code = code

    @property
    def is_not_set_up(self) -> bool:
        """It is about the person who was asked for, not about us or CBHours."""
        return self.code == NOT_SET_UP

    @property
    def asks_for_a_pause(self) -> bool:
        return self.code == 429 or (not self.is_not_set_up and bool(_SLOW_DOWN.search(str(self))))


@dataclass
class Live:
    """What one live answer says of those who were asked for.

    unknown     who is not in it, or only as an error
    unreadable  who is in it in a way that says neither online nor offline
    """

    rooms: list[CbhoursRoom] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)


@dataclass
class Activity:
    """What one activity answer says; days and segments as in `CbhoursActivity`, segments by time, each time once."""

    days: dict[str, int] = field(default_factory=dict)
    total: int | None = None
    segments: list[CbhoursSegmentSeen] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)


def is_said(body: bytes) -> bool:
    """Whether this is an error of CBHours' own, with its number: its HTTP status says no more then."""
    try:
        error = _error_in(json_of(body))
    except UnknownAnswer:
        return False
    return error is not None and error.code is not None


def parse_live(body: bytes, asked: Collection[str]) -> Live:
    """What is said of these usernames; of anybody else nothing is taken.

    raises  SaidError, Unavailable (CBHours says that it is not up itself), UnknownAnswer
    """
    said = _object(body)
    state = said.get("server_status")
    if not isinstance(state, str) or state.strip().lower() != "up":
        raise Unavailable(f"CBHours says that its server is {_short(state)!r} and not up")
    data = said.get("data")
    if data == []:  # how PHP writes an object without members
        data = {}
    if not isinstance(data, dict):
        raise UnknownAnswer("no data in it")
    entries: dict[str, Any] = {}
    live = Live()
    for key, entry in data.items():
        name = key.strip().lower()
        if name in entries:
            live.problems["username"] += 1
        else:
            entries[name] = entry
    for name in dict.fromkeys(asked):
        _entry(live, name, entries.get(name))
    return live


def parse_activity(body: bytes, name: str, start: date, end: date, until: datetime) -> Activity:
    """One person's days from start to end, both in it, asked for with `tzo=0`.

    until   segments that begin later have not happened yet, and are left out
    raises  SaidError, Unavailable (as above), UnknownAnswer, also when it is about somebody else
    """
    said = _object(body)
    if said.get("status") is not True:
        raise UnknownAnswer(f"neither a success nor an error: status {_short(said.get('status'))!r}")
    model = said.get("model")
    if isinstance(model, str) and model.strip() and model.strip().lower() != name:
        raise UnknownAnswer("the answer is about somebody else")
    if said.get("serverstatus") is False or str(said.get("serverstatus")).strip().lower() in ("false", "down"):
        words = _short(said.get("servermessage"))
        raise Unavailable("CBHours says that its server is not up" + (f": {words}" if words else ""))
    activity = Activity()
    _days(activity, said.get("activity"), start, end)
    activity.total = _total(activity.problems, said.get("total_time"), (end - start).days + 1)
    _segments(activity, said.get("details"), start, end, until)
    return activity


def parse_months(body: bytes) -> list[str]:
    """The months that are held, newest first.

    raises  SaidError, UnknownAnswer
    """
    said = json_of(body)
    if isinstance(said, dict):
        _object(body)
    if not isinstance(said, list):
        raise UnknownAnswer("no list of months")
    months = {one for one in said if isinstance(one, str) and _MONTH.fullmatch(one)}
    if said and not months:
        raise UnknownAnswer("no months in the list")
    return sorted(months, reverse=True)[:MOST_MONTHS]


def _object(body: bytes) -> dict[str, Any]:
    """The answer with its keys in lower case.

    raises  SaidError, UnknownAnswer
    """
    said = json_of(body)
    if not isinstance(said, dict):
        raise UnknownAnswer("not an object")
    error = _error_in(said)
    if error is not None:
        raise error
    return _lower(said)


def _error_in(said: Any) -> SaidError | None:
    """The error that this object or text is."""
    if isinstance(said, str):
        code = _CODE.search(said)
        return SaidError(int(code[1]), _short(said)) if code else None
    if not isinstance(said, dict):
        return None
    said = _lower(said)
    if "room_status" in said:
        return None
    status, words = said.get("status"), said.get("message", said.get("error"))
    is_error = (isinstance(status, str) and status.strip().lower() == "error") or (
        status is not True and isinstance(words, str) and ("error" in said or _CODE.search(words) is not None))
    if not is_error:
        return None
    code = _CODE.search(words) if isinstance(words, str) else None
    return SaidError(int(code[1]) if code else None, _short(words) or "an error without words")


def _entry(live: Live, name: str, entry: Any) -> None:
    """Sort one person's entry in. An error with another number than that of people who are not set up says nothing of
    the person."""
    error = _error_in(entry)
    if not entry or (error is not None and error.code in (None, NOT_SET_UP)):
        live.unknown.append(name)
        return
    said = _lower(entry) if isinstance(entry, dict) else {}
    state = said.get("room_status")
    word = state.strip().lower() if isinstance(state, str) else ""
    if word == "offline":
        live.rooms.append(CbhoursRoom(username=name, online=False))
    elif word == "online":
        live.rooms.append(_room(live.problems, name, said))
    else:
        live.problems["room_status"] += 1
        live.unreadable.append(name)


def _room(problems: Counter[str], name: str, said: Mapping[str, Any]) -> CbhoursRoom:
    subject = text_of(problems, "room_subject", said.get("room_subject"), LONGEST_SUBJECT)
    return CbhoursRoom(
        username=name, online=True, gender=gender_of(problems, "gender", said.get("gender"), GENDER_WORDS),
        is_new=flag_of(problems, "is_new", said.get("is_new")), **_numbers(problems, said),
        current_show=_show(problems, "current_show", said.get("current_show")),
        room_subject=subject.strip() if subject is not None else None,
        tags=tags_of(problems, "tags", said.get("tags")),
    )


def _numbers(problems: Counter[str], said: Mapping[str, Any]) -> dict[str, int | None]:
    return {
        "rank": number_of(problems, "rank", said.get("rank"), most=LARGEST_SMALL),
        "grank": number_of(problems, "grank", said.get("grank"), most=LARGEST_SMALL),
        "viewers": number_of(problems, "viewers", said.get("viewers"), most=LARGEST_SMALL),
        "followers": number_of(problems, "followers", said.get("followers")),
    }


def _show(problems: Counter[str], key: str, value: Any) -> str | None:
    """A word; one that is too long is none."""
    if isinstance(value, str) and len(value.strip()) > LONGEST_SHOW:
        problems[key] += 1
        return None
    return word_of(problems, key, value, LONGEST_SHOW)


def _days(activity: Activity, said: Any, start: date, end: date) -> None:
    if said is None or said == []:
        return
    if not isinstance(said, dict):
        activity.problems["activity"] += 1
        return
    for key, words in said.items():
        day = _day(key)
        amount = _AMOUNT.search(words) if isinstance(words, str) else None
        minutes = int(amount[1]) * 60 + int(amount[2]) if amount else -1
        if day is None or not start <= day <= end or not 0 <= minutes <= MINUTES_OF_A_DAY:
            activity.problems["activity"] += 1
            continue
        activity.days[day.isoformat()] = minutes


def _total(problems: Counter[str], said: Any, days: int) -> int | None:
    """Minutes of the whole range."""
    if said is None or said == []:
        return None
    parts = _lower(said) if isinstance(said, dict) else {}
    hours = number_of(problems, "total_time", parts.get("hours"), most=24 * days)
    minutes = number_of(problems, "total_time", parts.get("minutes"), most=MINUTES_OF_A_DAY * days)
    if hours is None or minutes is None or hours * 60 + minutes > MINUTES_OF_A_DAY * days:
        problems["total_time"] += 1
        return None
    return hours * 60 + minutes


def _segments(activity: Activity, details: Any, start: date, end: date, until: datetime) -> None:
    """All rows, by their own time and not by the day under which they stand. Of rows of one time the first counts, and
    what it leaves out is filled in from the others."""
    if details is None or details == []:
        return
    if not isinstance(details, dict):
        activity.problems["details"] += 1
        return
    problems, found = activity.problems, dict[datetime, CbhoursSegmentSeen]()
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    last = min(datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1, microseconds=-1), until)
    for rows in details.values():
        if not isinstance(rows, list):
            problems["details"] += 1
            continue
        for row in rows:
            said = _lower(row) if isinstance(row, dict) else {}
            at = _moment(said.get("timestamp"))
            if at is None or not begin <= at <= last:
                problems["timestamp"] += 1
                continue
            segment = _segment(problems, at, said)
            if at in found:
                if found[at] != segment:
                    problems["repeated"] += 1
                segment = _filled(found[at], segment)
            found[at] = segment
    activity.segments = [found[at] for at in sorted(found)]


def _segment(problems: Counter[str], at: datetime, said: Mapping[str, Any]) -> CbhoursSegmentSeen:
    return CbhoursSegmentSeen(at=at, show=_show(problems, "type", said.get("type")), **_numbers(problems, said),
                              gender=gender_of(problems, "gender", said.get("gender"), GENDER_WORDS))


def _filled(first: CbhoursSegmentSeen, other: CbhoursSegmentSeen) -> CbhoursSegmentSeen:
    missing = {name: getattr(other, name) for name in CbhoursSegmentSeen.model_fields if getattr(first, name) is None}
    return first.model_copy(update=missing)


def _moment(text: Any) -> datetime | None:
    """A time to the minute, in UTC because it was asked for so."""
    found = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    day = _day(found[1]) if found else None
    if found is None or day is None:
        return None
    hour, minute, second = int(found[2]), int(found[3]), int(found[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) and _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _lower(said: Mapping[str, Any]) -> dict[str, Any]:
    """The same with its keys in lower case; where two become one, the first counts."""
    lower: dict[str, Any] = {}
    for key, value in said.items():
        lower.setdefault(key.strip().lower(), value)
    return lower


def _short(value: Any) -> str:
    return storable("" if value is None else str(value)).strip()[:LONGEST_DETAIL]

"""Answers of CBHours as the worker sends them, and what the database gives back of them."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from scraper.observations import CbhoursSegmentSeen
from server.ingest import store as ingest
from server.ingest.schema import checked
from server.models import CbhoursState, Person, db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = NOON.date()
PAGES = Path(__file__).parents[1] / "pages"
GENDERS = {"Male": "m", "Female": "f", "Trans": "t", "Couple": "c"}
TABLES = ("cbhours_live_stats", "cbhours_texts", "cbhours_activity", "cbhours_days", "cbhours_current",
          "cbhours_states", "person_current", "person_details", "person_tags")


def sample(name: str) -> Any:
    """A recorded answer."""
    return json.loads((PAGES / f"cbhours-{name}.json").read_text())


def add(*names: str, role: str = "model") -> list[int]:
    """People who are known here; their numbers."""
    people = [Person(username=name, role=role, created_at=NOON) for name in names]
    db.session.add_all(people)
    db.session.commit()
    return [person.id for person in people]


def entry(username: str, **more: Any) -> dict[str, Any]:
    """Somebody who is online."""
    return {"username": username, "online": True, "gender": "m", "is_new": False, "rank": 120, "grank": 45,
            "viewers": 40, "followers": 1000, "current_show": "public", "room_subject": "jigsaw evening",
            "tags": ["puzzle", "music"]} | more


def offline(username: str) -> dict[str, Any]:
    return {"username": username, "online": False}


def live(*rooms: dict[str, Any], asked: list[str] | None = None, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    """A live answer. Whoever was asked for and is not in it is unknown there."""
    there = [room["username"] for room in rooms if isinstance(room, dict) and "username" in room]
    names = there if asked is None else asked
    return {"batch_id": str(uuid4()), "observed_at": at.isoformat(), "asked": names, "rooms": list(rooms),
            "unknown": [name for name in names if name not in there]} | more


def recorded_live(at: datetime = NOON, **more: Any) -> dict[str, Any]:
    """The recorded live answer as the worker hands it over."""
    rooms = []
    for name, said in sample("live")["data"].items():
        room: dict[str, Any] = {"username": name, "online": said["room_status"] == "Online"}
        if room["online"]:
            room |= {"gender": GENDERS[said["gender"]]} | {
                field: said[field] for field in ("rank", "grank", "viewers", "followers", "current_show",
                                                 "room_subject", "tags", "is_new")}
        rooms.append(room)
    return live(*rooms, at=at, **more)


def segment(at: datetime, **more: Any) -> dict[str, Any]:
    return {"at": at.isoformat(), "show": "_public", "gender": "m", "rank": 5720, "grank": 4012, "viewers": 12,
            "followers": 64829} | more


def activity(username: str, *segments: dict[str, Any], at: datetime = NOON, start: date = TODAY - timedelta(days=59),
             end: date = TODAY, **more: Any) -> dict[str, Any]:
    return {"batch_id": str(uuid4()), "observed_at": at.isoformat(), "username": username,
            "start_day": start.isoformat(), "end_day": end.isoformat(), "segments": list(segments)} | more


def recorded_activity(at: datetime, **more: Any) -> dict[str, Any]:
    """The recorded activity as the worker hands it over."""
    said = sample("activity")
    segments = [
        {"at": one["timestamp"] + ":00+00:00", "show": one["type"], "gender": one["gender"],
         **{name: int(one[name]) for name in ("rank", "grank", "viewers", "followers")}}
        for day in said["details"].values() for one in day]
    days = {}
    for day, words in said["activity"].items():
        hours, minutes = (int(word) for word in words.split(" - ")[1].replace("Hours", "").replace(
            "Minutes", "").split())
        days[day] = 60 * hours + minutes
    total = 60 * said["total_time"]["hours"] + said["total_time"]["minutes"]
    return activity(said["model"], *segments, at=at, start=date(2025, 12, 21), end=date(2025, 12, 23), days=days,
                    total=total, months=sample("months"), **more)


def take(message: dict[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
    """Store an answer as a request does, inside an app context; what is answered."""
    kind = "cbhours-activity" if "segments" in message else "cbhours-live"
    at = datetime.fromisoformat(message["observed_at"])
    answer, _ = ingest.take(db.session(), kind, checked(kind, message), [], observed_at=at,
                            received_at=now or at + timedelta(seconds=5), skew=timedelta(0))
    db.session.commit()
    return answer


def state(username: str) -> CbhoursState:
    found = db.session.query(CbhoursState).join(Person, Person.id == CbhoursState.person_id).filter(
        Person.username == username).one()
    db.session.refresh(found)
    return found


def rows(statement: str, **values: Any) -> list[Any]:
    found = [tuple(row) for row in db.session.execute(text(statement), values)]
    db.session.rollback()
    return found


def everything() -> dict[str, list[Any]]:
    """All that answers have left in the tables, receipts aside."""
    found = {}
    for table in TABLES:
        found[table] = sorted(rows(f"SELECT * FROM {table}"), key=repr)
    return found


def run_id() -> UUID:
    return uuid4()


FIELDS = tuple(CbhoursSegmentSeen.model_fields)

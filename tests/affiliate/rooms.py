"""Polls as the worker sends them, and what the database gives back of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from scraper.observations import AffiliateRoom
from server.ingest import store as ingest
from server.ingest.schema import checked
from server.models import db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FIELDS = tuple(AffiliateRoom.model_fields)


def room(username: str, **more: Any) -> dict[str, Any]:
    """An ordinary room."""
    return {"username": username, "display_name": username.title(), "gender": "m", "age": 31, "birthday": "1994-03-02",
            "location": "Lisbon", "country": "PT", "spoken_languages": "English", "current_show": "public",
            "room_subject": "jigsaw evening", "tags": ["puzzle", "music"], "is_new": False, "is_hd": True,
            "num_users": 40, "num_followers": 1000, "seconds_online": 600,
            "image_url": f"https://pictures.example/{username}.jpg",
            "image_url_360x270": f"https://pictures.example/{username}_s.jpg"} | more


def poll(*rooms: Any, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    return {"batch_id": str(uuid4()), "observed_at": at.isoformat(), "finished_at": at.isoformat(), "genders": ["m"],
            "limit": 0, "said_count": len(rooms), "saw_everyone": True, "rooms": list(rooms)} | more


def take(*rooms: Any, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    """Store a poll as a request does, inside an app context; its answer."""
    message = checked("affiliate-rooms", poll(*rooms, at=at, **more))
    answer, _ = ingest.take(db.session(), "affiliate-rooms", message, [], observed_at=at,
                            received_at=at + timedelta(seconds=5), skew=timedelta(0))
    db.session.commit()
    return answer


def told(at: datetime | None = None) -> dict[tuple[str, int], dict[str, Any]]:
    """(username, second) -> every field of that poll, through the joined view."""
    rows = db.session.execute(text("SELECT * FROM v_affiliate_api_snapshots")).mappings()
    found = {}
    for row in rows:
        if at is None or row["observed_seconds"] == int(at.timestamp()):
            values = {name: row[name] for name in FIELDS}
            values["tags"] = None if values["tags"] is None else json.loads(values["tags"])
            for name in ("is_new", "is_hd"):  # SQLite keeps numbers for them
                values[name] = None if values[name] is None else bool(values[name])
            found[row["username"], row["observed_seconds"]] = values
    db.session.rollback()
    return found


def rows(statement: str, **values: Any) -> list[Any]:
    found = [tuple(row) for row in db.session.execute(text(statement), values)]
    db.session.rollback()
    return found

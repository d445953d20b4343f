"""One person, value by value: what is shown, where it comes from, and what the other sources said last."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from server import priorities
from server.models import AffiliateProfile, AffiliateSubject, AffiliateTags, Profile
from server.people.answers import image
from server.people.rows import PROFILE, Freshness, PersonRow, is_live, origins
from server.priorities import Origin, Word

CACHED = ("display_name", "age", "gender", "country", "location", "image_url", "subject", "tags")


class Said(NamedTuple):
    """One value. others: what lost, newest first; only what differs."""

    name: str
    value: Any
    origin: Origin
    others: list[Word]


def of_person(session: Session, row: PersonRow, about: Freshness) -> list[Said]:
    """Every value of a person in the order in which pages show them."""
    where = origins(row, about)
    words = _words(session, row)
    live = is_live(row, about.now)
    shown: list[tuple[str, Any, str]] = [
        ("role", row.role, "role"),
        ("live", live, "live"),
        ("last_seen_at", row.last_seen_at, "seen"),
        ("current_show", row.show, "numbers"), ("viewers", row.viewers, "numbers"),
        ("seconds_online", row.seconds_online, "numbers"), ("is_hd", row.is_hd, "numbers"),
        ("followers", row.followers, "followers"),
        ("rank", row.rank, "rank"), ("gender_rank", row.gender_rank, "rank"),
        ("snapshots", row.snapshots or 0, "snapshots"),
        *((name, getattr(row, name), "profile") for name in PROFILE),
        ("subject", row.subject, "tags"), ("tags", None if row.tags is None else list(row.tags), "tags"),
    ]
    found = []
    for name, value, group in shown:
        origin = where[group] if value is not None else priorities.NO_ORIGIN
        found.append(Said(name, value, origin, _others(words.get(name, ()), value, origin)))
    kept = image(row)
    found.append(Said("image", kept, where["profile"] if kept else priorities.NO_ORIGIN, []))
    return found


def _others(words: Iterable[Word], value: Any, origin: Origin) -> list[Word]:
    """The losers of one field, each source once."""
    others = [word for word in words if word.source != origin.source and word.value is not None
              and word.value != value]
    return sorted(others, key=lambda word: word.at, reverse=True)


def _words(session: Session, row: PersonRow) -> dict[str, list[Word]]:
    """What each source said last, field by field."""
    found: dict[str, list[Word]] = {}

    def told(name: str, value: Any, source: str, at: datetime) -> None:
        found.setdefault(name, []).append(Word(value, source, at))

    cached = session.get(Profile, row.person_id)
    if cached is not None:
        for name in CACHED:
            told(name, getattr(cached, name), cached.source, cached.changed_at)
    profile = _newest(session, AffiliateProfile, row.person_id)
    if profile is not None:
        for name in PROFILE:
            told(name, getattr(profile, name), "affiliate", _moment(profile.since))
    subject = _newest(session, AffiliateSubject, row.person_id)
    if subject is not None:
        told("subject", subject.subject, "affiliate", _moment(subject.since))
    tags = _newest(session, AffiliateTags, row.person_id)
    if tags is not None and tags.tags is not None:
        told("tags", json.loads(tags.tags), "affiliate", _moment(tags.since))
    return found


def _newest(session: Session, table: Any, person_id: int) -> Any:
    return session.scalar(select(table).where(table.person_id == person_id).order_by(table.since.desc()).limit(1))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""One person, value by value: what is shown, where it comes from, and what the other sources said last."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from common.clock import moment_of
from server import priorities
from server.models import AffiliateProfile, AffiliateSubject, AffiliateTags
from server.people import rows
from server.people.answers import OUTSIDE, image
from server.people.rows import Freshness, PersonRow
from server.priorities import NUMBERS, PROFILE, Origin, Word


class Said(NamedTuple):
    """One value.

    others        what lost, newest first; only what differs
    contradicted  one of them is fresh, too
    """

    name: str
    value: Any
    origin: Origin
    others: list[Word]
    contradicted: bool = False


def of_person(session: Session, row: PersonRow, about: Freshness) -> list[Said]:
    """Every value of a person in the order in which pages show them."""
    now = rows.told(row, about)
    words = _words(session, row)
    person = now.person
    shown: list[tuple[str, Any, str]] = [
        ("role", person.role, "role"), ("live", now.live, "live"), ("last_seen_at", person.last_seen_at, "seen"),
        *((name, getattr(person, name), "numbers") for name in NUMBERS),
        ("followers", person.followers, "followers"),
        ("rank", person.rank, "rank"), ("gender_rank", person.gender_rank, "rank"),
        ("snapshots", person.snapshots or 0, "snapshots"),
        *((name, getattr(person, name), "profile") for name in PROFILE),
        ("subject", person.subject, "tags"), ("tags", None if person.tags is None else list(person.tags), "tags"),
    ]
    found = []
    for name, value, group in shown:
        origin = now.apart.get(name, now.origins[group]) if value is not None else priorities.NO_ORIGIN
        others = _others(words.get(name, ()), value, origin)
        contradicted = name == "live" and bool(rows.contrary(now, about))
        found.append(Said(OUTSIDE.get(name, name), value, origin, others, contradicted))
    kept = image(person)
    origin = now.apart.get("image_url", now.origins["profile"])
    found.append(Said("image", kept, origin if kept else priorities.NO_ORIGIN, []))
    return found


def _others(words: Iterable[Word], value: Any, origin: Origin) -> list[Word]:
    """The losers of one field, each source once, with its newest word."""
    newest: dict[str, Word] = {}
    for word in words:
        if word.source not in newest or word.at > newest[word.source].at:
            newest[word.source] = word
    others = [word for word in newest.values() if word.source != origin.source and word.value is not None
              and word.value != value]
    return sorted(others, key=lambda word: word.at, reverse=True)


def _words(session: Session, row: PersonRow) -> dict[str, list[Word]]:
    """What each source said last, field by field."""
    found: dict[str, list[Word]] = {
        "live": rows.live_words(row), "followers": rows.follower_words(row), "subject": rows.text_words(row, "subject"),
        "tags": [word._replace(value=list(word.value)) for word in rows.text_words(row, "tags")],
        **{name: rows.number_words(row, name) for name in NUMBERS},
    }
    for source, at, values in rows.profile_words(row):
        for name, value in values.items():
            found.setdefault(name, []).append(Word(value, source, at))
    # What the affiliate API said last where another source has taken its place in the row.
    if row.profile_source != "affiliate":
        profile = _newest(session, AffiliateProfile, row.person_id)
        if profile is not None:
            for name in PROFILE:
                found.setdefault(name, []).append(Word(getattr(profile, name), "affiliate", moment_of(profile.since)))
    if row.subject_source != "affiliate":
        subject = _newest(session, AffiliateSubject, row.person_id)
        if subject is not None:
            found["subject"].append(Word(subject.subject, "affiliate", moment_of(subject.since)))
    if row.tags_source != "affiliate":
        tags = _newest(session, AffiliateTags, row.person_id)
        if tags is not None and tags.tags is not None:
            found["tags"].append(Word(json.loads(tags.tags), "affiliate", moment_of(tags.since)))
    return found


def _newest(session: Session, table: Any, person_id: int) -> Any:
    return session.scalar(select(table).where(table.person_id == person_id).order_by(table.since.desc()).limit(1))

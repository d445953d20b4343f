"""Invented people and a year of invented follows, straight into the tables."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.follows.pages import pack
from server.models import (
    Account,
    FollowInterval,
    FollowList,
    Person,
    PersonTag,
    Profile,
    Scan,
    ScanPageRow,
)
from server.people.current import take_profiles
from server.people.store import ensure_account

FIRST = ("amber", "blue", "copper", "dawn", "echo", "fern", "glass", "harbor", "indigo", "juniper", "kite", "lumen",
         "maple", "north", "opal", "pebble", "quill", "river", "sable", "tundra", "umber", "velvet", "willow", "zephyr")
SECOND = ("fox", "lantern", "meadow", "orchid", "piano", "sparrow", "thistle", "violet", "walnut", "comet", "delta",
          "ember", "falcon", "grove", "heron", "island", "jade", "koi", "lotus", "moss")
TAGS = ("music", "cooking", "chess", "painting", "yoga", "gaming", "books", "cosplay", "dance", "english", "español")
LATIN = "Evening of music and slow cooking, requests welcome"
ARABIC = "أمسية موسيقى وطبخ هادئ، أهلا بكم جميعا"
HEBREW = "ערב של מוזיקה ובישול רגוע"


def names(count: int, seed: int = 7) -> list[str]:
    """Invented usernames, all different."""
    chance = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[f"{chance.choice(FIRST)}_{chance.choice(SECOND)}{chance.randrange(10_000) if count > 40 else ''}"] = None
    return list(found)


def account(session: Session, now: datetime, name: str = "demo_owner", **facts: Any) -> Account:
    """An account that is signed in."""
    row = ensure_account(session, name, now)
    said = {"session_state": "signed_in", "session_reported_at": now, "signed_in_since": now - timedelta(days=40),
            "session_proved_at": now - timedelta(minutes=12), "cookies_end": now + timedelta(days=60)} | facts
    for key, value in said.items():
        setattr(row, key, value)
    session.flush()
    return row


def person(session: Session, name: str, now: datetime, role: str = "viewer", **profile: Any) -> Person:
    """One person; with `profile` values also what the list pages say of them."""
    row = Person(username=name, role=role, created_at=now)
    session.add(row)
    session.flush()
    if profile:
        session.add(Profile(person_id=row.id, changed_at=now, **profile))
        session.add_all(PersonTag(person_id=row.id, tag=tag) for tag in profile.get("tags") or [])
        session.flush()
        take_profiles(session, [row.id], now)
    return row


def follow(session: Session, owner: Account, who: Person, direction: str, *, since: datetime,
           earliest: datetime | None = None, **more: Any) -> FollowInterval:
    """One follow; with `end_earliest` and `end_latest` one that has ended."""
    values = {"start_source": "browser", "seen_at": since} | more
    if "end_latest" in values:
        values.setdefault("end_source", "browser")
    row = FollowInterval(account_id=owner.id, person_id=who.id, direction=direction, start_earliest=earliest,
                         start_latest=since, **values)
    session.add(row)
    session.flush()
    return row


def follow_list(session: Session, owner: Account, direction: str, at: datetime) -> FollowList:
    """The list has been read completely."""
    row = FollowList(account_id=owner.id, direction=direction, complete_started_at=at - timedelta(seconds=40),
                     complete_finished_at=at, version=1)
    session.add(row)
    session.flush()
    return row


def scan(session: Session, owner: Account, list_name: str, at: datetime, *, pages: int = 2, **more: Any) -> Scan:
    """A finished reading with its evidence."""
    checks = [{"name": "account", "passed": True, "detail": f"signed in as {owner.username}", "reason": ""},
              {"name": "every page", "passed": True, "detail": "read from the first to the last page", "reason": ""},
              {"name": "totals agree", "passed": True, "detail": "totals: header 180", "reason": ""}]
    values: dict[str, Any] = {
        "id": uuid4(), "source": "browser", "started_at": at - timedelta(seconds=40), "finished_at": at,
        "received_at": at, "state": "applied", "verdict": "complete", "explanation": "Everything was read: 180 people.",
        "expected": 180, "found": 180, "pages": pages, "duplicates": 1, "layout": "cards-2025",
        "evidence": {"checks": checks, "timings": {"waiting_ms": 31_200, "parsing_ms": 210}, "passes": 1},
        "stats": {"total": 180, "new": 3, "returned": 1, "missing": 2, "unfollowed": 1},
    } | more
    row = Scan(account_id=owner.id, list=list_name, **values)
    session.add(row)
    session.flush()
    for number in range(1, pages + 1):
        facts = {"part": "followers" if list_name == "followers" else "online", "pass_number": 1, "page": number,
                 "active_page": number, "last_page": pages, "has_next": number < pages, "path": "/followed-cams/",
                 "title": "Followed rooms", "signed_in_as": owner.username, "layout": "cards-2025", "language": "en",
                 "cards": 90, "empty_marker": False, "header_online": 40, "header_total": 180, "stated_total": None,
                 "problem": None, "problem_detail": None, "waiting_ms": 1240, "parsing_ms": 9}
        session.add(ScanPageRow(scan_id=row.id, batch_id=uuid4(), observed_at=at, facts=facts, people=pack([])))
    session.flush()
    return row


def held_scan(session: Session, owner: Account, at: datetime, leave: list[str]) -> Scan:
    """A reading that the mass-change brake holds."""
    return scan(session, owner, "followers", at, state="held", reason="mass_change",
                explanation=f"{len(leave)} of 180 people would be gone at once. Nothing was changed.",
                stats={"total": 150, "new": 0, "returned": 0, "missing": 0, "unfollowed": 0},
                diff={"begin": [], "begin_count": 0, "leave": leave, "leave_count": len(leave), "present": 180,
                      "limit": 20})


def many(session: Session, owner: Account, now: datetime, followers: int, direction: str = "follower",
         first: int = 0) -> list[int]:
    """Many people on one list, written in bulk; their ids."""
    rows = [{"uuid": UUID(int=first + n + 1), "platform": "chaturbate", "username": f"person_{first + n:07}",
             "role": ("viewer", "both", "model", "unknown")[n % 4], "created_at": now} for n in range(followers)]
    ids = list(session.scalars(insert(Person).returning(Person.id, sort_by_parameter_order=True), rows))
    session.execute(insert(Profile), [
        {"person_id": key, "age": 20 + key % 40, "source": "browser", "changed_at": now, "tags": [TAGS[key % 11]],
         "last_online_at": now - timedelta(minutes=key % 5000) if key % 3 == 0 else None} for key in ids])
    session.execute(insert(PersonTag), [{"person_id": key, "tag": TAGS[key % 11]} for key in ids])
    take_profiles(session, ids, now)
    session.execute(insert(FollowInterval), [
        {"account_id": owner.id, "person_id": key, "direction": direction, "start_source": "browser", "seen_at": now,
         "start_earliest": None if n % 5 else now - timedelta(hours=n % 900 + 6),
         "start_latest": now - timedelta(hours=n % 900)} for n, key in enumerate(ids)])
    return ids


def whole_year(session: Session, now: datetime, people: int = 180) -> Account:
    """An account with everything the pages can show: arrivals, leavers, returns, missing, awkward texts."""
    owner = account(session, now)
    chance = random.Random(11)
    known = names(people)
    readings = [now - timedelta(hours=6 * n + 1) for n in range(120)][::-1]
    first = readings[0]
    started = {name: scan(session, owner, name, readings[-1]).id for name in ("following", "followers")}
    for direction in ("following", "follower"):
        follow_list(session, owner, direction, readings[-1])
    for number, name in enumerate(known):
        model = number % 3 == 0
        role = "both" if number % 9 == 0 else "model" if model else "unknown" if number % 11 == 0 else "viewer"
        details = {
            "display_name": name.replace("_", " ").title() if number % 4 == 0 else None,
            "age": chance.randrange(19, 54), "gender": chance.choice("mfct"), "country": "PT",
            "location": ("Porto", "مدينة الريح", "Somewhere by the sea")[number % 3],
            "subject": (LATIN, ARABIC, HEBREW)[number % 3], "tags": chance.sample(TAGS, chance.randrange(1, 8)),
            "last_online_at": now - timedelta(minutes=chance.randrange(1, 40_000)),
        } if model else {"age": chance.randrange(19, 60) if number % 5 else None}
        who = person(session, name, first, role, **details)
        for direction in (["following"] if model else []) + (["follower"] if role in ("both", "viewer") else []):
            _history(session, owner, who, direction, readings, chance,
                     started["following" if direction == "following" else "followers"])
    return owner


def _history(session: Session, owner: Account, who: Person, direction: str, readings: list[datetime],
             chance: random.Random, scan_id: UUID) -> None:
    kind = chance.random()
    at = chance.randrange(1, len(readings) - 30)
    edges = {"since": readings[at], "earliest": readings[at - 1], "start_scan_id": scan_id}
    if kind < 0.45:
        edges = {"since": readings[0], "earliest": None, "start_scan_id": scan_id}
    if kind > 0.75:
        gone = chance.randrange(at + 1, len(readings) - 2)
        follow(session, owner, who, direction, **edges, end_earliest=readings[gone], end_latest=readings[gone + 1],
               end_scan_id=scan_id)
        if kind > 0.92:
            follow(session, owner, who, direction, since=readings[-1], earliest=readings[-2], start_scan_id=scan_id)
    elif kind > 0.70:
        follow(session, owner, who, direction, **edges, missing_since=readings[-1], missing_seen_at=readings[-2],
               missing_scan_id=scan_id)
    else:
        follow(session, owner, who, direction, **edges)

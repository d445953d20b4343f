"""What lists say about the people on them: identity, role, the cached profile, tags. Set-based, on change only."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import String, Uuid, case, delete, insert, literal, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server.follows.pages import StoredPage
from server.models import PLATFORM, Json, Key, Moment, Person, PersonTag, Profile
from server.models.rowset import rows_table
from server.people import current

FIELDS = ("display_name", "age", "gender", "country", "location", "subject", "tags", "image_url")
_NAME = String(50)


@dataclass
class Seen:
    """What a reading said about one person. fields: only those of FIELDS that a page named; the newest word counts."""

    fields: dict[str, Any]
    observed_at: datetime
    online_at: datetime | None = None
    broadcasts: bool = False


def seen_people(pages: Iterable[StoredPage], usernames: Collection[str]) -> dict[str, Seen]:
    """Everybody about whom the pages say more than the name."""
    found: dict[str, Seen] = {}
    for page in pages:
        if page.facts.problem is not None:
            continue
        for person in page.people:
            if len(person) == 1 or person["username"] not in usernames:
                continue
            fields = {name: person[name] for name in FIELDS if name in person}
            seen = found.get(person["username"])
            if seen is None:
                seen = found[person["username"]] = Seen(fields, page.observed_at)
            else:
                seen.fields.update(fields)
                seen.observed_at = max(seen.observed_at, page.observed_at)
            if person.get("online"):
                seen.online_at = page.observed_at
            seen.broadcasts = seen.broadcasts or bool(person.get("broadcasts"))
    return found


def add_persons(session: Session, usernames: Iterable[str], role: str, now: datetime) -> None:
    """Persons of these names; those who are there already stay as they are. Two statements at the same time agree."""
    rows = rows_table(session, "fresh", {"username": _NAME, "uuid": Uuid()},
                      ((name, uuid4()) for name in sorted(usernames)))
    columns = ["uuid", "platform", "username", "role", "created_at"]
    source = select(rows.c.uuid, literal(PLATFORM), rows.c.username, literal(role), literal(now, Moment()))
    session.execute(_dialect(session).insert(Person).from_select(columns, source.where(true()))
                    .on_conflict_do_nothing(index_elements=["platform", "username"]))


def raise_role(session: Session, usernames: Iterable[str], role: str) -> None:
    """A further proof of what these people are: `model` or `viewer`; who is the other one already is both."""
    other = "viewer" if role == "model" else "model"
    rows = rows_table(session, "proved", {"username": _NAME}, ((name,) for name in sorted(usernames)))
    session.execute(
        update(Person)
        .where(Person.platform == PLATFORM, Person.username.in_(select(rows.c.username)),
               Person.role.in_(("unknown", other)))
        .values(role=case((Person.role == other, "both"), else_=role))
        .execution_options(synchronize_session=False)
    )


def record(session: Session, seen: Mapping[str, Seen]) -> int:
    """Bring the cached profiles of these people up to date; answers how many were written.

    What a page did not say stays as it was. What is older than the cached value changes nothing.
    """
    if not seen:
        return 0
    models = [name for name, what in seen.items() if what.broadcasts]
    if models:
        raise_role(session, models, "model")
    before = _profiles(session, seen)
    written, tags = [], []
    for name, what in seen.items():
        if name not in before:
            continue
        person_id, old = before[name]
        row = _merged(old, what)
        if row is None:
            continue
        written.append((person_id, *row))
        if "tags" in what.fields and (old is None or (old["tags"] or []) != row[FIELDS.index("tags")]):
            tags.append((person_id, what.fields["tags"]))
    _write_profiles(session, sorted(written))
    at = max(what.observed_at for what in seen.values())
    stand = current.whose_tags_stand(session, [person_id for person_id, _ in tags], at)
    write_tags(session, sorted(one for one in tags if one[0] not in stand))
    current.take_profiles(session, [row[0] for row in written], at)
    return len(written)


def _profiles(session: Session, names: Iterable[str]) -> dict[str, tuple[int, dict[str, Any] | None]]:
    """For each name the person's id and, if there is one, the cached profile."""
    rows = rows_table(session, "seen", {"username": _NAME}, ((name,) for name in names))
    columns = [getattr(Profile, name) for name in FIELDS]
    query = (
        select(rows.c.username, Person.id, Profile.person_id, Profile.changed_at, Profile.last_online_at, *columns)
        .select_from(rows)
        .outerjoin(Person, (Person.platform == PLATFORM) & (Person.username == rows.c.username))
        .outerjoin(Profile, Profile.person_id == Person.id)
    )
    found: dict[str, tuple[int, dict[str, Any] | None]] = {}
    for username, person_id, has_profile, changed_at, last_online_at, *values in session.execute(query):
        if person_id is None:
            continue
        old = None
        if has_profile is not None:
            old = dict(zip(FIELDS, values, strict=True)) | {"changed_at": changed_at, "last_online_at": last_online_at}
        found[username] = (person_id, old)
    return found


def _merged(old: Mapping[str, Any] | None, what: Seen) -> tuple[Any, ...] | None:
    """The profile as it is now: FIELDS, changed_at, last_online_at; None if nothing is new."""
    if old is None:
        return (*(what.fields.get(name) for name in FIELDS), what.observed_at, what.online_at)
    newer = what.observed_at >= old["changed_at"]
    values = {name: what.fields.get(name, old[name]) if newer else old[name] for name in FIELDS}
    online = max((at for at in (old["last_online_at"], what.online_at) if at is not None), default=None)
    changed = any(values[name] != old[name] for name in FIELDS)
    if not changed and online == old["last_online_at"]:
        return None
    return (*values.values(), what.observed_at if changed else old["changed_at"], online)


def _write_profiles(session: Session, written: Iterable[tuple[Any, ...]]) -> None:
    written = list(written)
    if not written:
        return
    names = ("person_id", *FIELDS, "changed_at", "last_online_at")
    types = {name: Profile.__table__.c[name].type for name in names} | {"person_id": Key, "tags": Json}
    rows = rows_table(session, "profile", types, written)
    new = _dialect(session).insert(Profile).from_select(
        [*names, "source"], select(*rows.c, literal("browser")).where(true()))
    session.execute(new.on_conflict_do_update(
        index_elements=["person_id"], set_={name: new.excluded[name] for name in names if name != "person_id"}))


def write_tags(session: Session, tags: Iterable[tuple[int, list[str]]]) -> None:
    """The tags of these people, instead of those they had."""
    tags = list(tags)
    if not tags:
        return
    ids = rows_table(session, "tagged", {"person_id": Key}, ((person_id,) for person_id, _ in tags))
    session.execute(delete(PersonTag).where(PersonTag.person_id.in_(select(ids.c.person_id)))
                    .execution_options(synchronize_session=False))
    pairs = [(person_id, tag) for person_id, of_person in tags for tag in sorted(set(of_person))]
    if pairs:
        rows = rows_table(session, "tag", {"person_id": Key, "tag": String(60)}, pairs)
        session.execute(insert(PersonTag).from_select(["person_id", "tag"], select(*rows.c)))


def _dialect(session: Session) -> Any:
    return postgresql if session.get_bind().dialect.name == "postgresql" else sqlite

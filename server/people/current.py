"""What list pages say, into the current rows: it stands where no stronger source has spoken (`server.priorities`)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server import priorities
from server.affiliate import memory
from server.jobs.intervals import intervals
from server.models import CbhoursCurrent, Key, PersonCurrent, PersonDetails, Profile
from server.models.rowset import rows_table

SOURCE = "browser"
PROFILE = ("display_name", "age", "gender", "country", "location", "image_url")
TEXTS = ("subject", "tags")


def take_profiles(session: Session, people: Collection[int], at: datetime) -> None:
    """Bring the current rows of these people up to date with their cached profiles.

    at  the moment by which another source's subject and tags are fresh or not
    """
    if not people:
        return
    rows = rows_table(session, "written", {"person_id": Key}, ((person,) for person in sorted(people)))
    written = Profile.person_id.in_(select(rows.c.person_id))
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    said: dict[str, Any] = {"person_id": Profile.person_id, "snapshots": literal(0),
                            "last_seen_at": Profile.last_online_at, "list_live_at": Profile.last_online_at}
    new = dialect.insert(PersonCurrent).from_select(list(said), select(*said.values()).where(written))
    before, told = PersonCurrent, new.excluded.list_live_at
    session.execute(new.on_conflict_do_update(
        index_elements=["person_id"],
        set_={"list_live_at": told,
              "last_seen_at": case((before.last_seen_at > told, before.last_seen_at), else_=told)},
        where=and_(told.is_not(None), or_(before.list_live_at.is_(None), before.list_live_at < told))))
    stand = {name: _stands(name, session, at) for name in TEXTS}
    taken_over = select(literal(True)).where(
        PersonDetails.person_id.in_(select(rows.c.person_id)),
        or_(*(and_(getattr(PersonDetails, f"{name}_source").in_(priorities.stronger("tags", SOURCE)), ~stand[name])
              for name in TEXTS))).limit(1)
    if session.scalar(taken_over):
        memory.forget(session)  # so that the next poll takes them back
    said = {"person_id": Profile.person_id, **{name: getattr(Profile, name) for name in PROFILE},
            "profile_source": Profile.source, "profile_at": Profile.changed_at, "sort_age": Profile.age}
    for name in TEXTS:
        value: Any = getattr(Profile, name)
        said |= {name: value, f"{name}_source": case((value.is_not(None), Profile.source)),
                 f"{name}_at": case((value.is_not(None), Profile.changed_at))}
    new = dialect.insert(PersonDetails).from_select(list(said), select(*said.values()).where(written))
    now, told = PersonDetails, new.excluded
    kept_profile = now.profile_source.in_(priorities.stronger("profile", SOURCE))
    changes: dict[str, Any] = {}
    for name in (*PROFILE, "profile_source", "profile_at"):
        changes[name] = case((kept_profile, getattr(now, name)), else_=told[name])
    changes["sort_age"] = case((kept_profile, func.coalesce(now.age, told.age)), else_=told.age)
    for name in TEXTS:
        kept = or_(stand[name], told[f"{name}_source"].is_(None))
        for column in (name, f"{name}_source", f"{name}_at"):
            changes[column] = case((kept, getattr(now, column)), else_=told[column])
    session.execute(new.on_conflict_do_update(index_elements=["person_id"], set_=changes))


def whose_tags_stand(session: Session, people: Collection[int], at: datetime) -> set[int]:
    """Of these people, those whose tags come from a stronger source that is still fresh."""
    if not people:
        return set()
    rows = rows_table(session, "tagged", {"person_id": Key}, ((person,) for person in sorted(people)))
    return set(session.scalars(select(PersonDetails.person_id).where(
        PersonDetails.person_id.in_(select(rows.c.person_id)), _stands("tags", session, at))))


def _stands(name: str, session: Session, at: datetime) -> Any:
    """Of a row of `PersonDetails`: its subject or tags are of a stronger source, and of `at` or confirmed for then."""
    source, since = getattr(PersonDetails, f"{name}_source"), getattr(PersonDetails, f"{name}_at")
    asked = intervals(session)
    found = []
    for who, table, newest in (("affiliate", PersonCurrent, PersonCurrent.affiliate_at),
                               ("cbhours", CbhoursCurrent, CbhoursCurrent.online_at)):
        fresh = at - priorities.fresh_for(asked[who])
        confirmed = exists().where(table.person_id == PersonDetails.person_id, newest >= fresh)
        found.append(and_(source == who, or_(since >= fresh, confirmed.correlate(PersonDetails.__table__))))
    return func.coalesce(or_(*found), False)

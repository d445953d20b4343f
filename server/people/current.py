"""What list pages say, into the current rows: it stands where no stronger source has spoken (`server.priorities`)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server import priorities
from server.models import Key, PersonCurrent, Profile
from server.models.rowset import rows_table

SOURCE = "browser"
PROFILE = ("display_name", "age", "gender", "country", "location", "image_url")


def take_profiles(session: Session, people: Collection[int], at: datetime) -> None:
    """Bring the current rows of these people up to date with their cached profiles; one statement.

    at  the moment by which another source's tags are fresh or not
    """
    if not people:
        return
    rows = rows_table(session, "written", {"person_id": Key}, ((person,) for person in sorted(people)))
    said = {"person_id": Profile.person_id, "snapshots": literal(0),
            **{name: getattr(Profile, name) for name in PROFILE},
            "profile_source": Profile.source, "profile_at": Profile.changed_at, "subject": Profile.subject,
            "tags": Profile.tags, "tags_source": Profile.source, "tags_at": Profile.changed_at,
            "last_seen_at": Profile.last_online_at}
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    new = dialect.insert(PersonCurrent).from_select(
        list(said), select(*said.values()).where(Profile.person_id.in_(select(rows.c.person_id))))
    now, told = PersonCurrent, new.excluded
    kept_profile = now.profile_source.in_(priorities.stronger("profile", SOURCE))
    kept_tags = _tags_stand(at)
    kept_seen = or_(told.last_seen_at.is_(None), and_(now.last_seen_at.is_not(None),
                                                      now.last_seen_at >= told.last_seen_at))
    changes: dict[str, Any] = {}
    for name in (*PROFILE, "profile_source", "profile_at"):
        changes[name] = case((kept_profile, getattr(now, name)), else_=told[name])
    for name in ("subject", "tags"):
        changes[name] = case((kept_tags, getattr(now, name)), else_=func.coalesce(told[name], getattr(now, name)))
    for name in ("tags_source", "tags_at"):
        changes[name] = case((kept_tags, getattr(now, name)), else_=told[name])
    changes["last_seen_at"] = case((kept_seen, now.last_seen_at), else_=told.last_seen_at)
    session.execute(new.on_conflict_do_update(index_elements=["person_id"], set_=changes))


def whose_tags_stand(session: Session, people: Collection[int], at: datetime) -> set[int]:
    """Of these people, those whose tags come from a stronger source that is still fresh."""
    if not people:
        return set()
    rows = rows_table(session, "tagged", {"person_id": Key}, ((person,) for person in sorted(people)))
    return set(session.scalars(select(PersonCurrent.person_id).where(
        PersonCurrent.person_id.in_(select(rows.c.person_id)), _tags_stand(at))))


def _tags_stand(at: datetime) -> Any:
    fresh = at - priorities.fresh_for(timedelta(0))
    return and_(PersonCurrent.tags_source.in_(priorities.stronger("tags", SOURCE)),
                or_(PersonCurrent.tags_at >= fresh, PersonCurrent.live_until >= at))

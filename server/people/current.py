"""What list pages say, into the current rows: it stands where no stronger source has spoken (`server.priorities`)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, exists, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server import priorities
from server.models import Key, PersonCurrent, PersonDetails, Profile
from server.models.rowset import rows_table

SOURCE = "browser"
PROFILE = ("display_name", "age", "gender", "country", "location", "image_url")


def take_profiles(session: Session, people: Collection[int], at: datetime) -> None:
    """Bring the current rows of these people up to date with their cached profiles; two statements.

    at  the moment by which another source's tags are fresh or not
    """
    if not people:
        return
    rows = rows_table(session, "written", {"person_id": Key}, ((person,) for person in sorted(people)))
    written = Profile.person_id.in_(select(rows.c.person_id))
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    said: dict[str, Any] = {"person_id": Profile.person_id, "snapshots": literal(0),
                            "last_seen_at": Profile.last_online_at}
    new = dialect.insert(PersonCurrent).from_select(list(said), select(*said.values()).where(written))
    before, told = PersonCurrent.last_seen_at, new.excluded.last_seen_at
    session.execute(new.on_conflict_do_update(
        index_elements=["person_id"], set_={"last_seen_at": told},
        where=and_(told.is_not(None), or_(before.is_(None), before < told))))
    said = {"person_id": Profile.person_id, **{name: getattr(Profile, name) for name in PROFILE},
            "profile_source": Profile.source, "profile_at": Profile.changed_at, "subject": Profile.subject,
            "tags": Profile.tags, "tags_source": Profile.source, "tags_at": Profile.changed_at}
    new = dialect.insert(PersonDetails).from_select(list(said), select(*said.values()).where(written))
    now, told = PersonDetails, new.excluded
    kept_profile = now.profile_source.in_(priorities.stronger("profile", SOURCE))
    kept_tags = _tags_stand(at)
    changes: dict[str, Any] = {}
    for name in (*PROFILE, "profile_source", "profile_at"):
        changes[name] = case((kept_profile, getattr(now, name)), else_=told[name])
    for name in ("subject", "tags"):
        changes[name] = case((kept_tags, getattr(now, name)), else_=func.coalesce(told[name], getattr(now, name)))
    for name in ("tags_source", "tags_at"):
        changes[name] = case((kept_tags, getattr(now, name)), else_=told[name])
    session.execute(new.on_conflict_do_update(index_elements=["person_id"], set_=changes))


def whose_tags_stand(session: Session, people: Collection[int], at: datetime) -> set[int]:
    """Of these people, those whose tags come from a stronger source that is still fresh."""
    if not people:
        return set()
    rows = rows_table(session, "tagged", {"person_id": Key}, ((person,) for person in sorted(people)))
    return set(session.scalars(select(PersonDetails.person_id).where(
        PersonDetails.person_id.in_(select(rows.c.person_id)), _tags_stand(at))))


def _tags_stand(at: datetime) -> Any:
    """Of a row of `PersonDetails`: its tags are of a stronger source, and of `at` or confirmed for then."""
    fresh = at - priorities.fresh_for(timedelta(0))
    live = exists().where(PersonCurrent.person_id == PersonDetails.person_id, PersonCurrent.live_until >= at)
    return and_(PersonDetails.tags_source.in_(priorities.stronger("tags", SOURCE)),
                or_(PersonDetails.tags_at >= fresh, live.correlate(PersonDetails.__table__)))

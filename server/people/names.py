"""Who is meant by a username."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.errors import Refused
from server.models import PLATFORM, Person


def person_id(session: Session, username: str, platform: str = PLATFORM) -> int | None:
    """The number of the person of this name; None: nobody of this name is known."""
    return session.scalar(select(Person.id).where(Person.platform == platform,
                                                  Person.username == username.strip().lower()))


def known_person(session: Session, username: str, platform: str = PLATFORM) -> int:
    """The same.

    raises  Refused 404 if nobody of this name is known
    """
    found = person_id(session, username, platform)
    if found is None:
        raise Refused(404, "unknown_person", "Nobody of this name is known here.")
    return found

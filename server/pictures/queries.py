"""What the pages show of pictures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from server.models import PersonPicture, Picture, PictureState


class Shown(NamedTuple):
    """One picture of a person, with the time in which their address showed it."""

    sha256: str
    width: int
    height: int
    bytes: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class Pictures:
    """A person's pictures, newest first, and how fetching goes. state: None where nothing was ever tried."""

    shown: Sequence[Shown]
    state: PictureState | None

    @property
    def newest(self) -> str | None:
        return self.state.sha256 if self.state else None


def of_people(session: Session, person_ids: Collection[int]) -> dict[int, str]:
    """The newest picture of each of these persons who has one, in one statement."""
    if not person_ids:
        return {}
    rows = session.execute(select(PictureState.person_id, PictureState.sha256).where(
        PictureState.person_id.in_(person_ids), PictureState.sha256.is_not(None)))
    return {person_id: sha256 for person_id, sha256 in rows if sha256 is not None}


def of_person(session: Session, person_id: int) -> Pictures:
    """All pictures of one person that are kept, in two statements."""
    rows = session.execute(
        select(Picture.sha256, Picture.width, Picture.height, Picture.bytes, PersonPicture.first_seen_at,
               PersonPicture.last_seen_at)
        .join(Picture, Picture.sha256 == PersonPicture.sha256).where(PersonPicture.person_id == person_id)
        .order_by(PersonPicture.last_seen_at.desc(), PersonPicture.first_seen_at.desc(), PersonPicture.sha256))
    return Pictures([Shown(*row) for row in rows], session.get(PictureState, person_id))


def is_kept(session: Session, sha256: str) -> bool:
    return bool(session.scalar(select(exists().where(Picture.sha256 == sha256))))

"""What processes know of rooms without asking the database, and how they are told that it no longer holds."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from server.models import KeyValue

STATE = "affiliate.state"


def forget(session: Session) -> None:
    """Let every process read again what it knows of rooms: a person has gone, a history was changed, or another source
    has taken over texts."""
    session.execute(update(KeyValue).where(KeyValue.name == STATE).values(value="")
                    .execution_options(synchronize_session=False))

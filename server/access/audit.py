"""Who changed what in the panel."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.access.guard import actor
from server.models import AuditEntry
from server.time import now


def record(session: Session, action: str, subject: str = "", *, by: str | None = None) -> None:
    """Keep that this was done, in the transaction that does it. action: 'add user'; subject: what it was done to."""
    session.add(AuditEntry(at=now(), actor=(by or actor().name)[:80], action=action[:60], subject=subject[:500]))


def newest(session: Session, limit: int = 50) -> Sequence[AuditEntry]:
    """Newest first."""
    return session.scalars(select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)).all()

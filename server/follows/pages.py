"""The stored pages of a scan: people packed small, and read back for judging, applying and replaying."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from scraper.observations import PageFacts, PersonSeen
from scraper.verdict import ReadPage
from server.models import ScanPageRow


@dataclass(frozen=True)
class StoredPage:
    """people: one mapping a person as the page showed it, with `username` and without what the page did not say."""

    facts: PageFacts
    people: Sequence[Mapping[str, Any]]
    observed_at: datetime
    capture_id: int | None

    @property
    def read(self) -> ReadPage:
        return ReadPage(self.facts, tuple(person["username"] for person in self.people))


def pack_people(people: Iterable[PersonSeen]) -> bytes:
    return pack([person.model_dump(exclude_none=True) for person in people])


def pack(people: Sequence[Mapping[str, Any]]) -> bytes:
    return zlib.compress(json.dumps(people, separators=(",", ":")).encode(), 6)


def unpack_people(packed: bytes) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = json.loads(zlib.decompress(packed))
    return people


def stored_pages(session: Session, scan_id: UUID) -> list[StoredPage]:
    """Every page of a scan in the order in which it arrived."""
    query = (
        select(ScanPageRow.facts, ScanPageRow.people, ScanPageRow.observed_at, ScanPageRow.capture_id)
        .where(ScanPageRow.scan_id == scan_id)
        .order_by(ScanPageRow.id)
    )
    return [StoredPage(PageFacts.model_validate(facts), unpack_people(people), observed_at, capture_id)
            for facts, people, observed_at, capture_id in session.execute(query)]

"""A panel whose lists are told to it reading by reading, through the same door as the worker's messages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from scraper.observations import FollowEvent, FollowEvents, ListName, PageFacts, PersonSeen, ScanEnd, ScanPage
from server.follows import intake
from server.models import FollowInterval, Person, Scan

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
TOOK = timedelta(minutes=5)


def hour(number: float) -> datetime:
    return T0 + timedelta(hours=number)


@dataclass
class Lists:
    """One account's lists. Readings are at hours after T0 and take five minutes."""

    session: Session
    account: str = "demo_owner"

    def read(self, names: Iterable[str], at: float, *, list_name: ListName = "followers", total: int | None = None,
             signed_in_as: str | None = None, stopped_by: str | None = None, pages: int | None = None,
             people: Sequence[dict[str, Any]] | None = None, run_id: Any = None) -> Scan:
        """One reading of a whole list; complete unless told otherwise."""
        scan_id, started = uuid4(), hour(at)
        seen = [PersonSeen(**person) for person in people] if people else [PersonSeen(username=n) for n in names]
        count = len(seen) if total is None else total
        parts = [("followers", seen)] if list_name == "followers" else [
            ("online", [one for one in seen if one.online]), ("offline", [one for one in seen if not one.online])]
        for part, members in parts:
            online = sum(bool(one.online) for one in seen)
            facts = PageFacts.model_validate({
                "part": part, "layout": "F1", "signed_in_as": signed_in_as or self.account, "cards": len(members),
                "empty_marker": not members, "header_online": online, "header_total": count,
                "stated_total": count if part == "followers" else None, "active_page": 1, "last_page": 1})
            intake.take_page(self.session, ScanPage(
                observed_at=started, scan_id=scan_id, account=self.account, list=list_name, facts=facts,
                people=members, run_id=run_id), started)
        answer = intake.take_end(self.session, ScanEnd(
            observed_at=started + TOOK, scan_id=scan_id, account=self.account, list=list_name, started_at=started,
            finished_at=started + TOOK, pages=len(parts) if pages is None else pages, stopped_by=stopped_by,
            stats_followers=count if list_name == "followers" else None, run_id=run_id), started + TOOK)
        self.session.commit()
        assert answer["scan"]["id"] == str(scan_id)
        return self.session.get_one(Scan, scan_id)

    def event(self, what: str, name: str, at: float) -> None:
        intake.take_events(self.session, FollowEvents(
            observed_at=hour(at), account=self.account,
            items=[FollowEvent.model_validate({"username": name, "event": what, "at": hour(at)})]), hour(at))
        self.session.commit()

    def intervals(self, name: str, direction: str = "follower") -> list[FollowInterval]:
        """Oldest first."""
        self.session.expire_all()
        query = (select(FollowInterval).join(Person, Person.id == FollowInterval.person_id)
                 .where(Person.username == name, FollowInterval.direction == direction)
                 .order_by(FollowInterval.start_latest))
        return list(self.session.scalars(query))

    def state(self, name: str) -> str:
        """absent, current, missing or ended; with a plus for each earlier follow."""
        found = self.intervals(name)
        if not found:
            return "absent"
        last = found[-1]
        word = "ended" if last.end_latest else "missing" if last.missing_since else "current"
        return word + "+" * (len(found) - 1)

    def everything(self) -> list[tuple[Any, ...]]:
        """Every interval, to compare before with after."""
        self.session.expire_all()
        columns = [column for column in FollowInterval.__table__.c if not column.name.endswith("scan_id")]
        return [tuple(row) for row in self.session.execute(select(*columns).order_by(FollowInterval.id))]

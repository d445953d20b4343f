"""Everything together, in one process: the sandbox, the real browser, the worker's run, the outbox, the server."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from common.clock import utc_now
from common.settings import Settings
from scraper.jobs import JobResult
from scraper.outbox import Outbox
from scraper.running import carry_out, open_desk
from scraper.sandbox.testing import Sandbox
from scraper.server_client import ServerClient
from scraper.session_store import SavedSession, SessionStore
from server.follows.uploads import take_usernames
from server.models import FollowInterval, Person, Scan, db
from tests.helpers import WORKER, FakeClock

DIRECTION = {"following": "following", "followers": "follower"}


@dataclass
class Stage:
    """An owner who has signed in, and a panel that has read nothing yet. Time passes only between readings."""

    app: Any
    settings: Settings
    sandbox: Sandbox
    clock: FakeClock
    server_url: str

    def sign_in(self) -> None:
        """As `login --cookies` leaves it; the ways to sign in have tests of their own."""
        SessionStore(self.settings).save(SavedSession(
            account=self.sandbox.owner, storage_state={"cookies": [_for_playwright(cookie) for cookie
                                                                   in self.sandbox.cookies()], "origins": []},
            signed_in_since=utc_now(), proved_at=utc_now()))
        with self.app.app_context():
            from server.people.store import ensure_account

            ensure_account(db.session, self.sandbox.owner, self.clock())
            db.session.commit()

    def read(self, list_name: str = "following") -> JobResult:
        """One run of a list's job from claim to delivery, an hour after the last one."""
        self.clock.advance(hours=1)
        client = ServerClient(self.server_url, WORKER, clock=self.clock)
        desk = open_desk(self.settings, self.clock, lambda: False, client=client,
                         outbox=Outbox.of(self.settings.data_folder))
        claim = client.claim("tests", [list_name], force={"job": list_name, "account": self.sandbox.owner})
        assert claim.run is not None
        result = carry_out(desk, claim.run)
        report = desk.outbox.deliver(client)
        assert (report.left, report.stopped_by) == (0, None)
        client.close()
        return result

    def know(self, list_name: str = "following") -> None:
        """Let the panel know the list as it is, without the browser: handed over by its owner as the whole."""
        self.clock.advance(hours=1)
        with self.app.app_context():
            handed = take_usernames(db.session(), self.sandbox.owner, list_name, sorted(self.truth(list_name)),
                                    self.clock(), complete=True)
            assert handed.scan.state == "applied"
            db.session.commit()

    def newest_scan(self, list_name: str = "following") -> Scan:
        with self.app.app_context():
            scan = db.session.scalars(select(Scan).filter_by(list=list_name)
                                      .order_by(Scan.received_at.desc(), Scan.started_at.desc()).limit(1)).one()
            db.session.expunge_all()
            return scan

    def follows(self, list_name: str = "following") -> dict[str, str]:
        """Everybody ever in the list, with the state of the newest interval: current, missing or ended."""
        with self.app.app_context():
            rows = db.session.execute(
                select(Person.username, FollowInterval.end_latest, FollowInterval.missing_since)
                .join(FollowInterval, FollowInterval.person_id == Person.id)
                .where(FollowInterval.direction == DIRECTION[list_name]).order_by(FollowInterval.start_latest)).all()
        return {name: "ended" if end else "missing" if missing else "current" for name, end, missing in rows}

    def everything(self) -> list[tuple[Any, ...]]:
        """All that the follow tables say, to see that nothing has changed."""
        with self.app.app_context():
            return [tuple(row) for row in db.session.execute(
                select(Person.username, *FollowInterval.__table__.c).join(Person).order_by(FollowInterval.id))]

    def truth(self, list_name: str = "following") -> set[str]:
        """Who is really in the list just now."""
        world = self.sandbox.world
        return set(world.following() if list_name == "following" else world.followers())


def _for_playwright(cookie: dict[str, Any]) -> dict[str, Any]:
    return {"name": cookie["name"], "value": cookie["value"], "domain": cookie["domain"], "path": "/",
            "expires": cookie["expirationDate"], "httpOnly": cookie["httpOnly"], "secure": False, "sameSite": "Lax"}

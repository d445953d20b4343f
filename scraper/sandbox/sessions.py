"""Who is signed in: session cookies and the tokens of forms. All of it made up, none of it a real secret."""

import random
import string
from dataclasses import dataclass
from datetime import datetime, timedelta

LETTERS = string.ascii_lowercase + string.digits


@dataclass
class Session:
    id: str
    account: str
    signature: str  # of the user's name, in the script of every page
    born: datetime
    ends: datetime
    pages: int = 0  # pages served since the cookie was last renewed
    replaces: str | None = None
    borrowed: str | None = None  # the account whose data the next JSON call is answered with


class Sessions:
    def __init__(self, seed: int) -> None:
        self._dice = random.Random(f"sessions {seed}")  # noqa: S311 - made-up cookies that open nothing
        self._live: dict[str, Session] = {}
        self.issued: list[str] = []  # everything that must never be kept or logged by a reader
        self.renewals = 0

    def token(self, length: int) -> str:
        text = "".join(self._dice.choices(LETTERS, k=length))
        self.issued.append(text)
        return text

    def begin(self, account: str, now: datetime, days: int) -> Session:
        session = Session(self.token(32), account, self.token(27), now, now + timedelta(days=days))
        self._live[session.id] = session
        return session

    def find(self, cookie: str | None, now: datetime, *, renewal_ends_old: bool) -> Session | None:
        session = self._live.get(cookie or "")
        if session is None or session.ends <= now:
            return None
        if session.replaces and renewal_ends_old:
            self._live.pop(session.replaces, None)
            session.replaces = None
        return session

    def renew(self, old: Session, now: datetime, days: int) -> Session:
        """A new cookie for the same visitor."""
        new = self.begin(old.account, now, days)
        new.replaces, new.born, old.pages = old.id, old.born, 0
        self.renewals += 1
        return new

    def end(self, session: Session) -> None:
        self._live.pop(session.id, None)

    def end_all(self, account: str | None = None) -> int:
        """Sign everybody (or one account everywhere) out; returns how many sessions ended."""
        ended = [key for key, session in self._live.items() if account in (None, session.account)]
        for key in ended:
            del self._live[key]
        return len(ended)

    def __len__(self) -> int:
        return len(self._live)

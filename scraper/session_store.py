"""Sign-ins kept for the worker: one encrypted file an account, mode 0600, in a folder of mode 0700."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.clock import iso_ms
from common.files import write_whole
from common.logs import hide
from common.secrets import Undecryptable, Vault
from common.settings import Settings
from scraper.errors import NeverSignedIn, SignedOut
from scraper.observations import username

PLATFORM = "chaturbate"
SESSION_COOKIE = "sessionid"


@dataclass(frozen=True)
class SavedSession:
    """A sign-in: the browser's cookies and storage, since when it holds, when it was last proved.

    over  what showed a reading that the sign-in is over; None: nothing did. Another reading may still find it good
    """

    account: str
    storage_state: dict[str, Any]
    signed_in_since: datetime
    proved_at: datetime
    over: str | None = None

    @property
    def cookies_end(self) -> datetime | None:
        """When the sign-in ends by itself; None: with the browser's session, or unknown."""
        ends = [cookie.get("expires", -1) for cookie in self.storage_state.get("cookies", [])
                if cookie.get("name") == SESSION_COOKIE]
        return datetime.fromtimestamp(min(ends), UTC) if ends and min(ends) > 0 else None


class SessionStore:
    """The sessions of a data folder."""

    def __init__(self, settings: Settings) -> None:
        self._folder: Path = settings.data_folder / "sessions"
        self._vault = Vault(settings.secret_keys, "browser-session")

    def accounts(self) -> list[str]:
        """The accounts with a saved sign-in, A to Z; whether it can still be read is seen by `load`."""
        if not self._folder.is_dir():
            return []
        names = (path.name for path in self._folder.iterdir())
        found = (re.fullmatch(rf"{PLATFORM}-([a-z0-9_]{{1,50}})\.session", name) for name in names)
        return sorted(match.group(1) for match in found if match)

    def load(self, account: str) -> SavedSession:
        """The account's sign-in.

        raises  SignedOut when there is none, or none that can be read with the present secret key
        """
        try:
            sealed = self._path(account).read_bytes()
        except FileNotFoundError:
            raise NeverSignedIn(f"nobody has signed in as {account} yet") from None
        try:
            kept = json.loads(self._vault.decrypt(sealed))
            session = SavedSession(
                account=kept["account"], storage_state=kept["storage_state"],
                signed_in_since=datetime.fromisoformat(kept["signed_in_since"]),
                proved_at=datetime.fromisoformat(kept["proved_at"]), over=kept.get("over"),
            )
        except Undecryptable:
            raise SignedOut(f"the saved sign-in of {account} was encrypted with another secret key") from None
        except (ValueError, KeyError, TypeError):
            raise SignedOut(f"the saved sign-in of {account} is damaged") from None
        hide_cookies(session.storage_state)
        return session

    def replace(self, old: SavedSession, new: SavedSession) -> bool:
        """Keep the new one in place of the old; False when somebody has signed in anew meanwhile, which stays."""
        with suppress(SignedOut):
            if self.load(old.account).storage_state != old.storage_state:
                return False
        self.save(new)
        return True

    def save(self, session: SavedSession) -> None:
        """Keep the sign-in: written beside the old one and put in its place, so that a power cut leaves one of them."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        path = self._path(session.account)
        hide_cookies(session.storage_state)
        sealed = self._vault.encrypt(json.dumps({
            "version": 1, "platform": PLATFORM, "account": session.account, "storage_state": session.storage_state,
            "signed_in_since": iso_ms(session.signed_in_since), "proved_at": iso_ms(session.proved_at),
            "over": session.over,
        }).encode())
        write_whole(path, sealed)

    def _path(self, account: str) -> Path:
        return self._folder / f"{PLATFORM}-{username(account)}.session"


def hide_cookies(storage_state: dict[str, Any]) -> None:
    """From now on the values that sign somebody in never reach a log."""
    for cookie in storage_state.get("cookies", []):
        if cookie.get("name") in {SESSION_COOKIE, "csrftoken", "sbr", "cf_clearance", "__cf_bm"}:
            hide(str(cookie.get("value", "")))


def renewed(old: dict[str, Any], new: dict[str, Any], *, challenged: bool) -> dict[str, Any]:
    """The state to keep after a run: the renewed cookies, never at the price of the sign-in.

    A state without a session cookie is not kept. After a challenge the old session cookie stays.
    """
    def of(state: dict[str, Any]) -> list[dict[str, Any]]:
        return [cookie for cookie in state.get("cookies", []) if cookie.get("name") == SESSION_COOKIE]

    if not of(new):
        return old
    if challenged and of(old):
        others = [cookie for cookie in new["cookies"] if cookie.get("name") != SESSION_COOKIE]
        return {**new, "cookies": [*others, *of(old)]}
    return new

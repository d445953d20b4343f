"""Whose list is meant when nobody says so."""

from common.settings import Settings
from scraper.errors import WrongUse
from scraper.observations import username
from scraper.session_store import SessionStore


def account_meant(settings: Settings, given: str | None) -> str:
    """The account on the command line, else the owner of the settings, else the only one with a saved sign-in.

    raises  WrongUse when that does not tell
    """
    if given:
        return checked_account(given)
    if settings.owner:
        return settings.owner
    saved = SessionStore(settings).accounts()
    if len(saved) == 1:
        return saved[0]
    raise WrongUse("say whose list it is: --account NAME" + (f" ({', '.join(saved)})" if saved else ""))


def checked_account(text: str) -> str:
    """An account's name in its one form.

    raises  WrongUse
    """
    try:
        return username(text)
    except ValueError as error:
        raise WrongUse(f"--account: {error}") from None

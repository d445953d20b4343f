"""`session`: who is signed in, since when, last proved when, until when."""

from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from common.clock import utc_now
from common.settings import Settings
from scraper.errors import ScraperError, SignedOut, WrongUse
from scraper.layout_files import layouts_for
from scraper.layouts import WrongLayout
from scraper.session_store import SavedSession, SessionStore, renewed
from scraper.sign_in import prove


@click.command()
@click.option("--check", is_flag=True, help="Ask the site now, one page an account, instead of the last proof.")
@click.pass_obj
def command(settings: Settings, check: bool) -> int:
    """Say for each account who is signed in, since when, when it was last proved, and when the cookies end.

    Exit status 3 when nobody has signed in, or a sign-in is over; 4 when the site stands in the way.
    """
    store = SessionStore(settings)
    console = Console(highlight=False)
    accounts = store.accounts()
    if settings.owner and settings.owner not in accounts:
        accounts.append(settings.owner)
    if not accounts:
        console.print("Nobody has signed in yet. Run `python -m scraper login`.")
        return SignedOut.exit_status
    table = Table("Account", "State", "Since", "Last proved", "Cookies end", box=None, pad_edge=False)
    status = 0
    for account in accounts:
        session, trouble = _look(settings, store, account, check)
        if trouble is not None:
            status = max(status, trouble.exit_status)
        moments = (session.signed_in_since, session.proved_at, session.cookies_end) if session else (None,) * 3
        table.add_row(account, str(trouble) if trouble else "signed in",
                      *(_moment(moment, settings) for moment in moments))
        if trouble is not None:
            table.add_row("", trouble.advice)
    console.print(table)
    return status


def _look(settings: Settings, store: SessionStore, account: str,
          check: bool) -> tuple[SavedSession | None, ScraperError | None]:
    """The saved sign-in and what is wrong with it."""
    try:
        session = store.load(account)
    except SignedOut as error:
        return None, error
    if session.cookies_end is not None and session.cookies_end <= utc_now():
        return session, SignedOut("the cookies have ended")
    if not check:
        return session, SignedOut(session.over) if session.over else None
    try:
        proved = prove(settings, layouts_for(settings.data_folder), session.storage_state, account, utc_now)
    except WrongLayout as error:
        raise WrongUse(str(error)) from None
    except ScraperError as error:
        return session, error
    session = SavedSession(account, renewed(session.storage_state, proved.storage_state, challenged=False),
                           session.signed_in_since, proved.proved_at)
    store.save(session)
    return session, None


def _moment(moment: datetime | None, settings: Settings) -> str:
    return f"{moment.astimezone(settings.zone):%d %b %Y %H:%M %Z}" if moment else "–"

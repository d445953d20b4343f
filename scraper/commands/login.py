"""`login`: sign in to the site, prove it, keep the sign-in."""

import sys
from pathlib import Path

import click
from rich.console import Console

from common.clock import utc_now
from common.settings import Settings
from scraper.errors import NotProved, ScraperError, SignedOut, WrongUse
from scraper.layout_files import layouts_for
from scraper.layouts import WrongLayout
from scraper.observations import SessionReport, username
from scraper.outbox import Outbox
from scraper.server_client import ServerClient
from scraper.session_store import SavedSession, SessionStore
from scraper.sign_in import from_chrome, from_file, from_password, from_window, has_screen, prove


@click.command()
@click.option("--account", metavar="NAME", help="The account it has to be. Without it: the owner of the settings.")
@click.option("--cookies", "cookies_file", metavar="FILE", type=click.Path(path_type=Path),
              help="Cookies exported from your browser: JSON of an extension, or cookies.txt.")
@click.option("--cdp", metavar="URL", help="Your own running Chrome, such as http://127.0.0.1:9222.")
@click.option("--username", "name", metavar="NAME", help="Sign in through the site's form, without a window.")
@click.option("--password-stdin", is_flag=True, help="With --username: read the password from standard input.")
@click.pass_obj
def command(settings: Settings, account: str | None, cookies_file: Path | None, cdp: str | None, name: str | None,
            password_stdin: bool) -> None:
    """Sign in to the site once, and keep the session, encrypted.

    Without options a window opens, in which you sign in yourself; codes and puzzles are yours. The sign-in is
    proved before it is kept: a page of the site must name the account.
    """
    if sum(way is not None for way in (cookies_file, cdp, name)) > 1:
        raise WrongUse("Choose one of --cookies, --cdp and --username.")
    if password_stdin != (name is not None):
        raise WrongUse("--username and --password-stdin belong together: the password is read from standard input, "
                       "so that it is neither in the list of processes nor in the shell's history.")
    expected = _name(account or name or settings.owner)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        layouts = layouts_for(settings.data_folder)
    except WrongLayout as error:
        raise WrongUse(str(error)) from None
    if cookies_file is not None:
        state = from_file(settings, _text(cookies_file))
    elif cdp is not None:
        state = from_chrome(settings, cdp)
    elif name is not None:
        state = from_password(settings, layouts, name, _password(), utc_now)
    else:
        if has_screen():
            console.print("A window opens. Sign in there; it closes by itself when you are done.")
        state = from_window(settings, layouts)
    with console.status("Proving the sign-in …"):
        try:
            session = prove(settings, layouts, state, expected, utc_now)
        except SignedOut as error:
            raise NotProved(f"these cookies sign nobody in: {error}") from error
    SessionStore(settings).save(session)
    ends = f" The cookies end on {session.cookies_end:%d %b %Y}." if session.cookies_end else ""
    console.print(f"Signed in as [bold]{session.account}[/]. The sign-in is saved, encrypted.{ends}")
    if settings.owner and session.account != settings.owner:
        console.print(f"Note: MHC_OWNER is {settings.owner}.")
    _tell_the_server(settings, session, console)


def _name(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return username(text)
    except ValueError:
        raise WrongUse("A username has letters, digits and underscores, 1 to 50 of them.") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise WrongUse(f"--cookies: {path} cannot be read as text.") from None


def _password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise WrongUse("No password came on standard input.")
    return password


def _tell_the_server(settings: Settings, session: SavedSession, console: Console) -> None:
    """The panel learns of the sign-in now, or with the next hand-over."""
    try:
        outbox = Outbox.of(settings.data_folder)
        outbox.put(SessionReport(
            observed_at=session.proved_at, account=session.account, state="signed_in",
            signed_in_since=session.signed_in_since, proved_at=session.proved_at, cookies_end=session.cookies_end,
        ))
        client = ServerClient(settings.server_url, settings.worker_token_value, connect_timeout=2, read_timeout=10)
        report = outbox.deliver(client)
        client.close()
    except ScraperError as error:
        console.print(f"The panel could not be told: {error}")
        return
    if report.left:
        console.print("The panel's server does not answer just now; it will learn of the sign-in when it is back.")

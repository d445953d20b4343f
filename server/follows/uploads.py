"""Lists handed over by a person: saved pages, or usernames. They are stored and judged like a scan of our own."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from scraper.layouts import FILE_NAME, Layouts, WrongLayout, read_layouts
from scraper.observations import ListName, PageFacts, Part, ScanEnd, ScanPage
from scraper.scrub import capture_of
from scraper.sources.saved_pages.parse import read_saved_page
from server import settings
from server.errors import Refused
from server.follows import intake
from server.models import Account, Scan
from server.people.store import ensure_account, picked_account

MOST_PAGES = 2_000
MOST_NAMES = 500_000
_ONE_PART: dict[str, Part] = {"following": "online", "followers": "followers"}


@dataclass(frozen=True)
class Handed:
    """What became of a hand-over: the scan, and the entries that were set aside with their reasons."""

    account: Account
    scan: Scan
    rejected: Sequence[dict[str, str]]


def take_pages(session: Session, named: str | None, list_name: ListName, pages: Sequence[str], now: datetime, *,
               observed_at: datetime | None = None) -> Handed:
    """Saved pages of one list, all that there are of it, in any order.

    named   the account; None: the only one there is, or, before there is any, the one that the pages name
    raises  Refused 400 for no pages or too many, or an account that has to be named
    """
    if not pages:
        raise Refused(400, "invalid", "There is no page to read.", field="html")
    if len(pages) > MOST_PAGES:
        raise Refused(400, "invalid", f"More than {MOST_PAGES} pages at once.", field="html")
    layouts = _layouts()
    seen_at = _moment(observed_at, now)
    messages = []
    scan_id = uuid4()
    read = [read_saved_page(html, list_name=list_name, layouts=layouts) for html in pages]
    account = _account(session, named, next((facts.signed_in_as for facts, _ in read if facts.signed_in_as), None), now)
    for html, (facts, people) in zip(pages, read, strict=True):
        messages.append(ScanPage(observed_at=seen_at, scan_id=scan_id, account=account.username, source="manual",
                                 facts=facts, people=people, list=list_name, capture=capture_of(html, facts.path)))
    return _take(session, account, list_name, scan_id, messages, [], seen_at, now, declared_complete=None)


def take_usernames(session: Session, named: str | None, list_name: ListName, usernames: Sequence[Any],
                   now: datetime, *, complete: bool, observed_at: datetime | None = None) -> Handed:
    """A list of usernames. complete: the person says that it is everybody; only then may anyone be taken away.

    named   the account; None: the only one there is
    raises  Refused 400 for too many, or an account that has to be named
    """
    account = _account(session, named, None, now)
    if len(usernames) > MOST_NAMES:
        raise Refused(400, "invalid", f"More than {MOST_NAMES:,} usernames at once.", field="usernames")
    seen_at = _moment(observed_at, now)
    body, rejected = intake.check_items("scan-page", {"people": [{"username": name} for name in usernames]})
    scan_id = uuid4()
    facts = PageFacts(part=_ONE_PART[list_name], cards=len(usernames), signed_in_as=account.username)
    page = ScanPage.model_validate({
        "observed_at": seen_at, "scan_id": scan_id, "account": account.username, "source": "manual",
        "facts": facts, "people": body["people"], "list": list_name})
    return _take(session, account, list_name, scan_id, [page], rejected, seen_at, now, declared_complete=complete)


def take_uploads(session: Session, named: str | None, list_name: ListName, uploaded: Iterable[Any], now: datetime, *,
                 complete: bool = False, observed_at: datetime | None = None) -> Handed:
    """Uploaded files: saved pages; or, where every file is plain text, usernames one a line.

    uploaded  things with `filename` and `read()`, as Flask gives them
    raises    Refused 400 for files that are not text, or pages and usernames in one upload
    """
    texts = [_text(file) for file in uploaded]
    pages = [text for text in texts if "<" in text]
    if pages and len(pages) < len(texts):
        raise Refused(400, "invalid", "Hand over either saved pages or lists of usernames, not both at once.",
                      field="files")
    if pages or not texts:
        return take_pages(session, named, list_name, pages, now, observed_at=observed_at)
    names = [name for text in texts for name in _names(text)]
    return take_usernames(session, named, list_name, names, now, complete=complete, observed_at=observed_at)


def _take(session: Session, account: Account, list_name: ListName, scan_id: UUID, messages: Sequence[ScanPage],
          rejected: Sequence[dict[str, str]], seen_at: datetime, now: datetime, *,
          declared_complete: bool | None) -> Handed:
    aside = list(rejected)
    for number, message in enumerate(messages):
        answer = intake.take_page(session, message, now, rejected if number == 0 else ())
        aside = answer["rejected"] if number == 0 else aside + answer["rejected"]
    intake.take_end(session, ScanEnd(
        observed_at=seen_at, scan_id=scan_id, account=account.username, source="manual", started_at=seen_at,
        finished_at=seen_at, pages=len(messages), declared_complete=declared_complete, list=list_name), now)
    return Handed(account, session.get_one(Scan, scan_id), aside)


def _account(session: Session, named: str | None, on_the_page: str | None, now: datetime) -> Account:
    """The account of a hand-over. A new one is made only of the first that is heard of, or that its own page names."""
    try:
        return picked_account(session, named)
    except Refused as refused:
        first = refused.code == "no_account" or session.scalar(select(Account.id).limit(1)) is None
        name = named or on_the_page
        if refused.code == "no_account" and name is None:
            raise Refused(400, "account_needed", "There is no account yet: say whose list this is with ?account=NAME.",
                          field="account") from refused
        if name is None or not (first or name.lower() == on_the_page):
            raise
        try:
            return ensure_account(session, name, now)
        except ValueError as error:
            raise Refused(400, "invalid", f"account: {error}", field="account") from error


def _moment(observed_at: datetime | None, now: datetime) -> datetime:
    if observed_at is not None and observed_at > now:
        raise Refused(400, "invalid", "observed_at: lies in the future.", field="observed_at")
    return observed_at or now


def _layouts() -> Layouts:
    """The layouts in force: the package's, and over them the owner's own."""
    own: Path = settings.current().data_folder / FILE_NAME
    try:
        override = own.read_text(encoding="utf-8") if own.exists() else None
        return read_layouts(files("scraper").joinpath(FILE_NAME).read_text(encoding="utf-8"), override,
                            override_file=str(own))
    except (OSError, UnicodeDecodeError, WrongLayout) as error:
        raise Refused(409, "wrong_layout", f"The owner's layout file cannot be used: {error}") from error


def _text(file: Any) -> str:
    raw = file.read()
    for encoding in ("utf-8-sig", "utf-16") if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            text: str = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise Refused(400, "invalid", f"{(file.filename or 'a file')!r:.80} is not a text or a saved page.", field="files")


def _names(text: str) -> list[Any]:
    """Usernames in a text: one a line, or a JSON list."""
    if text.lstrip().startswith("["):
        try:
            names = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Refused(400, "invalid", "The list of usernames is not JSON.", field="files") from error
        return list(names)
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]

"""`import`: saved pages and lists of usernames, handed to the server like a scan."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID, uuid4

import click

from common.clock import Clock, utc_now
from common.settings import Settings
from scraper.accounts import account_meant
from scraper.errors import ServerUnreachable, WrongUse
from scraper.layout_files import layouts_for
from scraper.layouts import WrongLayout
from scraper.observations import ListName, PageFacts, PersonSeen, ScanEnd, ScanPage, username
from scraper.outbox import Outbox
from scraper.running import open_desk
from scraper.scrub import capture_of
from scraper.sources.saved_pages.parse import read_saved_page
from scraper.verdict import PARTS
from scraper.verdicts import PARTIAL, answer_to, in_words, status_of

NAMES_A_MESSAGE = 5_000
LARGEST_FILE = 50_000_000
_HEADINGS = {"username", "user name", "user", "name"}


@click.command("import")
@click.argument("list_name", metavar="following|followers", type=click.Choice(get_args(ListName)))
@click.argument("files", metavar="FILE…", nargs=-1, required=True,
                type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", metavar="NAME", help="Whose list; may be left out where there is only one account.")
@click.option("--complete/--partial", default=None,
              help="For lists of usernames: whether they are the whole list. Only a whole list can show that "
                   "somebody left. Partial unless you say so.")
@click.pass_obj
def command(settings: Settings, list_name: ListName, files: tuple[Path, ...], account: str | None,
            complete: bool | None) -> int:
    """Hand saved HTML pages, or lists of usernames, to the panel like a scan.

    Pages: save every page of the list from your browser, and give all files at once. Usernames: one a line, the
    first column of a CSV file, or a JSON list. What was seen counts for the time at which a file was last changed.

    Exit statuses: 0 ok, 1 failed, 5 partial, 6 server unreachable (kept in the outbox).
    """
    return import_files(settings, list_name, files, account, complete)


@dataclass(frozen=True)
class _File:
    """A file that was read; `seen_at` is when it was last changed."""

    path: Path
    text: str
    seen_at: datetime

    @property
    def is_page(self) -> bool:
        return self.text.lstrip()[:1] == "<"


def import_files(settings: Settings, list_name: ListName, paths: Sequence[Path], account: str | None,
                 complete: bool | None, *, clock: Clock = utc_now) -> int:
    """Hand these files over as one scan; answers the exit status.

    raises  WrongUse when the files cannot be what they are said to be
    """
    files = [_read(path) for path in paths]
    pages = [file for file in files if file.is_page]
    if pages and len(pages) != len(files):
        other = next(file for file in files if not file.is_page)
        raise WrongUse(f"{other.path} is not a saved page like the others; give pages and lists of usernames apart")
    if pages and complete is not None:
        raise WrongUse("--complete and --partial are for lists of usernames; saved pages prove it themselves")
    desk = open_desk(settings, clock, lambda: False)
    if pages:
        scan_id, as_said = _put_pages(desk.outbox, settings, list_name, pages, account), False
    else:
        scan_id, as_said = _put_names(desk.outbox, list_name, files, account_meant(settings, account), bool(complete))
    try:
        scan = answer_to(desk, scan_id)
    except ServerUnreachable as error:
        click.echo(f"scraper: {error}\n         {error.advice}", err=True)
        return error.exit_status
    click.echo("\n".join(in_words(scan)))
    status = status_of(scan)
    return 0 if status == PARTIAL and as_said else status


def _put_pages(outbox: Outbox, settings: Settings, list_name: ListName, files: Sequence[_File],
               account: str | None) -> UUID:
    """Hand over saved pages; what a page proves about itself is judged as in a scan."""
    try:
        layouts = layouts_for(settings.data_folder)
    except WrongLayout as error:
        raise WrongUse(str(error)) from error
    read = [(file, *read_saved_page(file.text, list_name=list_name, layouts=layouts)) for file in files]
    signed_in = {facts.signed_in_as for _, facts, _ in read if facts.signed_in_as}
    whose = signed_in.pop().lower() if len(signed_in) == 1 and not account else account_meant(settings, account)
    scan_id = uuid4()
    for file, facts, people in read:
        if facts.problem:
            click.echo(f"{file.path}: {facts.problem_detail or facts.problem}", err=True)
        else:
            click.echo(f"{file.path}: {facts.part} page {facts.page}, {len(people)} people", err=True)
        outbox.put(ScanPage(observed_at=file.seen_at, scan_id=scan_id, account=whose, source="import", facts=facts,
                            people=people, list=list_name, capture=capture_of(file.text, file.path.name)))
    _put_end(outbox, scan_id, list_name, files, whose, pages=len(read))
    return scan_id


def _put_names(outbox: Outbox, list_name: ListName, files: Sequence[_File], account: str,
               complete: bool) -> tuple[UUID, bool]:
    """Hand over usernames; answers the scan, and whether it is partial only because it was said to be.

    raises  WrongUse when there is not one good name in the files
    """
    names: dict[str, datetime] = {}
    bad = 0
    for file in files:
        for place, text in _entries(file):
            try:
                names.setdefault(username(text), file.seen_at)
            except ValueError as error:
                bad += 1
                click.echo(f"{file.path}:{place}: {error}; set aside", err=True)
    if not names:
        raise WrongUse("no username in these files")
    if complete and bad:
        click.echo(f"{bad} entries could not be read, so this cannot count as the whole list.", err=True)
    scan_id = uuid4()
    chunks = list(_chunks(list(names), NAMES_A_MESSAGE))
    for number, chunk in enumerate(chunks, start=1):
        facts = PageFacts(part=PARTS[list_name][0], page=number, cards=len(chunk))
        outbox.put(ScanPage(observed_at=max(names[name] for name in chunk), scan_id=scan_id, account=account,
                            source="import", facts=facts, list=list_name,
                            people=[PersonSeen(username=name) for name in chunk]))
    _put_end(outbox, scan_id, list_name, files, account, pages=len(chunks), declared_complete=complete and not bad)
    return scan_id, not complete


def _put_end(outbox: Outbox, scan_id: UUID, list_name: ListName, files: Sequence[_File], account: str, *, pages: int,
             declared_complete: bool | None = None) -> None:
    seen = [file.seen_at for file in files]
    outbox.put(ScanEnd(observed_at=max(seen), scan_id=scan_id, account=account, source="import", list=list_name,
                       started_at=min(seen), finished_at=max(seen), pages=pages,
                       declared_complete=declared_complete))


def _read(path: Path) -> _File:
    try:
        size, changed = path.stat().st_size, path.stat().st_mtime
        if size > LARGEST_FILE:
            raise WrongUse(f"{path} is larger than {LARGEST_FILE // 1_000_000} MB; that is no page and no list")
        content = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from error
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return _File(path, content.decode(encoding, "replace"), datetime.fromtimestamp(changed, UTC))


def _entries(file: _File) -> Iterator[tuple[str, Any]]:
    """Every entry that should be a username, with its place in the file.

    raises  WrongUse for JSON that is not a list
    """
    if file.text.lstrip()[:1] in ("[", "{"):
        yield from _json_entries(file)
        return
    for number, line in enumerate(file.text.splitlines(), start=1):
        cell = re.split(r"[,;\t]", line, maxsplit=1)[0].strip().strip('"').strip()
        heading = number == 1 and cell.lower() in _HEADINGS and file.path.suffix.lower() in (".csv", ".tsv")
        if cell and not cell.startswith("#") and not heading:
            yield str(number), cell


def _json_entries(file: _File) -> Iterator[tuple[str, Any]]:
    try:
        found = json.loads(file.text)
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{file.path} is not JSON: {error}") from error
    if isinstance(found, dict):
        found = found.get("usernames")
    if not isinstance(found, list):
        raise WrongUse(f'{file.path} holds no list; expected ["name", …] or {{"usernames": ["name", …]}}')
    for number, entry in enumerate(found, start=1):
        yield f"entry {number}", entry.get("username") if isinstance(entry, dict) else entry


def _chunks(names: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (names[start:start + size] for start in range(0, len(names), size))

"""`layout`: which layout a saved page has, and what is read there."""

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from common.settings import Settings
from scraper.errors import WrongUse
from scraper.layout_files import layouts_for
from scraper.layouts import Layouts, WrongLayout
from scraper.observations import ListName, PageFacts, PersonSeen
from scraper.sources.pages.parse import try_layouts
from scraper.sources.saved_pages.parse import read_saved_page

LISTS: dict[ListName, str] = {"following": "followed cams", "followers": "followers"}


@click.group()
def command() -> None:
    """Say which layout a saved page has and what is read there.

    Layouts are tables of selectors. A file `layouts.toml` in the data folder overrides those of the package
    (same name) or adds some (new name).
    """


@command.command("list")
@click.pass_obj
def list_layouts(settings: Settings) -> None:
    """The layouts in force, in the order in which they are tried."""
    for layout in _layouts(settings).layouts:
        Console(highlight=False).print(f"{layout.name}  ({LISTS[layout.list_name]})")


@command.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_obj
def check(settings: Settings, files: tuple[Path, ...]) -> int:
    """Which layout each saved page has and what is read there, or why none fits; then the exit status is 1."""
    layouts = _layouts(settings)
    console = Console(highlight=False, soft_wrap=True)
    return max([_check(layouts, path, console) for path in files])


def _layouts(settings: Settings) -> Layouts:
    try:
        return layouts_for(settings.data_folder)
    except WrongLayout as error:
        raise WrongUse(str(error)) from None


def _check(layouts: Layouts, path: Path, console: Console) -> int:
    try:
        html = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise WrongUse(f"{path}: {error.strerror}") from None
    console.print(f"[bold]{escape(str(path))}[/]")
    read = {name: read_saved_page(html, list_name=name, layouts=layouts) for name in LISTS}
    good = next((name for name, (facts, _) in read.items() if facts.problem is None), None)
    if good is not None:
        _show(*read[good], console)
        return 0
    for name in LISTS:
        facts, _ = read[name]
        if facts.problem != "redirected":
            console.print(f"  as {LISTS[name]}: {facts.problem}: {escape(facts.problem_detail or '')}")
        if facts.problem == "unknown_layout":
            for trial in try_layouts(html, list_name=name, part=facts.part, layouts=layouts):
                console.print(f"    {trial.layout}: {escape(trial.failed or 'fits')}")
    if all(facts.problem == "redirected" for facts, _ in read.values()):
        console.print(f"  a page of the site, but of none of the lists ({escape(read['following'][0].path)})")
    return 1


def _show(facts: PageFacts, people: list[PersonSeen], console: Console) -> None:
    lines = {
        "layout": facts.layout, "list": facts.part, "signed in as": facts.signed_in_as,
        "page": f"{facts.page} of {facts.last_page or 1}" + (", there is a next one" if facts.has_next else ""),
        "header counts": f"{facts.header_online} online of {facts.header_total} followed",
        "stated total": facts.stated_total, "people": len(people),
    }
    for label, value in lines.items():
        if value is not None:
            console.print(f"  {label}: {escape(str(value))}")
    console.print("  " + (" ".join(person.username for person in people) or "nobody; the page says so itself"))

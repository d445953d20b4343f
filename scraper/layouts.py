"""Layouts: what a page of a list looks like, as data. Pure: text in, checked layouts out.

A layout is a table of selectors in `scraper/layouts.toml`; a file `layouts.toml` in the data folder
may override tables (same name) or add some (new name), so that a redesign of the site can be followed
without a new version. Selectors are CSS; `::attr(x)` and `::text` say what is taken from a match.

raises  WrongLayout with one line that names the file, the table and the key
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal, TypeVar

from cssselect import SelectorError
from lxml import etree
from parsel.csstranslator import HTMLTranslator
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from scraper.observations import ListName

FILE_NAME = "layouts.toml"
HIDDEN = ("[hidden], [style*='display:none'], [style*='display: none'], "
          "[style*='visibility:hidden'], [style*='visibility: hidden']")
_translator = HTMLTranslator()
T = TypeVar("T", bound=BaseModel)


class WrongLayout(Exception):
    """A layout file cannot be used; the text is one line for the owner."""


@lru_cache(maxsize=1024)
def compiled(selector: str, where: str = "descendant-or-self::") -> etree.XPath:
    """The selector, ready to be called with an element; gives elements, or texts for `::attr` and `::text`.

    where   "self::" asks of the element alone

    raises  ValueError for a selector that cannot be understood
    """
    try:
        return etree.XPath(_translator.css_to_xpath(selector, where))
    except (SelectorError, etree.XPathSyntaxError, ValueError) as error:
        raise ValueError(f"not a selector: {selector!r} ({error})") from None


def _checked_selector(selector: str) -> str:
    if not selector.strip():
        raise ValueError("an empty selector; leave the key out instead")
    compiled(selector)
    return selector


def _checked_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {pattern!r} ({error})") from None
    if groups != 1:
        raise ValueError(f"needs exactly one group in brackets: {pattern!r}")
    return pattern


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Selector = Annotated[str, AfterValidator(_checked_selector)]
Pattern = Annotated[str, AfterValidator(_checked_pattern)]
Selectors = Annotated[tuple[Selector, ...], BeforeValidator(_as_list)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Taken(_Table):
    """A text of a card: the first match of `selector`, or what the only group of `pattern` finds in it."""

    selector: Selector
    pattern: Pattern | None = None


def _as_taken(value: Any) -> Any:
    return {"selector": value} if isinstance(value, str) else value


Field_ = Annotated[Taken, BeforeValidator(_as_taken)]


class Paging(_Table):
    """The page numbers below a list. Numbers and buttons are counted only inside `root`."""

    root: Selector
    number: Selector
    active: Selector
    next: Selector
    next_disabled: Selector


class Card(_Table):
    """What one card says. `name`: the first selector must match; all matches of all of them must be one name."""

    name: Selectors
    star: Selector | None = None
    star_class: str | None = None
    display_name: Field_ | None = None
    age: Field_ | None = None
    gender: Field_ | None = None
    genders: dict[str, Literal["m", "f", "c", "t"]] = {"m": "m", "f": "f", "c": "c", "t": "t", "s": "t"}
    country: Field_ | None = None
    location: Field_ | None = None
    subject: Field_ | None = None
    tags: Field_ | None = None
    viewers: Field_ | None = None
    image: Field_ | None = None


class Layout(_Table):
    """One look of a list.

    mark       must be somewhere on the page; tells this look from others
    container  the list: the first match that is not inside `never_in`; it must not be hidden
    items      every entry of the list inside the container; each must be a `card`, or the layout is unknown
    empty      the explicit "nobody here", counts only where visible
    reload     the site's own "loading failed", counts only where visible
    total      the total that the list itself states
    hidden     elements that the site hides by a class, besides those hidden by their own style
    """

    name: str = ""
    list: Literal["followed", "followers"]
    mark: Selector
    container: Selector
    never_in: Selectors = ()
    items: Selector
    card: Selector
    empty: Selector | None = None
    reload: Selector | None = None
    total: Field_ | None = None
    hidden: Selector | None = None
    paging: Paging | None = None
    fields: Card

    @property
    def list_name(self) -> ListName:
        return "following" if self.list == "followed" else "followers"

    @cached_property
    def hidden_selector(self) -> str:
        return f"{HIDDEN}, {self.hidden}" if self.hidden else HIDDEN


class Site(_Table):
    """What every page of the site carries, and the pages that stand in the way of a list."""

    user: Selector
    anonymous: Selector
    counts: Selector
    counts_pattern: str = Field(min_length=1)
    online_tab: Selector
    offline_tab: Selector
    login_form: Selector
    login_user: Selector
    login_password: Selector
    login_submit: Selector
    login_remember: Selector
    login_error: Selector
    challenge: Selectors
    challenge_script: Pattern
    age_gate: Selectors


@dataclass(frozen=True)
class Layouts:
    """All layouts in the order of their trial, those of the data folder first."""

    site: Site
    layouts: tuple[Layout, ...]

    def of(self, list_name: ListName) -> tuple[Layout, ...]:
        return tuple(layout for layout in self.layouts if layout.list_name == list_name)


def read_layouts(packaged: str, override: str | None = None, *, override_file: str = FILE_NAME) -> Layouts:
    """The layouts of the package, with those of the data folder's file over them.

    packaged, override  the texts of the two files; None: there is no second one
    raises  WrongLayout
    """
    tables = _tables(packaged, f"the package's {FILE_NAME}")
    origin = dict.fromkeys(tables, f"the package's {FILE_NAME}")
    if override is not None:
        own = _tables(override, override_file)
        origin.update(dict.fromkeys(own, override_file))
        tables = {**own, **{name: table for name, table in tables.items() if name not in own}}
    site = tables.pop("site", None)
    if site is None:
        raise WrongLayout(f"the package's {FILE_NAME}: the table [site] is missing")
    return Layouts(
        site=_checked(Site, "site", site, origin["site"]),
        layouts=tuple(_checked(Layout, name, {**table, "name": name}, origin[name]) for name, table in tables.items()),
    )


def _tables(text: str, file: str) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongLayout(f"{file}: not TOML: {error}") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise WrongLayout(f"{file}: {name} stands outside of every table; a layout is a table such as [followed-d]")
    return tables


def _checked(model: type[T], name: str, table: dict[str, Any], file: str) -> T:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        text = re.sub(r"^Value error, ", "", first["msg"])
        if first["type"] == "extra_forbidden":
            text = "no such key"
        raise WrongLayout(f"{file}: [{name}] {key}: {text}") from None


def browser_selectors(layouts: Sequence[Layout]) -> list[str]:
    """One CSS selector a layout that a browser understands and that matches its possible containers."""
    return [f"{layout.container}{''.join(f':not({trap}):not({trap} *)' for trap in layout.never_in)}"
            for layout in layouts]

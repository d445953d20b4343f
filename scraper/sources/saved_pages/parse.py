"""A page that the owner saved by hand: which part of which list it is stands in the page itself. Pure."""

import re
from typing import Any
from urllib.parse import urlsplit

from scraper.layouts import Layouts
from scraper.observations import ListName, PageFacts, Part, PersonSeen
from scraper.sources.pages.parse import PATHS, Page, read_list_page


def read_saved_page(html: str, *, list_name: ListName, layouts: Layouts) -> tuple[PageFacts, list[PersonSeen]]:
    """What a saved page says; the caller compares `facts.signed_in_as` with the account it is meant for.

    Part and page number come from the page: its canonical link, its active tab, its active page number.
    A page of another list has the problem "redirected".
    """
    page = Page(html, layouts.site)
    path = _canonical_path(page)
    part = _part(page, list_name, path)
    listed = path is None or any(path in paths for paths in PATHS.values())
    facts, people = read_list_page(html, list_name=list_name, part=part, layouts=layouts, account=None,
                                   path=None if listed and _belongs(path, list_name) else path)
    return facts.model_copy(update={"page": facts.active_page or 1, "path": path or ""}), people


def _belongs(path: str | None, list_name: ListName) -> bool:
    return path is None or (path in PATHS["followers"]) == (list_name == "followers")


def _canonical_path(page: Page) -> str | None:
    """Path of the page's own address; None where the page does not tell it."""
    addresses: list[Any] = page.all('link[rel="canonical"]::attr(href), meta[property="og:url"]::attr(content)')
    saved_from = re.search(r"<!--\s*saved from url=\(\d+\)(\S+)", page.html[:2000])
    if saved_from:
        addresses.append(saved_from.group(1))
    return next((urlsplit(str(address)).path or "/" for address in addresses), None)


def _part(page: Page, list_name: ListName, path: str | None) -> Part:
    if list_name == "followers":
        return "followers"
    if path in PATHS["offline"]:
        return "offline"
    if page.all(page.site.offline_tab) and not page.all(page.site.online_tab):
        return "offline"
    return "online"

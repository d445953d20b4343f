"""One page of the owner's followers: HTML in, names out. Pure; the checks are those of every list."""

from typing import Any

from scraper.layouts import Layouts
from scraper.observations import PageFacts, PersonSeen
from scraper.sources.pages.parse import read_list_page


def read_page(html: str, *, layouts: Layouts, account: str | None,
              **arrived: Any) -> tuple[PageFacts, list[PersonSeen]]:
    """What a page of the followers says; see `read_list_page` for `arrived`."""
    return read_list_page(html, list_name="followers", part="followers", layouts=layouts, account=account, **arrived)

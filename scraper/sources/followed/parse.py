"""One page of the followed cams: HTML in, names out. Pure; the checks are those of every list."""

from typing import Any, Literal

from scraper.layouts import Layouts
from scraper.observations import PageFacts, PersonSeen
from scraper.sources.pages.parse import read_list_page


def read_page(html: str, *, part: Literal["online", "offline"], layouts: Layouts, account: str | None,
              **arrived: Any) -> tuple[PageFacts, list[PersonSeen]]:
    """What a page of the online or the offline list says; see `read_list_page` for `arrived`."""
    return read_list_page(html, list_name="following", part=part, layouts=layouts, account=account, **arrived)

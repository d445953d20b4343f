"""Where the owner's followers are read."""

from scraper.observations import Part

ADDRESS = "/accounts/followers/"


def address(_part: Part, page: int) -> str:
    """Path of a page of the followers."""
    return ADDRESS if page == 1 else f"{ADDRESS}?page={page}"

"""Colours and words that the figures in the browser and the pictures of the server share. Pure."""

from typing import NamedTuple

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SOURCE_WORDS = {"affiliate": "Affiliate API", "cbhours": "CBHours"}


class Theme(NamedTuple):
    """card: what a chart stands on; lines: of the first person by source, then of the one laid over."""

    card: str
    text: str
    grid: str
    accent: str
    lines: tuple[dict[str, str], dict[str, str]]
    shows: dict[str, str]
    other_show: str


THEMES = {
    "light": Theme("#ffffff", "#4b5058", "#dcdfe6", "#5443d6",
                   ({"affiliate": "#16804a", "cbhours": "#1f6fd0"}, {"affiliate": "#b26a00", "cbhours": "#9c36b5"}),
                   {"private": "#c62839", "group": "#b26a00", "ticket": "#9c36b5", "away": "#6c757d",
                    "hidden": "#0b7285"}, "#8a5a00"),
    "dark": Theme("#1b1e26", "#c2c7d0", "#363b47", "#8b7dff",
                  ({"affiliate": "#4cc38a", "cbhours": "#6cb0ff"}, {"affiliate": "#f0b429", "cbhours": "#d59bf0"}),
                  {"private": "#ff6b78", "group": "#f0b429", "ticket": "#d59bf0", "away": "#9aa2ad",
                   "hidden": "#4fc3d0"}, "#d8a657"),
}
DASHES = ("solid", "dashed")
BAND_ALPHA = 0.22


def stroke(source: str, person: int, colours: Theme) -> tuple[str, str]:
    """(colour, dash) of a line."""
    return colours.lines[person][source], DASHES[person]


def show_colour(show: str, colours: Theme) -> str:
    return colours.shows.get(show, colours.other_show)

"""Strips of time: a period of a source from left to right, and the same in words. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from server.ledger import rules
from server.ledger.rules import Span

WIDTH = 1000  # of the drawing, whatever its width on the page
NARROWEST = 4  # a silence of a minute is to be seen in a month, too
PERIODS = (("24 h", "24 hours", timedelta(hours=24)), ("7 d", "7 days", timedelta(days=7)),
           ("30 d", "30 days", timedelta(days=30)))
LONGEST = PERIODS[-1][2]
MEANT = frozenset({"paused", "stopped", "switched off", rules.BEFORE, *rules.UNABLE.values(), rules.NO_CREDENTIAL})
MOST_TOLD = 100


class Piece(NamedTuple):
    """A part of a strip. kind: heard, silent, or meant (the owner wanted it so)."""

    x: float
    width: float
    kind: str
    span: Span


class Strip(NamedTuple):
    """One period. share: how much of it the source was heard, from 0 to 1."""

    title: str
    words: str
    share: float | None
    pieces: list[Piece]

    @property
    def percent(self) -> str:
        return percent(self.share)

    @property
    def silences(self) -> int:
        return sum(not piece.span.heard for piece in self.pieces)


class Told(NamedTuple):
    """All strips of a source, and the silences of the longest with their length in words, newest first.

    left_out  how many more silences there are
    """

    strips: list[Strip]
    silences: list[tuple[Span, str]]
    left_out: int

    @property
    def ever_heard(self) -> bool:
        return any(strip.share for strip in self.strips)


def told(spans: Sequence[Span], now: datetime) -> Told:
    """The strips of a source from its spans of the last `LONGEST`."""
    strips = [_strip(title, words, rules.clipped(spans, now - length, now)) for title, words, length in PERIODS]
    silences = [(span, how_long(span.length)) for span in reversed(spans) if not span.heard]
    return Told(strips, silences[:MOST_TOLD], max(0, len(silences) - MOST_TOLD))


def _strip(title: str, words: str, spans: Sequence[Span]) -> Strip:
    whole = spans[-1].end - spans[0].start
    pieces = []
    for span in spans:
        x, width = (span.start - spans[0].start) / whole * WIDTH, span.length / whole * WIDTH
        if not span.heard and width < NARROWEST:
            x, width = min(max(x - (NARROWEST - width) / 2, 0), WIDTH - NARROWEST), NARROWEST
        pieces.append(Piece(round(x, 2), round(width, 2), _kind(span), span))
    # What is heard lies below, so that a short silence is not covered by its neighbours.
    return Strip(title, words, rules.share(spans), sorted(pieces, key=lambda piece: not piece.span.heard))


def _kind(span: Span) -> str:
    if span.heard:
        return "heard"
    reasons = span.why.split("; ")
    return "meant" if all(one in MEANT or one.startswith(rules.QUIET_HOURS) for one in reasons) else "silent"


def how_long(length: timedelta) -> str:
    """'45 min', '3 h 45 min', '2 days 4 h'."""
    minutes = max(1, round(length / timedelta(minutes=1)))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(minutes // 60, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def percent(part: float | None) -> str:
    """'99.7 %'; never 100 % where something is missing, never 0 % where something was heard."""
    if part is None:
        return ""
    if part in (0, 1):
        return f"{part:.0%}".replace("%", " %")
    return f"{min(max(round(part * 100, 1), 0.1), 99.9):.1f} %"

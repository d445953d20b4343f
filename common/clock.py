"""The one place where the wall clock is read; tests hand in a clock of their own."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, aware UTC."""
    return datetime.now(UTC)


def moment_of(second: int) -> datetime:
    """The moment of a whole second since 1970, aware UTC."""
    return datetime.fromtimestamp(second, UTC)


def iso_ms(moment: datetime) -> str:
    """ISO 8601 UTC with milliseconds and Z, the form of every moment in our JSON.

    raises  ValueError for a naive moment: a moment without a zone is not a fact.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be written")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

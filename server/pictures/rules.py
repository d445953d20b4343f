"""When a picture is fetched again. Pure."""

from datetime import datetime, timedelta

FIRST_REST = timedelta(hours=1)
LONGEST_REST = timedelta(days=14)
NEW_ADDRESS_AFTER = timedelta(hours=1)  # a failing address that has changed is tried again, but not at once


def rest_after(failures: int) -> timedelta:
    """How long an address is left alone after so many failures in a row: an hour, then twice as long each time."""
    return min(FIRST_REST * 2 ** min(max(failures - 1, 0), 20), LONGEST_REST)


def old_before(now: datetime, refresh_days: int) -> datetime | None:
    """A picture fetched before this moment is fetched anew; None: a picture is fetched once only."""
    return now - timedelta(days=refresh_days) if refresh_days else None

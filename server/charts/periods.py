"""What stretch of time a chart is asked for. Pure but for the request's own words."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from server.errors import Refused

RANGES: dict[str, timedelta | None] = {
    "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "60d": timedelta(days=60),
    "all": None,
}
WORDS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "60d": "60 days", "all": "all time"}
USUAL = "30d"
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class Period(NamedTuple):
    """name: one of RANGES, "" where `from` and `to` were given; since None: from the first thing that is known."""

    name: str
    since: datetime | None
    until: datetime

    @property
    def words(self) -> str:
        return WORDS.get(self.name, "the chosen period")


def asked(given: Mapping[str, str], now: datetime, zone: tzinfo) -> Period:
    """The period of an address: `?range=7d`, or `?from=` and `?to=` as moments or days of the owner's.

    raises  Refused 400, naming the field
    """
    if given.get("from") or given.get("to"):
        until = _moment(given.get("to"), "to", zone, end=True) or now
        since = _moment(given.get("from"), "from", zone, end=False) or until - timedelta(days=30)
        if since >= until:
            raise Refused(400, "invalid", "from: lies behind `to`.", field="from")
        return Period("", max(since, EARLIEST), min(until, now + timedelta(days=1)))
    name = given.get("range") or USUAL
    if name not in RANGES:
        raise Refused(400, "invalid", f"range: one of {', '.join(RANGES)}.", field="range")
    length = RANGES[name]
    return Period(name, None if length is None else now - length, now)


def _moment(text: str | None, field: str, zone: tzinfo, *, end: bool) -> datetime | None:
    if not text:
        return None
    said = text.strip().replace(" ", "+")  # a plus sign that was not escaped
    try:
        if len(said) == 10:
            day = date.fromisoformat(said)
            found = datetime.combine(day + timedelta(days=1) if end else day, time(), tzinfo=zone)
        else:
            found = datetime.fromisoformat(said)
            found = found if found.tzinfo else found.replace(tzinfo=zone)
        at = found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(400, "invalid", f"{field}: write a day such as 2026-01-31, or a moment such as "
                      "2026-01-31T12:00:00Z.", field=field) from error
    if not EARLIEST <= at <= datetime(2100, 1, 1, tzinfo=UTC):
        raise Refused(400, "invalid", f"{field}: a moment between 2000 and 2100.", field=field)
    return at

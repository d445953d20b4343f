"""From a body to a checked message whose moments follow the server's clock. Pure.

Single items (people on a page, events, rooms, segments) are checked where they are used:
`server.follows.intake.check_items`, `server.affiliate.rooms.check_rooms`, `server.cbhours.tame`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from scraper.observations import MESSAGES, FollowEvents, Message, ScanEnd, username
from server.ingest.text import plain_json

SKEW_ALLOWED = timedelta(seconds=2)
EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)  # nothing we can have seen is older
MOST_ITEMS = 500_000
ITEMS: Mapping[str, str] = {"scan-page": "people", "follow-events": "items", "affiliate-rooms": "rooms",
                            "cbhours-live": "rooms", "cbhours-activity": "segments"}


class NotAMessage(ValueError):
    """A body that can never be taken; `field` names what is wrong with it."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def checked(kind: str, body: Mapping[str, Any]) -> Message:
    """The message in a body whose items have been checked; its texts in a form that can be stored.

    raises  NotAMessage
    """
    frame = dict(body)
    raw = {name: frame.pop(name) for name in ("capture", "captures", "body") if frame.get(name) is not None}
    items = frame.pop(ITEMS.get(kind, ""), None)
    if isinstance(items, list) and len(items) > MOST_ITEMS:
        raise NotAMessage(f"{ITEMS[kind]}: more than {MOST_ITEMS} in one batch; send several", ITEMS[kind])
    try:
        frame = plain_json(frame)
    except ValueError as error:
        raise NotAMessage(str(error)) from error
    frame |= raw
    frame |= {} if items is None else {ITEMS[kind]: items}
    try:
        message = MESSAGES[kind].model_validate(frame)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NotAMessage(f"{where}: {first['msg']}", where or None) from error
    if "account" in MESSAGES[kind].model_fields:
        try:
            message = message.model_copy(update={"account": username(getattr(message, "account", None))})
        except ValueError as error:
            raise NotAMessage(f"account: {error}", "account") from error
    if isinstance(message, ScanEnd) and message.finished_at < message.started_at:
        raise NotAMessage("finished_at: lies before started_at", "finished_at")
    return with_possible_moments(message)


def with_possible_moments(message: Message) -> Message:
    """The message.

    raises  NotAMessage if nothing can have been seen at one of its moments
    """
    for name, moment in _moments(message):
        if moment < EARLIEST:
            raise NotAMessage(f"{name}: no moment at which anything can have been seen", name)
    return message


def clock_skew(sent_at: str | None, received_at: datetime) -> timedelta:
    """The server's clock minus the worker's, from the header `X-MHC-Sent-At`; without one they agree.

    raises  NotAMessage for a header that is no moment
    """
    if not sent_at:
        return timedelta(0)
    try:
        sent = datetime.fromisoformat(sent_at)
        if sent.tzinfo is None:
            raise ValueError("no zone")
        return received_at - sent
    except (ValueError, OverflowError) as error:
        raise NotAMessage("X-MHC-Sent-At: must be a moment such as 2026-11-20T12:00:00.000Z",
                          "X-MHC-Sent-At") from error


def corrected(message: Message, skew: timedelta, received_at: datetime) -> Message:
    """The message with every moment by the server's clock, none later than its arrival.

    When cookies end is a moment to come, set by the site: it is left as it is.
    """
    def by_our_clock(moment: datetime) -> datetime:
        try:
            return min(moment + skew if abs(skew) > SKEW_ALLOWED else moment, received_at)
        except OverflowError:
            return received_at

    changes: dict[str, Any] = {name: by_our_clock(moment) for name, moment in _moments(message)}
    if isinstance(message, FollowEvents):
        changes["items"] = [item.model_copy(update={"at": by_our_clock(item.at)}) for item in message.items]
    return message.model_copy(update=changes)


def _moments(message: Message) -> list[tuple[str, datetime]]:
    return [(name, value) for name in type(message).model_fields
            if name != "cookies_end" and isinstance(value := getattr(message, name), datetime)]

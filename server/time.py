"""The server's clock. Nothing else in the server reads the time, so a test can set it."""

from datetime import datetime, tzinfo

from flask import current_app

from common.clock import Clock
from common.settings import Settings


def now() -> datetime:
    """The present moment, aware UTC, by the app's clock."""
    clock: Clock = current_app.extensions["mhc_clock"]
    return clock()


def owner_zone() -> tzinfo:
    """The time zone in which people see moments and in which a day begins and ends."""
    settings: Settings = current_app.extensions["mhc_settings"]
    return settings.zone


def local(moment: datetime) -> datetime:
    """The moment in the owner's zone."""
    return moment.astimezone(owner_zone())

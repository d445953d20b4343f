"""The settings of the running app. What each one means stands in `common.settings`."""

from flask import current_app

from common.settings import Settings


def current() -> Settings:
    """The settings that the app was made with."""
    settings: Settings = current_app.extensions["mhc_settings"]
    return settings

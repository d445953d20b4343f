"""`flask --app server …`: one file a command."""

from flask import Flask

from server.commands.erase import erase
from server.commands.retention import retention
from server.commands.settings import settings
from server.commands.setup_link import setup_link
from server.commands.stats import stats
from server.commands.token import token
from server.commands.user import user


def add_commands(app: Flask) -> None:
    """All commands of the panel."""
    for command in (user, token, settings, setup_link, erase, retention, stats):
        app.cli.add_command(command)

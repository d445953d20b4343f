"""`flask --app server …`: one file a command."""

from flask import Flask


def add_commands(app: Flask) -> None:
    """All commands of the panel."""

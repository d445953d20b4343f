"""Expected trouble of a command is one line and exit status 1; a bug keeps its traceback."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from server.errors import Refused, database_words
from server.migration import behind
from server.startup import prepare

P = ParamSpec("P")
R = TypeVar("R")


def on_the_database(command: Callable[P, R]) -> Callable[P, R]:
    """The command runs in the app, on a database that is at the newest migration and prepared."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            problem = behind()
            if problem:
                raise click.ClickException(problem)
            prepare()
            return command(*args, **kwargs)
        except Refused as refused:
            raise click.ClickException(refused.message) from refused
        except DBAPIError as error:
            raise click.ClickException(database_words(error)[1]) from error

    return with_appcontext(run)

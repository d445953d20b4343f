"""flask --app server settings"""

import click
from flask.cli import with_appcontext

from server.settings import current, shown


@click.command()
@with_appcontext
def settings() -> None:
    """Every setting, secrets hidden, and where its value comes from."""
    rows = shown(current())
    width = max(len(row.variable) for row in rows)
    for row in rows:
        click.echo(f"{row.variable:<{width}}  {row.value or '-'}  [{row.origin}]")

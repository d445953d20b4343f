"""flask --app server setup-link"""

import click

from server.commands.trouble import on_the_database
from server.database import writing
from server.startup import new_setup_link


@click.command("setup-link")
@on_the_database
def setup_link() -> None:
    """A fresh one-time link that makes the first admin; the ones before are void."""
    with writing() as session:
        link = new_setup_link(session)
    if link is None:
        raise click.ClickException("There is a user already. Add an admin with: "
                                   "flask --app server user add NAME --role admin")
    click.echo(link)

"""`flask --app server erase PERSON`: take a person out of everything that is stored."""

import json

import click

from server.commands.trouble import on_the_database
from server.models import PLATFORM, db
from server.people.erase import IsAnAccount
from server.people.erase import erase as erase_person
from server.time import now


@click.command()
@click.argument("person")
@click.option("--platform", default=PLATFORM, show_default=True, help="Where the person has this username.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_the_database
def erase(person: str, platform: str, yes: bool) -> None:
    """Erase PERSON everywhere and print a receipt. It cannot be undone.

    Follows, profile and tags are deleted, the name is taken out of stored scans, and raw pages that show the person
    are forgotten as a whole. A later reading of a list that still names the person brings them back.
    """
    if not yes:
        click.confirm(f"Erase {person} and everything known of them?", abort=True)
    try:
        receipt = erase_person(db.session(), person, now=now(), actor="command line", platform=platform)
    except (LookupError, IsAnAccount) as error:
        raise click.ClickException(f"{error}. Nothing was erased.") from error
    db.session.commit()
    click.echo(json.dumps(receipt, indent=2))

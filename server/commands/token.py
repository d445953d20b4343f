"""flask --app server token add|list|revoke"""

import click
from sqlalchemy import select

from common.clock import iso_ms
from server.access import store
from server.commands.trouble import on_the_database
from server.database import reading, writing
from server.models import ApiToken


@click.group()
def token() -> None:
    """Tokens of programs that use the API."""


@token.command()
@click.argument("name")
@click.option("--role", required=True, help="admin, subscriber or viewer")
@on_the_database
def add(name: str, role: str) -> None:
    """Make the token NAME. It stands alone on the last line, and is shown this once."""
    with writing() as session:
        made = store.add_token(session, name, role)
    click.echo(f"The token {name} may do what the role {role} may do. It is shown this once:", err=True)
    click.echo(made)


@token.command("list")
@on_the_database
def list_tokens() -> None:
    """All tokens: name, role, made, last used."""
    with reading() as session:
        for row in session.scalars(select(ApiToken).order_by(ApiToken.name)):
            used = iso_ms(row.last_used_at) if row.last_used_at else "never used"
            click.echo(f"{row.name}\t{row.role.name if row.role else 'worker'}\t{iso_ms(row.created_at)}\t{used}")


@token.command()
@click.argument("name")
@on_the_database
def revoke(name: str) -> None:
    """Revoke the token NAME at once."""
    with writing() as session:
        store.revoke_token(session, session.scalar(select(ApiToken).where(ApiToken.name == name.strip().lower())))
    click.echo(f"The token {name} was revoked.")

"""flask --app server user add|list|password"""

import sys

import click
from sqlalchemy import select

from common.clock import iso_ms
from server.access import store
from server.commands.trouble import on_the_database
from server.database import reading, writing
from server.models import SystemUser


@click.group()
def user() -> None:
    """The panel's users."""


def _password(from_stdin: bool) -> str:
    """From the first line of standard input, or typed twice."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@user.command()
@click.argument("name")
@click.option("--role", required=True, help="admin, subscriber or viewer")
@click.option("--password-stdin", is_flag=True, help="read the password from standard input instead of asking")
@on_the_database
def add(name: str, role: str, password_stdin: bool) -> None:
    """Add the user NAME."""
    kept_name = store.checked_name(name)
    with reading() as session:
        store.role_named(session, role)
    kept = store.hash_for(_password(password_stdin), kept_name)
    with writing() as session:
        store.add_user(session, kept_name, role, kept)
    click.echo(f"{kept_name} was added as {role}.")


@user.command("list")
@on_the_database
def list_users() -> None:
    """All users: name, role, state, last sign-in."""
    with reading() as session:
        for row in session.scalars(select(SystemUser).order_by(SystemUser.name)):
            last = iso_ms(row.last_sign_in_at) if row.last_sign_in_at else "never signed in"
            click.echo(f"{row.name}\t{row.role.name}\t{'active' if row.active else 'not active'}\t{last}")


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="read the password from standard input instead of asking")
@on_the_database
def password(name: str, password_stdin: bool) -> None:
    """Give the user NAME a new password; their sessions end."""
    with reading() as session:
        kept_name = store.user_named(session, name).name
    kept = store.hash_for(_password(password_stdin), kept_name)
    with writing() as session:
        store.set_password(session, store.user_named(session, kept_name), kept)
    click.echo(f"{kept_name} has a new password; all their sessions have ended.")

"""`flask --app server retention`: roll up and delete what is older than it is to be kept."""

import click

from server.commands.trouble import on_the_database
from server.database import reading
from server.models import db
from server.retention import store
from server.retention.keeping import present
from server.retention.plan import Planned, plan
from server.time import now


@click.command()
@click.option("--capture-days", type=click.IntRange(min=1), help="Keep raw pages this many days, this time.")
@click.option("--dry-run", is_flag=True, help="Say what would go, delete nothing.")
@on_the_database
def retention(capture_days: int | None, dry_run: bool) -> None:
    """Roll up and delete what is older than it is to be kept, as the job `retention` is configured.

    The worker does the same by itself once a day. Old snapshots become one row an hour that is kept for ever; follows
    with their dates and scans with their evidence are never deleted.
    """
    with reading() as session:
        keeping = present(session)
        keeping = keeping.with_captures(capture_days) if capture_days else keeping
        planned = plan(session, keeping, now())
    for one in planned:
        click.echo(_words(one, "would go" if dry_run else "to go"))
    if dry_run:
        return
    counts = store.run_all(db.session(), keeping, now())
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    click.echo(f"Done: {told or 'nothing was too old'}.")


def _words(one: Planned, what: str) -> str:
    if not one.days:
        return f"{one.words} are kept for ever."
    size = "" if one.bytes is None else f", {one.bytes} bytes on disk"
    return f"{one.would_go} {one.words} older than {one.days} days {what}{size}."

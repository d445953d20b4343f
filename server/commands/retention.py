"""`flask --app server retention`: delete raw pages that are older than they are kept."""

import click

from server import settings as panel_settings
from server.commands.trouble import on_the_database
from server.ingest import captures
from server.models import db
from server.time import now


@click.command()
@click.option("--days", type=click.IntRange(min=1), help="Keep this many days instead of MHC_CAPTURE_DAYS.")
@click.option("--dry-run", is_flag=True, help="Say what would go, delete nothing.")
@on_the_database
def retention(days: int | None, dry_run: bool) -> None:
    """Delete raw pages older than they are kept. The server does the same by itself once a day.

    What was read from them, follows with their dates and scans with their evidence, is kept.
    """
    kept_days = days or panel_settings.current().capture_days
    if not kept_days:
        click.echo("Raw pages are kept for ever (MHC_CAPTURE_DAYS is 0). Nothing was deleted.")
        return
    gone = captures.sweep(db.session(), kept_days, now(), dry_run=dry_run)
    words = "would go" if dry_run else "deleted"
    click.echo(f"{gone['captures']} raw pages older than {kept_days} days {words}, {gone['bytes']} bytes on disk.")

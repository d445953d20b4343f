"""`flask --app server stats jobs|log|rows|days|sizes`: the figures of the storage page, in a terminal."""

import click

from common.clock import iso_ms
from server.admin.storage_queries import LOG_LINES, POLLER, SNAPSHOTS, log_lines
from server.commands.trouble import on_the_database
from server.database import reading
from server.display import size as readable
from server.jobs.api import minimum_gap
from server.jobs.kinds import KINDS
from server.jobs.queries import job_views
from server.jobs.rules import present_stats
from server.retention import days as counted_days
from server.retention import sizes as measured
from server.time import now, owner_zone


@click.group()
def stats() -> None:
    """How jobs, tables and days stand."""


@stats.command("jobs")
@on_the_database
def job_stats() -> None:
    """State and statistics of every job."""
    with reading() as session:
        for view in job_views(session, now(), owner_zone(), minimum_gap()):
            whose = f" of {view.account.username}" if view.account else ""
            click.echo(f"{view.job.name}{whose}: {view.state.state}. {view.state.reason}")
            figures = present_stats(KINDS[view.job.name], view.job.stats)
            click.echo("  " + ", ".join(f"{name} {value}" for name, value in figures.items()))


@stats.command()
@click.argument("job", type=click.Choice(list(KINDS)), default=POLLER)
@click.option("--lines", type=click.IntRange(1, 1_000), default=LOG_LINES, show_default=True)
@on_the_database
def log(job: str, lines: int) -> None:
    """The last lines that the runs of a JOB said, the newest at the end."""
    with reading() as session:
        for line in reversed(log_lines(session, job, lines)):
            click.echo(f"{iso_ms(line.at) if line.at else '-'} {line.level} {line.text}")


@stats.command()
@on_the_database
def rows() -> None:
    """Rows of the snapshots and of all tables, counted now."""
    with reading() as session:
        sizes = measured.measure(session)
    click.echo(f"snapshots {next(one.rows for one in sizes if one.name == SNAPSHOTS)}")
    click.echo(f"all tables {sum(one.rows or 0 for one in sizes)}")


@stats.command()
@on_the_database
def days() -> None:
    """Polls, snapshots and distinct people a day, of the last seven days, newest first."""
    with reading() as session:
        found = counted_days.newest(session, now(), scan=True)
    click.echo(f"{'day':10} {'polls':>6} {'snapshots':>10} {'people':>8}")
    for one in found:
        click.echo(f"{one.day.isoformat():10} {one.polls:>6} {one.snapshots:>10} {one.people:>8}")


@stats.command()
@on_the_database
def sizes() -> None:
    """Every table with its indexes in readable units, the largest first."""
    with reading() as session:
        found = measured.measure(session)
    whole = next(one for one in found if one.name == measured.WHOLE)
    for one in sorted((one for one in found if one is not whole), key=lambda one: -(one.bytes or 0)):
        click.echo(f"{one.name:28} {one.rows:>12} rows  {readable(one.bytes):>10}")
    click.echo(f"{'the whole database':28} {'':>12}       {readable(whole.bytes):>10}")

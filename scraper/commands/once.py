"""`once`: jobs from the terminal, now."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from common.clock import Clock, utc_now
from common.logs import masked
from common.settings import Settings
from scraper.accounts import account_meant, checked_account
from scraper.errors import Cancelled, ScraperError, ServerUnreachable
from scraper.jobs import JOBS, WITHOUT_ACCOUNT, Job, JobContext, JobResult, Progress
from scraper.running import Desk, carry_out, do_job, open_desk, report_the_dead
from scraper.verdicts import PARTIAL, answer_to, deliver_all, in_words, status_of
from scraper.worker import end_on_signals, worker_name


@click.command()
@click.argument("jobs", metavar="JOB…", nargs=-1, required=True, type=click.Choice(list(JOBS)))
@click.option("--account", metavar="NAME", help="Whose list; may be left out where there is only one account.")
@click.pass_obj
def command(settings: Settings, jobs: tuple[str, ...], account: str | None) -> int:
    """Run these jobs now, whatever the schedule, and say what came of it.

    Without the server it is done all the same, and what is seen waits in the outbox.

    Exit statuses: 0 ok, 1 failed, 3 signed out, 4 blocked by the platform, 5 partial, 6 server unreachable.
    """
    return run_once(settings, jobs, account)


class _Stopping:
    """Whether the process was told to end."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        self.asked = True


def run_once(settings: Settings, names: Sequence[str], account: str | None, *, jobs: Mapping[str, str | Job] = JOBS,
             clock: Clock = utc_now) -> int:
    """Run these jobs one after the other; the exit status of the first that was not well."""
    account = checked_account(account) if account else None
    stopping = _Stopping()
    end_on_signals(stopping.ask)
    desk = open_desk(settings, clock, lambda: stopping.asked, jobs=jobs)
    report_the_dead(desk)
    statuses = []
    for name in dict.fromkeys(names):
        if not stopping.asked:
            statuses.append(_one(desk, name, account))
    return next((status for status in statuses if status), 0)


def _one(desk: Desk, name: str, account: str | None) -> int:
    with _shown(name) as show:
        result, away = _run(desk, name, account, show)
    if result.error:
        _say(f"{name}: {result.error}", result.error.advice)
    status = _status_of(result)
    if result.scan_id is None:
        return _handed_over(desk, name, result, status, away)
    try:
        scan = answer_to(desk, result.scan_id)
    except ServerUnreachable as error:
        _say(f"{name}: {error}", error.advice)
        return error.exit_status if status in (0, PARTIAL) else status
    click.echo(f"{name}: " + "\n           ".join(in_words(scan)))
    return status or status_of(scan)


def _handed_over(desk: Desk, name: str, result: JobResult, status: int, away: ServerUnreachable | None) -> int:
    """Say what came of a job that reads no list, and hand it over."""
    if result.summary:
        click.echo(f"{name}: {result.summary}")
    try:
        deliver_all(desk)
    except ServerUnreachable as error:
        if not away:
            _say(f"{name}: {error}", error.advice)
        return error.exit_status if status in (0, PARTIAL) else status
    return status


def _run(desk: Desk, name: str, account: str | None,
         show: Callable[[Progress], None]) -> tuple[JobResult, ServerUnreachable | None]:
    """Carry the job out under the server's lease, or, when it is away, without."""
    try:
        claim = desk.client.claim(worker_name(), [name], force={
            "job": name, "account": None if name in WITHOUT_ACCOUNT else account})
    except ServerUnreachable as away:
        _say(f"{name}: {away}", "It is done all the same, and what is seen waits in the outbox.")
        whose = None if name in WITHOUT_ACCOUNT else account_meant(desk.settings, account)
        return _read_alone(desk, name, whose, show), away
    if claim.run is None:
        raise ScraperError(f"the server gave no run of {name}")
    return carry_out(desk, claim.run, show=show), None


def _read_alone(desk: Desk, name: str, account: str | None, show: Callable[[Progress], None]) -> JobResult:
    def report(progress: Progress) -> None:
        show(progress)
        if desk.stopping():
            raise Cancelled("stopped at the terminal")

    return do_job(desk, name, JobContext(desk.settings, account, {}, None, desk.outbox, report, desk.clock))


def _status_of(result: JobResult) -> int:
    if result.error and result.outcome != "partial":
        return result.error.exit_status
    return {"ok": 0, "partial": PARTIAL}.get(result.outcome, 1)


def _say(trouble: str, advice: str) -> None:
    click.echo(masked(f"scraper: {trouble}\n         {advice}"), err=True)


@contextmanager
def _shown(name: str) -> Iterator[Callable[[Progress], None]]:
    """Shows progress: a bar on a terminal, a line for each step elsewhere."""
    if not sys.stderr.isatty():
        yield _lines(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[detail]}"),
               TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{name}: starting", total=None, detail="")
        yield lambda progress: bar.update(task, description=f"{name}: {progress.phase}", completed=progress.done,
                                          total=progress.total, detail=progress.detail)


def _lines(name: str) -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        count = f" {progress.done}" + (f" of {progress.total}" if progress.total is not None else "")
        detail = f" ({progress.detail})" if progress.detail else ""
        click.echo(f"{name}: {progress.phase}{count}{detail}", err=True)

    return show

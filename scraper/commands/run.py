"""`run`: the worker."""

import click

from common.settings import Settings
from scraper.worker import Worker, end_on_signals


@click.command()
@click.pass_obj
def command(settings: Settings) -> None:
    """Work for the panel until stopped: scheduled runs, and those asked for on its pages.

    What is seen waits in the data folder while the server is away. SIGTERM and Ctrl-C end it cleanly.
    """
    worker = Worker(settings)
    end_on_signals(worker.stop)
    worker.run()

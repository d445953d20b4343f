"""`python -m scraper <command>`: arguments and exit statuses only; each command is a file in `commands/`."""

import logging
import os
import sys
from collections.abc import Mapping
from importlib import import_module

import click
import structlog

from common.logs import masked, set_up_logs
from common.settings import WrongSetting, load_settings, unknown_variables
from scraper.errors import ScraperError

# Name on the command line, where it is, and what it does: the files are read only when they are used.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "login": ("scraper.commands.login", "Sign in to the site once, and keep the session."),
    "session": ("scraper.commands.session", "Say for each account who is signed in, and until when."),
    "run": ("scraper.commands.run", "Work for the panel until stopped: scheduled and asked-for runs."),
    "once": ("scraper.commands.once", "Run these jobs now, whatever the schedule."),
    "import": ("scraper.commands.import_", "Hand saved pages or lists of usernames to the panel."),
    "layout": ("scraper.commands.layout", "Say which layout a saved page has and what is read there."),
}


class _Commands(click.Group):
    """Imports a command when it is called, so that each starts as fast as it can."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, meaning) for name, (_, meaning) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.pass_context
def scraper(ctx: click.Context) -> None:
    """Reads what only the signed-in owner can see, and hands it to the panel's server.

    Exit statuses: 0 ok, 1 failed, 2 wrong use, 3 signed out, 4 blocked by the platform, 5 partial, 6 server
    unreachable (what was seen is kept in the outbox).
    """
    ctx.obj = load_settings()
    set_up_logs(ctx.obj.log_format)
    if ctx.invoked_subcommand != "run":
        logging.getLogger().setLevel(logging.WARNING)  # somebody sits there and is told in words
    for name, meant in unknown_variables(dict(os.environ)):
        structlog.get_logger(__name__).warning("no such setting", name=name, meant=meant)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; answers its exit status. Expected trouble is one line; a fault of ours keeps its traceback."""
    try:
        result = scraper.main(arguments, prog_name="python -m scraper", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("scraper: stopped", err=True)
        return 1
    except WrongSetting as error:
        click.echo(masked(f"scraper: {error}"), err=True)
        return 2
    except ScraperError as error:
        click.echo(masked(f"scraper: {error}\n         {error.advice}"), err=True)
        return error.exit_status
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())

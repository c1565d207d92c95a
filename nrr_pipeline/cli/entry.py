"""The entry point: which commands there are, and how errors become an exit status.

A command is imported when it is asked for, so that each starts as fast as it can by itself.
What a command does stands in its own module.
"""

from __future__ import annotations

import importlib
import sys
from typing import NamedTuple

import click

from nrr_pipeline.cli.failures import keep_traceback
from nrr_pipeline.cli.interruption import GOODBYE, INTERRUPTED
from nrr_pipeline.errors import NrrError


class Entry(NamedTuple):
    """Where a command is defined, and its line in the list of commands."""

    module: str
    summary: str


COMMANDS = {
    "run": Entry("run", "Pull from Stripe and bring every day and period up to date."),
    "show": Entry("show", "Show the retention of a period, and the customers behind it."),
    "explain": Entry("explain", "Explain a period: who moved its NRR, why, and by how much."),
    "report": Entry("report", "Issue the board report of a month, or make it again."),
    "mrr": Entry("mrr", "Show the MRR of a day: in all, or of one customer with its evidence."),
    "alerts": Entry("alerts", "Show alerts and what became of them; send, acknowledge, silence."),
    "policy": Entry("policy", "Print the metric policy in force."),
    "doctor": Entry("doctor", "Check key, account, database, clock and disk, each with the fix."),
    "simulate": Entry("simulate", "Serve a simulated Stripe account on this machine."),
}


class CommandFailed(click.ClickException):
    """An error that is shown by its message alone."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_code = exit_status  # type: ignore[misc]


class Commands(click.Group):
    """The group of all commands; ends every one of them with the right exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which one meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"nrr_pipeline.cli.{COMMANDS[cmd_name].module}")
        return module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; turn whatever ends it into a message and an exit status."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo(f"\n{GOODBYE}", err=True)
            ctx.exit(INTERRUPTED)
        except NrrError as error:
            if ctx.params["debug"]:
                raise
            raise CommandFailed(str(error), error.exit_status) from error
        except Exception as error:
            if ctx.params["debug"]:
                raise
            raise CommandFailed(keep_traceback(error), 1) from error
        return result


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings are read from the environment: STRIPE_API_KEY, NRR_HOME, NRR_DATABASE_URL, "
    "NRR_POLICY and others. Exit status: 0 done, 1 failed, 2 wrong use or settings.",
)
@click.version_option(package_name="nrr-pipeline", prog_name="nrr")
@click.option("--debug", is_flag=True, help="Show where an error comes from, for a bug report.")
def main(*, debug: bool) -> None:
    """Daily MRR and net revenue retention from Stripe: exact, explainable, restatable.

    \b
    Try it:   make demo                (needs no Stripe account)
    Use it:   export STRIPE_API_KEY=rk_live_…
              nrr doctor
              nrr run
              nrr show
    """  # noqa: D301 - click reads the escape
    del debug  # read where errors are handled

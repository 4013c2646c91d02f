"""The command line of whoever is on call: `python -m services.operations …`, or `make ops ARGS="…"`."""

import sys
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from kit.publisher import PublishError
from services.operations.commands.actions import actions
from services.operations.commands.audit import audit
from services.operations.commands.costs import costs
from services.operations.commands.dlq import dlq
from services.operations.commands.events import events
from services.operations.commands.models import models
from services.operations.commands.options import EXIT_CODES, FAILED, NOT_CONFIRMED, OK, bare
from services.operations.commands.trace import trace
from services.operations.dead_letters.adapters import TakenError


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def cli(context: click.Context) -> Any:
    """Operate an installation. Without a verb: list the dead-letter queues."""
    return bare(dlq, context) if context.invoked_subcommand is None else None


cli.add_command(dlq)
cli.add_command(events)
cli.add_command(actions)
cli.add_command(audit)
cli.add_command(trace)
cli.add_command(models)
cli.add_command(costs)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = cli.main(arguments, prog_name="ops", standalone_mode=False)
    except click.Abort:
        click.echo("Stopped.", err=True)
        return NOT_CONFIRMED
    except click.ClickException as error:  # wrong usage has 2, the others 1
        error.show()
        return error.exit_code
    except (ClientError, BotoCoreError, PublishError, TakenError, ValueError) as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        return FAILED
    return int(code or OK)


if __name__ == "__main__":
    sys.exit(main())

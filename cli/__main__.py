"""The operators' command line: `python -m cli …`, or `make ops ARGS="…"` for the running local stack."""

import sys
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.commands.account import account
from cli.commands.actions import actions
from cli.commands.analytics import analytics
from cli.commands.appeals import appeals
from cli.commands.audit import audit
from cli.commands.bias import bias
from cli.commands.costs import costs
from cli.commands.data import data
from cli.commands.dlq import dlq
from cli.commands.events import events
from cli.commands.gallery import gallery
from cli.commands.keys import keys
from cli.commands.models import models
from cli.commands.moderation import moderation
from cli.commands.privacy import privacy
from cli.commands.recovery import recovery
from cli.commands.region import region
from cli.commands.secrets import secrets
from cli.commands.smoke import smoke
from cli.commands.trace import trace
from cli.commands.trail import trail
from cli.commands.web import web
from cli.options import EXIT_CODES, FAILED, NOT_CONFIRMED, OK, bare
from kit.publisher import PublishError
from services.operations.dead_letters.repository import ReservationLostError


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def cli(context: click.Context) -> Any:
    """Operate an installation. Without a command: list the dead-letter queues."""
    return bare(dlq, context) if context.invoked_subcommand is None else None


COMMANDS = (
    *(dlq, audit, trace, events, models, costs, keys, secrets, analytics, gallery, actions, trail),
    *(web, account, data, smoke, privacy, moderation, bias, appeals, recovery, region),
)
for command in COMMANDS:
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = cli.main(arguments, prog_name="python -m cli", standalone_mode=False)
    except click.Abort:
        click.echo("Not confirmed. Nothing was changed.", err=True)
        return NOT_CONFIRMED
    except click.ClickException as error:  # the exit code of wrong usage is 2, of all others 1
        error.show()
        return error.exit_code
    except (ClientError, BotoCoreError, PublishError, ReservationLostError, ValueError) as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        return FAILED
    return int(code or OK)


if __name__ == "__main__":
    sys.exit(main())

"""`actions`: the audit trail of operators."""

import click

from cli.commands.keys import key_table
from cli.connection import Connection
from cli.console import print_json
from cli.options import EXIT_CODES, OK, on_target
from cli.tables import actions as tables
from services.accounts.owners import is_owner_id


@click.command(epilog=EXIT_CODES)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Maximum number.")
@on_target
def actions(connection: Connection, *, limit: int, as_json: bool) -> int:
    """List the actions in the audit trail, newest first. `trail verify` checks that none was changed or removed."""
    found = connection.trail().latest(limit)
    if as_json:
        print_json([action.to_dict() for action in found])
        return OK
    owners = {action.operator for action in found if is_owner_id(action.operator)}
    tables.print_actions(found, key_table(connection).owners.names(owners) if owners else {})
    return OK

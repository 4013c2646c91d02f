"""`actions`: the audit trail of operators."""

import click

from cli.connection import Connection
from cli.console import print_json
from cli.options import EXIT_CODES, OK, on_target
from cli.tables import actions as tables
from kit.trail import TrailTable


@click.command(epilog=EXIT_CODES)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Maximum number.")
@on_target
def actions(connection: Connection, *, limit: int, as_json: bool) -> int:
    """List the actions of operators, newest first. They are kept for a year."""
    found = trail_of(connection).latest(limit)
    if as_json:
        print_json([action.to_dict() for action in found])
    else:
        tables.print_actions(found)
    return OK


def trail_of(connection: Connection) -> TrailTable:
    """Return the installation's audit trail."""
    return TrailTable(connection.client("dynamodb"), connection.target.operations_table)

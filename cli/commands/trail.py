"""`trail`: check that the audit trail is what was written. `actions` lists it, `audit` compares all other data."""

from datetime import UTC, datetime

import click

from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.options import BROKEN, EXIT_CODES, OK, on_target
from kit.trail_table import CHAINS


@click.group(epilog=EXIT_CODES)
def trail() -> None:
    """The audit trail, in which no entry can be changed or removed without a trace."""


@trail.command(epilog=EXIT_CODES)
@on_target
def verify(connection: Connection, *, as_json: bool) -> int:
    """Check the hash chains of the audit trail. Name the first broken record of each, and exit with 7 if there is one.

    Keep what it prints: an administrator of the table could replace a chain from a record on to its end, and then the
    last hash would differ from the one that you have.
    """
    table, now = connection.trail(), datetime.now(UTC)
    chains = [(chain, *table.verify(chain, now)) for chain in range(CHAINS)]
    if as_json:
        print_json(
            [
                {
                    "chain": chain,
                    "records": head.number if head else 0,
                    "last_hash": head.hash if head else None,
                    "broken_record": broken.number if broken else None,
                    "reason": broken.reason if broken else None,
                }
                for chain, broken, head in chains
            ]
        )
    else:
        printed = new_table("#chain", "#records", "=last hash", "result")
        for chain, broken, head in chains:
            result = f"record {broken.number} {broken.reason}" if broken else "unbroken"
            style = "bold red" if broken else None
            printed.add_row(str(chain), str(head.number if head else 0), head.hash if head else "", result, style=style)
        console().print(printed)
    return BROKEN if any(broken for _, broken, _ in chains) else OK

"""`gallery`: maintenance of the gallery's table."""

import click
from rich.console import Console

from cli.connection import Connection
from cli.console import console, print_json
from cli.options import EXIT_CODES, OK, on_target
from cli.search_keys import rebuild_search_keys
from kit.trail import Action, recorded


@click.group(epilog=EXIT_CODES)
def gallery() -> None:
    """The gallery of stored images."""


@gallery.command(epilog=EXIT_CODES)
@on_target
def reindex(connection: Connection, *, as_json: bool) -> int:
    """Rebuild the search keys of all images, after a change of the search rules."""
    client, table = connection.client("dynamodb"), connection.target.gallery_table
    action = Action.begin(connection.operator(), "reindex gallery", about={}, count=1)
    with (
        recorded(connection.trail(), action) as outcomes,
        Console(stderr=True).status("Reading the gallery") as status,
    ):
        done = rebuild_search_keys(
            client, table, lambda now: status.update(f"{now.examined} images examined, {now.changed} changed")
        )
        outcomes["changed"] += done.changed
    if as_json:
        print_json({"examined": done.examined, "changed": done.changed})
    else:
        console().print(f"{done.examined} images examined, {done.changed} search keys changed.")
    return OK

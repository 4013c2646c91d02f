"""`data`: remove what a stack leaves behind."""

import click

from cli import installation_data
from cli.connection import Connection
from cli.options import EXIT_CODES, OK, on_target

STACK = click.option("--stack", envvar="GENAI_IMAGES_STACK", help="Name of the stack. Default: the prefix.")
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@click.group(epilog=EXIT_CODES)
def data() -> None:
    """Remove the data of a stack that is not needed any more."""


@data.command("empty", epilog=EXIT_CODES)
@STACK
@YES
@on_target
def empty(connection: Connection, *, stack: str | None, yes: bool, as_json: bool) -> int:
    """Delete all objects in the buckets, so that the stack can be deleted. It must have DataRetention=Delete."""
    installation_data.require_removable(connection, stack or connection.target.prefix)
    found = installation_data.find(connection)
    _confirm(connection, [f"all objects of {bucket}" for bucket in found.buckets], yes=yes)
    s3 = connection.client("s3")
    for bucket in found.buckets:
        click.echo(f"{bucket}: {installation_data.empty_bucket(s3, bucket)} objects deleted")
    return OK


@data.command("delete", epilog=EXIT_CODES)
@STACK
@YES
@on_target
def delete(connection: Connection, *, stack: str | None, yes: bool, as_json: bool) -> int:
    """Delete the tables, buckets and secrets that a deleted or failed stack left behind. Nothing brings them back."""
    installation_data.require_no_stack(connection, stack or connection.target.prefix)
    found = installation_data.find(connection)
    if not found:
        click.echo(f"Nothing is left of {connection.target.prefix}.")
        return OK
    _confirm(connection, [*found.tables, *found.buckets, *found.secrets], yes=yes)
    installation_data.delete(connection, found)
    click.echo(f"{len(found.tables)} tables, {len(found.buckets)} buckets and {len(found.secrets)} secrets deleted.")
    return OK


def _confirm(connection: Connection, doomed: list[str], *, yes: bool) -> None:
    """Ask for the prefix. Raises ``click.Abort`` if the answer is another one."""
    prefix = connection.target.prefix
    click.echo("\n".join(["This deletes for ever:", *(f"  {name}" for name in doomed)]))
    if not yes and click.prompt(f"Type {prefix} to confirm", default="", show_default=False) != prefix:
        raise click.Abort

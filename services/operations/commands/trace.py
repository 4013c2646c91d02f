"""`trace`: where is this request, and how did it get there?"""

import json
from typing import IO

import click

from services.operations.audit.adapters import RequestReader
from services.operations.commands.options import EXIT_CODES, OK, on_target
from services.operations.connection import Connection
from services.operations.printing import print_json
from services.operations.tracing import logic
from services.operations.tracing.adapters import CloudWatchLogs
from services.operations.tracing.otlp import otlp
from services.operations.tracing.tables import print_trace


@click.command(epilog=EXIT_CODES)
@click.argument("request_id")
@click.option("--logs/--no-logs", default=True, show_default=True, help="Ask the logs for attempts and working times.")
@click.option("--otlp", "file", type=click.File("w"), help="Write spans that Jaeger and Tempo load (OTLP, JSON).")
@on_target
def trace(connection: Connection, *, request_id: str, logs: bool, file: IO[str] | None, as_json: bool) -> int:
    """Show everything that followed from a request: its events, who heard them, how long each waited and worked."""
    reader = RequestReader(connection.client("dynamodb"), connection.target.requests_table)
    told = CloudWatchLogs(connection.client("logs"), connection.target.prefix) if logs else None
    try:
        found = logic.trace(reader, told, request_id)
    except KeyError as error:
        raise click.ClickException(f"there is no request {request_id} here") from error
    if file:
        json.dump(otlp(found), file)
    if as_json:
        print_json(found.model_dump(mode="json", exclude_none=True))
    else:
        print_trace(found)
    return OK

"""`trace`: the causal tree of a request."""

import json
from typing import IO

import click

from cli.connection import Connection
from cli.console import print_json
from cli.options import EXIT_CODES, OK, on_target
from cli.otlp import otlp
from cli.tables.trace import print_trace
from services.operations.repository import RequestReader
from services.operations.tracing.gateways import CloudWatchLogs
from services.operations.tracing.trace import trace_request


@click.command(epilog=EXIT_CODES)
@click.argument("request_id")
@click.option("--logs/--no-logs", default=True, show_default=True, help="Read attempts and times from the logs.")
@click.option("--otlp", "file", type=click.File("w"), help="Write spans for Jaeger or Tempo (OTLP as JSON).")
@on_target
def trace(connection: Connection, *, request_id: str, logs: bool, file: IO[str] | None, as_json: bool) -> int:
    """Show the events of a request, the steps that consumed them, and their waiting and working times."""
    reader = RequestReader(connection.client("dynamodb"), connection.target.requests_table)
    step_logs = CloudWatchLogs(connection.client("logs"), connection.target.prefix) if logs else None
    try:
        found = trace_request(reader, step_logs, request_id)
    except KeyError as error:
        raise click.ClickException(f"There is no request {request_id}.") from error
    if file:
        json.dump(otlp(found), file)
    if as_json:
        print_json(found.model_dump(mode="json", exclude_none=True))
    else:
        print_trace(found)
    return OK

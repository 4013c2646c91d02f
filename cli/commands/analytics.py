"""`analytics`: the counters of an installation, counting them again from the archive of events, and queries on it."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from rich.console import Console

from cli import lake_queries as queries
from cli.connection import Connection
from cli.console import console, print_json
from cli.options import EXIT_CODES, FAILED, OK, of_days, on_target
from cli.tables.analytics import difference_table, print_rows, report_tables
from kit.errors import TransientError, UnprocessableError
from kit.trail import Action, recorded
from services.analytics.rebuild import rebuild as rebuild_counters
from services.analytics.repository.counters import CounterTable
from services.analytics.repository.lake import EventLake
from services.analytics.repository.parquet import Parquet, QueryError
from services.analytics.schemas import DailyReport
from services.analytics.service import SupersededError

DAYS_MAX: Final = 366


@click.group(epilog=EXIT_CODES)
def analytics() -> None:
    """Counters of requests, images, costs and steps, and queries on the archive of events."""


@analytics.command(epilog=EXIT_CODES)
@of_days(DAYS_MAX)
@on_target
def report(connection: Connection, *, days: int, as_json: bool) -> int:
    """Show the counters of the last days."""
    table = CounterTable(connection.client("dynamodb"), connection.target.analytics_table)
    today = datetime.now(UTC).date()
    first = today - timedelta(days=days - 1)
    counted = table.days(table.generations().current, first.isoformat(), today.isoformat())
    if as_json:
        every_day = [first + timedelta(days=number) for number in range(days)]
        print_json(DailyReport.of(every_day, counted).model_dump(mode="json", exclude_none=True))
        return OK
    out = console()
    if not counted:
        out.print(f"{connection.target.prefix} has no counters since {first}.")
    for shown in report_tables(counted) if counted else ():
        if shown.row_count:
            out.print(shown)
            out.print()
    return OK


@analytics.command(epilog=EXIT_CODES)
@click.option("--accept-differences", is_flag=True, help="Use the new counters even if they differ.")
@on_target
def rebuild(connection: Connection, *, accept_differences: bool, as_json: bool) -> int:
    """Count the archived events again into a new generation, and use it if its counters equal the current ones."""
    target = connection.target
    archive = EventLake(connection.client("s3"), connection.bucket("analytics"))
    table = CounterTable(connection.client("dynamodb"), target.analytics_table)
    action = Action.begin(connection.operator(), "rebuild analytics", about={}, count=1)
    trail = connection.trail()
    try:
        with recorded(trail, action) as outcomes, Console(stderr=True).status("Reading the archive") as status:
            done = rebuild_counters(
                archive,
                table,
                accept_differences=accept_differences,
                progress=lambda read: status.update(f"{read} events read from the archive"),
            )
            outcomes["rebuilt" if done.current else "discarded"] += 1
    except (SupersededError, TransientError, UnprocessableError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        differences = [
            {"day": d.day, "counter": d.counter, "before": d.before, "after": d.after} for d in done.differences
        ]
        print_json(
            {"generation": done.generation, "events": done.events, "current": done.current, "differences": differences}
        )
    else:
        out = console()
        if done.differences:
            out.print(f"{len(done.differences)} counters differ:")
            out.print(difference_table(done.differences))
        fate = "is current now" if done.current else "was discarded; --accept-differences would use it"
        out.print(f"Generation {done.generation}, from {done.events} archived events, {fate}.")
    return OK if done.current else FAILED


@analytics.command(epilog=EXIT_CODES)
@click.argument("name", type=click.Choice(queries.names()), required=False)
@click.option("--sql", help="A query of your own on the table `events`.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC). Default: 29 days before.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day. Default: today.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), help="Default: as --output says.")
@on_target
def query(
    connection: Connection,
    *,
    name: str | None,
    sql: str | None,
    first: datetime | None,
    last: datetime | None,
    form: str | None,
    as_json: bool,
) -> int:
    """Run a saved query, or one of your own, on the archived events of some days.

    Saved queries are the same in Athena. The files of these days are copied to this machine, and DuckDB reads them.
    Without NAME and --sql, the saved queries are listed.
    """
    if name and sql:
        raise click.UsageError("NAME and --sql: use one of them.")
    if not name and not sql:
        print_rows(["query", "shows"], [(each, queries.about(each)) for each in queries.names()])
        return OK
    until = (last or datetime.now(UTC)).date()
    since = first.date() if first else until - timedelta(days=29)
    if since > until:
        raise click.UsageError(f"--from: must not be after {until}.")
    days = (since.isoformat(), until.isoformat())
    try:
        columns, rows = _run(connection, queries.text(name) if name else str(sql), days if name else (), days)
    except QueryError as error:
        raise click.ClickException(str(error)) from error
    if form is None:
        form = "json" if as_json else "table"
    if form == "json":
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str))
    elif form == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *rows])
    else:
        print_rows(columns, rows)
    return OK


def _run(
    connection: Connection, sql: str, parameters: Sequence[str], days: tuple[str, str]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return columns and rows of a query on the events from the first to the last of ``days``."""
    lake = EventLake(connection.client("s3"), connection.bucket("analytics"))
    with TemporaryDirectory() as folder, Console(stderr=True).status("Reading the archive") as status:
        parquet, copies = Parquet(Path(folder) / "duckdb"), Path(folder) / "events"
        for day in lake.days():
            if days[0] <= day <= days[1]:
                status.update(f"Reading the archive of {day}")
                lake.copy_day(day, parquet, copies / f"day={day}")
        return parquet.query(sql, parameters, copies)

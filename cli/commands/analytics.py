"""`analytics`: the counters of an installation, and counting them again from the archive of events."""

from datetime import UTC, datetime, timedelta
from typing import Final

import click
from rich.console import Console

from cli.connection import Connection
from cli.console import console, print_json
from cli.options import EXIT_CODES, FAILED, OK, on_target
from cli.tables.analytics import difference_table, report_tables
from kit.errors import TransientError, UnprocessableError
from kit.trail import Action, recorded
from services.analytics.rebuild import rebuild as rebuild_counters
from services.analytics.repository.counters import CounterTable
from services.analytics.repository.lake import EventLake
from services.analytics.schemas import DailyReport
from services.analytics.service import SupersededError

DAYS_MAX: Final = 366


@click.group(epilog=EXIT_CODES)
def analytics() -> None:
    """Counters of requests, images, costs and steps."""


@analytics.command(epilog=EXIT_CODES)
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=7, show_default=True, help="Number of days (UTC), with today."
)
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

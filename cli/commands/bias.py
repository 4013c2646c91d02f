"""`bias`: the audit of generation for bias."""

import json
import time
from datetime import UTC, datetime
from typing import Final

import click
from botocore.config import Config

from cli.connection import Connection
from cli.console import print_json
from cli.options import EXIT_CODES, FAILED, OK, on_target
from services.operations.bias.auditing import month_before, period_of
from services.operations.bias.figures import comparisons, figures
from services.operations.bias.report import markdown
from services.operations.bias.repository import BiasResults

POLL_SECONDS: Final = 5
READ_TIMEOUT: Final = Config(read_timeout=310, retries={"total_max_attempts": 1})
"""The function's timeout is 300 seconds."""


@click.group(epilog=EXIT_CODES)
def bias() -> None:
    """How models treat groups of people."""


@bias.command(epilog=EXIT_CODES)
@click.option("--period", metavar="YYYY-MM", help="Month of UTC. Default: this month.")
@on_target
def report(connection: Connection, *, period: str | None, as_json: bool) -> int:
    """Print the report of a month in Markdown, with what has drifted since the month before."""
    period = _checked(period or period_of(datetime.now(UTC)))
    results = BiasResults(connection.client("dynamodb"), connection.target.operations_table)
    found, before = results.all(period), results.all(month_before(period))
    if as_json:
        measured = figures(found)
        print_json(
            [
                {
                    "measure": each.measure,
                    "model": each.model,
                    "group": each.group,
                    "found": each.count.found,
                    "total": each.count.total,
                    "finding": each.is_finding(comparisons(measured, each.measure)),
                }
                for each in measured
            ]
        )
    else:
        click.echo(markdown(period, found, before), nl=False)
    return OK


@bias.command(epilog=EXIT_CODES)
@click.option(
    "--budget-usd",
    type=click.FloatRange(min=0, min_open=True),
    required=True,
    help="Limit of the month, in US dollars. What the schedule has spent counts.",
)
@click.option(
    "--minutes", type=click.IntRange(1, 600), default=30, show_default=True, help="When to stop at the latest."
)
@on_target
def run(connection: Connection, *, budget_usd: float, minutes: int, as_json: bool) -> int:
    """Run the audit of this month until the budget is spent and all images are collected. Images cost money."""
    client = connection.client("lambda", config=READ_TIMEOUT)
    until = time.monotonic() + minutes * 60
    payload = json.dumps({"budget_usd": budget_usd})
    while True:
        name = f"{connection.target.prefix}-operations-bias"
        response = client.invoke(FunctionName=name, Payload=payload)
        state = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            raise click.ClickException(f"the audit failed: {state.get('errorMessage', response['FunctionError'])}")
        done = not state["asked"] and not state["open"]
        if not as_json:
            click.echo(f"{state['period']}: {state['images']} images, {state['open']} of them in progress")
        elif done:
            print_json(state)
        if done:
            return OK
        if time.monotonic() > until:
            click.echo("Not all images were collected in time. Run the command again.", err=True)
            return FAILED
        if not state["asked"]:
            time.sleep(POLL_SECONDS)


def _checked(period: str) -> str:
    try:
        return period_of(datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC))
    except ValueError:
        raise click.BadParameter(f"{period!r} is not a month such as 2026-11", param_hint="--period") from None

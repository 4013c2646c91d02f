"""`costs`: the costs of generation, and its budget."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import click

from cli.commands.budget import budget
from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.costs.report import Cost
from cli.costs.report import costs as costs_of
from cli.options import EXIT_CODES, OK, bare, on_target
from services.analytics.repository.counters import CounterTable

DAY: Final = click.DateTime(["%Y-%m-%d"])
DAYS_SHOWN: Final = 7


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def costs(context: click.Context) -> Any:
    """Costs of generation, and its daily budget."""
    return bare(show, context) if context.invoked_subcommand is None else None


@costs.command(epilog=EXIT_CODES)
@click.option("--by", type=click.Choice(["day", "model"]), default="day", show_default=True, help="Rows.")
@click.option("--from", "first", type=DAY, help="First day (UTC). Default: six days before the last.")
@click.option("--to", "last", type=DAY, help="Last day. Default: today.")
@on_target
def show(connection: Connection, *, by: str, first: datetime | None, last: datetime | None, as_json: bool) -> int:
    """Show costs at list prices, with estimates for checks and AWS."""
    to = (last or datetime.now(UTC)).date()
    since = first.date() if first else to - timedelta(days=DAYS_SHOWN - 1)
    if since > to:
        raise click.UsageError("--from must not be after --to")
    table = CounterTable(connection.client("dynamodb"), connection.target.analytics_table)
    found = costs_of(table.days(table.generations().current, since.isoformat(), to.isoformat()))
    rows = found.days if by == "day" else found.models
    if as_json:
        costs_by = {name: cost.to_dict() for name, cost in rows.items()}
        print_json(
            {
                "from": since.isoformat(),
                "to": to.isoformat(),
                "by": by,
                "rows": costs_by,
                "total": found.total.to_dict(),
            }
        )
    else:
        _print(by, rows, found.total)
    return OK


def _print(by: str, rows: Mapping[str, Cost], total: Cost) -> None:
    table = new_table(by, "#images", "#models", "#checks (est.)", "#AWS (est.)", "#total")
    for name, cost in [*rows.items(), ("total", total)]:
        checks = "" if cost.checks_usd is None else _usd(cost.checks_usd)
        table.add_row(name, str(cost.images), _usd(cost.models_usd), checks, _usd(cost.aws_usd), _usd(cost.total_usd))
    console().print(table)


def _usd(amount: Decimal) -> str:
    return f"${amount:.4f}"


costs.add_command(budget)

"""`costs budget`: the daily budget for generation."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import click

from cli.connection import Connection
from cli.console import console, print_json
from cli.costs.budget import BudgetTable, Standing, changed
from cli.options import EXIT_CODES, OK, acting, bare, on_target
from kit.publisher import Publisher
from kit.trail import Action, recorded

USD_MAX: Final = Decimal(1_000_000)


class Usd(click.ParamType[Decimal]):
    """US dollars, for example ``25`` or ``12.50``."""

    name = "USD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Return the amount."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not (amount.is_finite() and 0 <= amount <= USD_MAX):
            self.fail(f"{value!r} is not an amount from 0 to {USD_MAX}, such as 12.50", param, ctx)
        return amount


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def budget(context: click.Context) -> Any:
    """Show, set and clear the daily budget for generation."""
    return bare(show, context) if context.invoked_subcommand is None else None


@budget.command(epilog=EXIT_CODES)
@on_target
def show(connection: Connection, *, as_json: bool) -> int:
    """Show the reserved part of today's budget, and the limit."""
    found = _table(connection).standing(datetime.now(UTC).date())
    if as_json:
        print_json(found.to_dict())
        return OK
    console().print(f"{found.day} (UTC): ${found.spent_usd} reserved; {_limit(found)}.")
    return OK


def _limit(found: Standing) -> str:
    if found.override_usd is None:
        return "the limit is the deployed one (DailyBudgetUsd)"
    if found.override_usd == 0:
        return "generation is stopped: an operator set the limit to $0. `costs budget clear` ends it"
    return f"the limit is ${found.override_usd} (operator)"


@budget.command("set", epilog=EXIT_CODES, context_settings={"ignore_unknown_options": True})  # -5 is an amount
@click.argument("usd", type=Usd())
@acting
@on_target
def set_(connection: Connection, *, usd: Decimal, operator: str | None, yes: bool, as_json: bool) -> int:
    """Set the daily limit to USD, instead of the deployed one. It applies within ten seconds, until `clear`.

    0 stops generation and new requests until `clear`. A limit below today's spending stops them until midnight UTC.
    """
    return _change(connection, usd, operator, yes=yes, as_json=as_json)


@budget.command(epilog=EXIT_CODES)
@acting
@on_target
def clear(connection: Connection, *, operator: str | None, yes: bool, as_json: bool) -> int:
    """Apply the deployed limit again."""
    return _change(connection, None, operator, yes=yes, as_json=as_json)


def _change(connection: Connection, usd: Decimal | None, operator: str | None, *, yes: bool, as_json: bool) -> int:
    what = "Use the deployed limit" if usd is None else f"Limit generation to ${usd} per day"
    if usd == 0:
        what = "Stop generation, and refuse new requests"
    if not yes:
        click.confirm(f"{what}?", abort=True, err=True)
    table, now = _table(connection), datetime.now(UTC)
    bus = Publisher(connection.client("events"), connection.target.bus_name)
    about = {"limit_usd": None if usd is None else str(usd)}
    action = Action.begin(
        connection.operator(operator), "budget " + ("clear" if usd is None else "set"), about=about, count=1
    )
    with recorded(connection.trail(), action) as outcomes:
        table.override(usd)
        bus.publish([changed(usd, now)])
        outcomes["changed"] += 1
    if as_json:
        print_json(table.standing(now.date()).to_dict())
    else:
        console().print("Done. It applies to generation within ten seconds and to new requests within a minute.")
    return OK


def _table(connection: Connection) -> BudgetTable:
    return BudgetTable(connection.client("dynamodb"), connection.target.generation_table)

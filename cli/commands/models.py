"""`models`: the lifecycle of each model."""

from datetime import UTC, datetime
from typing import Final

import click

from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.options import EXIT_CODES, NEEDS_ATTENTION, OK, on_target
from events.model_catalog import model_catalog
from services.operations.lifecycle.gateways import BedrockRegistry
from services.operations.lifecycle.sentinel import WARN_DAYS, Row, look, watched_models

STYLES: Final = {"ended": "dim", "legacy": "yellow"}


@click.command(epilog=EXIT_CODES)
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 if a model ends soon or has ended.")
@on_target
def models(connection: Connection, *, fail_if_any: bool, as_json: bool) -> int:
    """Show the lifecycle of each model at Bedrock, with its remaining days."""
    now = datetime.now(UTC)
    registry = BedrockRegistry(lambda region: connection.client("bedrock", region))
    rows = look(registry, watched_models(model_catalog(), connection.region), now)
    urgent = [row for row in rows if _needs_attention(row, now)]
    if as_json:
        print_json([_to_dict(row, needs_attention=row in urgent) for row in rows])
    else:
        _print(rows, urgent)
    return NEEDS_ATTENTION if fail_if_any and urgent else OK


def _needs_attention(row: Row, now: datetime) -> bool:
    return row.days_left is not None and row.days_left <= WARN_DAYS and row.watched.needs_attention(now.date())


def _to_dict(row: Row, *, needs_attention: bool) -> dict[str, object]:
    ends_at = row.standing.ends_at
    return {
        "model": row.watched.key,
        "model_id": row.watched.model_id,
        "region": row.watched.region,
        "status": row.standing.status,
        "ends_at": ends_at.isoformat() if ends_at else None,
        "days_left": row.days_left,
        "successor": row.watched.successor,
        "needs_attention": needs_attention,
    }


def _print(rows: list[Row], urgent: list[Row]) -> None:
    table = new_table("model", "region", "status", "ends", "#days left", "successor")
    for row in rows:
        ends_at = row.standing.ends_at
        table.add_row(
            row.watched.key,
            row.watched.region,
            row.standing.status,
            f"{ends_at:%Y-%m-%d}" if ends_at else "",
            "" if row.days_left is None else str(row.days_left),
            row.watched.successor or "",
            style="bold red" if row in urgent else STYLES.get(row.standing.status),
        )
    out = console()
    out.print(table)
    if urgent:
        out.print(f'{len(urgent)} models need attention. See "A model reaches its end" in the runbook.')

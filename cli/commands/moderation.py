"""`moderation`: what the shadow policy would change, or another candidate in past decisions."""

from datetime import UTC, datetime
from typing import Final

import click

from cli.commands.policy_replay import replay
from cli.connection import Connection
from cli.console import console, print_json
from cli.options import EXIT_CODES, OK, of_days, on_target
from cli.tables.moderation import shadow_table
from services.moderation.repository import ShadowChanges
from services.moderation.schemas import SHADOW_DAYS_MAX, ShadowReport

CHANGES_MAX: Final = 100_000


@click.group(epilog=EXIT_CODES)
def moderation() -> None:
    """Moderation policies."""


@moderation.command(epilog=EXIT_CODES)
@of_days(SHADOW_DAYS_MAX)
@on_target
def shadow(connection: Connection, *, days: int, as_json: bool) -> int:
    """Show which decisions the shadow policy would change, from the recorded verdicts."""
    changes = ShadowChanges(connection.client("dynamodb"), connection.target.verdicts_table)
    today = datetime.now(UTC).date()
    report = ShadowReport.of(today, days, changes.latest(today, days, CHANGES_MAX + 1), CHANGES_MAX)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print(report)
    return OK


def _print(report: ShadowReport) -> None:
    out = console()
    out.print(shadow_table(report.changes))
    if not report.complete:
        out.print(f"There are more changes. The latest {CHANGES_MAX:,} were counted.")
    if not report.changes:
        out.print(f"From {report.first_day} to {report.last_day}, nothing would change, or there was no shadow policy.")


moderation.add_command(replay)

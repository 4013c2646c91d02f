"""Archives and replays of events as tables."""

from collections.abc import Sequence

from cli.console import age, console, new_table
from cli.event_replays.logic import Archive, Plan, Replay


def print_archives(archives: Sequence[Archive]) -> None:
    """Print the archives."""
    table = new_table("archive", "state", "#days", "#events", "since")
    for found in archives:
        kept = str(found.retention_days or "no limit")
        table.add_row(found.name, found.state, kept, str(found.events), f"{age(found.created_at)} ago")
    console().print(table if archives else "The bus has no archive. Set the parameter ArchiveDays.")


def print_plan(plan: Plan) -> None:
    """Print the plan of a replay."""
    window = f"{plan.window.start.isoformat()} to {plan.window.end.isoformat()}"
    console().print(f"{plan.archive.name}: events of {window}, to {plan.rule.name} ({plan.rule.targets} targets) only")


def print_replays(replays: Sequence[Replay]) -> None:
    """Print replays with their progress."""
    table = new_table("replay", "state", "#done", "started", "reason")
    for found in replays:
        started = f"{age(found.started_at)} ago" if found.started_at else ""
        table.add_row(found.name, found.state, f"{found.share:.0%}", started, found.reason)
    console().print(table if replays else "No replays.")

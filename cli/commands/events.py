"""`events`: the archive of the event bus, and replays to one rule."""

from datetime import UTC, datetime
from typing import Any

import click

from cli.connection import Connection
from cli.console import print_json
from cli.event_replays import logic
from cli.event_replays.gateways import EventBridgeReplays
from cli.options import EXIT_CODES, FAILED, NOT_CONFIRMED, OK, REFUSED, on_target
from cli.tables import event_replays as tables
from kit.trail import Action, recorded


class Time(click.ParamType[datetime]):
    """A time; without an offset it is UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return it in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            return logic.parse_time(value)
        except ValueError:
            self.fail(f"{value!r} is not a time, for example 2026-11-22T09:30", param, ctx)


@click.group(epilog=EXIT_CODES)
def events() -> None:
    """Archive of events: replay events to one subscriber."""


@events.command(epilog=EXIT_CODES)
@on_target
def archives(connection: Connection, *, as_json: bool) -> int:
    """List the archives."""
    found = _replays(connection).archives()
    if as_json:
        print_json([{"name": a.name, "state": a.state, "days": a.retention_days, "events": a.events} for a in found])
    else:
        tables.print_archives(found)
    return OK


@events.command(epilog=EXIT_CODES)
@click.option("--rule", required=True, help="Rule that receives the events.")
@click.option("--from", "start", type=Time(), required=True, help="Start, for example 2026-11-22T09:30 (UTC).")
@click.option("--to", "end", type=Time(), help="End. Default: now. AWS archives within ten minutes.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and start nothing.")
@click.option("--wait", is_flag=True, help="Wait for the end.")
@click.option("--deadline", default=900.0, show_default=True, help="Maximum seconds to wait.")
@click.option("--force", is_flag=True, help="Also replay to a rule of the pipeline.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@on_target
def replay(
    connection: Connection,
    *,
    rule: str,
    start: datetime,
    end: datetime | None,
    dry_run: bool,
    wait: bool,
    deadline: float,
    force: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Replay a period of the archive to one rule. Its targets receive `replay-name` in each event."""
    replays, now = _replays(connection), datetime.now(UTC)
    window = logic.Window(start, end or now)
    try:
        plan = logic.plan(replays, connection.target.prefix, rule, window, force=force, now=now)
    except logic.RefusedError as refusal:
        click.echo(f"Refused: {refusal}.", err=True)
        return REFUSED
    if not as_json:
        tables.print_plan(plan)
    if dry_run:
        return OK
    if not (yes or as_json or click.confirm("Start it?", err=True)):
        return NOT_CONFIRMED
    about = {"rule": rule, "replay": plan.name, "from": window.start.isoformat(), "to": window.end.isoformat()}
    action = Action.begin(connection.operator(), "replay events", about=about, count=1)
    with recorded(connection.trail(), action) as outcomes:
        replays.start(plan.name, plan.archive, plan.rule, plan.window)
        outcomes["started"] += 1
    found = logic.follow(
        replays, plan.name, deadline if wait else 0, _print_progress if wait and not as_json else _ignore
    )
    _show([found], as_json)
    ended_badly = found.state in {"FAILED", "CANCELLED"} or (wait and found.state != "COMPLETED")
    return FAILED if ended_badly else OK


@events.command("replays", epilog=EXIT_CODES)
@on_target
def list_(connection: Connection, *, as_json: bool) -> int:
    """List replays with their progress, newest first."""
    _show(_replays(connection).list(), as_json)
    return OK


@events.command(epilog=EXIT_CODES)
@click.argument("name")
@on_target
def cancel(connection: Connection, *, name: str, as_json: bool) -> int:
    """Cancel the replay NAME. Delivered events stay delivered."""
    replays = _replays(connection)
    with recorded(
        connection.trail(), Action.begin(connection.operator(), "cancel replay", about={"replay": name}, count=1)
    ):
        replays.cancel(name)
    _show([replays.show(name)], as_json)
    return OK


def _replays(connection: Connection) -> EventBridgeReplays:
    return EventBridgeReplays(connection.client("events"), connection.target.bus_name)


def _show(found: list[logic.Replay], as_json: bool) -> None:
    if as_json:
        print_json([{"name": one.name, "state": one.state, "done": round(one.share, 3)} for one in found])
    else:
        tables.print_replays(found)


def _print_progress(found: logic.Replay) -> None:
    click.echo(f"{found.state.lower()} {found.share:.0%}", err=True)


def _ignore(_found: logic.Replay) -> None:
    pass

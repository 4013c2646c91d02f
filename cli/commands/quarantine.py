"""`dlq quarantine`, `quarantined`, `release`, `discard` and `purge`: messages that are not simply replayed."""

from datetime import UTC, datetime

import click

from cli.connection import Connection
from cli.console import print_json
from cli.dead_letters import confirm_plan, pairs_of, print_outcomes, reserve_filtered, session_of
from cli.options import EXIT_CODES, NOT_CONFIRMED, OK, Filter, Rate, acting, on_target, selecting
from cli.quarantine import QuarantinedQueues, discard_all, purge_all
from cli.tables import dead_letters as tables
from services.operations.dead_letters.ports import Quarantined
from services.operations.dead_letters.replaying import ReplayOptions, quarantine_all
from services.operations.dead_letters.session import OperatorSession


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--limit", type=click.IntRange(1), help="Maximum number of messages, oldest first.")
@acting
@on_target
def quarantine(
    connection: Connection, *, wanted: Filter, limit: int | None, operator: str | None, yes: bool, as_json: bool
) -> int:
    """Move dead letters into quarantine, until they are released or discarded, or until its retention ends.

    Their requests remain stalled and expire after 14 days.
    """
    _require(wanted, "quarantine")
    session = session_of(connection, operator)
    with reserve_filtered(session.queues, wanted, limit) as reservation:
        letters = reservation.chosen
        if not as_json:
            tables.print_groups(letters, limit=0)
        if not letters:
            return OK
        if not yes:
            click.confirm(f"Move {len(letters)} messages into quarantine?", abort=True, err=True)
        action = session.action("quarantine", letters, wanted.about())
        moves = quarantine_all(session.queues, session.quarantine, letters, session.operator.name, datetime.now(UTC))
        return print_outcomes(reservation.watch(session.carry_out(action, moves)), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@selecting
@on_target
def quarantined(connection: Connection, *, wanted: Filter, as_json: bool) -> int:
    """List the messages in quarantine."""
    found = _items(session_of(connection), wanted)
    if as_json:
        print_json([item.to_dict() for item in found])
    else:
        tables.print_quarantined(found)
    return OK


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and change nothing.")
@click.option("--canary", is_flag=True, help="Send one message per fingerprint and wait until it succeeds.")
@click.option("--canary-wait", default=60.0, show_default=True, help="Seconds to wait for a canary.")
@click.option("--rate", type=Rate(), default="10/s", show_default=True, help="Maximum rate.")
@acting
@on_target
def release(
    connection: Connection,
    *,
    wanted: Filter,
    dry_run: bool,
    canary: bool,
    canary_wait: float,
    rate: float,
    operator: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Send quarantined messages to their steps, regardless of the number of earlier replays."""
    _require(wanted, "release")
    session = session_of(connection, operator)
    items = _items(session, wanted)
    letters = [item.letter for item in items]
    unlimited = max((letter.replays for letter in letters), default=0) + 1
    options = ReplayOptions(
        operator=session.operator.name, rate=rate, canary=canary, canary_seconds=canary_wait, max_replays=unlimited
    )
    replayer = session.replayer(options, QuarantinedQueues(session.queues, session.quarantine, items))
    plan = replayer.plan(letters)
    code = confirm_plan(plan, "Send {} messages to their steps?", dry_run=dry_run, yes=yes, as_json=as_json)
    if code is not None:
        return code
    action = session.action("release", letters, wanted.about())
    return print_outcomes(session.carry_out(action, replayer.run(plan)), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@selecting
@acting
@on_target
def discard(connection: Connection, *, wanted: Filter, operator: str | None, yes: bool, as_json: bool) -> int:
    """Delete quarantined messages permanently. Their requests expire."""
    _require(wanted, "discard")
    session = session_of(connection, operator)
    items = _items(session, wanted)
    if not as_json:
        tables.print_quarantined(items)
    if not items:
        return OK
    if not yes:
        click.confirm(f"Delete {len(items)} messages permanently?", abort=True, err=True)
    action = session.action("discard", [item.letter for item in items], wanted.about())
    return print_outcomes(session.carry_out(action, discard_all(session.quarantine, items)), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--yes-purge", metavar="NAME", help="Confirm with the name of the dead-letter queue.")
@click.option("--operator", help="Your name in the audit trail. Default: your AWS identity.")
@on_target
def purge(connection: Connection, *, wanted: Filter, yes_purge: str | None, operator: str | None, as_json: bool) -> int:
    """Delete dead letters permanently."""
    if not wanted.queue:
        raise click.UsageError("--queue is required")
    session = session_of(connection, operator)
    name = pairs_of(session.queues, wanted.queue)[0].name
    with reserve_filtered(session.queues, wanted) as reservation:
        letters = reservation.chosen
        if not as_json:
            tables.print_groups(letters, limit=0)
        if not letters:
            return OK
        count = sum(len(letter.messages) for letter in letters)
        if (yes_purge or click.prompt(f"Enter {name} to delete {count} of its messages", err=True)) != name:
            click.echo("The name differs. Nothing was deleted.", err=True)
            return NOT_CONFIRMED
        action = session.action("purge", letters, wanted.about())
        purged = session.carry_out(action, purge_all(session.queues, letters))
        code = print_outcomes(reservation.watch(purged), as_json=as_json)
    if not as_json:
        click.echo(f"Deleted {count} messages.")
    return code


def _require(wanted: Filter, verb: str) -> None:
    if not wanted.is_set:
        raise click.UsageError(f"Select what to {verb}: --queue, --fingerprint, --request or --event")


def _items(session: OperatorSession, wanted: Filter) -> list[Quarantined]:
    items = session.quarantine.items()
    if wanted.queue is not None:
        items = [item for item in items if item.letter.queue.answers_to(wanted.queue)]
    selected = {letter.key for letter in wanted.selection.of(item.letter for item in items)}
    return [item for item in items if item.letter.key in selected]

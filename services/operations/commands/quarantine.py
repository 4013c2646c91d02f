"""`ops dlq quarantine`, `quarantined`, `release`, `discard` and `purge`: what is not to be replayed now, or ever."""

from datetime import UTC, datetime

import click

from services.operations.commands.desk import agreed, desk_of, in_hand, pairs_of, tell
from services.operations.commands.options import (
    EXIT_CODES,
    NOT_CONFIRMED,
    OK,
    Asked,
    Rate,
    acting,
    on_target,
    selecting,
)
from services.operations.connection import Connection
from services.operations.dead_letters import shelf, tables
from services.operations.dead_letters.desk import Desk
from services.operations.dead_letters.logic import ReplayOptions
from services.operations.dead_letters.ports import Quarantined
from services.operations.printing import print_json


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--limit", type=click.IntRange(1), help="At most so many messages, oldest first.")
@acting
@on_target
def quarantine(
    connection: Connection, *, asked: Asked, limit: int | None, operator: str | None, yes: bool, as_json: bool
) -> int:
    """Put dead letters aside: kept whole until they are released or discarded, out of everybody's way.

    Their requests stay stalled, and expire after 14 days.
    """
    if not asked.anything:
        raise click.UsageError("say what to put aside: --queue, --fingerprint, --request or --event")
    desk = desk_of(connection, operator)
    with in_hand(desk.queues, asked, limit) as taken:
        if not as_json:
            tables.print_groups(taken.chosen, limit=0)
        if not taken.chosen:
            return OK
        if not yes:
            click.confirm(f"Put {len(taken.chosen)} messages into quarantine?", abort=True, err=True)
        action = desk.action("quarantine", taken.chosen, asked.about())
        moves = shelf.quarantine_all(desk.queues, desk.quarantine, taken.chosen, desk.operator, datetime.now(UTC))
        return tell((taken.note(done) for done in desk.carry_out(action, moves)), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@selecting
@on_target
def quarantined(connection: Connection, *, asked: Asked, as_json: bool) -> int:
    """List what is in quarantine."""
    found = _kept(desk_of(connection), asked)
    if as_json:
        print_json([item.facts() for item in found])
    else:
        tables.print_quarantined(found)
    return OK


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and do nothing.")
@click.option("--canary", is_flag=True, help="Send one of each fingerprint and wait until it got through.")
@click.option("--canary-wait", default=60.0, show_default=True, help="Seconds a canary is given.")
@click.option("--rate", type=Rate(), default="10/s", show_default=True, help="No faster than this.")
@acting
@on_target
def release(
    connection: Connection,
    *,
    asked: Asked,
    dry_run: bool,
    canary: bool,
    canary_wait: float,
    rate: float,
    operator: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Send what is in quarantine to its step after all, however often it was sent before."""
    if not asked.anything:
        raise click.UsageError("say what to release: --queue, --fingerprint, --request or --event")
    desk = desk_of(connection, operator)
    items = _kept(desk, asked)
    letters = [item.letter for item in items]
    unlimited = max((letter.replays for letter in letters), default=0) + 1
    replayer = desk.replayer(
        ReplayOptions(
            operator=desk.operator, rate=rate, canary=canary, canary_seconds=canary_wait, max_replays=unlimited
        ),
        shelf.Shelf(desk.queues, desk.quarantine, items),
    )
    plan = replayer.plan(letters)
    ends = agreed(plan, "Send {} messages to their steps?", dry_run=dry_run, yes=yes, as_json=as_json)
    if ends is not None:
        return ends
    action = desk.action("release", letters, asked.about())
    return tell(desk.carry_out(action, replayer.run(plan)), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@selecting
@acting
@on_target
def discard(connection: Connection, *, asked: Asked, operator: str | None, yes: bool, as_json: bool) -> int:
    """Throw away for good what is in quarantine. Its requests end as expired."""
    if not asked.anything:
        raise click.UsageError("say what to discard: --queue, --fingerprint, --request or --event")
    desk = desk_of(connection, operator)
    items = _kept(desk, asked)
    if not as_json:
        tables.print_quarantined(items)
    if not items:
        return OK
    if not yes:
        click.confirm(f"Discard {len(items)} messages for good?", abort=True, err=True)
    action = desk.action("discard", [item.letter for item in items], asked.about())
    return tell(desk.carry_out(action, shelf.discard_all(desk.quarantine, items)), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--yes-purge", metavar="NAME", help="Confirm with the dead-letter queue's name instead of typing it.")
@click.option("--operator", help="Your name in the audit trail; by default the one AWS knows.")
@on_target
def purge(connection: Connection, *, asked: Asked, yes_purge: str | None, operator: str | None, as_json: bool) -> int:
    """Delete dead letters for good. Nothing brings them back."""
    if not asked.queue:
        raise click.UsageError("say which queue: --queue")
    desk = desk_of(connection, operator)
    name = pairs_of(desk.queues, asked.queue)[0].name
    with in_hand(desk.queues, asked) as taken:
        if not as_json:
            tables.print_groups(taken.chosen, limit=0)
        if not taken.chosen:
            return OK
        count = sum(len(letter.messages) for letter in taken.chosen)
        if (yes_purge or click.prompt(f"Type {name} to delete {count} of its messages", err=True)) != name:
            click.echo("That is another name: nothing was deleted.", err=True)
            return NOT_CONFIRMED
        action = desk.action("purge", taken.chosen, asked.about())
        purged = desk.carry_out(action, shelf.purge(desk.queues, taken.chosen))
        code = tell((taken.note(done) for done in purged), as_json=as_json)
    if not as_json:
        click.echo(f"Deleted {count} messages.")
    return code


def _kept(desk: Desk, asked: Asked) -> list[Quarantined]:
    items = [
        item for item in desk.quarantine.items() if asked.queue is None or item.letter.queue.answers_to(asked.queue)
    ]
    chosen = {letter.key for letter in asked.selection.of(item.letter for item in items)}
    return [item for item in items if item.letter.key in chosen]

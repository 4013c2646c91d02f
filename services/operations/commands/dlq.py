"""`ops dlq`: what lies in the dead-letter queues, and sending it back."""

from typing import Any, Final

import click

from events.publisher import Publisher
from services.operations.commands.options import (
    CANARY_FAILED,
    DEAD_LETTERS,
    EXIT_CODES,
    NOT_CONFIRMED,
    OK,
    REFUSED,
    Rate,
    bare,
    on_target,
    selecting,
)
from services.operations.connection import Connection
from services.operations.dead_letters import tables
from services.operations.dead_letters.adapters import RequestTable, SqsQueues
from services.operations.dead_letters.letters import DeadLetter, QueuePair, Selection, by_fingerprint
from services.operations.dead_letters.logic import Replayer, ReplayOptions, collect, purge, release, summarize
from services.operations.dead_letters.ports import Queues
from services.operations.printing import print_json

READ_MAX: Final = 10_000
"""Messages of one queue that one command takes in hand."""


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def dlq(context: click.Context) -> Any:
    """Dead-letter queues: list, show, replay, purge."""
    return bare(list_, context) if context.invoked_subcommand is None else None


@dlq.command("list", epilog=EXIT_CODES)
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 where there are dead letters.")
@on_target
def list_(connection: Connection, *, fail_if_any: bool, as_json: bool) -> int:
    """List every dead-letter queue with its counts and the age of its oldest message."""
    found = summarize(_queues(connection))
    if not found:
        raise _nothing_here()
    if as_json:
        print_json(
            [
                {
                    "step": row.queue.step,
                    "queue": row.queue.name,
                    "dead": row.dead.waiting,
                    "hidden": row.dead.in_flight,
                    "oldest": row.oldest.isoformat() if row.oldest else None,
                    "mostly": row.commonest,
                    "estimated": row.sampled,
                    "source_waiting": row.source.total if row.source else None,
                }
                for row in found
            ]
        )
    else:
        tables.print_summaries(found)
    return DEAD_LETTERS if fail_if_any and any(row.dead.total for row in found) else OK


@dlq.command(epilog=EXIT_CODES)
@selecting
@click.option("--limit", default=20, show_default=True, help="Messages shown of each fingerprint.")
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 where something is shown.")
@on_target
def show(
    connection: Connection,
    *,
    queue: str | None,
    fingerprint: str | None,
    request_id: str | None,
    limit: int,
    fail_if_any: bool,
    as_json: bool,
) -> int:
    """Show dead letters grouped by fingerprint: what failed, where, why, for which requests. Never a prompt."""
    queues = _queues(connection)
    letters = collect(queues, _pairs(queues, queue), limit=READ_MAX, hidden_seconds=120)
    release(queues, letters)
    chosen = Selection(fingerprint, request_id).of(letters)
    if as_json:
        print_json([_group(group, limit) for group in by_fingerprint(chosen)])
    else:
        tables.print_groups(chosen, limit)
    return DEAD_LETTERS if fail_if_any and chosen else OK


@dlq.command(epilog=EXIT_CODES)
@selecting
@click.option("--all", "everything", is_flag=True, help="All queues, all fingerprints.")
@click.option("--limit", type=click.IntRange(1), help="At most so many messages, oldest first.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent back, and do nothing.")
@click.option("--canary", is_flag=True, help="Send one of each fingerprint and wait until it got through.")
@click.option("--canary-wait", default=60.0, show_default=True, help="Seconds a canary is given.")
@click.option("--rate", type=Rate(), default="10/s", show_default=True, help="No faster than this.")
@click.option("--max-replays", default=3, show_default=True, help="Refuse what was sent back this often.")
@click.option("--force", is_flag=True, help="Send even what came back too often or belongs to no known request.")
@click.option("--drop-ended", is_flag=True, help="Remove what its request, having ended, no longer needs.")
@click.option("--operator", help="Your name in the audit trail; by default the one AWS knows.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@on_target
def replay(  # noqa: PLR0913 - one argument an option
    connection: Connection,
    *,
    queue: str | None,
    fingerprint: str | None,
    request_id: str | None,
    everything: bool,
    limit: int | None,
    dry_run: bool,
    canary: bool,
    canary_wait: float,
    rate: float,
    max_replays: int,
    force: bool,
    drop_ended: bool,
    operator: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Send dead letters back to the queues they came from."""
    if not (queue or fingerprint or request_id or everything):
        raise click.UsageError("say what to replay: --queue, --fingerprint, --request or --all")
    queues = _queues(connection)
    replayer = Replayer(
        queues=queues,
        states=RequestTable(connection.client("dynamodb"), connection.target.requests_table),
        bus=Publisher(connection.client("events"), connection.target.bus_name),
        options=ReplayOptions(
            operator=operator or connection.caller(),
            rate=rate,
            canary=canary,
            canary_seconds=canary_wait,
            max_replays=max_replays,
            force=force,
            drop_ended=drop_ended,
        ),
    )
    letters = collect(queues, _pairs(queues, queue), limit=READ_MAX)
    in_hand = {letter.key: letter for letter in letters}
    try:
        plan = replayer.plan(Selection(fingerprint, request_id).of(letters)[:limit])
        sendable = sum(planned.verdict == "replay" for planned in plan)
        if not as_json:
            tables.print_plan(plan)
        if dry_run:
            if as_json:
                print_json([{**item.letter.facts(), "verdict": item.verdict, "status": item.status} for item in plan])
            return REFUSED if sendable < len(plan) else OK
        if sendable and not yes:
            click.confirm(f"Send {sendable} messages back?", abort=True, err=True)
        actions = set()
        for outcome in replayer.run(plan):
            actions.add(outcome.action)
            if outcome.action in {"replayed", "dropped"}:
                in_hand.pop(outcome.letter.key)
            if as_json:
                print_json({**outcome.letter.facts(), "action": outcome.action, "why": outcome.why})
            else:
                tables.print_outcome(outcome)
    finally:
        release(queues, in_hand.values())
    if "canary_failed" in actions:
        return CANARY_FAILED
    return REFUSED if "refused" in actions else OK


@dlq.command("purge", epilog=EXIT_CODES)
@click.option("--queue", required=True, help="Step or name of the queue.")
@click.option("--fingerprint", help="Only what failed this way; the first digits will do.")
@click.option("--request", "request_id", help="Only this request's.")
@click.option("--yes-purge", metavar="NAME", help="Confirm with the dead-letter queue's name instead of typing it.")
@on_target
def purge_(
    connection: Connection,
    *,
    queue: str,
    fingerprint: str | None,
    request_id: str | None,
    yes_purge: str | None,
    as_json: bool,
) -> int:
    """Delete dead letters for good. Nothing brings them back."""
    queues = _queues(connection)
    pairs = _pairs(queues, queue)
    letters = collect(queues, pairs, limit=READ_MAX)
    chosen = Selection(fingerprint, request_id).of(letters)
    left = {letter.key: letter for letter in letters}
    try:
        if not as_json:
            tables.print_groups(chosen, limit=0)
        if not chosen:
            return OK
        name = pairs[0].name
        if (yes_purge or click.prompt(f"Type {name} to delete {len(chosen)} of its messages", err=True)) != name:
            click.echo("That is another name: nothing was deleted.", err=True)
            return NOT_CONFIRMED
        deleted = purge(queues, chosen)
        for letter in chosen:
            del left[letter.key]
    finally:
        release(queues, left.values())
    if as_json:
        print_json({"queue": name, "deleted": deleted})
    else:
        click.echo(f"Deleted {deleted} messages.")
    return OK


def _queues(connection: Connection) -> SqsQueues:
    return SqsQueues(connection.client("sqs"), connection.target.prefix)


def _pairs(queues: Queues, name: str | None = None) -> list[QueuePair]:
    """Return the pairs an operator means: all that hold anything, or the one of that name."""
    pairs = queues.pairs()
    if not pairs:
        raise _nothing_here()
    if name is None:
        return [pair for pair in pairs if queues.counts(pair.url).total]  # reading an empty queue takes a second
    chosen = [pair for pair in pairs if pair.answers_to(name)]
    if not chosen:
        raise click.UsageError(f"no queue {name}; there are {', '.join(pair.step for pair in pairs)}")
    return chosen


def _nothing_here() -> click.ClickException:
    return click.ClickException("no dead-letter queues here: is it the right prefix, region and endpoint?")


def _group(letters: list[DeadLetter], limit: int) -> dict[str, Any]:
    head = letters[0]
    return {
        "step": head.queue.step,
        "fingerprint": head.fingerprint,
        "error": head.error,
        "reason": head.reason,
        "count": len(letters),
        "letters": [letter.facts() for letter in letters[:limit]],
    }

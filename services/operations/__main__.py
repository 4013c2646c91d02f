"""The command line of whoever is on call: `python -m services.operations dlq …`."""

import json
import sys
from collections.abc import Iterable
from typing import Any, Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from events.publisher import PublishError
from services.operations import tables
from services.operations.adapters import Connection, TakenError
from services.operations.letters import DeadLetter, QueuePair, Selection, by_fingerprint
from services.operations.logic import Replayer, ReplayOptions, collect, purge, release, summarize
from services.operations.options import Rate, on_target, selecting
from services.operations.ports import Queues

OK: Final = 0
FAILED: Final = 1
DEAD_LETTERS: Final = 3
REFUSED: Final = 4
CANARY_FAILED: Final = 5
NOT_CONFIRMED: Final = 6
READ_MAX: Final = 10_000
"""Messages of one queue that one command takes in hand."""

EXIT_CODES = """\b
Exit codes:
  0  done
  1  AWS could not be reached, said no, or has no such installation
  2  wrong usage
  3  there are dead letters (with --fail-if-any)
  4  some messages were refused and stay where they are
  5  a canary failed: the rest of its group stays where it is
  6  not confirmed: nothing was done"""


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def cli(context: click.Context) -> Any:
    """Operate an installation. Without a verb: list the dead-letter queues."""
    return _bare(dlq, context) if context.invoked_subcommand is None else None


@cli.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def dlq(context: click.Context) -> Any:
    """Dead-letter queues: list, show, replay, purge."""
    return _bare(list_, context) if context.invoked_subcommand is None else None


@dlq.command("list", epilog=EXIT_CODES)
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 where there are dead letters.")
@on_target
def list_(connection: Connection, *, fail_if_any: bool, as_json: bool) -> int:
    """List every dead-letter queue with its counts and the age of its oldest message."""
    found = summarize(connection.queues())
    if not found:
        raise _nothing_here()
    if as_json:
        _echo(
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
    queues = connection.queues()
    letters = collect(queues, _pairs(queues, queue), limit=READ_MAX, hidden_seconds=120)
    release(queues, letters)
    chosen = Selection(fingerprint, request_id).of(letters)
    if as_json:
        _echo([_group(group, limit) for group in by_fingerprint(chosen)])
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
    queues = connection.queues()
    replayer = Replayer(
        queues=queues,
        states=connection.states(),
        bus=connection.bus(),
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
                _echo([{**item.letter.facts(), "verdict": item.verdict, "status": item.status} for item in plan])
            return REFUSED if sendable < len(plan) else OK
        if sendable and not yes:
            click.confirm(f"Send {sendable} messages back?", abort=True, err=True)
        actions = set()
        for outcome in replayer.run(plan):
            actions.add(outcome.action)
            if outcome.action in {"replayed", "dropped"}:
                in_hand.pop(outcome.letter.key)
            if as_json:
                _echo({**outcome.letter.facts(), "action": outcome.action, "why": outcome.why})
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
    queues = connection.queues()
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
        _echo({"queue": name, "deleted": deleted})
    else:
        click.echo(f"Deleted {deleted} messages.")
    return OK


def _bare(command: click.Command, context: click.Context) -> Any:
    """Run ``command`` as if its name had been typed, with options from the environment."""
    with command.make_context(command.name, [], parent=context) as inner:
        return command.invoke(inner)


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


def _echo(value: dict[str, Any] | Iterable[Any]) -> None:
    click.echo(json.dumps(value))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = cli.main(arguments, prog_name="python -m services.operations", standalone_mode=False)
    except click.Abort:
        click.echo("Stopped.", err=True)
        return NOT_CONFIRMED
    except click.ClickException as error:  # wrong usage has 2, the others 1
        error.show()
        return error.exit_code
    except (ClientError, BotoCoreError, PublishError, TakenError, ValueError) as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        return FAILED
    return int(code or OK)


if __name__ == "__main__":
    sys.exit(main())

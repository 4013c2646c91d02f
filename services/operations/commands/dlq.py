"""`ops dlq`: what lies in the dead-letter queues."""

from typing import Any

import click

from services.operations.commands.desk import READ_MAX, nothing_here, pairs_of, queues_of, states_of
from services.operations.commands.options import DEAD_LETTERS, EXIT_CODES, OK, Asked, bare, on_target, selecting
from services.operations.commands.quarantine import discard, purge, quarantine, quarantined, release
from services.operations.commands.replay import edit, replay
from services.operations.connection import Connection
from services.operations.dead_letters import tables
from services.operations.dead_letters.letters import DeadLetter, by_fingerprint, group_facts
from services.operations.dead_letters.listing import collect, let_go, summarize
from services.operations.dead_letters.ports import RequestStates, Story
from services.operations.printing import print_json


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def dlq(context: click.Context) -> Any:
    """Dead-letter queues: look, replay, edit, put aside.

    With --json, verbs that only look print one array, verbs that act print an object a line as they go.
    """
    return bare(list_, context) if context.invoked_subcommand is None else None


@dlq.command("list", epilog=EXIT_CODES)
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 where there are dead letters.")
@on_target
def list_(connection: Connection, *, fail_if_any: bool, as_json: bool) -> int:
    """List every dead-letter queue with its counts and the age of its oldest message."""
    found = summarize(queues_of(connection))
    if not found:
        raise nothing_here()
    if as_json:
        print_json([row.facts() for row in found])
    else:
        tables.print_summaries(found)
    return DEAD_LETTERS if fail_if_any and any(row.dead.total for row in found) else OK


@dlq.command(epilog=EXIT_CODES)
@selecting
@click.option("--limit", default=20, show_default=True, help="Messages shown of each fingerprint.")
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 where something is shown.")
@on_target
def show(connection: Connection, *, asked: Asked, limit: int, fail_if_any: bool, as_json: bool) -> int:
    """Show dead letters grouped by fingerprint: what failed, where, why, what helps, for which requests.

    With --request or --event: each letter with all that is known of it and its request's timeline. Never a prompt.
    """
    queues = queues_of(connection)
    letters = collect(queues, pairs_of(queues, asked.queue), limit=READ_MAX, hidden_seconds=120)
    let_go(queues, letters)
    chosen = asked.selection.of(letters)
    closely = bool(asked.selection.request_id or asked.selection.event_id)
    stories = _stories(states_of(connection), chosen) if closely else {}
    if as_json:
        print_json([_group(group, limit, stories) for group in by_fingerprint(chosen)])
    elif closely:
        tables.print_letters(chosen, stories)
    else:
        tables.print_groups(chosen, limit)
    return DEAD_LETTERS if fail_if_any and chosen else OK


def _stories(states: RequestStates, letters: list[DeadLetter]) -> dict[str, Story]:
    requests = {letter.metadata.request_id for letter in letters if letter.metadata}
    return {request: story for request in requests if (story := states.story(request))}


def _group(letters: list[DeadLetter], limit: int, stories: dict[str, Story]) -> dict[str, Any]:
    return {**group_facts(letters), "letters": [_letter(letter, stories) for letter in letters[:limit]]}


def _letter(letter: DeadLetter, stories: dict[str, Story]) -> dict[str, Any]:
    story = stories.get(letter.metadata.request_id) if letter.metadata else None
    return {**letter.facts(), **(story.facts() if story else {})}


for verb in (replay, edit, quarantine, quarantined, release, discard, purge):
    dlq.add_command(verb)

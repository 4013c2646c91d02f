"""`dlq`: the dead-letter queues."""

from typing import Any

import click

from cli.commands import quarantine, replay
from cli.connection import Connection
from cli.console import print_json
from cli.dead_letters import READ_MAX, no_queues, pairs_of, queues_of, states_of
from cli.options import EXIT_CODES, NEEDS_ATTENTION, OK, Filter, bare, on_target, selecting
from cli.tables import dead_letters as tables
from services.operations.dead_letters.letters import DeadLetter, by_fingerprint, group_to_dict
from services.operations.dead_letters.ports import RequestStates, RequestTimeline
from services.operations.dead_letters.reservation import reserved, summarize


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def dlq(context: click.Context) -> Any:
    """Inspect, replay, edit, quarantine and purge dead letters.

    With --output json, commands that only read print one array; commands that change something print one object per
    line as they proceed.
    """
    return bare(list_, context) if context.invoked_subcommand is None else None


@dlq.command("list", epilog=EXIT_CODES)
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 if there are dead letters.")
@on_target
def list_(connection: Connection, *, fail_if_any: bool, as_json: bool) -> int:
    """List all dead-letter queues with their counts and the age of their oldest message."""
    found = summarize(queues_of(connection))
    if not found:
        raise no_queues()
    if as_json:
        print_json([row.to_dict() for row in found])
    else:
        tables.print_summaries(found)
    return NEEDS_ATTENTION if fail_if_any and any(row.dead.total for row in found) else OK


@dlq.command(epilog=EXIT_CODES)
@selecting
@click.option("--limit", default=20, show_default=True, help="Messages per fingerprint.")
@click.option("--fail-if-any", is_flag=True, help="Exit with 3 if dead letters are shown.")
@on_target
def show(connection: Connection, *, wanted: Filter, limit: int, fail_if_any: bool, as_json: bool) -> int:
    """Show dead letters grouped by fingerprint, with step, reason, advice and requests.

    With --request or --event, show all details and the request's timeline. Prompts are never shown.
    """
    queues = queues_of(connection)
    with reserved(queues, pairs_of(queues, wanted.queue), limit=READ_MAX, hidden_seconds=120) as reservation:
        letters = wanted.selection.of(reservation.letters)
    in_detail = bool(wanted.selection.request_id or wanted.selection.event_id)
    timelines = _timelines(states_of(connection), letters) if in_detail else {}
    if as_json:
        print_json([_group(group, limit, timelines) for group in by_fingerprint(letters)])
    elif in_detail:
        tables.print_letters(letters, timelines)
    else:
        tables.print_groups(letters, limit)
    return NEEDS_ATTENTION if fail_if_any and letters else OK


def _timelines(states: RequestStates, letters: list[DeadLetter]) -> dict[str, RequestTimeline]:
    requests = {letter.metadata.request_id for letter in letters if letter.metadata}
    return {request: timeline for request in requests if (timeline := states.timeline(request))}


def _group(letters: list[DeadLetter], limit: int, timelines: dict[str, RequestTimeline]) -> dict[str, Any]:
    return {**group_to_dict(letters), "letters": [_letter(letter, timelines) for letter in letters[:limit]]}


def _letter(letter: DeadLetter, timelines: dict[str, RequestTimeline]) -> dict[str, Any]:
    timeline = timelines.get(letter.metadata.request_id) if letter.metadata else None
    return {**letter.to_dict(), **(timeline.to_dict() if timeline else {})}


for command in (
    replay.replay,
    replay.edit,
    quarantine.quarantine,
    quarantine.quarantined,
    quarantine.release,
    quarantine.discard,
    quarantine.purge,
):
    dlq.add_command(command)

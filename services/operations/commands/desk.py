"""What the verbs about dead letters have in common."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from kit.publisher import Publisher
from services.operations.actions.adapters import TrailTable
from services.operations.commands.options import CANARY_FAILED, OK, REFUSED, Asked
from services.operations.connection import Connection
from services.operations.dead_letters import tables
from services.operations.dead_letters.adapters import QuarantineTable, RequestTable, SqsQueues
from services.operations.dead_letters.desk import Desk
from services.operations.dead_letters.letters import DeadLetter, QueuePair
from services.operations.dead_letters.listing import collect, holding, let_go
from services.operations.dead_letters.logic import Outcome, Planned
from services.operations.dead_letters.ports import Queues
from services.operations.printing import print_json

READ_MAX: Final = 10_000
"""Messages of one queue that one command takes in hand."""
GONE: Final = frozenset({"replayed", "edited", "dropped", "quarantined", "purged"})
"""What was done to a letter that is no longer in its dead-letter queue."""


def desk_of(connection: Connection, operator: str | None = None) -> Desk:
    """Return an operator's desk. Who they are is asked of AWS unless they say."""
    dynamodb, own = connection.client("dynamodb"), connection.target.operations_table
    queues = queues_of(connection)
    return Desk(
        operator=operator or connection.caller(),
        queues=queues,
        states=states_of(connection),
        bus=Publisher(connection.client("events"), connection.target.bus_name),
        quarantine=QuarantineTable(dynamodb, own, queues.pairs),
        trail=TrailTable(dynamodb, own),
    )


def queues_of(connection: Connection) -> SqsQueues:
    """Return the installation's queues."""
    return SqsQueues(connection.client("sqs"), connection.target.prefix)


def states_of(connection: Connection) -> RequestTable:
    """Return where requests stand."""
    return RequestTable(connection.client("dynamodb"), connection.target.requests_table)


def pairs_of(queues: Queues, name: str | None = None) -> list[QueuePair]:
    """Return the pairs an operator means: all that hold anything, or the one of that name."""
    pairs = queues.pairs()
    if not pairs:
        raise nothing_here()
    if name is None:
        return holding(queues)
    chosen = [pair for pair in pairs if pair.answers_to(name)]
    if not chosen:
        raise click.UsageError(f"no queue {name}; there are {', '.join(pair.step for pair in pairs)}")
    return chosen


def nothing_here() -> click.ClickException:
    """Return what is said where there is not one queue."""
    return click.ClickException("no dead-letter queues here: is it the right prefix, region and endpoint?")


class InHand:
    """Letters that were taken out of everybody's sight; those that are still there afterwards are let go."""

    def __init__(self, letters: Iterable[DeadLetter], chosen: list[DeadLetter]) -> None:
        self.chosen = chosen
        self.left = {letter.key: letter for letter in letters}

    def note(self, outcome: Outcome) -> Outcome:
        """Remember that a letter is no longer in its queue."""
        if outcome.action in GONE:
            self.left.pop(outcome.letter.key, None)
        return outcome


@contextmanager
def in_hand(queues: Queues, asked: Asked, limit: int | None = None) -> Iterator[InHand]:
    """Take the letters that were asked for in hand, oldest first, at most ``limit``."""
    letters = collect(queues, pairs_of(queues, asked.queue), limit=READ_MAX)
    taken = InHand(letters, asked.selection.of(letters)[:limit])
    try:
        yield taken
    finally:
        let_go(queues, taken.left.values())


def agreed(plan: Sequence[Planned], question: str, *, dry_run: bool, yes: bool, as_json: bool) -> int | None:
    """Show what a replay would do and ask; return None to go on, or the exit code with which it ends here.

    ``question`` has a place for the number of messages, ``{}``. Raises ``click.Abort`` where the answer is no.
    """
    sendable = sum(planned.verdict == "replay" for planned in plan)
    if not as_json:
        tables.print_plan(plan)
    if dry_run:
        if as_json:
            print_json([planned.facts() for planned in plan])
        return REFUSED if sendable < len(plan) else OK
    if sendable and not yes:
        click.confirm(question.format(sendable), abort=True, err=True)
    return None if plan else OK


def tell(outcomes: Iterable[Outcome], *, as_json: bool) -> int:
    """Print each outcome as it comes; return the exit code that they amount to."""
    done = set()
    for outcome in outcomes:
        done.add(outcome.action)
        if as_json:
            print_json(outcome.facts())
        else:
            tables.print_outcome(outcome)
    if "canary_failed" in done:
        return CANARY_FAILED
    return REFUSED if "refused" in done else OK

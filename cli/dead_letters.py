"""What the commands about dead letters share."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from cli.connection import Connection
from cli.console import print_json
from cli.options import CANARY_FAILED, OK, REFUSED, Filter
from cli.tables import dead_letters as tables
from kit.publisher import Publisher
from services.operations.dead_letters.letters import Outcome, QueuePair
from services.operations.dead_letters.ports import Queues
from services.operations.dead_letters.replaying import Planned
from services.operations.dead_letters.repository import (
    QUARANTINE_RETENTION,
    QuarantineTable,
    RequestTable,
    SqsQueues,
)
from services.operations.dead_letters.reservation import Reservation, non_empty, reserved
from services.operations.dead_letters.session import OperatorSession

READ_MAX: Final = 10_000
"""Messages of one queue that a command reserves."""


def session_of(connection: Connection, operator: str | None = None) -> OperatorSession:
    """Return an operator session. Without ``operator``, the operator is the one that AWS reports."""
    dynamodb, own_table = connection.client("dynamodb"), connection.target.operations_table
    queues = queues_of(connection)
    return OperatorSession(
        operator=connection.operator(operator),
        queues=queues,
        states=states_of(connection),
        bus=Publisher(connection.client("events"), connection.target.bus_name),
        quarantine=QuarantineTable(
            dynamodb, own_table, queues.pairs, connection.retention("QuarantineRetentionDays", QUARANTINE_RETENTION)
        ),
        trail=connection.trail(),
    )


def queues_of(connection: Connection) -> SqsQueues:
    """Return the installation's queues."""
    return SqsQueues(connection.client("sqs"), connection.target.prefix)


def states_of(connection: Connection) -> RequestTable:
    """Return the states of requests."""
    return RequestTable(connection.client("dynamodb"), connection.target.requests_table)


def pairs_of(queues: Queues, name: str | None = None) -> list[QueuePair]:
    """Return the pairs with this name, or without a name all pairs with dead letters."""
    pairs = queues.pairs()
    if not pairs:
        raise no_queues()
    if name is None:
        return non_empty(queues)
    found = [pair for pair in pairs if pair.answers_to(name)]
    if not found:
        raise click.UsageError(f"There is no queue {name}. Queues: {', '.join(pair.step for pair in pairs)}")
    return found


def no_queues() -> click.ClickException:
    """Return the error for an installation without queues."""
    return click.ClickException("No dead-letter queues found. Check prefix, region and endpoint.")


@contextmanager
def reserve_filtered(queues: Queues, wanted: Filter, limit: int | None = None) -> Iterator[Reservation]:
    """Reserve the dead letters that ``wanted`` selects, oldest first, at most ``limit``."""
    with reserved(queues, pairs_of(queues, wanted.queue), limit=READ_MAX) as reservation:
        reservation.choose(wanted.selection, limit)
        yield reservation


def confirm_plan(plan: Sequence[Planned], question: str, *, dry_run: bool, yes: bool, as_json: bool) -> int | None:
    """Show what a replay would do and ask for confirmation; return None to continue, or the exit code.

    ``question`` contains ``{}`` for the number of messages. Raises ``click.Abort`` without confirmation.
    """
    sendable = sum(planned.verdict == "replay" for planned in plan)
    if not as_json:
        tables.print_plan(plan)
    if dry_run:
        if as_json:
            print_json([planned.to_dict() for planned in plan])
        return REFUSED if sendable < len(plan) else OK
    if sendable and not yes:
        click.confirm(question.format(sendable), abort=True, err=True)
    return None if plan else OK


def print_outcomes(outcomes: Iterable[Outcome], *, as_json: bool) -> int:
    """Print each outcome as soon as it is known; return the exit code."""
    actions = set()
    for outcome in outcomes:
        actions.add(outcome.action)
        if as_json:
            print_json(outcome.to_dict())
        else:
            tables.print_outcome(outcome)
    if "canary_failed" in actions:
        return CANARY_FAILED
    return REFUSED if "refused" in actions else OK

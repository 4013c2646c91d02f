"""The consumers of the queues: paused while tables are gone, so that messages wait and keep their retries."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from cli.recovery.tables import Beat, RestoreError
from services.operations.dead_letters.letters import QueuePair
from services.operations.dead_letters.repository import SqsQueues

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

POLL_SECONDS: Final = 1.0
STATE_SECONDS: Final = 300.0
"""For a mapping to be enabled or disabled."""
ARCHIVE: Final = "analytics-record"


class Consumers:
    """The mappings of an installation's queues to its functions."""

    def __init__(self, lambdas: "LambdaClient", prefix: str) -> None:
        self._lambda = lambdas
        self._prefix = prefix

    def enabled(self) -> list[str]:
        """Return the ids of the mappings that are enabled."""
        return [each["UUID"] for each in self._mappings() if each["State"] in {"Enabled", "Enabling", "Updating"}]

    def archiving(self) -> list[str]:
        """Return the ids of the mappings that fill the event lake."""
        return [each["UUID"] for each in self._mappings() if each["EventSourceArn"].endswith(f"-{ARCHIVE}")]

    def _mappings(self) -> Iterator[Any]:
        for page in self._lambda.get_paginator("list_event_source_mappings").paginate():
            for each in page["EventSourceMappings"]:
                if ":sqs:" in each["EventSourceArn"] and f":function:{self._prefix}-" in each["FunctionArn"]:
                    yield each

    def switch(self, ids: Iterable[str], *, on: bool, beat: Beat) -> int:
        """Enable or disable mappings, and wait until that is done. Return how many there are."""
        chosen = list(ids)
        for each in chosen:
            self._lambda.update_event_source_mapping(UUID=each, Enabled=on)
        until = time.monotonic() + STATE_SECONDS
        for each in chosen:
            while (state := self._lambda.get_event_source_mapping(UUID=each)["State"]) != (
                "Enabled" if on else "Disabled"
            ):
                if time.monotonic() > until:
                    raise RestoreError(f"The mapping {each} is still {state} after {STATE_SECONDS:.0f} s")
                beat()
                time.sleep(POLL_SECONDS)
        return len(chosen)


def wait_until_quiet(queues: SqsQueues, seconds: float, beat: Beat, *, only: str | None = None) -> list[str]:
    """Wait until all queues are empty, twice in a row. Return the steps that are not after ``seconds``.

    ``only``: the queue of this name must have no message that waits; one that is being retried may stay.
    """
    pairs = [pair for pair in queues.pairs() if pair.source_url and only in (None, pair.name.removesuffix("-dlq"))]
    until, calm = time.monotonic() + seconds, 0
    while True:
        busy = [pair.step for pair in pairs if _is_busy(queues, pair, waiting_only=only is not None)]
        calm = 0 if busy else calm + 1
        if calm >= 2 or time.monotonic() > until:
            return busy
        beat()
        time.sleep(POLL_SECONDS)


def _is_busy(queues: SqsQueues, pair: QueuePair, *, waiting_only: bool) -> bool:
    counts = queues.counts(pair.source_url or "")
    return bool(counts.waiting if waiting_only else counts.total)

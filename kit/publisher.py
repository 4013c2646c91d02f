"""Publish events with PutEvents. Refused events are retried and then reported."""

import random
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from events.envelope import Event
from kit import tracing
from kit.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

    _Pending = tuple[Event, PutEventsRequestEntryTypeDef]

MAX_ENTRIES: Final = 10
MAX_BYTES: Final = 256 * 1024
"""Maximum size of all entries of one PutEvents call
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html)."""
ROUNDS: Final = 3


class PublishError(TransientError):
    """The bus refused some events, even after retries."""

    def __init__(self, event_ids: frozenset[str], codes: frozenset[str]) -> None:
        super().__init__(f"{len(event_ids)} events not accepted by the bus: {', '.join(sorted(codes))}")
        self.event_ids = event_ids


class Publisher:
    """Puts events on one bus."""

    def __init__(self, client: "EventBridgeClient", bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, events: Sequence[Event]) -> None:
        """Publish every event, in calls of at most ten entries and 256 KiB.

        Refused entries are retried, in three rounds in total.
        Raises ``PublishError`` with the ids of the refused events; the others are published.
        """
        pending = [(event, self._entry(event)) for event in events]
        codes: frozenset[str] = frozenset()
        for round_ in range(ROUNDS):
            if round_:
                time.sleep(random.uniform(0.02, 0.1) * 2**round_)  # noqa: S311 - jitter, not a secret
            refused: list[_Pending] = []
            for chunk in _chunks(pending):
                failures = self._put([entry for _, entry in chunk])
                refused += [chunk[position] for position in failures]
                tracing.record_events([event for at, (event, _) in enumerate(chunk) if at not in failures])
                codes |= frozenset(failures.values())
            if not refused:
                return
            pending = refused
        raise PublishError(frozenset(event.metadata.event_id for event, _ in pending), codes)

    def _entry(self, event: Event) -> "PutEventsRequestEntryTypeDef":
        # model_dump_json writes UTF-8, not \u escapes: a prompt in Japanese takes 3 bytes per character, not 6.
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": self._bus,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": event.model_dump_json(exclude_none=True),
        }
        if header := tracing.header_of(event):
            entry["TraceHeader"] = header
        return entry

    def _put(self, entries: "list[PutEventsRequestEntryTypeDef]") -> dict[int, str]:
        """Return the refused entries: position in ``entries`` → error code."""
        try:
            answer = self._client.put_events(Entries=entries)
        except (ClientError, BotoCoreError) as error:
            return dict.fromkeys(range(len(entries)), type(error).__name__)
        if not answer["FailedEntryCount"]:
            return {}
        return {
            position: result["ErrorCode"]
            for position, result in enumerate(answer["Entries"])
            if result.get("ErrorCode")
        }


def _chunks(pending: "list[_Pending]") -> "Iterator[list[_Pending]]":
    chunk: list[_Pending] = []
    size = 0
    for item in pending:
        entry = item[1]
        length = len(entry["Detail"].encode()) + len(entry["Source"]) + len(entry["DetailType"])
        if chunk and (len(chunk) == MAX_ENTRIES or size + length > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += length
    if chunk:
        yield chunk

"""Builders of events and SQS records, and fakes of the bus and the queue."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from events.catalog import CATALOG, event_type
from events.envelope import Event
from kit.publisher import PublishError

SAMPLES = Path(__file__).parents[2] / "events" / "samples"


def sample(detail_type: str, version: int = 1) -> Event:
    """Return the sample event of the catalog."""
    kind = event_type(detail_type, version)
    if kind is None:
        raise KeyError(f"{detail_type} version {version} is not in the catalog: {sorted(CATALOG)}")
    return kind.model_validate_json((SAMPLES / f"{detail_type}.v{version}.json").read_text())


def sqs_record(event: Event | str, *, receives: int = 1, sent_ms: int | None = None) -> dict[str, Any]:
    """Return the SQS record of ``event`` as a rule on the bus delivers it. A string is the body itself."""
    body = event if isinstance(event, str) else eventbridge_body(event)
    now = int(time.time() * 1000)
    return {
        "messageId": str(uuid4()),
        "receiptHandle": uuid4().hex,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(sent_ms or now),
            "ApproximateFirstReceiveTimestamp": str(sent_ms or now),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:test",
        "awsRegion": "us-east-1",
    }


def eventbridge_body(event: Event) -> str:
    """Return ``event`` as EventBridge delivers it to a queue."""
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": event.detail_type,
            "source": event.source,
            "account": "000000000000",
            "time": "2026-01-01T00:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": json.loads(event.model_dump_json(exclude_none=True)),
        }
    )


class RecordingBus:
    """A bus that records events and refuses the detail types in ``refuse``."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.refuse: set[str] = set()

    def publish(self, events: Sequence[Event]) -> None:
        """Record ``events``; raise ``PublishError`` for the refused ones."""
        self.events += [event for event in events if event.detail_type not in self.refuse]
        refused = frozenset(e.metadata.event_id for e in events if e.detail_type in self.refuse)
        if refused:
            raise PublishError(refused, frozenset({"InternalFailure"}))


class RecordingQueue:
    """A queue that records delayed messages and dead letters."""

    def __init__(self) -> None:
        self.delayed: list[tuple[str, int]] = []
        self.dead: list[tuple[str, dict[str, str]]] = []
        self.trace_headers: list[str | None] = []
        self.unreachable = False

    def change_visibility(self, receipt_handle: str, seconds: int) -> None:
        """Record the receipt handle and its delay."""
        self.delayed.append((receipt_handle, seconds))

    def dead_letter(self, body: str, attributes: dict[str, str], trace_header: str | None) -> None:
        """Record the body and its attributes, or raise if ``unreachable``."""
        if self.unreachable:
            raise ConnectionError("dead-letter queue unreachable")
        self.dead.append((body, attributes))
        self.trace_headers.append(trace_header)

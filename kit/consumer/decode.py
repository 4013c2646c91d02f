"""Decode SQS records into typed events."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from events.catalog import event_type
from events.envelope import Event, Metadata
from kit.errors import UnprocessableError

Outcome = Literal["handled", "retried", "in_progress", "dead_lettered", "dropped"]


@dataclass
class Message:
    """An SQS record, everything that could be decoded of it, and what the consumer decided about it."""

    record: dict[str, Any]
    event: Event | None = None
    detail_type: str = "unknown"
    metadata: Metadata | None = None
    outcome: Outcome = "handled"
    retry_after: float | None = None
    """Seconds until the message becomes visible again; None if the message is done."""
    to_publish: list[Event] = field(default_factory=list)
    error: dict[str, str] = field(default_factory=dict)
    """``error`` and ``reason`` of the failure, without any text that may quote a prompt."""

    @property
    def message_id(self) -> str:
        """The id that SQS gave to the message."""
        return str(self.record["messageId"])

    @property
    def receipt_handle(self) -> str:
        """The handle of this delivery."""
        return str(self.record["receiptHandle"])

    @property
    def attempts(self) -> int:
        """How often the message was received, this time included."""
        return int(self.record["attributes"]["ApproximateReceiveCount"])

    @property
    def age(self) -> float:
        """Seconds since the message was sent."""
        return time.time() - int(self.record["attributes"]["SentTimestamp"]) / 1000


class Decoder:
    """Decodes records of one step's queue. ``accepts`` has its events; None stands for the whole catalog."""

    def __init__(self, step: str, accepts: Mapping[tuple[str, int], type[Event]] | None) -> None:
        self._step = step
        self._accepts = accepts

    def decode(self, message: Message) -> None:
        """Set the event of ``message``.

        The metadata is set as soon as it is valid, so that a stall can name its request. Raises ``UnprocessableError``
        or ``ValidationError``.
        """
        try:
            body = json.loads(message.record["body"])
            message.detail_type = str(body["detail-type"])
            detail, source = body["detail"], body["source"]
            message.metadata = Metadata.model_validate(detail["metadata"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if isinstance(error, ValidationError):
                raise
            raise UnprocessableError("body: is not an EventBridge event with metadata and data") from error
        key = (message.detail_type, message.metadata.version)
        kind = event_type(*key) if self._accepts is None else self._accepts.get(key)
        if kind is None:
            raise UnprocessableError(f"detail-type: {self._step} does not know {key[0][:80]} version {key[1]}")
        if source != kind.source:
            raise UnprocessableError(f"source: {kind.detail_type} is published by {kind.source} only")
        # The metadata is an instance already and is not validated again.
        message.event = kind.model_validate({**detail, "metadata": message.metadata})

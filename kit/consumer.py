"""Consuming: a batch from SQS in, typed events to one function, and a decided fate for every message.

    handled      the function's events are published, the message is done
    retried      the message's visibility is set with backoff and jitter, the message is reported as failed
    dead-letter  the message is copied to the dead-letter queue with its reason, `ProcessingStalled` is published,
                 the message is done

A crash between any two steps leaves the message in its queue; everything that follows is idempotent by derived ids.
"""

import hashlib
import json
import math
import random
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError
from pydantic import ValidationError

from events.catalog import event_type
from events.catalog.processing_stalled import ProcessingStalled, ProcessingStalledData
from events.envelope import Event, Metadata
from kit.errors import InProgressError, UnprocessableError, disposition, error_code
from kit.publisher import PublishError
from kit.telemetry import logger, measure

Handler = Callable[[Any], Sequence[Event]]
"""One event in, the events that follow from it out. Raises to have the message retried or dead-lettered."""
BatchHandler = Callable[[Sequence[Any]], Sequence[Event]]

OPERATIONAL: Final = frozenset({"ProcessingStalled", "MessageReplayed", "RequestStatusChanged", "WebhookDue"})
"""Events about the machinery itself: failing to consume one is never announced by another, or there would be loops."""


AFTER_TIMEOUT: Final = 5
"""Seconds between the last moment in which a function can be at work on a message and its coming back."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long a message is worth retrying. Seconds."""

    attempts: int = 5
    """For retriable errors."""
    window: float = 900
    """For transient errors, from when the message was sent."""
    base: float = 5
    cap: float = 300

    def delay(self, attempt: int) -> float:
        """Return the pause after the ``attempt``-th delivery (from 1): exponential, half of it jitter."""
        full: float = min(self.cap, self.base * 2 ** (attempt - 1))
        return full * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret

    def worst_deliveries(self) -> int:
        """Return the most deliveries the window allows, jitter at its shortest: ``maxReceiveCount`` sits above it."""
        elapsed, deliveries = 0.0, 1
        while elapsed < self.window:
            elapsed += min(self.cap, self.base * 2 ** (deliveries - 1)) / 2
            deliveries += 1
        return deliveries

    def worst_seconds(self) -> float:
        """Return the longest time from a message's first delivery to its last, less the handling itself."""
        return self.window + self.cap


class Queue(Protocol):
    """A source queue with its dead-letter queue."""

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Make the message visible again in ``seconds``."""

    def dead_letter(self, body: str, attributes: dict[str, str]) -> None:
        """Copy a message to the dead-letter queue."""

    def hold(self, receipt_handles: Sequence[str], seconds: int) -> None:
        """Make at most ten messages visible again in ``seconds``."""


class Bus(Protocol):
    """Where events are published."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish all of ``events`` or raise ``PublishError``."""


@dataclass
class _Message:
    """One SQS record on its way through the consumer."""

    record: dict[str, Any]
    event: Event | None = None
    detail_type: str = "unknown"
    metadata: Metadata | None = None
    publish: list[Event] = field(default_factory=list)
    outcome: str = "handled"
    retry_after: float | None = None

    @property
    def attempts(self) -> int:
        return int(self.record["attributes"]["ApproximateReceiveCount"])

    @property
    def age(self) -> float:
        return time.time() - int(self.record["attributes"]["SentTimestamp"]) / 1000


class Consumer:
    """A Lambda handler for one queue.

    ``step`` is ``service.step``; ``accepts`` the events the queue's rule lets in, or None for the whole catalog;
    ``workers`` how many messages of a batch are handled side by side, and then ``publishes`` the events that follow.
    ``recovers`` is for functions with a long timeout: a queue hides its messages for six of them, as they may wait for
    a free function. Once the function runs, one is enough: should it die, they come back then.
    """

    def __init__(
        self,
        *,
        step: str,
        accepts: Sequence[type[Event]] | None,
        queue: Queue,
        bus: Bus,
        handle: Handler | None = None,
        handle_batch: BatchHandler | None = None,
        policy: RetryPolicy | None = None,
        workers: int = 1,
        publishes: Sequence[type[Event]] = (),
        recovers: bool = False,
    ) -> None:
        if (handle is None) == (handle_batch is None):
            raise TypeError("a consumer has either handle or handle_batch")
        self.step = step
        self.policy = policy or RetryPolicy()
        self._accepts = None if accepts is None else {(e.detail_type, e.version): e for e in accepts}
        self._queue = queue
        self._bus = bus
        self._handle = handle
        self._handle_batch = handle_batch
        self._recovers = recovers
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers)  # its threads start when first needed, and stay for the next batch
        self._unbuilt: list[type[Event]] = [ProcessingStalled, *publishes] if workers > 1 else []

    def __call__(self, batch: dict[str, Any], context: Any = None) -> dict[str, Any]:
        """Handle an SQS batch and return the partial batch response (``ReportBatchItemFailures``)."""
        started = time.perf_counter()
        messages = [_Message(record) for record in batch["Records"]]
        if self._recovers and context is not None:
            self._hold(messages, context)
        while self._unbuilt:
            self._unbuilt.pop().build()
        readable = [message for message in messages if self._read(message)]
        if self._handle_batch is not None:
            self._run_batch(readable)
        elif self._workers > 1 and len(readable) > 1:
            list(self._pool.map(self._run, readable))
        else:
            for message in readable:
                self._run(message)
        self._publish(messages)
        for message in messages:
            if message.retry_after is not None:
                self._postpone(message)
        self._tell(messages, time.perf_counter() - started)
        return {
            "batchItemFailures": [
                {"itemIdentifier": message.record["messageId"]}
                for message in messages
                if message.retry_after is not None
            ]
        }

    def _hold(self, messages: list[_Message], context: Any) -> None:
        try:
            seconds = context.get_remaining_time_in_millis() / 1000
            handles = [message.record["receiptHandle"] for message in messages]
            self._queue.hold(handles, math.ceil(seconds) + AFTER_TIMEOUT)
        except Exception as error:  # then they come back later
            logger.warning("visibility not changed", step=self.step, **_explain(error))

    def _read(self, message: _Message) -> bool:
        try:
            self._parse(message)
        except (UnprocessableError, ValidationError) as error:
            self._fail(message, error)
            return False
        return True

    def _parse(self, message: _Message) -> None:
        """Fill in the typed event; what can be read of the metadata is kept, so that a stall can name its request."""
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
            raise UnprocessableError(f"detail-type: {self.step} does not know {key[0][:80]} version {key[1]}")
        if source != kind.source:
            raise UnprocessableError(f"source: {kind.detail_type} is published by {kind.source} only")
        message.event = kind.model_validate({**detail, "metadata": message.metadata})  # validated once

    def _run(self, message: _Message) -> None:
        assert self._handle is not None  # noqa: S101 - narrowed by the constructor
        try:
            message.publish = list(self._handle(message.event))
        except Exception as error:
            self._fail(message, error)

    def _run_batch(self, messages: list[_Message]) -> None:
        assert self._handle_batch is not None  # noqa: S101 - narrowed by the constructor
        if not messages:
            return
        try:
            follow_up = self._handle_batch([message.event for message in messages])
        except Exception as error:
            if len(messages) > 1 and disposition(error) != "transient":
                for message in messages:  # one bad message must not take its neighbours along
                    self._run_batch([message])
            else:
                for message in messages:
                    self._fail(message, error)
        else:
            messages[0].publish = list(follow_up)

    def _fail(self, message: _Message, error: Exception) -> None:
        """Decide between another try and the dead-letter queue."""
        message.publish = []
        fate = disposition(error)
        if isinstance(error, InProgressError):
            message.outcome, message.retry_after = "in_progress", error.seconds
        elif (fate == "transient" and message.age < self.policy.window) or (
            fate == "retriable" and message.attempts < self.policy.attempts
        ):
            message.outcome, message.retry_after = "retried", self.policy.delay(message.attempts)
            logger.warning("retry", **self._facts(message), **_explain(error))
        else:
            self._dead_letter(message, error)

    def _dead_letter(self, message: _Message, error: Exception) -> None:
        facts = _explain(error)
        fingerprint = _fingerprint(self.step, facts["error"], facts["reason"])
        logger.error("dead-letter", **self._facts(message), **facts, fingerprint=fingerprint)
        first_seen = message.record["attributes"].get("ApproximateFirstReceiveTimestamp", "0")
        try:
            self._queue.dead_letter(
                message.record["body"],
                {**facts, "step": self.step, "fingerprint": fingerprint, "first_seen": first_seen},
            )
        except Exception as failure:
            logger.error("dead-letter queue unreachable", **self._facts(message), **_explain(failure))
            message.outcome, message.retry_after = "retried", self.policy.delay(message.attempts)
            return
        message.outcome = "dead_lettered"
        if message.metadata is not None and message.detail_type not in OPERATIONAL:
            message.publish = [self._stalled(message, message.metadata, facts, fingerprint)]

    def _stalled(
        self, message: _Message, metadata: Metadata, facts: dict[str, Any], fingerprint: str
    ) -> ProcessingStalled:
        stalled = ProcessingStalled.follow(
            metadata,
            ProcessingStalledData(
                step=self.step,
                stalled_event_id=metadata.event_id,
                stalled_detail_type=message.detail_type[:80],
                error=facts["error"],
                reason=facts["reason"],
                fingerprint=fingerprint,
                attempts=message.attempts,
            ),
            # Two steps may stall on one event, and one step again after a replay: each stall is a fact of its own.
            qualifier=self.step,
            index=metadata.replays,
        )
        about = stalled.metadata.model_copy(update={"replays": metadata.replays})
        return stalled.model_copy(update={"metadata": about})

    def _publish(self, messages: list[_Message]) -> None:
        """Publish what all messages have to say in one go; a message whose events were refused is retried."""
        events = [event for message in messages for event in message.publish]
        if not events:
            return
        try:
            self._bus.publish(events)
        except PublishError as error:
            for message in messages:
                if any(event.metadata.event_id in error.event_ids for event in message.publish):
                    message.outcome, message.retry_after = "retried", self.policy.delay(message.attempts)
                    logger.warning("retry", **self._facts(message), **_explain(error))

    def _postpone(self, message: _Message) -> None:
        try:
            self._queue.postpone(message.record["receiptHandle"], max(0, round(message.retry_after or 0)))
        except Exception as error:
            logger.warning("visibility not changed", **self._facts(message), **_explain(error))

    def _facts(self, message: _Message) -> dict[str, Any]:
        known = message.metadata
        return {
            "step": self.step,
            "detail_type": message.detail_type,
            "request_id": known.request_id if known else None,
            "event_id": known.event_id if known else None,
            "message_id": message.record["messageId"],
            "attempts": message.attempts,
        }

    def _tell(self, messages: list[_Message], seconds: float) -> None:
        """Write one line a batch, log entry and metrics at once: a line a message would cost more than the message."""
        outcomes = Counter(message.outcome for message in messages)
        measure(
            "batch",
            {f"messages_{outcome}": (count, "Count") for outcome, count in outcomes.items()},
            {"step": self.step},
            seconds=round(seconds, 4),
            messages=[
                {
                    "outcome": message.outcome,
                    "detail_type": message.detail_type,
                    "request_id": message.metadata.request_id if message.metadata else None,
                    "published": [event.detail_type for event in message.publish],
                }
                for message in messages
            ],
        )


def _explain(error: BaseException) -> dict[str, Any]:
    """Return ``error`` and ``reason`` for people, without any text that may quote a prompt."""
    match error:
        case ClientError():
            message = str(error.response.get("Error", {}).get("Message", ""))
            return {"error": error_code(error), "reason": f"{error.operation_name}: {message}"[:300]}
        case ValidationError():
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return {"error": "ValidationError", "reason": f"{where}: {first['msg']}"[:300]}
        case UnprocessableError() | PublishError() | InProgressError():
            return {"error": type(error).__name__, "reason": str(error)[:300]}
        case _ if disposition(error) == "final":
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = "/".join(frame.filename.split("/")[-3:])
            return {"error": type(error).__name__, "reason": f"at {where}:{frame.lineno} in {frame.name}"}
        case _:
            return {"error": type(error).__name__, "reason": str(error)[:300] or "no message"}


def _fingerprint(step: str, error: str, reason: str) -> str:
    """Return 12 hexadecimal digits that are the same for failures of one kind: ids and numbers do not count."""
    kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|\d+", "#", reason)
    return hashlib.sha256(f"{step}|{error}|{kind}".encode()).hexdigest()[:12]

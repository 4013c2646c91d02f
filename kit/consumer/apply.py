"""Apply decisions: dead-letter messages, publish events, change visibility timeouts."""

from collections.abc import Sequence
from typing import Protocol

from events.catalog.processing_stalled import ProcessingStalled, ProcessingStalledData
from events.envelope import Event, Metadata
from kit.consumer.decode import Message
from kit.consumer.policy import DELIVERY_EVENTS, DeadLetter, Drop, RetryPolicy, decide, describe_error, fingerprint
from kit.consumer.telemetry import message_fields
from kit.publisher import PublishError
from kit.telemetry import logger
from kit.tracing import SYSTEM_ATTRIBUTE


class Queue(Protocol):
    """A source queue with its dead-letter queue."""

    def change_visibility(self, receipt_handle: str, seconds: int) -> None:
        """Make the message visible again in ``seconds``."""

    def dead_letter(self, body: str, attributes: dict[str, str], trace_header: str | None) -> None:
        """Copy a message to the dead-letter queue."""


class Bus(Protocol):
    """The bus that events are published on."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish all of ``events`` or raise ``PublishError``."""


class Applier:
    """Applies the retry policy of one step to the messages of its queue."""

    def __init__(self, step: str, queue: Queue, bus: Bus, policy: RetryPolicy) -> None:
        self._step = step
        self._queue = queue
        self._bus = bus
        self._policy = policy

    def fail(self, message: Message, error: Exception) -> None:
        """Retry, dead-letter or drop a message whose handling raised ``error``."""
        message.to_publish, message.error = [], describe_error(error)
        decision = decide(error, attempts=message.attempts, age=message.age, policy=self._policy)
        if isinstance(decision, DeadLetter):
            self._dead_letter(message)
            return
        if isinstance(decision, Drop):
            message.outcome = "dropped"
            return
        message.outcome = "in_progress" if decision.in_progress else "retried"
        message.retry_after = decision.seconds
        if not decision.in_progress:
            logger.warning("retry", **message_fields(self._step, message))

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish the events of all messages at once. Retry the messages whose events the bus refused."""
        events = [event for message in messages for event in message.to_publish]
        if not events:
            return
        try:
            self._bus.publish(events)
        except PublishError as error:
            for message in messages:
                if any(event.metadata.event_id in error.event_ids for event in message.to_publish):
                    message.error = describe_error(error)
                    self._retry(message)
                    logger.warning("retry", **message_fields(self._step, message))

    def change_visibility(self, messages: Sequence[Message]) -> None:
        """Delay the next delivery of every message that is retried."""
        for message in messages:
            if message.retry_after is None:
                continue
            try:
                self._queue.change_visibility(message.receipt_handle, max(0, round(message.retry_after)))
            except Exception as error:  # the message returns after the queue's visibility timeout
                failure = message_fields(self._step, message) | describe_error(error)
                logger.warning("visibility not changed", **failure)

    def _retry(self, message: Message) -> None:
        message.outcome, message.retry_after = "retried", self._policy.delay(message.attempts)

    def _dead_letter(self, message: Message) -> None:
        mark = fingerprint(self._step, message.error["error"], message.error["reason"])
        logger.error("dead-letter", **message_fields(self._step, message), fingerprint=mark)
        first_seen = message.record["attributes"].get("ApproximateFirstReceiveTimestamp", "0")
        attributes = {**message.error, "step": self._step, "fingerprint": mark, "first_seen": first_seen}
        try:
            header = message.record["attributes"].get(SYSTEM_ATTRIBUTE)
            self._queue.dead_letter(message.record["body"], attributes, header)
        except Exception as error:
            failure = message_fields(self._step, message) | describe_error(error)
            logger.error("dead-letter queue unreachable", **failure)
            self._retry(message)
            return
        message.outcome = "dead_lettered"
        if message.metadata is not None and message.detail_type not in DELIVERY_EVENTS:
            message.to_publish = [self._stall(message, message.metadata, mark)]

    def _stall(self, message: Message, metadata: Metadata, mark: str) -> ProcessingStalled:
        data = ProcessingStalledData(
            step=self._step,
            stalled_event_id=metadata.event_id,
            stalled_detail_type=message.detail_type[:80],
            error=message.error["error"],
            reason=message.error["reason"],
            fingerprint=mark,
            attempts=message.attempts,
        )
        # Two steps may stall on one event, and one step again after a replay: each stall has an id of its own.
        stalled = ProcessingStalled.follow(metadata, data, qualifier=self._step, index=metadata.replays)
        counted = stalled.metadata.model_copy(update={"replays": metadata.replays})
        return stalled.model_copy(update={"metadata": counted})

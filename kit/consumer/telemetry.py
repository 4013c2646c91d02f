"""Log lines and metrics of consumers."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kit import tracing
from kit.consumer.decode import Message, Outcome
from kit.metrics import MetricName
from kit.telemetry import measure

METRIC_OF: Final[dict[Outcome, MetricName]] = {
    "handled": "messages_handled",
    "retried": "messages_retried",
    "in_progress": "messages_in_progress",
    "dead_lettered": "messages_dead_lettered",
    "dropped": "messages_handled",
}


def message_fields(step: str, message: Message) -> dict[str, Any]:
    """Return the fields that identify a message in a log line, with its error if it has one."""
    metadata = message.metadata
    return {
        "step": step,
        "detail_type": message.detail_type,
        "request_id": metadata.request_id if metadata else None,
        "event_id": metadata.event_id if metadata else None,
        "message_id": message.message_id,
        "attempts": message.attempts,
        **message.error,
    }


def log_batch(step: str, messages: Sequence[Message], seconds: float, *, name_handled: bool) -> None:
    """Emit one combined log and metric line. With a line per message, telemetry would be most of our own CPU time.

    ``handled`` has a list per request: its id, then id and detail type of each of its events. ``failed`` has all fields
    of the other messages. Traces find the deliveries of an event there. ``name_handled`` is off for the consumer of the
    whole catalog: nothing follows from its messages, and their ids would be a tenth of all logs.
    """
    handled: dict[str, list[Any]] = {}
    for message in messages:
        if message.outcome == "handled" and (about := message.metadata):
            handled.setdefault(about.request_id, [about.request_id]).append([about.event_id, message.detail_type])
    measure(
        "batch",
        dict(Counter(METRIC_OF[message.outcome] for message in messages)),
        {"step": step},
        seconds=round(seconds, 4),
        handled=list(handled.values()) if handled and name_handled else None,
        failed=[
            {**message_fields(step, message), "outcome": message.outcome}
            for message in messages
            if message.outcome != "handled"
        ]
        or None,
    )


def trace_batch(step: str, messages: Sequence[Message], seconds: float) -> None:
    """Record one delivery per message of a batch that ends now. All have the times of the batch, as in the log."""
    if not tracing.is_on():
        return
    ended = datetime.now(UTC)
    times = (ended - timedelta(seconds=seconds), ended)
    for message in messages:
        if message.metadata is not None:
            tracing.record_delivery(
                step, message.metadata, attempt=message.attempts, times=times, error=message.error.get("error")
            )

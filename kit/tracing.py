"""X-Ray: the events of a request and the messages that steps handle are segments of one trace.

The trace context is an event's ``traceparent``, which every copy of its message carries. X-Ray's trace header is
another spelling of it, so nothing has to be stored for it. A segment is one datagram to the daemon that Lambda runs
beside a function; the X-Ray SDK is not needed (ADR 17). Off unless the template's parameter ``Tracing`` is ``on``.
"""

import hashlib
import json
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from events.envelope import Event, Metadata
from kit.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageSystemAttributeValueTypeDef

SYSTEM_ATTRIBUTE: Final = "AWSTraceHeader"
"""The system attribute of an SQS message that contains its trace header. EventBridge sets it from a ``TraceHeader``."""
PREAMBLE: Final = b'{"format": "json", "version": 1}\n'
"""Before each segment: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html."""


def is_on() -> bool:
    """Return whether this installation traces."""
    return os.environ.get("TRACING") == "on"


def trace_header(metadata: Metadata) -> str:
    """Return X-Ray's trace header for an event. The trace is the request, the parent is the event.

    Every request is sampled: a trace that is missing is the one that somebody looks for.
    """
    _, trace, span, _ = metadata.traceparent.split("-")
    return f"Root={_trace_id(trace)};Parent={span};Sampled=1"


def message_attributes(header: str | None) -> "dict[Literal['AWSTraceHeader'], MessageSystemAttributeValueTypeDef]":
    """Return the system attributes of an SQS message with this trace header; none without one."""
    return {SYSTEM_ATTRIBUTE: {"DataType": "String", "StringValue": header}} if header else {}


def header_of(event: Event) -> str | None:
    """Return the trace header for a message with ``event``, or None if this installation does not trace."""
    return trace_header(event.metadata) if is_on() else None


def record_events(events: Sequence[Event]) -> None:
    """Send one segment per published event: from its cause until it happened."""
    if not is_on():
        return
    for event in events:
        metadata = event.metadata
        segment = _segment(
            event.detail_type,
            metadata,
            span=_span_id(metadata.event_id),
            parent=_span_id(metadata.cause_id),
            times=(metadata.caused_at, metadata.occurred_at),
        )
        _send(segment)


def record_delivery(
    step: str, metadata: Metadata, *, attempt: int, times: tuple[datetime, datetime], error: str | None
) -> None:
    """Send the segment of one delivery of an event to a step. ``error``: its name if it failed."""
    own = hashlib.sha256(f"{metadata.event_id} {step} {attempt}".encode()).hexdigest()[:16]
    segment = _segment(step, metadata, span=own, parent=_span_id(metadata.event_id), times=times)
    segment["annotations"]["attempt"] = attempt
    if error:
        segment["annotations"]["error"] = error
        segment["fault"] = True
    _send(segment)


def _segment(
    name: str, metadata: Metadata, *, span: str, parent: str, times: tuple[datetime, datetime]
) -> dict[str, Any]:
    _, trace, _, _ = metadata.traceparent.split("-")
    return {
        "name": name,
        "id": span,
        "parent_id": parent,
        "trace_id": _trace_id(trace),
        "start_time": times[0].timestamp(),
        "end_time": times[1].timestamp(),
        "annotations": {"request_id": metadata.request_id, "event_id": metadata.event_id},
    }


def _trace_id(trace: str) -> str:
    """Return a W3C trace id as X-Ray spells it."""
    return f"1-{trace[:8]}-{trace[8:]}"


def _span_id(event_id: str) -> str:
    return event_id.replace("-", "")[-16:]


def _send(segment: dict[str, Any]) -> None:
    """Send a segment to the daemon. A lost segment is no reason to fail: the event is already published."""
    address = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    if not address:  # outside of Lambda
        return
    host, _, port = address.rpartition(":")
    try:
        _socket().sendto(PREAMBLE + json.dumps(segment).encode(), (host, int(port)))
    except OSError as error:
        logger.warning("segment not sent", error=type(error).__name__)


@cache
def _socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

"""A trace as OpenTelemetry's OTLP in JSON, which Jaeger, Tempo and the OpenTelemetry collector accept.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: Protobuf's JSON mapping, but trace and span ids are
hexadecimal and not base64, and enums are numbers. 64-bit integers are decimal strings, as in Protobuf's mapping.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.operations.tracing.trace import Step, Trace, TracedEvent

INTERNAL, SERVER, CONSUMER = 1, 2, 5
"""Kinds of span."""
OK, ERROR = 1, 2
"""Status codes."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def otlp(trace: Trace) -> dict[str, Any]:
    """Return the trace as an ``ExportTraceServiceRequest``: one span per event and per delivery.

    The span of an event has the id of its ``traceparent``. It starts with the cause and ends with the event.
    """
    root = _span_id(trace.request_id)
    ends = trace.accepted_at + timedelta(seconds=trace.seconds)
    whole = {"genai_images.request_id": trace.request_id, "genai_images.status": trace.status}
    spans = [("intake", _span(trace, root, "", "request", SERVER, (trace.accepted_at, ends), whole))]
    for event in trace.events:
        spans += _event_spans(trace, event, "intake.api", root)
    services = dict.fromkeys(service for service, _ in spans)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": name, "service.namespace": "genai-images"})},
                "scopeSpans": [
                    {"scope": {"name": "genai-images"}, "spans": [span for service, span in spans if service == name]}
                ],
            }
            for name in services
        ]
    }


def _event_spans(trace: Trace, event: TracedEvent, step: str, parent: str) -> Iterator[tuple[str, dict[str, Any]]]:
    own = _span_id(event.event_id)
    began = event.at - timedelta(seconds=event.since_cause_seconds)
    attributes = {"genai_images.event_id": event.event_id, "genai_images.step": step}
    bad = event.event == "ProcessingStalled"
    span = _span(trace, own, parent, event.event, INTERNAL, (began, event.at), attributes, failed=bad)
    yield step.partition(".")[0], span
    for consumer in event.steps:
        yield from _step_spans(trace, consumer, event, own)


def _step_spans(trace: Trace, step: Step, cause: TracedEvent, parent: str) -> Iterator[tuple[str, dict[str, Any]]]:
    service = step.step.partition(".")[0]
    for number, delivery in enumerate(step.deliveries, start=1):
        own = hashlib.sha256(f"{cause.event_id} {step.step} {number}".encode()).hexdigest()[:16]
        attributes: dict[str, str | int] = {
            "messaging.system": "aws_sqs",
            "messaging.destination.name": step.step.replace(".", "-"),
            "genai_images.attempt": number,
            "genai_images.outcome": delivery.outcome,
        }
        if delivery.error:
            attributes["error.type"] = delivery.error
        times = (delivery.at, delivery.at + timedelta(seconds=delivery.seconds))
        failed = delivery.outcome in {"retried", "dead_lettered"}
        yield (
            service,
            _span(
                trace, own, parent, step.step, CONSUMER, times, attributes, failed=failed, text=delivery.reason or ""
            ),
        )
    for event in step.events:
        yield from _event_spans(trace, event, step.step, parent)


def _span(
    trace: Trace,
    span_id: str,
    parent: str,
    name: str,
    kind: int,
    times: tuple[datetime, datetime],
    attributes: dict[str, Any],
    *,
    failed: bool = False,
    text: str = "",
) -> dict[str, Any]:
    return {
        "traceId": trace.trace_id,
        "spanId": span_id,
        **({"parentSpanId": parent} if parent else {}),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": _nanoseconds(times[0]),
        "endTimeUnixNano": _nanoseconds(max(times)),
        "attributes": _attributes(attributes),
        "status": {"code": ERROR, **({"message": text} if text else {})} if failed else {"code": OK},
    }


def _span_id(event_id: str) -> str:
    """Return the last sixteen digits, as `events.envelope.traceparent` does."""
    return event_id.replace("-", "")[-16:]


def _nanoseconds(at: datetime) -> str:
    return str((at - EPOCH) // timedelta(microseconds=1) * 1000)


def _attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
        for key, value in attributes.items()
    ]

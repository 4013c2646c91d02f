"""A request's causal tree: every event below its cause, and the deliveries in between.

    event ─▶ the steps that consumed it, with their deliveries ─▶ the events that these published ─▶ …

Events and their times come from the request's timeline. Attempts, waiting and working times come from the functions'
logs: the line of a batch names the event of each message. Without logs, which expire, the tree has no attempts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from events.pipeline import Status, TimelineEntry
from kit.schemas import Schema
from services.operations.timeline import Request
from services.operations.tracing.causes import cause_of, publisher

BEFORE: Final = timedelta(minutes=1)
AFTER: Final = timedelta(minutes=15)
"""How far around the events the logs are searched. A delivery may fail for a quarter of an hour."""


class Delivery(Schema):
    """One delivery of a message to a step."""

    at: datetime
    """Start of the batch."""
    seconds: float
    """Duration of the batch."""
    outcome: str
    """``handled``, ``retried``, ``in_progress`` or ``dead_lettered``."""
    error: str | None = None
    """Name of the error. Absent if the message was handled."""
    reason: str | None = None
    """Description of the error. Absent if the message was handled."""


class Step(Schema):
    """A step that consumed an event. Times are missing if the logs do not contain them."""

    step: str
    """Name of the step."""
    attempts: int
    """Number of deliveries."""
    waited_seconds: float | None = None
    """From the event to the start of the first delivery: bus, queue and cold start."""
    worked_seconds: float | None = None
    """Duration of all deliveries."""
    deliveries: list[Delivery]
    """The deliveries, oldest first."""
    calls: list[str]
    """Model calls: image, model, outcome and duration."""
    events: list["TracedEvent"]
    """The events that the step published."""


class TracedEvent(Schema):
    """An event in the tree."""

    event_id: str
    """Id of the event."""
    event: str
    """Name of the event."""
    at: datetime
    """When it occurred."""
    after_seconds: float
    """Since the request was accepted."""
    since_cause_seconds: float
    """Since the event that caused it."""
    certain: bool
    """Whether the ids prove the cause. Otherwise it is the most likely one."""
    steps: list[Step]
    """The steps that consumed it."""


class Trace(Schema):
    """The causal tree of a request."""

    request_id: str
    """Id of the request."""
    trace_id: str
    """Id of its trace in X-Ray."""
    status: Status
    """The current status."""
    accepted_at: datetime
    """When it was accepted."""
    seconds: float
    """From acceptance to the last event."""
    attempts_known: bool
    """Whether the logs contain deliveries of this request."""
    events: list[TracedEvent]
    """The events without a cause in the tree. Every other event is below its cause."""


@dataclass(frozen=True)
class Line:
    """A log line about the request."""

    at: datetime
    values: Mapping[str, Any]


class Requests(Protocol):
    """The states of requests."""

    def requests(self, ids: Iterable[str]) -> Mapping[str, Request]:
        """Return requests by id, without unknown ones."""


class Logs(Protocol):
    """The functions' logs."""

    def about(self, request_id: str, since: datetime, until: datetime) -> list[Line]:
        """Return the lines that contain a request's id, in order of time."""


@dataclass(frozen=True)
class LoggedDelivery:
    """A delivery in the logs, with the step and the event of its message."""

    step: str
    event_id: str
    detail_type: str
    delivery: Delivery


def trace_request(requests: Requests, logs: Logs | None, request_id: str) -> Trace:
    """Return the trace of one request. Raises ``KeyError`` if it is unknown."""
    request = requests.requests([request_id])[request_id]
    last = max(entry.at for entry in request.timeline)
    lines = logs.about(request_id, request.created_at - BEFORE, last + AFTER) if logs else []
    return tree(request, lines)


def tree(request: Request, lines: Sequence[Line]) -> Trace:
    """Return the tree of a timeline and of log lines."""
    entries = {entry.event_id: entry for entry in request.timeline}
    causes = {entry.event_id: cause_of(entry, request.timeline, request.request_id) for entry in request.timeline}
    nodes = {
        event_id: _node(entry, entries.get(causes[event_id][0]), causes[event_id][1], request)
        for event_id, entry in entries.items()
    }
    roots = []
    for event_id, node in nodes.items():
        parent = nodes.get(causes[event_id][0])
        if parent is None:
            roots.append(node)
        else:
            _step(parent, publisher(entries[event_id])).events.append(node)
    logged = deliveries(lines, request.request_id)
    for one in logged:
        if consumed := nodes.get(one.event_id) or _newest(nodes.values(), one.detail_type):
            _add(_step(consumed, one.step), consumed, one.delivery)
    calls = [call for line in lines if (call := _call(line))]
    for step in (step for node in nodes.values() for step in node.steps if step.step == "generation.generate"):
        step.calls = calls
    return Trace(
        request_id=request.request_id,
        trace_id=request.request_id.replace("-", ""),
        status=Status(request.status),
        accepted_at=request.created_at,
        seconds=_seconds(request.created_at, max(entry.at for entry in request.timeline)),
        attempts_known=bool(logged),
        events=roots,
    )


def deliveries(lines: Sequence[Line], request_id: str) -> list[LoggedDelivery]:
    """Return the deliveries of a request's messages from the lines of batches, in order of time."""
    found = []
    for line in lines:
        if line.values.get("message") != "batch":
            continue
        seconds = float(line.values["seconds"])
        about = {"at": line.at - timedelta(seconds=seconds), "seconds": seconds}
        found += [
            LoggedDelivery(line.values["step"], event_id, detail_type, Delivery(**about, outcome="handled"))
            for request, *events in line.values.get("handled", ())
            if request == request_id
            for event_id, detail_type in events
        ]
        found += [
            LoggedDelivery(
                line.values["step"], failed["event_id"], failed["detail_type"], Delivery(**about, **_failure(failed))
            )
            for failed in line.values.get("failed", ())
            if failed["request_id"] == request_id
        ]
    return sorted(found, key=lambda one: one.delivery.at)


def _failure(failed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: failed.get(name) for name in ("outcome", "error", "reason")}


def _node(entry: TimelineEntry, cause: TimelineEntry | None, certain: bool, request: Request) -> TracedEvent:
    return TracedEvent(
        event_id=entry.event_id,
        event=entry.detail_type,
        at=entry.at,
        after_seconds=_seconds(request.created_at, entry.at),
        since_cause_seconds=_seconds(cause.at if cause else request.created_at, entry.at),
        certain=certain,
        steps=[],
    )


def _step(node: TracedEvent, name: str) -> Step:
    """Return the step of this name below ``node``, which is added if it is missing."""
    for step in node.steps:
        if step.step == name:
            return step
    node.steps.append(Step(step=name, attempts=0, deliveries=[], calls=[], events=[]))
    return node.steps[-1]


def _add(step: Step, consumed: TracedEvent, delivery: Delivery) -> None:
    step.deliveries.append(delivery)
    step.attempts = len(step.deliveries)
    step.waited_seconds = _seconds(consumed.at, step.deliveries[0].at)
    step.worked_seconds = round(sum(each.seconds for each in step.deliveries), 3)


def _newest(nodes: Iterable[TracedEvent], detail_type: str) -> TracedEvent | None:
    """Return the newest event of a type. An edited message has an id that the timeline does not contain."""
    return max((node for node in nodes if node.event == detail_type), key=lambda node: node.at, default=None)


def _call(line: Line) -> str | None:
    values = line.values
    if "model_seconds" not in values:
        return None
    return f"image {values['index']}: {values['model']} {values['outcome']} in {values['model_seconds']:.2f} s"


def _seconds(since: datetime, until: datetime) -> float:
    return round((until - since).total_seconds(), 3)

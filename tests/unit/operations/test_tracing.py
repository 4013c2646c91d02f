"""A request's causal tree, from its timeline and the functions' log lines."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.otlp import otlp
from events.catalog.processing_stalled import ProcessingStalled
from events.envelope import derive_id, traceparent
from events.pipeline import PUBLISHED_BY, STATUS_AFTER, TimelineEntry
from services.operations.timeline import Request
from services.operations.tracing.causes import cause_of
from services.operations.tracing.trace import Line, Trace, TracedEvent, trace_request, tree

REQUEST = "01a0b9c4-7d2e-7c31-9f60-000000000001"
REPLAY = "5f0c7be2-0000-5000-8000-000000000001"
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STORY = ("ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored")
STEPS = ("moderation.prompt", "generation.generate", "moderation.image", "storage.store")


def story(*, seconds: float = 1) -> Request:
    """Return a successful request with one event per second."""
    facts, cause = [], REQUEST
    for position, name in enumerate(STORY):
        cause = derive_id(cause, name)
        facts.append(TimelineEntry(cause, name, START + timedelta(seconds=position * seconds)))
    return Request(REQUEST, "succeeded", START, 5, facts)


def batch(step: str, detail_type: str, ended: float, *, outcome: str = "handled", seconds: float = 0.4) -> Line:
    """Return the line of a batch with two messages, one of them of another request."""
    event_id = next(entry.event_id for entry in story().timeline if entry.detail_type == detail_type)
    handled = [[request, [event_id, detail_type]] for request in (REQUEST, "another")]
    about = {"error": "ThrottlingException", "reason": "InvokeModel: slow down", "outcome": outcome}
    about |= {"event_id": event_id, "detail_type": detail_type}
    failed = [{**about, "request_id": request} for request in (REQUEST, "another")]
    messages = {"handled": handled} if outcome == "handled" else {"failed": failed}
    values = {"message": "batch", "step": step, "seconds": seconds, **messages}
    return Line(START + timedelta(seconds=ended), values)


def chain(trace: Trace) -> list[tuple[str, str]]:
    """Return each event with its publishing step, from the root along the only branch."""
    found, level, maker = [], trace.events, ""
    while level:
        (event,) = level
        found.append((maker, event.event))
        following = [(step.step, event) for step in event.steps for event in step.events]
        maker = following[0][0] if following else ""
        level = [event for _, event in following]
    return found


def test_the_tree_goes_from_the_request_to_the_stored_image() -> None:
    found = tree(story(), [])
    assert chain(found) == list(zip(["", *STEPS], STORY, strict=True))
    assert found.seconds == 4
    assert not found.attempts_known
    assert found.trace_id == traceparent(REQUEST, REQUEST).split("-")[1]


@pytest.mark.parametrize("order", [1, -1])
def test_causes_are_proved_by_ids_whatever_the_clocks_say(order: int) -> None:
    request = story()
    facts = [replace(fact, at=START) for fact in request.timeline][::order]
    found = tree(replace(request, timeline=facts), [])
    assert [event for _, event in chain(found)] == list(STORY)
    assert found.events[0].certain


def test_waiting_and_working_times_are_separate() -> None:
    found = tree(story(), [batch("moderation.prompt", "ImageRequested", 0.9, seconds=0.4)])
    (step,) = found.events[0].steps
    assert (step.waited_seconds, step.worked_seconds, step.attempts) == (0.5, 0.4, 1)


def test_every_delivery_counts_as_an_attempt_with_its_error() -> None:
    lines = [
        batch("generation.generate", "PromptApproved", 1.4, outcome="retried", seconds=0.2),
        batch("generation.generate", "PromptApproved", 1.9, seconds=0.3),
    ]
    found = tree(story(), lines)
    step = found.events[0].steps[0].events[0].steps[0]
    assert [delivery.outcome for delivery in step.deliveries] == ["retried", "handled"]
    assert step.deliveries[0].error == "ThrottlingException"
    assert step.deliveries[1].error is None
    assert (step.attempts, step.waited_seconds, step.worked_seconds) == (2, 0.2, 0.5)


def test_steps_that_publish_nothing_are_in_the_tree() -> None:
    found = tree(story(), [batch("analytics.record", "ImageRequested", 0.2)])
    assert [step.step for step in found.events[0].steps] == ["moderation.prompt", "analytics.record"]


def test_model_calls_belong_to_generation() -> None:
    values = {"message": "model called", "index": 0, "model": "core", "outcome": "generated", "model_seconds": 0.75}
    found = tree(story(), [Line(START, {**values, "request_id": REQUEST})])
    parameters = found.events[0].steps[0].events[0].steps[0]
    assert parameters.step == "generation.generate"
    assert parameters.calls == ["image 0: core generated in 0.75 s"]


def stalled_and_replayed() -> Request:
    request = story()
    message = request.timeline[3].event_id
    about = {"step": "storage.store", "message": message, "replays": 0}
    stall = derive_id(message, f"{ProcessingStalled.detail_type}:storage.store")
    return replace(
        request,
        timeline=[
            *request.timeline,
            TimelineEntry(stall, "ProcessingStalled", START + timedelta(seconds=3.2), about),
            TimelineEntry(REPLAY, "MessageReplayed", START + timedelta(seconds=3.6), {**about, "replays": 1}),
        ],
    )


def test_a_stall_and_its_replay_are_below_the_message() -> None:
    found = tree(stalled_and_replayed(), [])
    approved = found.events[0]
    while approved.event != "ImageApproved":
        approved = approved.steps[0].events[0]
    said = {step.step: [event.event for event in step.events] for step in approved.steps}
    assert said == {"storage.store": ["ImageStored", "ProcessingStalled"], "operations.replay": ["MessageReplayed"]}


def test_events_of_an_edited_message_are_below_its_replay_as_a_guess() -> None:
    """Its cause is the edited message, whose id the timeline does not contain."""
    request = stalled_and_replayed()
    stored = replace(request.timeline[4], event_id=derive_id("5f0c7be2-0000-5000-8000-00000000000e", "ImageStored"))
    facts = [*request.timeline[:4], *request.timeline[5:], stored]
    assert cause_of(stored, facts, REQUEST) == (REPLAY, False)


def test_an_unknown_request_raises() -> None:
    class Nobody:
        def requests(self, ids: Iterable[str]) -> dict[str, Request]:
            return {}

    with pytest.raises(KeyError):
        trace_request(Nobody(), None, REQUEST)


def test_only_the_part_of_the_logs_around_the_events_is_searched() -> None:
    asked: list[Any] = []

    class Somebody:
        def requests(self, ids: Iterable[str]) -> dict[str, Request]:
            return {REQUEST: story()}

        def about(self, request_id: str, since: datetime, until: datetime) -> list[Line]:
            asked.append((request_id, since, until))
            return []

    trace_request(Somebody(), Somebody(), REQUEST)
    ((request_id, since, until),) = asked
    assert request_id == REQUEST
    assert START - timedelta(minutes=2) < since < START
    assert START < until <= START + timedelta(minutes=20)


def test_every_event_that_changes_a_status_has_a_publisher() -> None:
    assert set(STATUS_AFTER) <= set(PUBLISHED_BY)


def test_a_delivery_belongs_to_the_event_that_its_batch_names() -> None:
    request = story()
    twin = replace(request.timeline[2], event_id=derive_id(request.timeline[1].event_id, "ImageGenerated", 1))
    found = tree(replace(request, timeline=[*request.timeline, twin]), [batch("moderation.image", "ImageGenerated", 9)])
    first, second = found.events[0].steps[0].events[0].steps[0].events
    assert ([step.attempts for step in first.steps], second.steps) == ([1], [])


LINES = [
    batch("generation.generate", "PromptApproved", 1.4, outcome="retried", seconds=0.2),
    batch("storage.store", "ImageApproved", 3.9),
]


def spans() -> list[dict[str, Any]]:
    exported = json.loads(json.dumps(otlp(tree(story(), LINES))))
    assert list(exported) == ["resourceSpans"]
    found = []
    for resource in exported["resourceSpans"]:
        assert set(resource) == {"resource", "scopeSpans"}
        keys = {attribute["key"]: attribute["value"] for attribute in resource["resource"]["attributes"]}
        assert keys["service.name"]["stringValue"] in {"intake", "moderation", "generation", "storage"}
        (scope,) = resource["scopeSpans"]
        assert scope["scope"] == {"name": "genai-images"}
        found += scope["spans"]
    return found


def test_otlp_spans_have_the_shapes_of_the_json_mapping() -> None:
    """Ids in hexadecimal, 64-bit integers as decimal strings, enums as numbers, names in lowerCamelCase."""
    for span in spans():
        assert set(span) <= {
            "traceId",
            "spanId",
            "parentSpanId",
            "name",
            "kind",
            "startTimeUnixNano",
            "endTimeUnixNano",
            "attributes",
            "status",
        }
        assert len(bytes.fromhex(span["traceId"])) == 16
        assert len(bytes.fromhex(span["spanId"])) == 8
        assert len(bytes.fromhex(span.get("parentSpanId", "00" * 8))) == 8
        assert span["name"]
        assert type(span["kind"]) is int
        assert 1 <= span["kind"] <= 5
        for name in ("startTimeUnixNano", "endTimeUnixNano"):
            assert isinstance(span[name], str)
            assert 0 < int(span[name]) < 2**63
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        assert span["status"]["code"] in {0, 1, 2}
        for attribute in span["attributes"]:
            assert set(attribute) == {"key", "value"}
            ((kind, value),) = attribute["value"].items()
            assert kind in {"stringValue", "intValue", "boolValue", "doubleValue"}
            assert isinstance(value, str), "64-bit integers are strings as well"


def test_otlp_spans_are_one_tree_with_the_ids_of_the_trace_context() -> None:
    found = spans()
    ids = [span["spanId"] for span in found]
    assert len(set(ids)) == len(ids)
    assert [span["name"] for span in found if "parentSpanId" not in span] == ["request"]
    assert {span["parentSpanId"] for span in found if "parentSpanId" in span} <= set(ids)
    for fact in story().timeline:
        _, trace_id, span_id, _ = traceparent(REQUEST, fact.event_id).split("-")
        (span,) = [span for span in found if span["name"] == fact.detail_type]
        assert (span["traceId"], span["spanId"]) == (trace_id, span_id)
        assert int(span["endTimeUnixNano"]) == int(fact.at.timestamp()) * 10**9


def test_a_retried_delivery_is_a_span_with_an_error() -> None:
    (failed,) = [span for span in spans() if span["status"]["code"] == 2]
    assert failed["name"] == "generation.generate"
    assert failed["status"]["message"] == "InvokeModel: slow down"
    assert {"key": "error.type", "value": {"stringValue": "ThrottlingException"}} in failed["attributes"]


def test_a_tree_is_plain_json() -> None:
    found = tree(stalled_and_replayed(), LINES)
    again = Trace.model_validate_json(found.model_dump_json())
    assert again == found
    assert isinstance(again.events[0], TracedEvent)

"""The trace of a request in X-Ray: its ids are those of ``traceparent``, and it costs nothing while it is off."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from cli.otlp import otlp
from events.catalog.image_approved import ImageApproved
from events.catalog.image_stored import ImageStored
from events.envelope import Event
from kit import tracing
from kit.consumer import Consumer, EachMessage
from kit.errors import UnprocessableError
from kit.publisher import Publisher
from services.operations.tracing.trace import Trace
from tests.support.events import RecordingBus, RecordingQueue, sample, sqs_record

HEADER = "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=1"


class FakeEvents:
    """A PutEvents that refuses the entries at ``refused`` once."""

    def __init__(self, *refused: int) -> None:
        self.entries: list[dict[str, Any]] = []
        self._refused = list(refused)

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.entries += Entries
        answers = [{"ErrorCode": "Throttled"} if at in self._refused else {} for at in range(len(Entries))]
        self._refused = []
        return {"FailedEntryCount": sum(map(len, answers)), "Entries": answers}


class Daemon:
    """The X-Ray daemon: a UDP socket that keeps segments."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def segments(self) -> list[dict[str, Any]]:
        """Return the segments received so far. Datagrams on the loopback arrive before ``sendto`` returns."""
        self._socket.setblocking(False)
        found: list[dict[str, Any]] = []
        while True:
            try:
                preamble, _, segment = self._socket.recv(65_507).partition(b"\n")
            except BlockingIOError:
                return found
            assert json.loads(preamble) == {"format": "json", "version": 1}
            found.append(json.loads(segment))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, socket_enabled: None) -> Iterator[Daemon]:
    monkeypatch.setenv("TRACING", "on")
    found = Daemon()
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", found.address)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.publisher.time.sleep", lambda _seconds: None)


def publish(client: FakeEvents, *events: Event) -> None:
    Publisher(client, "the-bus").publish(events)  # type: ignore[arg-type]


def fail(_event: Any) -> list[Event]:
    raise UnprocessableError("size: is not known")


def store(event: Any) -> list[Event]:
    return [ImageStored.follow(event, sample("ImageStored").data)]


def step(handle: Any) -> tuple[Consumer, RecordingQueue]:
    queue = RecordingQueue()
    return Consumer("storage.store", [ImageApproved], EachMessage(handle), queue=queue, bus=RecordingBus()), queue


def test_a_published_event_carries_its_own_trace_context(daemon: Daemon) -> None:
    client, event = FakeEvents(), sample("ImageApproved")
    publish(client, event)

    _, trace, span, _ = event.metadata.traceparent.split("-")
    assert client.entries[0]["TraceHeader"] == f"Root=1-{trace[:8]}-{trace[8:]};Parent={span};Sampled=1"


def test_a_published_event_is_one_segment_below_its_cause(daemon: Daemon) -> None:
    one, other = sample("ImageApproved"), sample("ImageStored")
    publish(FakeEvents(1), one, other)

    segments = daemon.segments()
    assert [segment["name"] for segment in segments] == ["ImageApproved", "ImageStored"], "each once, despite a retry"
    metadata = one.metadata
    assert segments[0]["id"] == metadata.traceparent.split("-")[2]
    assert segments[0]["parent_id"] == metadata.cause_id.replace("-", "")[-16:]
    assert segments[0]["trace_id"].replace("-", "") == "1" + metadata.request_id.replace("-", "")
    assert segments[0]["start_time"] == metadata.caused_at.timestamp()
    assert segments[0]["end_time"] == metadata.occurred_at.timestamp()
    assert segments[0]["annotations"]["request_id"] == metadata.request_id


def test_a_handled_message_is_one_segment_below_its_event(daemon: Daemon) -> None:
    event = sample("ImageApproved")
    consumer, _ = step(store)
    consumer({"Records": [sqs_record(event)]})

    (segment,) = daemon.segments()
    assert segment["name"] == "storage.store"
    assert segment["parent_id"] == event.metadata.traceparent.split("-")[2]
    assert segment["start_time"] <= segment["end_time"]
    assert "fault" not in segment


def test_a_failed_delivery_is_a_fault_with_the_name_of_its_error(daemon: Daemon) -> None:
    consumer, _ = step(fail)
    consumer({"Records": [sqs_record(sample("ImageApproved"))]})

    (segment,) = daemon.segments()
    assert segment["fault"]
    assert segment["annotations"]["error"] == "UnprocessableError"


def test_a_dead_letter_keeps_its_trace_header() -> None:
    consumer, queue = step(fail)
    record = sqs_record(sample("ImageApproved"))
    record["attributes"]["AWSTraceHeader"] = HEADER
    consumer({"Records": [record, sqs_record(sample("ImageApproved"))]})

    assert queue.trace_headers == [HEADER, None]


def test_xray_and_the_exported_trace_have_the_same_ids(daemon: Daemon) -> None:
    event = sample("ImageApproved")
    publish(FakeEvents(), event)

    trace = Trace(
        request_id=event.metadata.request_id,
        trace_id=event.metadata.request_id.replace("-", ""),
        status="succeeded",
        accepted_at=event.metadata.occurred_at,
        seconds=1,
        attempts_known=True,
        events=[],
    )
    exported = otlp(trace)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    (segment,) = daemon.segments()
    assert segment["trace_id"] == f"1-{exported['traceId'][:8]}-{exported['traceId'][8:]}"


def test_without_tracing_nothing_is_sent(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACING", "off")
    client, event = FakeEvents(), sample("ImageApproved")
    publish(client, event)
    step(store)[0]({"Records": [sqs_record(event)]})

    assert "TraceHeader" not in client.entries[0]
    assert tracing.message_attributes(tracing.header_of(event)) == {}
    assert daemon.segments() == []


@pytest.mark.parametrize("address", ["", "256.0.0.1:2000"], ids=["outside of Lambda", "not reachable"])
def test_a_lost_segment_fails_nothing(address: str, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    client = FakeEvents()
    publish(client, sample("ImageApproved"))

    assert len(client.entries) == 1

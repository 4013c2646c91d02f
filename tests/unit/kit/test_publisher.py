"""Every event reaches the bus or is named in the error: chunks, partial failures, retries."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from events.envelope import Event
from kit.errors import classify_error
from kit.publisher import MAX_BYTES, MAX_ENTRIES, ROUNDS, Publisher, PublishError
from tests.support.events import sample


class FakeEvents:
    """A PutEvents that refuses the given entries a number of times; first, ``broken`` calls fail."""

    def __init__(self, refuse: dict[str, int] | None = None, broken: int = 0) -> None:
        self.refuse = dict(refuse or {})
        self.broken = broken
        self.calls: list[list[dict[str, Any]]] = []
        self.accepted: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls.append(Entries)
        if self.broken:
            self.broken -= 1
            raise EndpointConnectionError(endpoint_url="http://nowhere")
        answers: list[dict[str, str]] = []
        for entry in Entries:
            event_id = json.loads(entry["Detail"])["metadata"]["event_id"]
            if self.refuse.get(event_id, 0):
                self.refuse[event_id] -= 1
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
            else:
                self.accepted.append(entry)
                answers.append({"EventId": "x"})
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def ids(self) -> list[str]:
        return [json.loads(entry["Detail"])["metadata"]["event_id"] for entry in self.accepted]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.publisher.time.sleep", lambda _seconds: None)


def publisher(client: FakeEvents) -> Publisher:
    return Publisher(client, "the-bus")  # type: ignore[arg-type]


def event(number: int, *, prompt: str | None = None) -> Event:
    found = sample("ImageRequested")
    changes: dict[str, Any] = {
        "metadata": found.metadata.model_copy(update={"event_id": f"00000000-0000-4000-8000-{number:012d}"})
    }
    if prompt is not None:
        parameters = found.data.parameters.model_copy(update={"prompt": prompt})
        changes["data"] = found.data.model_copy(update={"parameters": parameters})
    return found.model_copy(update=changes)


def test_an_entry_has_bus_source_type_and_envelope() -> None:
    client = FakeEvents()
    publisher(client).publish([event(1)])

    (entry,) = client.accepted
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "the-bus",
        "genai-images.intake",
        "ImageRequested",
    )
    assert type(event(1)).model_validate_json(entry["Detail"]) == event(1)


def test_text_is_utf_8_and_absent_fields_are_omitted() -> None:
    client = FakeEvents()
    publisher(client).publish([event(1, prompt="灯台 🌊")])

    assert "灯台 🌊" in client.accepted[0]["Detail"]
    assert "null" not in client.accepted[0]["Detail"]


def test_without_events_there_is_no_call() -> None:
    client = FakeEvents()
    publisher(client).publish([])

    assert client.calls == []


def test_ten_entries_go_in_one_call_and_the_eleventh_in_the_next() -> None:
    client = FakeEvents()
    publisher(client).publish([event(number) for number in range(21)])

    assert [len(call) for call in client.calls] == [10, 10, 1]


def test_large_events_go_in_smaller_calls() -> None:
    client = FakeEvents()
    publisher(client).publish([event(number, prompt="灯" * 30_000) for number in range(6)])  # 90 kB each

    assert [len(call) for call in client.calls] == [2, 2, 2]


def test_only_refused_entries_are_retried() -> None:
    refused = event(3).metadata.event_id
    client = FakeEvents({refused: 1})
    publisher(client).publish([event(number) for number in range(5)])

    assert [len(call) for call in client.calls] == [5, 1]
    assert len(client.ids()) == len(set(client.ids())) == 5


def test_a_failed_call_is_retried() -> None:
    client = FakeEvents(broken=1)
    publisher(client).publish([event(1), event(2)])

    assert len(client.accepted) == 2


def test_events_that_stay_refused_are_named() -> None:
    refused = event(3).metadata.event_id
    client = FakeEvents({refused: 99})

    with pytest.raises(PublishError) as raised:
        publisher(client).publish([event(number) for number in range(5)])

    assert raised.value.event_ids == {refused}
    assert "ThrottlingException" in str(raised.value)
    assert len(client.accepted) == 4
    assert len(client.calls) == ROUNDS
    assert classify_error(raised.value) == "transient"


@pytest.mark.parametrize(
    "error",
    [ClientError({"Error": {"Code": "AccessDenied"}}, "PutEvents"), EndpointConnectionError(endpoint_url="http://x")],
    ids=["refused", "unreachable"],
)
def test_an_unavailable_bus_is_an_error_with_every_event(error: Exception) -> None:
    class Away(FakeEvents):
        def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
            raise error

    with pytest.raises(PublishError) as raised:
        publisher(Away()).publish([event(1), event(2)])
    assert len(raised.value.event_ids) == 2


@given(
    sizes=st.lists(st.integers(1, 80_000), max_size=40),
    refusals=st.dictionaries(st.integers(0, 39), st.integers(1, 5), max_size=10),
)
def test_every_event_is_published_once_or_named(sizes: list[int], refusals: dict[int, int]) -> None:
    events = [event(number, prompt="x" * size) for number, size in enumerate(sizes)]
    client = FakeEvents({event(number).metadata.event_id: times for number, times in refusals.items()})
    try:
        publisher(client).publish(events)
        named: frozenset[str] = frozenset()
    except PublishError as error:
        named = error.event_ids

    accepted = client.ids()
    assert len(accepted) == len(set(accepted))
    assert set(accepted) | named == {event.metadata.event_id for event in events}
    assert not set(accepted) & named
    for call in client.calls:
        size = sum(len(e["Detail"].encode()) + len(e["Source"]) + len(e["DetailType"]) for e in call)
        assert len(call) <= MAX_ENTRIES
        assert size <= MAX_BYTES

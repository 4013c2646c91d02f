"""Tracking leads to the same state, whatever the order of events and however often they are delivered."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.image_requested import ImageRequested
from events.catalog.message_replayed import MessageReplayed, MessageReplayedData
from events.catalog.processing_stalled import ProcessingStalled, ProcessingStalledData
from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event
from events.pipeline import TERMINAL, status_of
from kit.errors import RetriableError
from kit.request_age import LEAST_RETENTION
from services.intake.durations import DurationRecorder
from services.intake.models import entry_without_details
from services.intake.outbox import events_of_change
from services.intake.timeline import timeline_entry
from services.intake.tracking import Tracker, add_event
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryDurations, InMemoryRequests, accept

REQUESTED = sample("ImageRequested")
APPROVED, REJECTED = sample("PromptApproved"), sample("PromptRejected")
GENERATED, FAILED = sample("ImageGenerated"), sample("GenerationFailed")
KEPT, DROPPED, STORED = sample("ImageApproved"), sample("ImageRejected"), sample("ImageStored")
CANCELLED, EXPIRED = sample("RequestCancelled"), sample("RequestExpired")

STEPS = {
    "moderation.prompt": REQUESTED,
    "generation.generate": APPROVED,
    "moderation.image": GENERATED,
    "storage.store": KEPT,
    "analytics.record": KEPT,
}


def stall(step: str, replays: int = 0) -> ProcessingStalled:
    """Return the stall of a step's message, as the consumer of that step publishes it."""
    cause = STEPS[step]
    data = ProcessingStalledData(
        step=step,
        stalled_event_id=cause.metadata.event_id,
        stalled_detail_type=cause.detail_type,
        error="E",
        reason="r",
        fingerprint="f",
        attempts=5,
    )
    event = ProcessingStalled.follow(cause, data, qualifier=step, index=replays)
    return event.model_copy(update={"metadata": event.metadata.model_copy(update={"replays": replays})})


def replay(step: str, replays: int = 1) -> MessageReplayed:
    """Return an operator's ``replays``-th replay of a step's message."""
    cause = STEPS[step]
    data = MessageReplayedData(
        step=step,
        replayed_event_id=cause.metadata.event_id,
        replayed_detail_type=cause.detail_type,
        replays=replays,
        operator="test",
    )
    return MessageReplayed.follow(cause, data, qualifier=step, index=replays)


def status(*events: Event) -> str:
    return status_of([timeline_entry(event) for event in events])


EVERYTHING: list[Event] = [
    APPROVED,
    REJECTED,
    GENERATED,
    FAILED,
    KEPT,
    DROPPED,
    STORED,
    CANCELLED,
    EXPIRED,
    sample("ImageDeleted"),
    *[stall(step, count) for step in STEPS for count in (0, 1)],
    *[replay(step, count) for step in STEPS for count in (1, 2)],
]


@settings(max_examples=10_000, deadline=None)
@given(
    st.lists(st.sampled_from(EVERYTHING), unique_by=lambda event: event.metadata.event_id, max_size=12),
    st.randoms(use_true_random=False),
)
def test_order_and_duplication_do_not_change_the_state(seen: list[Event], chance: random.Random) -> None:
    expected = status(REQUESTED, *seen)
    deliveries = seen + chance.choices(seen, k=len(seen)) if seen else []
    chance.shuffle(deliveries)
    store = InMemoryRequests()
    assert isinstance(REQUESTED, ImageRequested)
    metadata = REQUESTED.metadata
    accept(store, metadata.request_id, metadata.owner, REQUESTED.data.parameters, metadata.occurred_at)
    statuses: list[str] = ["accepted"]
    published: list[Event] = []
    for event in deliveries:
        before = store.read_state(metadata.request_id)
        add_event(store, event)
        found = store.read_state(metadata.request_id)
        published += events_of_change(before, found)
        if found.status != statuses[-1]:
            statuses.append(found.status)
        assert found.status_sequence == len(statuses) - 1, "every change of status is numbered, without gaps"

    state = store.read_state(metadata.request_id)
    assert state.status == expected
    changes = [event.data for event in published if isinstance(event, RequestStatusChanged)]
    assert [change.sequence for change in changes] == list(range(1, len(statuses))), "every change is published once"
    assert [change.previous for change in changes] == statuses[:-1]
    assert [change.status for change in changes] == statuses[1:]
    assert state.timeline.keys() == {e.metadata.event_id for e in [REQUESTED, *seen]}
    assert (metadata.request_id in store.checks) == (expected not in TERMINAL)


def test_an_event_of_an_unknown_request_is_retried() -> None:
    with pytest.raises(RetriableError):
        add_event(InMemoryRequests(), APPROVED)


def test_two_writers_racing_on_a_stall_both_add_their_entry() -> None:
    class Racing(InMemoryRequests):
        raced = False

        def recompute(self, old, new, entry):  # type: ignore[no-untyped-def]
            if not self.raced:
                self.raced = True
                add_event(self, replay("storage.store"))
            return super().recompute(old, new, entry)

    store = Racing()
    metadata = REQUESTED.metadata
    accept(store, metadata.request_id, metadata.owner, REQUESTED.data.parameters, metadata.occurred_at)
    add_event(store, KEPT)
    add_event(store, stall("storage.store"))

    state = store.read_state(metadata.request_id)
    assert state.status == "storing"
    assert {entry.detail_type for entry in state.timeline.values()} >= {"ProcessingStalled", "MessageReplayed"}


def test_the_timeline_contains_every_event_once() -> None:
    store, metadata = InMemoryRequests(), REQUESTED.metadata
    assert isinstance(REQUESTED, ImageRequested)
    accept(store, metadata.request_id, metadata.owner, REQUESTED.data.parameters, metadata.occurred_at)
    for _ in range(2):
        add_event(store, APPROVED)
    assert list(store.read_state(metadata.request_id).timeline.values())[1:] == [timeline_entry(APPROVED)]


@pytest.mark.parametrize("event", [REQUESTED, CANCELLED], ids=lambda event: event.detail_type)
def test_the_api_writes_the_same_entry_as_the_tracker(event: Event) -> None:
    assert entry_without_details(event) == timeline_entry(event)


def test_a_late_event_of_an_erased_request_is_ignored() -> None:
    store = InMemoryRequests()
    with pytest.raises(RetriableError):
        add_event(store, APPROVED)
    store.erased.add(APPROVED.metadata.request_id)

    assert add_event(store, APPROVED) is None
    assert store.states == {}


def tracker(age: timedelta) -> Tracker:
    """Return a tracker without requests, ``age`` after the sample's request was accepted."""
    accepted = UUID(REQUESTED.metadata.request_id).int >> 80
    clock = FakeClock(datetime.fromtimestamp(accepted / 1000, UTC) + age)
    return Tracker(InMemoryRequests(), DurationRecorder(InMemoryDurations(), clock), lambda _: None, clock)


def test_deleting_an_image_of_an_expired_request_is_no_error() -> None:
    """Otherwise each such deletion would be retried and dead-lettered."""
    assert tracker(LEAST_RETENTION + timedelta(days=1)).track(sample("ImageDeleted")) == []


def test_an_event_of_a_younger_request_that_is_missing_is_retried() -> None:
    with pytest.raises(RetriableError):
        tracker(LEAST_RETENTION - timedelta(days=1)).track(sample("ImageDeleted"))

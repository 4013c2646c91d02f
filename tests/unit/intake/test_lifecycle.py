"""Status is a pure function of the set of events seen: any order, any duplication, stalls and replays included."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.generation_failed import GenerationFailed, GenerationFailedData
from events.catalog.image_requested import ImageRequested
from events.catalog.message_replayed import MessageReplayed, MessageReplayedData
from events.catalog.processing_stalled import ProcessingStalled, ProcessingStalledData
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from kit.errors import RetriableError
from services.intake.facts import fact_of
from services.intake.lifecycle import RANKS, Fact, status_of
from services.intake.service import accept, track
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryRequests

REQUESTED = sample("ImageRequested")
APPROVED, REJECTED = sample("PromptApproved"), sample("PromptRejected")
GENERATED, FAILED = sample("ImageGenerated"), sample("GenerationFailed")
KEPT, DROPPED, STORED = sample("ImageApproved"), sample("ImageRejected"), sample("ImageStored")
CANCELLED, EXPIRED = sample("RequestCancelled"), sample("RequestExpired")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

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
    return status_of([fact_of(event) for event in events])


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([REQUESTED], "accepted"),
        ([REQUESTED, APPROVED], "generating"),
        ([REQUESTED, APPROVED, GENERATED], "checking"),
        ([REQUESTED, APPROVED, GENERATED, KEPT], "storing"),
        ([REQUESTED, APPROVED, GENERATED, KEPT, STORED], "succeeded"),
        ([REQUESTED, REJECTED], "rejected"),
        ([REQUESTED, APPROVED, GENERATED, DROPPED], "rejected"),
        ([REQUESTED, CANCELLED], "cancelled"),
        ([REQUESTED, APPROVED, EXPIRED], "expired"),
        ([REQUESTED, STORED], "succeeded"),
    ],
)
def test_the_status_follows_the_events(events: list[Event], expected: str) -> None:
    assert status(*events) == expected


def test_a_filtered_image_is_a_rejection_and_any_other_failure_a_failure() -> None:
    assert status(REQUESTED, APPROVED, FAILED) == "rejected"
    ours = GenerationFailed.follow(APPROVED, GenerationFailedData(reason="model_ended", outcomes=[]))
    assert status(REQUESTED, APPROVED, ours) == "failed"


def test_among_endings_the_precedence_is_fixed() -> None:
    ours = GenerationFailed.follow(APPROVED, GenerationFailedData(reason="model_ended", outcomes=[]))
    endings = [STORED, REJECTED, ours, CANCELLED, EXPIRED]
    names = ["succeeded", "rejected", "failed", "cancelled", "expired"]
    for first in range(len(endings)):
        assert status(REQUESTED, *endings[first:]) == names[first]


def test_a_stall_holds_until_its_message_is_replayed() -> None:
    stalled = [REQUESTED, APPROVED, GENERATED, KEPT, stall("storage.store")]
    assert status(*stalled) == "stalled"
    assert status(*stalled, replay("storage.store")) == "storing"
    assert status(*stalled, replay("storage.store"), stall("storage.store", 1)) == "stalled"
    assert status(*stalled, replay("storage.store"), stall("storage.store", 1), replay("storage.store", 2)) == "storing"


def test_a_stall_is_over_when_its_step_was_done_after_all() -> None:
    assert status(REQUESTED, stall("generation.generate"), APPROVED) == "stalled"
    assert status(REQUESTED, stall("generation.generate"), APPROVED, GENERATED) == "checking"


def test_a_stall_in_analytics_does_not_hold_a_request_up() -> None:
    assert status(REQUESTED, APPROVED, GENERATED, KEPT, stall("analytics.record")) == "storing"


def test_a_replay_of_another_step_answers_no_stall() -> None:
    assert status(REQUESTED, APPROVED, stall("generation.generate"), replay("moderation.prompt")) == "stalled"


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
def test_any_order_and_any_duplication_give_one_and_the_same_state(seen: list[Event], chance: random.Random) -> None:
    expected = status(REQUESTED, *seen)
    deliveries = seen + chance.choices(seen, k=len(seen)) if seen else []
    chance.shuffle(deliveries)
    store = InMemoryRequests()
    assert isinstance(REQUESTED, ImageRequested)
    metadata = REQUESTED.metadata
    accept(store, metadata.request_id, metadata.owner, REQUESTED.data.parameters, metadata.occurred_at)
    statuses = ["accepted"]
    for event in deliveries:
        track(store, event)
        found = store.state(metadata.request_id)
        if found.status != statuses[-1]:
            statuses.append(found.status)
        assert found.status_sequence == len(statuses) - 1, "every change of status is numbered, without gaps"

    state = store.state(metadata.request_id)
    assert state.status == expected
    assert state.facts.keys() == {e.metadata.event_id for e in [REQUESTED, *seen]}
    assert (metadata.request_id in store.checks) == (expected not in RANKS or RANKS[expected] < RANKS["expired"])


def test_an_event_of_an_unknown_request_is_retried_and_then_dead_lettered() -> None:
    with pytest.raises(RetriableError):
        track(InMemoryRequests(), APPROVED)


def test_two_writers_racing_on_a_stall_both_leave_their_mark() -> None:
    class Racing(InMemoryRequests):
        raced = False

        def replace(self, old, new, added):  # type: ignore[no-untyped-def]
            if not self.raced:
                self.raced = True
                track(self, replay("storage.store"))
            return super().replace(old, new, added)

    store = Racing()
    metadata = REQUESTED.metadata
    accept(store, metadata.request_id, metadata.owner, REQUESTED.data.parameters, metadata.occurred_at)
    track(store, KEPT)
    track(store, stall("storage.store"))

    state = store.state(metadata.request_id)
    assert state.status == "storing"
    assert {fact.detail_type for fact in state.facts.values()} >= {"ProcessingStalled", "MessageReplayed"}


def test_expiry_after_success_changes_nothing() -> None:
    assert isinstance(EXPIRED, RequestExpired)
    late = Fact(EXPIRED.metadata.event_id, "RequestExpired", NOW + timedelta(days=1))
    assert status_of([fact_of(STORED), late]) == "succeeded"

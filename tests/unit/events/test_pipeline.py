"""The status is a pure function of the set of events seen: any order, any duplication, stalls and replays included."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.pipeline import RANKS, STATUS_AFTER, STEPS, STEPS_BY_NAME, TERMINAL, TimelineEntry, open_stalls, status_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MESSAGES = {**{step.name: step.consumes for step in STEPS}, "analytics.record": "ImageApproved"}
"""Step → the detail type of the message that stalls in it."""


def entry(detail_type: str, suffix: str = "", **details: Any) -> TimelineEntry:
    return TimelineEntry(f"{detail_type}{suffix}", detail_type, NOW, details)


def stall(step: str, replays: int = 0) -> TimelineEntry:
    """Return the stall of a step's message."""
    return entry("ProcessingStalled", f" {step} {replays}", step=step, message=MESSAGES[step], replays=replays)


def replay(step: str, replays: int = 1) -> TimelineEntry:
    """Return an operator's ``replays``-th replay of a step's message."""
    return entry("MessageReplayed", f" {step} {replays}", step=step, message=MESSAGES[step], replays=replays)


REQUESTED = entry("ImageRequested")
APPROVED, REJECTED = entry("PromptApproved"), entry("PromptRejected")
GENERATED = entry("ImageGenerated")
FILTERED = entry("GenerationFailed", reason="content_filtered")
FAILED = entry("GenerationFailed", " for good", reason="model_end_of_life")
KEPT, DROPPED, STORED = entry("ImageApproved"), entry("ImageRejected"), entry("ImageStored")
CANCELLED, EXPIRED = entry("RequestCancelled"), entry("RequestExpired")


def status(*timeline: TimelineEntry) -> str:
    return status_of(timeline)


@pytest.mark.parametrize(
    ("timeline", "expected"),
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
def test_the_status_follows_the_events(timeline: list[TimelineEntry], expected: str) -> None:
    assert status(*timeline) == expected


def test_a_filtered_image_is_rejected_and_any_other_failure_failed() -> None:
    assert status(REQUESTED, APPROVED, FILTERED) == "rejected"
    assert status(REQUESTED, APPROVED, FAILED) == "failed"


def test_terminal_statuses_have_a_fixed_precedence() -> None:
    last = [CANCELLED, EXPIRED, STORED, REJECTED, FAILED]
    names = ["cancelled", "expired", "succeeded", "rejected", "failed"]
    for first in range(len(last)):
        assert status(REQUESTED, *last[first:]) == names[first]


def test_a_stall_lasts_until_its_message_is_replayed() -> None:
    stalled = [REQUESTED, APPROVED, GENERATED, KEPT, stall("storage.store")]
    assert status(*stalled) == "stalled"
    assert status(*stalled, replay("storage.store")) == "storing"
    assert status(*stalled, replay("storage.store"), stall("storage.store", 1)) == "stalled"
    assert status(*stalled, replay("storage.store"), stall("storage.store", 1), replay("storage.store", 2)) == "storing"


def test_a_stall_ends_when_a_later_event_shows_its_step_was_done() -> None:
    assert status(REQUESTED, stall("generation.generate"), APPROVED) == "stalled"
    assert status(REQUESTED, stall("generation.generate"), APPROVED, GENERATED) == "checking"


def test_a_stall_in_analytics_does_not_stall_a_request() -> None:
    assert status(REQUESTED, APPROVED, GENERATED, KEPT, stall("analytics.record")) == "storing"


def test_a_replay_of_another_step_answers_no_stall() -> None:
    assert status(REQUESTED, APPROVED, stall("generation.generate"), replay("moderation.prompt")) == "stalled"
    assert open_stalls([stall("generation.generate"), replay("moderation.prompt")]) == [stall("generation.generate")]


@pytest.mark.parametrize("withdrawn", [CANCELLED, EXPIRED])
def test_no_later_event_changes_a_withdrawn_request(withdrawn: TimelineEntry) -> None:
    later = [APPROVED, GENERATED, KEPT, STORED, stall("storage.store"), replay("storage.store")]
    for count in range(len(later) + 1):
        assert status(REQUESTED, withdrawn, *later[:count]) == withdrawn.status


def test_every_step_waits_with_the_status_of_the_event_it_consumes() -> None:
    assert {step.name: STATUS_AFTER[step.consumes] for step in STEPS} == {step.name: step.status for step in STEPS}
    assert set(STATUS_AFTER.values()) - set(TERMINAL) == {step.status for step in STEPS}
    assert STEPS_BY_NAME.keys() == {step.name for step in STEPS}
    assert min(RANKS[status] for status in TERMINAL) > max(RANKS[step.status] for step in STEPS)


EVERYTHING = [
    APPROVED,
    REJECTED,
    GENERATED,
    FILTERED,
    FAILED,
    KEPT,
    DROPPED,
    STORED,
    CANCELLED,
    EXPIRED,
    entry("ImageDeleted"),
    *[stall(step, count) for step in MESSAGES for count in (0, 1)],
    *[replay(step, count) for step in MESSAGES for count in (1, 2)],
]


@settings(max_examples=2_000, deadline=None)
@given(
    st.lists(st.sampled_from(EVERYTHING), unique_by=lambda found: found.event_id, max_size=12),
    st.randoms(use_true_random=False),
)
def test_order_and_duplication_do_not_change_the_status(seen: list[TimelineEntry], chance: random.Random) -> None:
    expected = status(REQUESTED, *seen)
    deliveries = [REQUESTED, *seen, *(chance.choices(seen, k=len(seen)) if seen else [])]
    chance.shuffle(deliveries)
    assert status(*deliveries) == expected

"""The pipeline: its statuses, its steps, and the status of a request as a pure function of the events seen.

    accepted → generating → checking → storing → succeeded
                                                 rejected, failed, cancelled, expired   (terminal)
    stalled: the message of a step is in its dead-letter queue

Every other description of the pipeline (API, timeline, traces, dead letters, dashboards) derives from this module.
It imports only the standard library, so that functions which need no more than a status start quickly.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Status(StrEnum):
    """The status of a request."""

    ACCEPTED = "accepted"
    GENERATING = "generating"
    CHECKING = "checking"
    STORING = "storing"
    STALLED = "stalled"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


PROGRESS: Final = (Status.ACCEPTED, Status.GENERATING, Status.CHECKING, Status.STORING)
"""The statuses of a request that is being processed, in order."""
_TERMINAL_BY_PRECEDENCE: Final = (
    Status.FAILED,
    Status.REJECTED,
    Status.SUCCEEDED,
    Status.EXPIRED,
    Status.CANCELLED,
)
"""Expiry and cancellation are highest. Intake writes them itself, and only while the status is not terminal: once a
caller was told about one, no late event changes it."""
TERMINAL: Final = frozenset(_TERMINAL_BY_PRECEDENCE)
"""The statuses of requests that are not processed any further."""
WITHDRAWN: Final = frozenset({Status.CANCELLED, Status.EXPIRED})
"""The statuses of requests whose images are neither generated nor stored, and are deleted if they were."""
RANKS: Final = {status: rank for rank, status in enumerate(PROGRESS + _TERMINAL_BY_PRECEDENCE)}
"""The highest rank among a request's events is its status. ``stalled`` has no rank: it is derived."""


@dataclass(frozen=True)
class Step:
    """A step that every successful request passes through."""

    name: str
    """``<service>.<step>``, also in the names of its queue and function."""
    consumes: str
    """Detail type of the event that it processes."""
    publishes: tuple[str, ...]
    """Detail types of the events that follow."""
    status: Status
    """The status of a request that waits for this step."""


STEPS: Final = (
    Step("moderation.prompt", "ImageRequested", ("PromptApproved", "PromptRejected"), Status.ACCEPTED),
    Step("generation.generate", "PromptApproved", ("ImageGenerated", "GenerationFailed"), Status.GENERATING),
    Step("moderation.image", "ImageGenerated", ("ImageApproved", "ImageRejected"), Status.CHECKING),
    Step("storage.store", "ImageApproved", ("ImageStored",), Status.STORING),
)
STEPS_BY_NAME: Final = {step.name: step for step in STEPS}

STATUS_AFTER: Final = {
    "ImageRequested": Status.ACCEPTED,
    "PromptApproved": Status.GENERATING,
    "PromptRejected": Status.REJECTED,
    "ImageGenerated": Status.CHECKING,
    "GenerationFailed": Status.FAILED,
    "ImageApproved": Status.STORING,
    "ImageRejected": Status.REJECTED,
    "ImageStored": Status.SUCCEEDED,
    "RequestCancelled": Status.CANCELLED,
    "RequestExpired": Status.EXPIRED,
}
"""Detail type → the status that a request has reached, at least, once such an event was seen."""

PUBLISHED_BY: Final = {
    **{detail_type: step.name for step in STEPS for detail_type in step.publishes},
    "ImageRequested": "intake.api",
    "RequestCancelled": "intake.api",
    "RequestExpired": "intake.sweep",
    "ImageDeleted": "storage.remove",
    "GenerationWithdrawn": "generation.tombstones",
    "MessageReplayed": "operations.replay",
}
"""Detail type → the step that publishes it. ``ProcessingStalled`` is published by the step that stalled."""


@dataclass(frozen=True)
class TimelineEntry:
    """The part of an event that the state of its request keeps. It never quotes a prompt."""

    event_id: str
    detail_type: str
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    """A few plain values for the caller: a category, a reason, the keys of the images."""

    @property
    def status(self) -> Status | None:
        """The status that this event stands for, or None for a stall, a replay or a deletion."""
        if self.detail_type == "GenerationFailed" and self.details.get("reason") == "content_filtered":
            return Status.REJECTED
        return STATUS_AFTER.get(self.detail_type)

    @property
    def message(self) -> tuple[str, str]:
        """The step and the event id of the message that a stall or a replay is about."""
        return self.details["step"], self.details["message"]

    @property
    def replays(self) -> int:
        """How often that message had been replayed."""
        return int(self.details["replays"])


def status_of(timeline: Iterable[TimelineEntry]) -> Status:
    """Return the status that a set of events amounts to, whatever their order and however often they were delivered.

    A request is stalled while a step that it still waits for has an open stall. No clocks are compared.
    """
    timeline = list(timeline)
    reached = max((entry.status for entry in timeline if entry.status), key=RANKS.__getitem__, default=Status.ACCEPTED)
    if reached in TERMINAL:
        return reached
    for stall in open_stalls(timeline):
        step = STEPS_BY_NAME.get(stall.details.get("step", ""))
        if step is not None and RANKS[reached] <= RANKS[step.status]:
            return Status.STALLED
    return reached


def open_stalls(timeline: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    """Return the stalls of a request that no replay of the same message with a higher count has answered."""
    timeline = list(timeline)
    replays = [entry for entry in timeline if entry.detail_type == "MessageReplayed"]
    return [
        stall
        for stall in timeline
        if stall.detail_type == "ProcessingStalled"
        and not any(replay.message == stall.message and replay.replays > stall.replays for replay in replays)
    ]

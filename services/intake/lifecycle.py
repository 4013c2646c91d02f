"""The state of a request: a pure function of the set of events seen, whatever their order and however often they came.

    accepted → generating → checking → storing → succeeded
                                                 rejected, failed, cancelled, expired
    stalled: a step's message waits in its dead-letter queue

Progress is a maximum over ranks, and the endings' precedence is their rank too. A stall is answered by a replay of the
same message with a higher count, or by the step's own result; no clock is compared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

ACCEPTED, GENERATING, CHECKING, STORING = "accepted", "generating", "checking", "storing"
EXPIRED, CANCELLED, FAILED, REJECTED, SUCCEEDED = "expired", "cancelled", "failed", "rejected", "succeeded"
STALLED = "stalled"

RANKS: Final = {
    status: rank
    for rank, status in enumerate(
        [ACCEPTED, GENERATING, CHECKING, STORING, EXPIRED, CANCELLED, FAILED, REJECTED, SUCCEEDED]
    )
}
ENDINGS: Final = frozenset({EXPIRED, CANCELLED, FAILED, REJECTED, SUCCEEDED})

REACHED: Final = {
    "ImageRequested": ACCEPTED,
    "PromptApproved": GENERATING,
    "PromptRejected": REJECTED,
    "ImageGenerated": CHECKING,
    "GenerationFailed": FAILED,
    "ImageApproved": STORING,
    "ImageRejected": REJECTED,
    "ImageStored": SUCCEEDED,
    "RequestCancelled": CANCELLED,
    "RequestExpired": EXPIRED,
}
"""What status an event's being seen means, at least."""

WAITING_IN: Final = {
    "moderation.prompt": ACCEPTED,
    "generation.generate": GENERATING,
    "moderation.image": CHECKING,
    "storage.store": STORING,
}
"""The steps a request waits for, and the status it has while it does. A stall elsewhere holds no request up."""


@dataclass(frozen=True)
class Fact:
    """What the state remembers of one event."""

    event_id: str
    detail_type: str
    at: datetime
    about: Mapping[str, Any] = field(default_factory=dict)
    """A few plain values for the one who asks: a category, a reason, the images' keys."""

    @property
    def reached(self) -> str | None:
        """The status this event stands for, or None for a stall or a replay."""
        if self.detail_type == "GenerationFailed" and self.about.get("reason") == "content_filtered":
            return REJECTED
        return REACHED.get(self.detail_type)


def status_of(facts: Iterable[Fact]) -> str:
    """Return the status that a set of events amounts to."""
    facts = list(facts)
    progress = max((fact.reached for fact in facts if fact.reached), key=RANKS.__getitem__, default=ACCEPTED)
    if progress in ENDINGS:
        return progress
    return STALLED if any(_holds(stall, facts, progress) for stall in facts) else progress


def _holds(stall: Fact, facts: list[Fact], progress: str) -> bool:
    """Tell whether ``stall`` is a stall that nothing has answered yet."""
    waiting_in = WAITING_IN.get(stall.about.get("step", ""))
    if stall.detail_type != "ProcessingStalled" or waiting_in is None or RANKS[progress] > RANKS[waiting_in]:
        return False
    message = (stall.about["step"], stall.about["message"])
    return not any(
        fact.detail_type == "MessageReplayed"
        and (fact.about["step"], fact.about["message"]) == message
        and fact.about["replays"] > stall.about["replays"]
        for fact in facts
    )

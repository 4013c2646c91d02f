"""What follows from what. An event's id is derived from its cause's, so the cause need not be stored to be known."""

from collections.abc import Sequence
from typing import Final

from events.envelope import derive_id
from services.operations.timeline import Fact

INDEXES: Final = 10
"""Events of one kind that may follow from one cause: a image each, and some room."""
MADE_BY: Final = {
    "ImageRequested": "intake.api",
    "PromptApproved": "moderation.prompt",
    "PromptRejected": "moderation.prompt",
    "ImageGenerated": "generation.generate",
    "GenerationFailed": "generation.generate",
    "ImageApproved": "moderation.image",
    "ImageRejected": "moderation.image",
    "ImageStored": "storage.store",
    "ImageDeleted": "storage.remove",
    "RequestCancelled": "intake.api",
    "RequestExpired": "intake.sweep",
    "MessageReplayed": "operations.replay",
}
"""Event → the step that says it. A stall is said by the step that stalled."""
FOLLOWS: Final = {
    "moderation.prompt": "ImageRequested",
    "generation.generate": "PromptApproved",
    "moderation.image": "ImageGenerated",
    "storage.store": "ImageApproved",
}
"""Step → the event that it acts on."""


def maker(fact: Fact) -> str:
    """Return the step that said it."""
    return str(fact.about["step"]) if fact.detail_type == "ProcessingStalled" else MADE_BY.get(fact.detail_type, "")


def cause_of(fact: Fact, facts: Sequence[Fact], request_id: str) -> tuple[str, bool]:
    """Return the id of what an event follows from, an event's or the request's, and whether that is certain.

    It is certain where the id is the one derived from the cause's. An operator who edits a message gives it a new
    id: then what the step usually acts on is the best guess.
    """
    if message := fact.about.get("message"):
        return str(message), True
    for candidate in (*(other.event_id for other in facts), request_id):
        if any(derive_id(candidate, fact.detail_type, index) == fact.event_id for index in range(INDEXES)):
            return candidate, True
    step = maker(fact)
    before = [other for other in facts if other.at <= fact.at and other is not fact]
    replays = [other for other in before if other.detail_type == "MessageReplayed" and other.about.get("step") == step]
    usual = [other for other in before if other.detail_type == FOLLOWS.get(step)]
    found = replays or usual
    return (found[-1].event_id if found else request_id), False

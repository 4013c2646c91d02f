"""The cause of an event. Its id is derived from its cause's id, so the cause is known without being stored."""

from collections.abc import Sequence
from typing import Final

from events.envelope import derive_id
from events.pipeline import PUBLISHED_BY, STEPS_BY_NAME, TimelineEntry

INDEXES: Final = 10
"""Events of one detail type that may follow from one cause: one per image, and a margin."""


def publisher(entry: TimelineEntry) -> str:
    """Return the step that published an event."""
    if entry.detail_type == "ProcessingStalled":
        return str(entry.details["step"])
    return PUBLISHED_BY.get(entry.detail_type, "")


def cause_of(entry: TimelineEntry, timeline: Sequence[TimelineEntry], request_id: str) -> tuple[str, bool]:
    """Return the id of the cause, an event's or the request's, and whether it is certain.

    It is certain if the event's id is the one derived from it. An edited message has a new id, which the timeline does
    not contain: then the newest replay to the step, or the event that the step consumes, is the best guess.
    """
    if message := entry.details.get("message"):
        return str(message), True
    for candidate in (*(other.event_id for other in timeline), request_id):
        if any(derive_id(candidate, entry.detail_type, index) == entry.event_id for index in range(INDEXES)):
            return candidate, True
    name = publisher(entry)
    step = STEPS_BY_NAME.get(name)
    before = [other for other in timeline if other.at <= entry.at and other is not entry]
    replays = [
        other for other in before if other.detail_type == "MessageReplayed" and other.details.get("step") == name
    ]
    consumed = [other for other in before if step and other.detail_type == step.consumes]
    guesses = replays or consumed
    return (guesses[-1].event_id if guesses else request_id), False

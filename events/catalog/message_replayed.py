"""An operator sent a message back."""

from typing import ClassVar

from events.envelope import Event, Payload


class MessageReplayedData(Payload):
    """Which message of which step, by whom."""

    step: str
    replayed_event_id: str
    replayed_detail_type: str
    replays: int
    """How often this message has been sent back by now."""
    operator: str
    edited_event_id: str | None = None
    """Where the operator edited it: the id under which it was sent. Its cause is the event that was replayed."""


class MessageReplayed(Event):
    """An operator sent a message from a dead-letter queue back to its step."""

    source: ClassVar[str] = "genai-images.operations"
    detail_type: ClassVar[str] = "MessageReplayed"
    version: ClassVar[int] = 1

    data: MessageReplayedData

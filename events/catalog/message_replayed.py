"""An operator replayed a message."""

from typing import ClassVar

from ..envelope import Event, Payload


class MessageReplayedData(Payload):
    """The message, its step and the operator."""

    step: str
    replayed_event_id: str
    replayed_detail_type: str
    replays: int
    """Number of replays of this message, including this one."""
    operator: str
    edited_event_id: str | None = None
    """The id of the edited event, if the operator edited the message. Its cause is the replayed event."""


class MessageReplayed(Event):
    """An operator replayed a message from a dead-letter queue to its step."""

    source: ClassVar[str] = "genai-images.operations"
    detail_type: ClassVar[str] = "MessageReplayed"
    version: ClassVar[int] = 1

    data: MessageReplayedData

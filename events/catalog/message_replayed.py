"""An operator replayed a message."""

from typing import ClassVar

from ..envelope import Event, Payload


class MessageReplayedData(Payload):
    """The message, its step and the operator."""

    step: str
    """``service.step`` of the message, such as ``storage.store``, which is also the name of its queue."""
    replayed_event_id: str
    """The ``event_id`` of the event in the message."""
    replayed_detail_type: str
    """The ``detail-type`` of the event in the message."""
    replays: int
    """Number of replays of this message, including this one."""
    operator: str
    """The name of the operator who replayed it."""
    edited_event_id: str | None = None
    """The id of the edited event, if the operator edited the message. Its cause is the replayed event."""


class MessageReplayed(Event):
    """An operator replayed a message from a dead-letter queue to its step."""

    source: ClassVar[str] = "genai-images.operations"
    detail_type: ClassVar[str] = "MessageReplayed"
    version: ClassVar[int] = 1

    data: MessageReplayedData

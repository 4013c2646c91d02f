"""A step dead-lettered a message."""

from typing import ClassVar

from ..envelope import Event, Payload


class ProcessingStalledData(Payload):
    """The step, the event and the error."""

    step: str
    """``service.step``, such as ``storage.store``, which is also the name of its queue."""
    stalled_event_id: str
    """The ``event_id`` of the event in the message."""
    stalled_detail_type: str
    """The ``detail-type`` of the event in the message."""
    error: str
    """Class or code of the error."""
    reason: str
    """The error in a sentence, without any text that may quote a prompt."""
    fingerprint: str
    """12 hexadecimal digits that are equal for equal failures."""
    attempts: int
    """How often the message was received."""


class ProcessingStalled(Event):
    """A step dead-lettered a message, which stays in the step's dead-letter queue until an operator replays it."""

    source: ClassVar[str] = "genai-images.delivery"
    detail_type: ClassVar[str] = "ProcessingStalled"
    version: ClassVar[int] = 1

    data: ProcessingStalledData

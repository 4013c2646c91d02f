"""A step dead-lettered a message."""

from typing import ClassVar

from ..envelope import Event, Payload


class ProcessingStalledData(Payload):
    """The step, the event and the error."""

    step: str
    """``service.step``, such as ``storage.store``, which is also the name of its queue."""
    stalled_event_id: str
    stalled_detail_type: str
    error: str
    """Class or code of the error."""
    reason: str
    fingerprint: str
    """Equal for equal failures."""
    attempts: int


class ProcessingStalled(Event):
    """A step dead-lettered a message, which stays in the step's dead-letter queue until an operator replays it."""

    source: ClassVar[str] = "genai-images.delivery"
    detail_type: ClassVar[str] = "ProcessingStalled"
    version: ClassVar[int] = 1

    data: ProcessingStalledData

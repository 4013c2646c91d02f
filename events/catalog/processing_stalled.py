"""A message went to its dead-letter queue."""

from typing import ClassVar

from events.envelope import Event, Payload


class ProcessingStalledData(Payload):
    """Which step gave up on which event, and why."""

    step: str
    """``service.step``, such as ``storage.store``: also the name of its queue."""
    stalled_event_id: str
    stalled_detail_type: str
    error: str
    """Class or code of the error."""
    reason: str
    fingerprint: str
    """The same for messages that failed the same way."""
    attempts: int


class ProcessingStalled(Event):
    """A step gave up on a message: it waits in the step's dead-letter queue for an operator."""

    source: ClassVar[str] = "genai-images.delivery"
    detail_type: ClassVar[str] = "ProcessingStalled"
    version: ClassVar[int] = 1

    data: ProcessingStalledData

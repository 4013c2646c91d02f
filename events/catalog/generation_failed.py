"""No image came of it."""

from typing import ClassVar

from events.envelope import Event, Payload
from events.images import ImageOutcome


class GenerationFailedData(Payload):
    """Why not."""

    reason: str
    """The code of the first outcome: ``content_filtered``, ``model_end_of_life``, ``invalid_request`` …"""
    outcomes: list[ImageOutcome]


class GenerationFailed(Event):
    """Every image ended in a final failure or in the model's content filter. The request ends here.

    ``content_filtered`` is a rejection of what was asked; every other reason is a failure of ours.
    """

    source: ClassVar[str] = "genai-images.generation"
    detail_type: ClassVar[str] = "GenerationFailed"
    version: ClassVar[int] = 1

    data: GenerationFailedData

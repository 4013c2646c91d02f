"""No image could be generated."""

from typing import ClassVar

from ..envelope import Event, Payload
from ..images import ImageOutcome


class GenerationFailedData(Payload):
    """The reason and the outcome of each image."""

    reason: str
    """The code of the first outcome: ``content_filtered``, ``model_end_of_life``, ``invalid_request`` …"""
    outcomes: list[ImageOutcome]
    """The outcomes of the images, none of which is ``generated``."""


class GenerationFailed(Event):
    """No image could be generated: each failed or was withheld by the model's filter. The status is terminal.

    With the reason ``content_filtered`` the request is rejected; with every other reason it failed.
    """

    source: ClassVar[str] = "genai-images.generation"
    detail_type: ClassVar[str] = "GenerationFailed"
    version: ClassVar[int] = 1

    data: GenerationFailedData

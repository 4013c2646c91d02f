"""At least one image was generated."""

from typing import ClassVar

from pydantic import Field

from ..envelope import Event, Payload
from ..images import ImageOutcome
from ..parameters import GenerationParameters


class ImageGeneratedData(Payload):
    """One outcome per image, of which at least one is ``generated``."""

    outcomes: list[ImageOutcome] = Field(min_length=1)
    """One per image of the request."""
    parameters: GenerationParameters
    """The parameters of the request."""


class ImageGenerated(Event):
    """At least one image was generated and is in the hand-off bucket."""

    source: ClassVar[str] = "genai-images.generation"
    detail_type: ClassVar[str] = "ImageGenerated"
    version: ClassVar[int] = 1

    data: ImageGeneratedData

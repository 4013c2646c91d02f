"""Which images may be kept."""

from typing import ClassVar

from pydantic import Field

from events.envelope import Event, Payload
from events.images import GenerationParameters, ImageOutcome, RemovedImage


class ImageApprovedData(Payload):
    """The images that may be kept, and those that may not or never came to be."""

    policy_version: str
    layers: list[str]
    """The layers that looked: ``rekognition``, or none where the image check is off."""
    images: list[ImageOutcome] = Field(min_length=1)
    """Every one of them ``generated``."""
    removed: list[RemovedImage] = Field(default_factory=list)
    parameters: GenerationParameters


class ImageApproved(Event):
    """At least one image may be kept."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "ImageApproved"
    version: ClassVar[int] = 1

    data: ImageApprovedData

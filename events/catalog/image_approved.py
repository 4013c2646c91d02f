"""Which pictures may be kept."""

from typing import ClassVar

from pydantic import Field

from events.drawing import Drawing, ImageOutcome, RemovedImage
from events.envelope import Event, Payload


class ImageApprovedData(Payload):
    """The pictures that may be kept, and those that may not or never came to be."""

    policy_version: str
    layers: list[str]
    """The layers that looked: ``rekognition``, or none where the picture check is off."""
    images: list[ImageOutcome] = Field(min_length=1)
    """Every one of them ``generated``."""
    removed: list[RemovedImage] = Field(default_factory=list)
    drawing: Drawing


class ImageApproved(Event):
    """At least one picture may be kept."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "ImageApproved"
    version: ClassVar[int] = 1

    data: ImageApprovedData

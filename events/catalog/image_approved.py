"""Image moderation approved at least one image."""

from typing import ClassVar

from pydantic import Field

from ..envelope import Event, Payload
from ..images import ImageOutcome, RemovedImage
from ..parameters import GenerationParameters


class ImageApprovedData(Payload):
    """The approved images, and those that were removed or could not be generated."""

    policy_version: str
    """Version of the moderation policy: its name and a digest of its content, then id and version of the guardrail, if
    there is one (``default@3f9c2a1b7d0e+a1b2c3d4e5f6:3``)."""
    layers: list[str]
    """The layers that checked the images: ``rekognition``, or none if the image check is off. ``appeal`` before it: an
    operator granted an appeal about images of this text, and images may have its category."""
    images: list[ImageOutcome] = Field(min_length=1)
    """All have the status ``generated``."""
    removed: list[RemovedImage] = Field(default_factory=list)
    """The images that were rejected, filtered or failed."""
    parameters: GenerationParameters
    """The parameters of the request."""


class ImageApproved(Event):
    """Image moderation approved at least one image."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "ImageApproved"
    version: ClassVar[int] = 1

    data: ImageApprovedData

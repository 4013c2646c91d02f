"""Image moderation rejected all images."""

from typing import ClassVar

from ..envelope import Event, Payload
from ..images import RemovedImage


class ImageRejectedData(Payload):
    """The reason of the rejection."""

    policy_version: str
    """Version of the moderation policy: its name and a digest of its content, then id and version of the guardrail, if
    there is one (``default@3f9c2a1b7d0e+a1b2c3d4e5f6:3``)."""
    layer: str
    """The last layer that decided: ``rekognition`` or ``guardrail``."""
    category: str
    """Category of the first rejected image."""
    removed: list[RemovedImage]
    """All images of the request, each with its reason."""


class ImageRejected(Event):
    """Image moderation rejected all images. The status is terminal."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "ImageRejected"
    version: ClassVar[int] = 1

    data: ImageRejectedData

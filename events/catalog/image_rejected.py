"""Image moderation rejected all images."""

from typing import ClassVar

from ..envelope import Event, Payload
from ..images import RemovedImage


class ImageRejectedData(Payload):
    """The reason of the rejection."""

    policy_version: str
    """Version of the moderation policy: its name and a digest of its content."""
    layer: str
    """The layer that decided: ``rekognition``."""
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

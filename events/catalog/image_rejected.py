"""No image may be kept."""

from typing import ClassVar

from events.envelope import Event, Payload
from events.images import RemovedImage


class ImageRejectedData(Payload):
    """Why none may be kept."""

    policy_version: str
    layer: str
    category: str
    """Of the first image that was rejected."""
    removed: list[RemovedImage]


class ImageRejected(Event):
    """The image check kept nothing. The request ends here."""

    source: ClassVar[str] = "genai-images.moderation"
    detail_type: ClassVar[str] = "ImageRejected"
    version: ClassVar[int] = 1

    data: ImageRejectedData

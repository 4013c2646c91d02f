"""A image is gone."""

from typing import ClassVar, Literal

from events.envelope import Event, Payload


class ImageDeletedData(Payload):
    """Which image, and by whose will."""

    image_id: str
    reason: Literal["owner", "erasure", "withdrawn"]
    """``withdrawn``: its request was cancelled or expired before the image was stored."""


class ImageDeleted(Event):
    """A image left the gallery with all its files."""

    source: ClassVar[str] = "genai-images.storage"
    detail_type: ClassVar[str] = "ImageDeleted"
    version: ClassVar[int] = 1

    data: ImageDeletedData

"""An image was deleted."""

from typing import ClassVar

from ..envelope import Event, Payload
from ..images import DeletionReason


class ImageDeletedData(Payload):
    """The image and the reason."""

    image_id: str
    """The id of the image in the HTTP API."""
    reason: DeletionReason
    """``owner``: the owner deleted it. ``erasure``: all data of the owner was erased. ``withdrawn``: its request was
    cancelled or expired before the image was stored."""


class ImageDeleted(Event):
    """An image was deleted from the gallery, with all its files."""

    source: ClassVar[str] = "genai-images.storage"
    detail_type: ClassVar[str] = "ImageDeleted"
    version: ClassVar[int] = 1

    data: ImageDeletedData

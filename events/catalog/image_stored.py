"""The approved images were stored."""

from typing import ClassVar

from pydantic import Field

from ..envelope import Event, Payload
from ..images import RemovedImage, StoredImage


class ImageStoredData(Payload):
    """The stored images with their files, and the removed ones."""

    images: list[StoredImage] = Field(min_length=1)
    """The images in the gallery, each with its files."""
    removed: list[RemovedImage] = Field(default_factory=list)
    """The images that were rejected, filtered or failed."""


class ImageStored(Event):
    """The approved images are in the gallery. The request has succeeded."""

    source: ClassVar[str] = "genai-images.storage"
    detail_type: ClassVar[str] = "ImageStored"
    version: ClassVar[int] = 1

    data: ImageStoredData

"""The pictures are in the gallery."""

from typing import ClassVar

from pydantic import Field

from events.drawing import RemovedImage, StoredImage
from events.envelope import Event, Payload


class ImageStoredData(Payload):
    """The surviving pictures with their files, and those that did not survive."""

    images: list[StoredImage] = Field(min_length=1)
    removed: list[RemovedImage] = Field(default_factory=list)


class ImageStored(Event):
    """The surviving pictures are in the gallery. The request has succeeded."""

    source: ClassVar[str] = "genai-images.storage"
    detail_type: ClassVar[str] = "ImageStored"
    version: ClassVar[int] = 1

    data: ImageStoredData

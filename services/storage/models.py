"""Domain types of the gallery."""

import json
import re
from datetime import UTC, datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from events.images import DeletionReason, StoredImage, Variant
from events.options import OutputFormat, Quality

DISPLAY: Final = "display.webp"
THUMBNAIL: Final = "thumbnail.webp"
"""The names of the small files of every image, in its folder. The original is named by ``original_name``."""
MAX_SHARES: Final = 20
"""Valid share links per image."""

FILES: Final = "images/"
DERIVED: Final = "derived/"
_IMAGE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{1,2}", re.ASCII)


class Share(BaseModel):
    """A link that shows an image to everyone who has it. Only the hash of the link's secret is stored."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    share_id: str
    secret_sha256: str
    created_at: AwareDatetime
    expires_at: AwareDatetime


class GalleryRecord(StoredImage):
    """What the table keeps of every stored image, even if it was deleted: the content of ``ImageStored``."""

    request_id: str
    owner: str
    created_at: AwareDatetime
    analytics_opt_out: bool | None = None
    """True if the owner had opted out of analytics when the request was sent."""

    def stored_image(self) -> StoredImage:
        """Return the part that ``ImageStored`` publishes."""
        return StoredImage.model_validate(self.model_dump())

    @property
    def variants(self) -> tuple[Variant, Variant, Variant]:
        """The files of the image."""
        return self.original, self.display, self.thumbnail

    @property
    def folder(self) -> str:
        """The folder of the files in the gallery bucket."""
        return self.display.key.rpartition("/")[0]

    @property
    def keys(self) -> list[str]:
        """The keys of the files in the gallery bucket."""
        return [variant.key for variant in self.variants]


class DeletionMarker(GalleryRecord):
    """Replaces the entry of a deleted image, so that a late message cannot store the image again."""

    deleted_at: AwareDatetime
    reason: DeletionReason


class Entry(GalleryRecord):
    """An image of the gallery: its files, and everything that it was generated from."""

    prompt: str
    negative_prompt: str | None = None
    style: str | None = None
    quality: Quality
    steps: int | None = None
    guidance: float | None = None
    favourite: bool = False
    shares: tuple[Share, ...] = ()

    def deletion_marker(self, now: datetime, reason: DeletionReason) -> DeletionMarker:
        """Return the marker that replaces the entry. It contains no text written by a person."""
        return DeletionMarker.model_validate({**self.model_dump(), "deleted_at": now, "reason": reason})


class EntrySummary(BaseModel):
    """The part of an entry that lists show."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    image_id: str
    created_at: AwareDatetime
    model: str
    style: str | None = None
    favourite: bool = False
    caption: str
    placeholder: str
    folder: str
    """The folder of the image's files in the gallery bucket."""
    width: int
    height: int

    @property
    def position(self) -> str:
        """The position of the image in every list."""
        return list_position(self.created_at, self.image_id)

    def key(self, name: str) -> str:
        """Return the key of one of the image's files."""
        return f"{self.folder}/{name}"


class Tombstone(BaseModel):
    """The record, in the place of an image, that its request was cancelled or has expired: it may not be stored."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    image_id: str
    withdrawn_at: AwareDatetime
    """When the request was cancelled or expired."""


def derived_folder(folder: str) -> str:
    """Return the folder of the files that are derived from those of an image.

    It is not below the image's: so the function that derives may write no image, and the derived files can expire.
    """
    return folder.replace(FILES, DERIVED, 1)


def original_name(output_format: OutputFormat) -> str:
    """Return the name of an image's original file, such as ``original.png``. A name ends with its media subtype."""
    return f"original.{output_format}"


def make_image_id(request_id: str, index: int) -> str:
    """Return the id of the image with ``index`` of a request."""
    return f"{request_id}-{index}"


def is_image_id(text: str) -> bool:
    """Return whether ``text`` has the form of an image id. Other texts need no read."""
    return _IMAGE_ID.fullmatch(text) is not None


def list_position(created_at: datetime, image_id: str) -> str:
    """Return the position of an image in every list. It sorts by time as text and is unique."""
    return f"{created_at.astimezone(UTC).isoformat(timespec='microseconds')}#{image_id}"


def partition_key(owner: str, value: str) -> str:
    """Return the partition key of an owner's images with ``value``. JSON makes it unique for every pair."""
    return json.dumps([owner, value], ensure_ascii=False)


def file_key(request_id: str, index: int, raw_sha256: str, name: str) -> str:
    """Return the key of a file in the gallery bucket.

    It contains the hash of the raw image, so that two generations of one image never share a key.
    """
    return f"images/{request_id}/{index}-{raw_sha256}/{name}"

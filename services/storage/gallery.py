"""The gallery catalog's shapes."""

import re
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from events.images import Quality, StoredImage, Variant

ORIGINAL: Final = "original.png"
DISPLAY: Final = "display.webp"
THUMBNAIL: Final = "thumbnail.webp"
"""The files of every image, by their names in its folder."""

_IMAGE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{1,2}", re.ASCII)


class Share(BaseModel):
    """A link that shows a image to whoever has it. The link's secret is not kept, only its hash."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    share_id: str
    secret_sha256: str
    created_at: AwareDatetime
    expires_at: AwareDatetime


class Recorded(StoredImage):
    """What is kept of every image that was ever stored, deleted or not: what ``ImageStored`` said of it."""

    request_id: str
    owner: str
    created_at: AwareDatetime

    def stored(self) -> StoredImage:
        """Return what is published of it."""
        return StoredImage.model_validate(self.model_dump())

    @property
    def variants(self) -> tuple[Variant, Variant, Variant]:
        """Its files."""
        return self.original, self.display, self.thumbnail

    @property
    def keys(self) -> list[str]:
        """Where its files lie in the gallery bucket."""
        return [variant.key for variant in self.variants]


class Marker(Recorded):
    """A image that was deleted: it stands in its entry's place, so that nothing late can store it again."""

    deleted_at: AwareDatetime
    reason: Literal["owner", "erasure"]


class Entry(Recorded):
    """All that is known of one image: its files, and everything that made it."""

    prompt: str
    negative_prompt: str | None = None
    style: str | None = None
    quality: Quality
    steps: int | None = None
    guidance: float | None = None
    favourite: bool = False
    shares: tuple[Share, ...] = ()

    def marker(self, now: datetime, reason: Literal["owner", "erasure"]) -> Marker:
        """Return what stays of it after its deletion: nothing that somebody wrote."""
        return Marker.model_validate({**self.model_dump(), "deleted_at": now, "reason": reason})


class Card(BaseModel):
    """What a list shows of one image."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    image_id: str
    created_at: AwareDatetime
    model: str
    style: str | None = None
    favourite: bool = False
    caption: str
    placeholder: str
    folder: str
    """Where its files lie in the gallery bucket."""
    width: int
    height: int

    @property
    def position(self) -> str:
        """Its place in every list."""
        return position(self.created_at, self.image_id)

    def key(self, name: str) -> str:
        """Return the key of one of its files."""
        return f"{self.folder}/{name}"


class Tombstone(BaseModel):
    """A request that was taken back: nothing of it may enter the gallery any more."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    request_id: str
    written_at: AwareDatetime
    """When the caller took it back or its deadline passed."""


def image_id(request_id: str, index: int) -> str:
    """Return the id of a request's ``index``-th image."""
    return f"{request_id}-{index}"


def is_image_id(text: str) -> bool:
    """Tell whether ``text`` could be the id of a image: what cannot is not worth a look-up."""
    return _IMAGE_ID.fullmatch(text) is not None


def position(created_at: datetime, image: str) -> str:
    """Return the place of a image in every list: as text it sorts by time, and no two images share it."""
    return f"{created_at.astimezone(UTC).isoformat(timespec='microseconds')}#{image}"


def file_key(request_id: str, index: int, raw_sha256: str, name: str) -> str:
    """Return where a file of a image lies in the gallery bucket.

    With the hash of the raw image: what two attempts drew differently never shares a key.
    """
    return f"images/{request_id}/{index}-{raw_sha256}/{name}"

"""What the API shows of the gallery."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel

from events.drawing import Quality, Variant
from services.storage.gallery import Entry

_IMAGE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{1,2}", re.ASCII)


def is_image_id(text: str) -> bool:
    """Tell whether ``text`` could be the id of a picture: what cannot is not worth a look-up."""
    return _IMAGE_ID.fullmatch(text) is not None


class FileView(BaseModel):
    """One file, downloadable for a while."""

    url: str
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str

    @classmethod
    def of(cls, variant: Variant, url: Callable[[str], str]) -> Self:
        """Return ``variant`` with its key turned into a URL."""
        return cls(url=url(variant.key), **variant.model_dump(exclude={"key"}))


class ImageView(BaseModel):
    """One picture, everything that made it, and its files."""

    id: str
    request_id: str
    index: int
    created_at: datetime
    prompt: str
    negative_prompt: str | None
    style: str | None
    model: str
    seed: int
    width: int
    height: int
    quality: Quality
    steps: int | None
    guidance: float | None
    cost_usd: str
    placeholder: str
    """BlurHash."""
    original: FileView
    display: FileView
    thumbnail: FileView

    @classmethod
    def of(cls, entry: Entry, url: Callable[[str], str]) -> Self:
        """Return ``entry`` with ``url`` applied to the keys of its files."""
        return cls(
            id=entry.image_id,
            width=entry.original.width,
            height=entry.original.height,
            cost_usd=str(entry.cost_usd),
            original=FileView.of(entry.original, url),
            display=FileView.of(entry.display, url),
            thumbnail=FileView.of(entry.thumbnail, url),
            **entry.model_dump(exclude={"image_id", "owner", "cost_usd", "original", "display", "thumbnail"}),
        )

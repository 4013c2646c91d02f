"""Exports the images of an owner: entries of the gallery, share links, and the names of the original files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from events.exporting import ExportedImage
from kit.clock import Clock
from kit.exporting import Page
from services.storage.listing import Chunk, Listing
from services.storage.models import DeletionMarker, Entry
from services.storage.shares import valid_shares

PAGE: Final = 500
"""Images per page, read in a few seconds."""


class Listings(Protocol):
    """The lists of images."""

    def read(self, listing: Listing, after: str | None, count: int) -> Chunk:
        """Examine ``count`` entries after a position."""


class Records(Protocol):
    """The records of the gallery."""

    def find_all(self, image_ids: Sequence[str]) -> Iterable[Entry | DeletionMarker]:
        """Yield the records of images, in any order."""


@dataclass(frozen=True)
class ImageExport:
    """Reads the images of an owner for an export."""

    listings: Listings
    gallery: Records
    clock: Clock

    def read(self, owner: str, position: str | None) -> Page:
        """Return a page of images, newest first, as the API shows them but without URLs."""
        chunk = self.listings.read(Listing("by-owner", "owner", owner), position, PAGE)
        records = self.gallery.find_all([summary.image_id for summary in chunk.images])
        entries = {record.image_id: record for record in records if isinstance(record, Entry) and record.owner == owner}
        found = [entries[summary.image_id] for summary in chunk.images if summary.image_id in entries]
        return Page(
            {
                "images.jsonl": [_image(entry) for entry in found],
                "shares.jsonl": [share for entry in found for share in self._shares(entry)],
            },
            [_file(entry) for entry in found],
            chunk.stopped_at,
        )

    def _shares(self, entry: Entry) -> list[dict[str, Any]]:
        """Return the valid share links. Their tokens are not stored."""
        return [
            {
                "id": share.share_id,
                "image_id": entry.image_id,
                "created_at": share.created_at.isoformat(),
                "expires_at": share.expires_at.isoformat(),
            }
            for share in valid_shares(entry.shares, self.clock.now())
        ]


def _file(entry: Entry) -> ExportedImage:
    original = entry.original
    name = f"images/{entry.image_id}.{original.media_type.partition('/')[2]}"
    return ExportedImage(name=name, key=original.key, sha256=original.sha256, bytes=original.bytes)


def _image(entry: Entry) -> dict[str, Any]:
    from services.storage.schemas import ImageView  # noqa: PLC0415 - an erasure needs no schemas

    view = ImageView.of(entry, lambda _key: "", lambda _folder: None)
    values = view.model_dump(mode="json", exclude_none=True, exclude={"links", "display", "thumbnail"})
    values["original"] = {name: value for name, value in values["original"].items() if name != "url"}
    return values | {"file": _file(entry).name}

"""Removes the files of deleted images. The deletion marker comes first; everything else follows from it.

    DELETE ─▶ deletion marker replaces the entry ─▶ table's stream ─▶ storage.remove: files, CDN, ImageDeleted

A crash leaves the marker and the message, so every part can be repeated and none is skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from kit.errors import UnprocessableError
from services.storage.models import DeletionMarker, Entry


class Records(Protocol):
    """The records of the gallery."""

    def find(self, image_id: str) -> Entry | DeletionMarker | None:
        """Return an entry, or the deletion marker that replaced it."""


class FileDeleter(Protocol):
    """The files of the gallery."""

    def with_derived(self, keys: Sequence[str]) -> list[str]:
        """Return ``keys`` and those of the files that are derived from them."""

    def delete(self, keys: Sequence[str]) -> int:
        """Delete ``keys`` with all their versions. Return how many versions were former ones."""


class Cdn(Protocol):
    """The caches in front of the files."""

    def invalidate(self, keys: Sequence[str], reference: str) -> None:
        """Remove ``keys`` from all caches. A second call with the same ``reference`` has no effect."""


def deletion_event(marker: DeletionMarker) -> ImageDeleted:
    """Return the event for a marker in the table's stream: the same event each time it is read."""
    return ImageDeleted.first(
        marker.request_id,
        marker.owner,
        ImageDeletedData(image_id=marker.image_id, reason=marker.reason),
        occurred_at=marker.deleted_at,
        index=marker.index,
        analytics_opt_out=bool(marker.analytics_opt_out),
    )


@dataclass(frozen=True)
class FileRemoval:
    """Removes the files of a deleted image."""

    gallery: Records
    files: FileDeleter
    cdn: Cdn

    def remove(self, event: ImageDeleted) -> list[ImageDeleted]:
        """Delete the files, invalidate the caches, and return the event to publish.

        The files are deleted first: a cache invalidated too early would fetch them again.
        """
        record = self.gallery.find(event.data.image_id)
        if isinstance(record, Entry):
            raise UnprocessableError(f"image_id: {event.data.image_id} is not deleted")
        # None: the marker has expired, long after the files were deleted. storage.erase deletes the files of many
        # images with one call.
        if record is not None and record.reason != "erasure":
            keys = self.files.with_derived(record.keys)
            self.files.delete(keys)
            self.cdn.invalidate(keys, event.metadata.event_id)
        return [event]

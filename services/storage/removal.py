"""Deleting a image: first the catalog says so, then everything else follows from that.

    DELETE ─▶ marker in the entry's place ─▶ table's stream ─▶ storage.remove: files, CDN, ImageDeleted

A crash anywhere leaves the marker, and with it the message: each step may be repeated, none can be skipped.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from kit.errors import UnprocessableError
from services.storage.gallery import Entry, Marker


class ModelCatalog(Protocol):
    """The gallery catalog, for whoever deletes."""

    def find(self, image: str) -> Entry | Marker | None:
        """Return the image of that id, or the marker in its place."""

    def mark(self, marker: Marker) -> None:
        """Put ``marker`` in the place of its entry; the first one stays."""


class Files(Protocol):
    """The gallery's files."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete ``keys``; deleting what is not there is no error."""


class Cdn(Protocol):
    """The caches in front of the files."""

    def forget(self, keys: Sequence[str], reference: str) -> None:
        """Have every cache drop ``keys``; the same ``reference`` asks only once."""


def delete(catalog: ModelCatalog, image: str, owner: str, now: datetime) -> bool:
    """Delete a image of ``owner``'s; tell whether it is, or was, theirs. Deleting it again changes nothing."""
    found = catalog.find(image)
    if found is None or found.owner != owner:
        return False
    if isinstance(found, Entry):
        catalog.mark(found.marker(now, "owner"))
    return True


def announce(marker: Marker) -> ImageDeleted:
    """Return what a marker in the table's stream stands for: the same event whenever it is read."""
    return ImageDeleted.first(
        marker.request_id,
        marker.owner,
        ImageDeletedData(image_id=marker.image_id, reason=marker.reason),
        occurred_at=marker.deleted_at,
        index=marker.index,
    )


class Remove:
    """The step ``storage.remove``: what a marker asks for."""

    def __init__(self, *, catalog: ModelCatalog, files: Files, cdn: Cdn) -> None:
        self._catalog = catalog
        self._files = files
        self._cdn = cdn

    def __call__(self, event: ImageDeleted) -> list[ImageDeleted]:
        """Delete the files, have the CDN forget them, and return the event to be published.

        Files first: a cache that forgot a file too early would fetch it again.
        """
        found = self._catalog.find(event.data.image_id)
        if isinstance(found, Entry):
            raise UnprocessableError(f"image_id: {event.data.image_id} is not deleted")
        if found is not None:  # or the marker has expired, long after everything was done
            self._files.delete(found.keys)
            self._cdn.forget(found.keys, event.metadata.event_id)
        return [event]

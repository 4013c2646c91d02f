"""Removes the images of cancelled and expired requests from the gallery."""

from typing import Protocol

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from events.images import IMAGES_MAX
from services.storage.models import DeletionMarker, Entry, Tombstone, make_image_id


class WithdrawnImages(Protocol):
    """The records of the gallery."""

    def add_tombstone(self, tombstone: Tombstone) -> None:
        """Record ``tombstone`` unless the request has one."""

    def find(self, image_id: str) -> Entry | DeletionMarker | None:
        """Return an entry, or the deletion marker that replaced it, with a consistent read."""

    def mark_deleted(self, marker: DeletionMarker) -> None:
        """Replace an entry with ``marker``; do nothing if there is no entry."""


def withdraw(event: RequestCancelled | RequestExpired, gallery: WithdrawnImages) -> list[Event]:
    """Keep the request's images out of the gallery, and delete those that are in it already.

    The tombstone is written first, so an image is either refused by it or found after it. The deletion markers reach
    storage.remove through the table's stream, and no event follows here.
    """
    request_id, at = event.metadata.request_id, event.metadata.occurred_at
    gallery.add_tombstone(Tombstone(request_id=request_id, withdrawn_at=at))
    for index in range(IMAGES_MAX):
        record = gallery.find(make_image_id(request_id, index))
        if isinstance(record, Entry):
            gallery.mark_deleted(record.deletion_marker(max(at, record.created_at), "withdrawn"))
    return []

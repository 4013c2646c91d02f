"""Removes the images of cancelled and expired requests from the gallery."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from events.options import IMAGES_MAX
from services.storage.models import DeletionMarker, Entry, Tombstone, make_image_id


class WithdrawnImages(Protocol):
    """The records of the gallery."""

    def add_tombstone(self, tombstone: Tombstone) -> Entry | None:
        """Record ``tombstone`` in the place of an image. If the image is stored, return its entry instead.

        Do nothing if the image has a tombstone or was deleted.
        """

    def mark_deleted(self, marker: DeletionMarker) -> bool:
        """Replace an entry with ``marker``. Return whether there was one."""


def add_tombstones(gallery: WithdrawnImages, request_id: str, at: datetime) -> Iterator[Entry]:
    """Put a tombstone in the place of every image that the request could have. Yield the entries of stored images.

    So each image is either refused by its tombstone or found instead of it.
    """
    for index in range(IMAGES_MAX):
        if stored := gallery.add_tombstone(Tombstone(image_id=make_image_id(request_id, index), withdrawn_at=at)):
            yield stored


def withdraw(event: RequestCancelled | RequestExpired, gallery: WithdrawnImages) -> list[Event]:
    """Keep the request's images out of the gallery, and delete those that are in it already.

    The deletion markers reach storage.remove through the table's stream, and no event follows here.
    """
    request_id, at = event.metadata.request_id, event.metadata.occurred_at
    for stored in add_tombstones(gallery, request_id, at):
        gallery.mark_deleted(stored.deletion_marker(max(at, stored.created_at), "withdrawn"))
    return []

"""Erases the images of an owner, of requests, or single ones: entries, files and cached copies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.clock import Clock
from kit.erasure import answer, list_parts
from services.storage.models import DeletionMarker, Entry
from services.storage.removal import Cdn, FileDeleter
from services.storage.withdrawal import WithdrawnImages, add_tombstones

ENTRIES: Final = "storage/gallery"
FILES: Final = "storage/gallery-files"
VERSIONS: Final = f"{FILES}-versions"


class Listings(Protocol):
    """The list of an owner's images."""

    def image_ids(self, owner: str) -> Iterator[str]:
        """Yield the ids of an owner's images."""


class ErasableImages(WithdrawnImages, Protocol):
    """The records of the gallery."""

    def find(self, image_id: str) -> Entry | DeletionMarker | None:
        """Return an entry or its deletion marker."""


class ErasableFiles(FileDeleter, Protocol):
    """The files of the gallery."""

    def of_request(self, request_id: str) -> list[str]:
        """Return the keys of all files of a request, also of those that no entry names or only a version is left of."""


@dataclass(frozen=True)
class ImageEraser:
    """Erases images and answers for storage."""

    listings: Listings
    gallery: ErasableImages
    files: ErasableFiles
    cdn: Cdn
    clock: Clock
    markers_kept: timedelta

    def erase(self, event: ErasureStarted) -> list[Event]:
        """List the images of an owner, or erase those of the listed requests, or the listed ones."""
        owner, about = event.metadata.owner, event.data
        match about.scope:
            case "owner":
                parts, more = list_parts(event, "image", self.listings.image_ids(owner))
                return [*parts, answer(event, "storage", [], parts=parts, more=more)]
            case "request":
                return [answer(event, "storage", self._erase_requests(event))]
            case "image":
                records = self._records(about.image_ids, owner)
                return [answer(event, "storage", self._erase(event, records, []))]

    def _erase_requests(self, event: ErasureStarted) -> list[StoreReceipt]:
        """Keep further images of the requests out of the gallery, and erase those that are in it."""
        requests, now = event.data.request_ids, self.clock.now()
        stored = [entry for request_id in requests for entry in add_tombstones(self.gallery, request_id, now)]
        files = [key for request_id in requests for key in self.files.of_request(request_id)]
        return self._erase(event, [entry for entry in stored if entry.owner == event.metadata.owner], files)

    def _records(self, image_ids: Sequence[str], owner: str) -> list[Entry | DeletionMarker]:
        found = [self.gallery.find(image_id) for image_id in image_ids]
        return [record for record in found if record is not None and record.owner == owner]

    def _erase(
        self, event: ErasureStarted, records: Sequence[Entry | DeletionMarker], more_files: Sequence[str]
    ) -> list[StoreReceipt]:
        """Replace entries with deletion markers, then delete all files and invalidate the caches, with one call each.

        The markers are first, so a crash leaves what the next delivery finds again. They reach storage.remove through
        the table's stream, which publishes ``ImageDeleted``.
        """
        now = self.clock.now()
        entries = [record for record in records if isinstance(record, Entry)]
        # Of two deliveries at once, each image is counted by the one that replaces its entry.
        replaced = sum(
            self.gallery.mark_deleted(entry.deletion_marker(max(now, entry.created_at), "erasure")) for entry in entries
        )
        recorded = [key for record in records for key in record.keys]
        keys = sorted({*more_files, *self.files.with_derived(recorded)})
        former = 0
        if keys:
            former = self.files.delete(keys)
            self.cdn.invalidate(keys, event.metadata.event_id)
        marked = StoreReceipt(
            store=ENTRIES,
            erased=replaced,
            remains="the ids of deleted images with the id of the owner, without texts",
            reason="A late message must not store an image again.",
            until=now + self.markers_kept,
        )
        files = StoreReceipt(store=FILES, erased=len(more_files) or 3 * replaced + len(keys) - len(recorded))
        return [marked, files, StoreReceipt(store=VERSIONS, erased=former)]

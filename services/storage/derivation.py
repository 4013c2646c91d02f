"""Derives the files in other widths and formats that the CDN asks for and the bucket does not have yet."""

from dataclasses import dataclass
from typing import Protocol

from kit.errors import UnprocessableError
from services.storage.derived_files import DerivedFile
from services.storage.models import DeletionMarker, Entry
from services.storage.resizing import resize


class Records(Protocol):
    """The records of the gallery."""

    def find(self, image_id: str) -> Entry | DeletionMarker | None:
        """Return an entry, or the deletion marker that replaced it."""


class DerivableFiles(Protocol):
    """The files of the gallery."""

    def read(self, key: str) -> bytes | None:
        """Return the content of a file, or None if there is none, or none that the function may read."""

    def write_derived(self, key: str, content: bytes, media_type: str) -> None:
        """Write a derived file."""

    def delete(self, keys: list[str]) -> int:
        """Delete ``keys`` with all their versions."""


@dataclass(frozen=True)
class Derivation:
    """Makes derived files."""

    gallery: Records
    files: DerivableFiles

    def derive(self, wanted: DerivedFile) -> bytes | None:
        """Make and store a derived file, and return its content. Return None if there is no such image.

        An image can be deleted meanwhile. Its deletion marker is written before its files are listed, so a file that
        the list misses is written after the marker, which is found here.
        """
        entry = self._entry(wanted)
        original = self.files.read(entry.original.key) if entry else None
        if original is None:
            if self._entry(wanted):
                raise UnprocessableError(f"the original file of image {wanted.image_id} cannot be read")
            return None
        content = resize(original, wanted.width, wanted.format)
        self.files.write_derived(wanted.key, content, wanted.media_type)
        if self._entry(wanted) is None:
            self.files.delete([wanted.key])
            return None
        return content

    def _entry(self, wanted: DerivedFile) -> Entry | None:
        record = self.gallery.find(wanted.image_id)
        return record if isinstance(record, Entry) and record.folder == wanted.folder else None

"""The files of the gallery and their copies: made by `recovery backup --files`, restored by the drill.

A file without a copy is restored from its former version, as long as S3 keeps that (``VersionRetentionDays``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.recovery.tables import Beat
from cli.recovery.versions import Versions

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

GALLERY_FOLDER: Final = "images/"
COPIES_FOLDER: Final = "recovery/files/"
"""In the bucket of the event lake, whose lifecycle rule deletes copies after ``BackupRetentionDays``."""


@dataclass
class Mirrored:
    """The result of a copy run."""

    files: int = 0
    copied: int = 0


class GalleryFiles:
    """The gallery's files, and their copies below ``recovery/files/`` of another bucket."""

    def __init__(self, client: "S3Client", gallery: str, copies: str) -> None:
        self._client = client
        self._gallery = gallery
        self._copies = copies

    def mirror(self, beat: Beat) -> Mirrored:
        """Copy every file that has no copy."""
        files, copies = self._keys(self._gallery, GALLERY_FOLDER), self._keys(self._copies, COPIES_FOLDER)
        done = Mirrored(files=len(files))
        for key in files:
            if COPIES_FOLDER + key not in copies:
                self._copy(self._gallery, key, self._copies, COPIES_FOLDER + key)
                done.copied += 1
                beat()
        return done

    def prune(self, is_listed: Callable[[str], bool], beat: Beat) -> int:
        """Delete the copies of files that were deleted, as their owner wants. Return how many.

        ``is_listed`` returns whether the gallery still has the image of a file. Then a fault has deleted the file, and
        its copy is what it will be restored from.
        """
        copies = self._keys(self._copies, COPIES_FOLDER)
        files = self._keys(self._gallery, GALLERY_FOLDER) if copies else set()
        deleted = 0
        for copy in copies:
            key = copy.removeprefix(COPIES_FOLDER)
            if key not in files and not is_listed(key):
                self._client.delete_object(Bucket=self._copies, Key=copy)
                deleted += 1
            beat()
        return deleted

    def restore(self, wanted: Iterable[str], beat: Beat) -> tuple[int, list[str]]:
        """Copy the files back that are missing. Return how many, and the keys of those that nothing is left of."""
        files, copies = self._keys(self._gallery, GALLERY_FOLDER), self._keys(self._copies, COPIES_FOLDER)
        versions = Versions(self._client, self._gallery)
        restored, lost = 0, []
        for key in wanted:
            if key in files:
                continue
            if COPIES_FOLDER + key in copies:
                self._copy(self._copies, COPIES_FOLDER + key, self._gallery, key)
                restored += 1
            elif version := versions.newest(key):
                self._copy(self._gallery, key, self._gallery, key, version)
                restored += 1
            else:
                lost.append(key)
            beat()
        return restored, lost

    def _copy(self, source: str, key: str, target: str, copy: str, version: str | None = None) -> None:
        found: CopySourceTypeDef = {"Bucket": source, "Key": key}
        if version:
            found["VersionId"] = version
        self._client.copy_object(Bucket=target, Key=copy, CopySource=found)

    def _keys(self, bucket: str, folder: str) -> set[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
        return {each["Key"] for page in pages for each in page.get("Contents", [])}

"""Deleted objects of a bucket with versions: S3 keeps them for ``VersionRetentionDays``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.recovery.tables import Beat

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass
class Deleted:
    """A deleted object."""

    version: str
    """Its last version."""
    created_at: datetime
    markers: list[str] = field(default_factory=list)
    """The delete markers that hide it, newest first."""


class Versions:
    """The former versions in a bucket. A key is written once, so the newest one is the object."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def newest(self, key: str) -> str | None:
        """Return the id of the newest version of an object, or None if there is none."""
        for page in self._pages(key):
            for each in page.get("Versions", []):
                if each["Key"] == key:
                    return str(each["VersionId"])
        return None

    def deleted(self, prefix: str, beat: Beat) -> Mapping[str, Deleted]:
        """Return the deleted objects whose keys begin with ``prefix``, by key."""
        versions: dict[str, Any] = {}
        markers: dict[str, list[str]] = {}
        hidden = set()
        for page in self._pages(prefix):
            for each in page.get("Versions", []):
                versions.setdefault(each["Key"], each)
            for each in page.get("DeleteMarkers", []):
                markers.setdefault(each["Key"], []).append(each["VersionId"])
                if each["IsLatest"]:
                    hidden.add(each["Key"])
            beat()
        return {
            key: Deleted(each["VersionId"], each["LastModified"], markers[key])
            for key, each in versions.items()
            if key in hidden
        }

    def _pages(self, prefix: str) -> Iterator[Any]:
        yield from self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)

    def read(self, key: str, version: str) -> bytes:
        """Return the content of a version."""
        return self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version)["Body"].read()

    def undelete(self, key: str, markers: Sequence[str]) -> None:
        """Show a deleted object again. Interrupted, it is still deleted, with fewer markers.

        Its version is not copied, so it still expires by its own age, as receipts of erasures promise.
        """
        for marker in markers:
            self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=marker)

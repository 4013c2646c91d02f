"""The gallery bucket on S3."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from events.images import Variant
from kit.errors import RetriableError, error_code
from kit.handoff import sha256
from kit.signed_urls import EXPIRES_SECONDS
from services.storage.models import derived_folder

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef, ObjectVersionTypeDef

MAX_UPLOADS: Final = 6
"""Concurrent uploads."""
MAX_DELETED: Final = 1000
"""Objects per call."""
CACHE_CONTROL: Final = f"private, max-age={EXPIRES_SECONDS}"
"""For browsers: no shared cache, and no longer than a link. The CDN has its own lifetime, in the template."""


class S3GalleryFiles:
    """The files of the gallery. Each key is written once. Implements ``service.Files``."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(MAX_UPLOADS)  # starts its threads on first use

    def write(self, files: Sequence[tuple[Variant, bytes]]) -> list[Variant]:
        """Write all ``files`` in parallel and return them as the bucket has them."""
        return list(self._pool.map(lambda file: self._write(*file), files))

    def _write(self, variant: Variant, content: bytes) -> Variant:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=variant.key,
                Body=content,
                ContentType=variant.media_type,
                CacheControl=CACHE_CONTROL,
                ChecksumSHA256=b64encode(bytes.fromhex(variant.sha256)).decode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) not in {"PreconditionFailed", "412"}:
                raise
            return self._written_earlier(variant)
        return variant

    def _written_earlier(self, variant: Variant) -> Variant:
        """Return ``variant`` as an earlier attempt wrote it. Another release may encode an image differently."""
        content = self._client.get_object(Bucket=self._bucket, Key=variant.key)["Body"].read()
        return variant.model_copy(update={"sha256": sha256(content), "bytes": len(content)})

    def read(self, key: str) -> bytes | None:
        """Return the content of a file, or None if there is none, or none that the function may read."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) not in {"NoSuchKey", "AccessDenied"}:  # the latter without permission to list
                raise
            return None

    def write_derived(self, key: str, content: bytes, media_type: str) -> None:
        """Write a derived file. Whoever wrote it before wrote the same image."""
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=content, ContentType=media_type, CacheControl=CACHE_CONTROL
        )

    def of_request(self, request_id: str) -> list[str]:
        """Return the keys of all files of a request, also of those that are deleted but have a version left."""
        folder = f"images/{request_id}/"
        return sorted(self._keys(folder) | self._keys(derived_folder(folder)))

    def with_derived(self, keys: Sequence[str]) -> list[str]:
        """Return ``keys`` and those of the files that are derived from them, also of deleted ones with a version."""
        folders = {derived_folder(key.rpartition("/")[0]) for key in keys}
        return sorted(set(keys).union(*(self._keys(f"{folder}/") for folder in folders)))

    def delete(self, keys: Sequence[str]) -> int:
        """Delete ``keys`` with all their versions. Return how many versions were former ones.

        The delete markers are written first, and the bucket's lifecycle removes them: only a marker reaches a replica,
        which hides the file and deletes it by its own lifecycle. A crash leaves versions, which the next call finds.
        """
        folders = sorted({key.rpartition("/")[0] for key in keys})
        found = [version for folder in folders for version in self._versions(f"{folder}/") if version["Key"] in keys]
        current = [version["Key"] for version in found if version["IsLatest"]]
        self._delete([{"Key": key} for key in current])
        self._delete([{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found])
        return len(found) - len(current)

    def _keys(self, prefix: str) -> set[str]:
        """Return the keys below ``prefix`` that have a version, which may be a deleted one."""
        return {version["Key"] for version in self._versions(prefix)}

    def _versions(self, prefix: str) -> Iterator["ObjectVersionTypeDef"]:
        """Yield all versions of all objects below ``prefix``, without delete markers."""
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from page.get("Versions", [])

    def _delete(self, objects: Sequence["ObjectIdentifierTypeDef"]) -> None:
        for start in range(0, len(objects), MAX_DELETED):
            response = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects[start : start + MAX_DELETED], "Quiet": True}
            )
            if errors := response.get("Errors"):
                raise RetriableError(f"{len(errors)} files not deleted: {errors[0].get('Code')}")

"""The exports bucket on S3, and the originals in the gallery bucket."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from events.exporting import EXPORTERS, ExportedImage, ExportedPart
from kit.errors import RetriableError, UnprocessableError, error_code
from kit.handoff import sha256
from kit.signed_urls import EXPIRES_SECONDS
from services.privacy.exports import ZIP_FOLDER

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES: Final = 8 * 1024**2
"""Size of the parts of an upload, of which the last one is smaller. S3 takes 10,000 parts of at least 5 MB."""
DELETE_MAX: Final = 1000
"""Objects per DeleteObjects."""


class S3Upload:
    """A multipart upload. Implements ``building.Upload``."""

    def __init__(self, client: "S3Client", bucket: str, key: str) -> None:
        self._client = client
        self._target: Any = {"Bucket": bucket, "Key": key}
        created = client.create_multipart_upload(**self._target, ContentType="application/zip")
        self._target["UploadId"] = created["UploadId"]
        self._buffer = bytearray()
        self._parts: list[CompletedPartTypeDef] = []
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far."""
        return self._hash.hexdigest()

    def write(self, content: bytes, /) -> int:
        """Append ``content``, and send the parts that are complete."""
        self._buffer += content
        self._hash.update(content)
        self.size += len(content)
        while len(self._buffer) >= PART_BYTES:
            self._send(PART_BYTES)
        return len(content)

    def flush(self) -> None:
        """Do nothing: parts are sent when they are large enough."""

    def complete(self) -> None:
        """Send the last part and complete the upload."""
        self._send(len(self._buffer))
        self._client.complete_multipart_upload(**self._target, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        """Delete the parts that were sent. After a crash, the lifecycle rule of the bucket does it."""
        self._client.abort_multipart_upload(**self._target)

    def _send(self, size: int) -> None:
        number = len(self._parts) + 1
        body = bytes(self._buffer[:size])
        sent = self._client.upload_part(**self._target, PartNumber=number, Body=body)
        del self._buffer[:size]
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


class S3Exports:
    """The exports bucket. Implements ``building.ExportObjects`` and ``exports.StoredObjects``."""

    def __init__(self, client: "S3Client", bucket: str, gallery_bucket: str = "") -> None:
        """``gallery_bucket`` is needed to read images only."""
        self._client = client
        self._bucket = bucket
        self._gallery_bucket = gallery_bucket

    def read_part(self, part: ExportedPart) -> bytes:
        """Return the content of a part; see ``ExportObjects``."""
        content = self._read(self._bucket, part)
        if content is None:
            raise UnprocessableError(f"part.key: {part.key} is not in the exports bucket")
        return content

    def read_image(self, image: ExportedImage) -> bytes | None:
        """Return the content of an image; see ``ExportObjects``."""
        return self._read(self._gallery_bucket, image)

    def _read(self, bucket: str, wanted: ExportedPart | ExportedImage) -> bytes | None:
        try:
            content = self._client.get_object(Bucket=bucket, Key=wanted.key)["Body"].read()
        except ClientError as error:
            if error_code(error) in {"NoSuchKey", "404"}:
                return None
            raise
        if sha256(content) != wanted.sha256:
            raise UnprocessableError(f"sha256: {wanted.key} has another hash than in its event")
        return content

    @contextmanager
    def upload(self, key: str) -> Iterator[S3Upload]:
        """Write an object in parts; see ``ExportObjects``."""
        upload = S3Upload(self._client, self._bucket, key)
        try:
            yield upload
            upload.complete()
        except BaseException:
            upload.abort()
            raise

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        for start in range(0, len(keys), DELETE_MAX):
            wanted: Any = [{"Key": key} for key in keys[start : start + DELETE_MAX]]
            found = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": wanted, "Quiet": True})
            if errors := found.get("Errors"):
                raise RetriableError(f"{len(errors)} exports not deleted: {errors[0].get('Code')}")

    def delete_all(self, owner: str) -> int:
        """Delete everything of an owner. Return the number of objects."""
        keys: list[str] = []
        for folder in (ZIP_FOLDER, *sorted(EXPORTERS)):
            prefix = f"{folder}/{owner}/"
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            keys += [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        self.delete(keys)
        return len(keys)


def presigning_client() -> "S3Client":
    """Return a client whose URLs are regional; see ``kit.signed_urls.image_links``."""
    return boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


class ExportLinks:
    """Presigned URLs of the files of exports."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def url(self, key: str, name: str) -> str:
        """Return a URL of ``key`` that is valid for ``EXPIRES_SECONDS``. Browsers save the file as ``name``."""
        disposition = f'attachment; filename="{name}"'
        return self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, "ResponseContentDisposition": disposition},
            ExpiresIn=EXPIRES_SECONDS,
        )

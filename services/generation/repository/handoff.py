"""The hand-off bucket on S3."""

import base64
from typing import TYPE_CHECKING, Any

from kit.errors import RetriableError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class S3Handoff:
    """The hand-off bucket. Implements ``Handoff``."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes, media_type: str, digest: str) -> None:
        """Store an image; S3 rejects it if its SHA-256 is not ``digest``."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=content,
            ContentType=media_type,
            ChecksumSHA256=base64.b64encode(bytes.fromhex(digest)).decode(),
        )


class S3RawImages:
    """The raw images of requests. Implements ``RawImages``."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def delete_all(self, request_id: str) -> int:
        """Delete all raw images of a request, with one call per thousand. Return their number."""
        deleted = 0
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"raw/{request_id}/")
        for page in pages:
            keys: list[Any] = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
            if not keys:
                continue
            response = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
            if errors := response.get("Errors"):
                raise RetriableError(f"{len(errors)} raw images not deleted: {errors[0].get('Code')}")
            deleted += len(keys)
        return deleted

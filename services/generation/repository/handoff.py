"""The hand-off bucket on S3."""

import base64
from typing import TYPE_CHECKING

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

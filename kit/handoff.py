"""The claim check: image bytes stay in the hand-off bucket, events carry their key and hash."""

import hashlib
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from events.images import RawImage
from kit.errors import UnprocessableError, error_code

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def sha256(content: bytes) -> str:
    """Return the SHA-256 of ``content``, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def handoff_key(request_id: str, index: int, digest: str) -> str:
    """Return the key of a raw image in the hand-off bucket. The hash keeps two attempts apart."""
    return f"raw/{request_id}/{index}-{digest}"


class HandoffReader:
    """Reads the images of claim checks."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, image: RawImage) -> bytes:
        """Return the bytes of ``image``.

        Raises ``UnprocessableError`` if the object is missing or differs from the event: a retry cannot succeed.
        """
        try:
            content = self._client.get_object(Bucket=self._bucket, Key=image.key)["Body"].read()
        except ClientError as error:
            if error_code(error) in {"NoSuchKey", "404"}:
                raise UnprocessableError(f"image.key: {image.key} is not in the hand-off bucket") from error
            raise
        if sha256(content) != image.sha256:
            raise UnprocessableError(f"image.sha256: {image.key} has another hash than in its event")
        return content

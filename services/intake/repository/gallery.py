"""The files in the gallery bucket. Storage writes them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class GalleryImages:
    """The files in the gallery bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, key: str) -> bytes:
        """Return the content of a file."""
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

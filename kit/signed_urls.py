"""URLs of stored images, created for each read: events and tables contain keys, never URLs."""

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

EXPIRES_SECONDS: Final = 15 * 60


class ImageLinks:
    """Creates URLs for keys of the gallery bucket.

    With ``cdn_domain`` they are URLs of the CDN and ``client`` is not used. Without it, they are presigned S3 URLs,
    valid for ``expires_seconds``.
    """

    def __init__(
        self,
        client: "S3Client | None",
        bucket: str,
        cdn_domain: str | None,
        expires_seconds: int = EXPIRES_SECONDS,
    ) -> None:
        if client is None and not cdn_domain:
            raise ValueError("ImageLinks needs a CDN domain or an S3 client")
        self._client = client
        self._bucket = bucket
        self._cdn_domain = cdn_domain
        self._expires_seconds = expires_seconds

    def url(self, key: str, at_most_seconds: int | None = None) -> str:
        """Return the URL of the object ``key``. Presigning is a computation without a call.

        A presigned URL is valid for ``expires_seconds``, or for ``at_most_seconds`` if that is less.
        """
        if self._cdn_domain or self._client is None:
            return f"https://{self._cdn_domain}/{quote(key)}"
        seconds = self._expires_seconds if at_most_seconds is None else min(self._expires_seconds, at_most_seconds)
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
        )


def image_links(bucket: str, cdn_domain: str | None, expires_seconds: int = EXPIRES_SECONDS) -> ImageLinks:
    """Return links for a function. An S3 client is created only without a CDN (None or empty)."""
    if cdn_domain:
        return ImageLinks(None, bucket, cdn_domain, expires_seconds)
    # Virtual-hosted addressing and signature version 4 give regional URLs. The global endpoint would redirect outside
    # us-east-1, which invalidates the signature. boto3 still uses path addressing for an IP address, as on a laptop.
    client = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    return ImageLinks(client, bucket, None, expires_seconds)

"""Links to stored images, minted whenever somebody reads: events and tables hold keys, never URLs."""

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

EXPIRES_SECONDS: Final = 15 * 60


class ImageLinks:
    """Turns keys of the gallery bucket into URLs.

    With ``cdn_domain`` a URL is the CDN's and ``client`` is not used; without one it is a presigned S3 GET that is
    good for ``expires_seconds``.
    """

    def __init__(
        self,
        client: "S3Client | None",
        bucket: str,
        cdn_domain: str | None,
        expires_seconds: int = EXPIRES_SECONDS,
    ) -> None:
        if client is None and not cdn_domain:
            raise ValueError("links need a CDN's domain or a client to presign with")
        self._client = client
        self._bucket = bucket
        self._cdn_domain = cdn_domain
        self._expires_seconds = expires_seconds

    def url(self, key: str, at_most_seconds: int | None = None) -> str:
        """Return where the object ``key`` can be downloaded now. Presigning is arithmetic, not a call.

        A presigned URL is good for ``expires_seconds``, or for ``at_most_seconds`` where that is less.
        """
        if self._cdn_domain or self._client is None:
            return f"https://{self._cdn_domain}/{quote(key)}"
        seconds = self._expires_seconds if at_most_seconds is None else min(self._expires_seconds, at_most_seconds)
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
        )


def image_links(bucket: str, cdn_domain: str | None, expires_seconds: int = EXPIRES_SECONDS) -> ImageLinks:
    """Return links for a function: an S3 client is made only where there is no CDN (None or empty)."""
    if cdn_domain:
        return ImageLinks(None, bucket, cdn_domain, expires_seconds)
    # Virtual-hosted and version 4, or the address is the global one, which redirects and so breaks the signature
    # outside us-east-1. An endpoint that is an IP address, as on a laptop, is addressed by path all the same.
    client = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    return ImageLinks(client, bucket, None, expires_seconds)

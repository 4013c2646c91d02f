"""URLs of stored images, created for each read: events and tables contain keys, never URLs.

Every URL is for one file and expires. The CDN's are signed with a key of ours, S3's with the function's credentials.
The CDN also has URLs for one image in every width (ADR 41).
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from kit.keyring import SecretVersion

EXPIRES_SECONDS: Final = 15 * 60
"""For how long a URL is valid. The documents and the cache lifetime of the files follow from it."""
WIDTHS: Final = (320, 640, 960, 1280, 1920)
"""The widths of derived files, in pixels. The CDN's function and the web app have the same; a test compares them."""
WIDTH: Final = "{width}"
"""The place of the width in a sized URL."""


class Sign(Protocol):
    """Signs a URL; see ``kit.cdn_signatures.signed``."""

    def __call__(self, url: str, expires: int, version: "SecretVersion", allows: str | None = None) -> str:
        """Return the URL with a signature."""


class ImageLinks(Protocol):
    """Creates URLs for keys of the gallery bucket."""

    def url(self, key: str, at_most_seconds: int = EXPIRES_SECONDS) -> str:
        """Return a URL of the object ``key``, for ``EXPIRES_SECONDS`` or for ``at_most_seconds`` if that is less."""

    def sized_url(self, folder: str) -> str | None:
        """Return the URL of an image in any of ``WIDTHS``, which replaces ``WIDTH``. None without a CDN.

        ``folder`` is that of the image's files.
        """


class PresignedLinks:
    """URLs of S3. Presigning is a computation without a call."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def url(self, key: str, at_most_seconds: int = EXPIRES_SECONDS) -> str:
        """Return a presigned URL."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key},
            ExpiresIn=min(EXPIRES_SECONDS, at_most_seconds),
        )

    def sized_url(self, folder: str) -> str | None:
        """Return None: only the CDN resizes."""
        return None


class CdnLinks:
    """URLs of the CDN. Signing is a computation; only the secret is read, every five minutes."""

    def __init__(
        self, origin: str, secret: "Callable[[], SecretVersion]", sign: Sign, clock: Callable[[], float] = time.time
    ) -> None:
        """``origin`` is the CDN's URL without a path, such as ``https://d1.cloudfront.net``."""
        self._origin = origin
        self._secret = secret
        self._sign = sign
        self._clock = clock

    def url(self, key: str, at_most_seconds: int = EXPIRES_SECONDS) -> str:
        """Return a signed URL."""
        expires = int(self._clock()) + min(EXPIRES_SECONDS, at_most_seconds)
        return self._sign(f"{self._origin}/{quote(key)}", expires, self._secret())

    def sized_url(self, folder: str) -> str | None:
        """Return a URL whose signature allows every value of the only parameter."""
        expires, url = int(self._clock()) + EXPIRES_SECONDS, f"{self._origin}/{quote(folder)}?w="
        return self._sign(url + WIDTH, expires, self._secret(), allows=f"{url}*")


def image_links(bucket: str, cdn_url: str | None, secret_id: str | None) -> ImageLinks:
    """Return links for a function: of the CDN, or of S3 if there is no CDN (None or empty)."""
    if cdn_url:
        if not secret_id:
            raise ValueError("IMAGE_LINK_KEY_ID: set it together with CDN_URL; links of the CDN must be signed")
        # Only a deployment with a CDN needs these. They are imported at the start, when a function has a full core.
        from kit.cdn_signatures import signed  # noqa: PLC0415
        from kit.secrets import CachedKeyring  # noqa: PLC0415

        return CdnLinks(cdn_url, CachedKeyring(boto3.client("secretsmanager"), secret_id).current, signed)
    # Virtual-hosted addressing and signature version 4 give regional URLs. The global endpoint would redirect outside
    # us-east-1, which invalidates the signature. boto3 still uses path addressing for an IP address, as on a laptop.
    client = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    return PresignedLinks(client, bucket)

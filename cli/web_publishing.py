"""Publish the built app and the reference: upload their files to the bucket, each with its caching headers.

Files with a hash in their name never change and are cached permanently; all others are revalidated. The pages are
uploaded last, so that they never refer to missing files. Files of earlier builds stay for pages that are still open.
"""

import json
import mimetypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kit.signed_urls import EXPIRES_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

ROOT: Final = Path(__file__).parents[1]
DIST: Final = ROOT / "services" / "web" / "dist"
HASHED: Final = ("assets/", "reference/assets/")
"""Prefixes of the files with a hash in their name."""
UPLOADED_LAST: Final = ("index.html", "reference/index.html", "sw.js")
OPENAPI: Final = ROOT / "docs" / "openapi.json"
DOCUMENTS: Final = (
    ROOT / "docs" / "asyncapi.json",
    ROOT / "docs" / "api.md",
    ROOT / "docs" / "events.md",
    ROOT / "docs" / "deprecation.md",
    ROOT / "docs" / "terms.md",
    ROOT / "docs" / "privacy-notice.md",
    ROOT / "CHANGELOG.md",
)
"""What the reference shows besides the OpenAPI document."""
RETENTION: Final = timedelta(days=30)
"""How long files of earlier builds stay."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"
PARALLEL_UPLOADS: Final = 8


class NotBuiltError(Exception):
    """The app has not been built."""


@dataclass(frozen=True)
class File:
    """One object to upload."""

    key: str
    content: bytes
    media_type: str
    cache_control: str


def files(dist: Path, api_url: str) -> list[File]:
    """Return the files in ``dist``, the configuration and the reference's documents, in upload order.

    The configuration names the API, and for how long links to images are valid, which the app tells its users.

    Raises ``NotBuiltError`` if ``dist`` contains no app.
    """
    if not (dist / "index.html").exists():
        raise NotBuiltError(f"{dist} contains no index.html. Build the app first (npm run build in services/web)")
    configuration = json.dumps({"apiUrl": api_url, "imageLinkSeconds": EXPIRES_SECONDS}).encode()
    found = [
        *_read(dist),
        File("config.json", configuration, "application/json", REVALIDATE),
        *_documents(api_url),
    ]
    return sorted(found, key=lambda file: (file.key in UPLOADED_LAST, file.key))


def _read(dist: Path) -> Iterator[File]:
    for path in sorted(path for path in dist.rglob("*") if path.is_file()):
        key = path.relative_to(dist).as_posix()
        if key != "config.json" and not path.name.startswith("."):  # the stamp and local settings
            yield File(key, path.read_bytes(), _media_type(key), IMMUTABLE if key.startswith(HASHED) else REVALIDATE)


def _documents(api_url: str) -> Iterator[File]:
    """Yield what the reference shows. ``api_url`` is the only server in the OpenAPI document."""
    description = {**json.loads(OPENAPI.read_text()), "servers": [{"url": api_url}]}
    yield File("reference/openapi.json", json.dumps(description).encode(), "application/json", REVALIDATE)
    for path in DOCUMENTS:
        key = f"reference/{path.name}"
        yield File(key, path.read_bytes(), _media_type(key), REVALIDATE)


def _media_type(key: str) -> str:
    if key.endswith(".webmanifest"):
        return "application/manifest+json"
    guessed = mimetypes.guess_type(key)[0] or "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def publish(client: "S3Client", bucket: str, wanted: list[File], *, now: datetime | None = None) -> int:
    """Upload ``wanted`` in order, then delete expired files of earlier builds; return how many were deleted."""

    def put(file: File) -> None:
        client.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.content,
            ContentType=file.media_type,
            CacheControl=file.cache_control,
        )

    with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        list(pool.map(put, (file for file in wanted if file.key not in UPLOADED_LAST)))
    for file in wanted:
        if file.key in UPLOADED_LAST:
            put(file)
    stale = list(_stale(client, bucket, {file.key for file in wanted}, (now or datetime.now(UTC)) - RETENTION))
    for key in stale:
        client.delete_object(Bucket=bucket, Key=key)
    return len(stale)


def _stale(client: "S3Client", bucket: str, wanted: set[str], before: datetime) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if entry["Key"] not in wanted and entry["LastModified"] < before:
                yield entry["Key"]

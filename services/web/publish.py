"""Publishing the built app: files to the bucket, each with the headers that browsers and the CDN keep it by.

What has a hash in its name never changes and is kept for good; the rest is asked for each time. The page goes last, so
that nobody gets one whose parts are not there yet, and the parts of earlier builds stay for those who have it open.
"""

import json
import mimetypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

DIST: Final = Path(__file__).parent / "dist"
HASHED: Final = "assets/"
"""Folder of files that have a hash in their names."""
LAST: Final = ("index.html", "sw.js")
KEPT: Final = timedelta(days=30)
"""For how long parts of an earlier build stay after nothing refers to them."""
FOREVER: Final = "public, max-age=31536000, immutable"
ASK: Final = "no-cache"
SIDE_BY_SIDE: Final = 8


class NotBuiltError(Exception):
    """There is no built app to publish."""


@dataclass(frozen=True)
class File:
    """One object as it will be."""

    key: str
    content: bytes
    media_type: str
    cache_control: str


def files(dist: Path, api_url: str) -> list[File]:
    """Return everything in ``dist`` and the configuration that names the API, in the order to publish it.

    Raises ``NotBuiltError`` where ``dist`` holds no app.
    """
    if not (dist / "index.html").exists():
        raise NotBuiltError(f"{dist} holds no index.html: build the app first (npm run build in services/web)")
    configuration = json.dumps({"apiUrl": api_url}).encode()
    found = [*_read(dist), File("config.json", configuration, "application/json", ASK)]
    return sorted(found, key=lambda file: (file.key in LAST, file.key))


def _read(dist: Path) -> Iterator[File]:
    for path in sorted(path for path in dist.rglob("*") if path.is_file()):
        key = path.relative_to(dist).as_posix()
        if key != "config.json" and not path.name.startswith("."):  # a developer's own, and the build's notes
            yield File(key, path.read_bytes(), _media_type(key), FOREVER if key.startswith(HASHED) else ASK)


def _media_type(key: str) -> str:
    if key.endswith(".webmanifest"):
        return "application/manifest+json"
    guessed = mimetypes.guess_type(key)[0] or "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def publish(client: "S3Client", bucket: str, wanted: list[File], *, now: datetime | None = None) -> int:
    """Put ``wanted`` into ``bucket`` in order, then remove old parts nobody needs; return how many."""

    def put(file: File) -> None:
        client.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.content,
            ContentType=file.media_type,
            CacheControl=file.cache_control,
        )

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(put, (file for file in wanted if file.key not in LAST)))
    for file in wanted:
        if file.key in LAST:
            put(file)
    stale = list(_stale(client, bucket, {file.key for file in wanted}, (now or datetime.now(UTC)) - KEPT))
    for key in stale:
        client.delete_object(Bucket=bucket, Key=key)
    return len(stale)


def _stale(client: "S3Client", bucket: str, wanted: set[str], before: datetime) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if entry["Key"] not in wanted and entry["LastModified"] < before:
                yield entry["Key"]

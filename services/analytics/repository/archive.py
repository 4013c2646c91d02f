"""The archive on S3."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from events.envelope import Event
from kit.errors import error_code
from services.analytics.archive_format import PREFIX, pack, unpack

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

READERS: Final = 8
"""Objects of the archive that are read in parallel."""


class EventArchive:
    """The archive's bucket. Implements ``Archive`` and ``ArchiveReader``."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def append(self, events: Sequence[Event]) -> None:
        """Write one object per day and batch. Objects are never overwritten."""
        for key, content in pack(events):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=content, ContentType="application/gzip", IfNoneMatch="*"
                )
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise

    def read(self) -> Iterator[Event]:
        """Yield every archived event, days ascending."""
        return self._read(PREFIX)

    def read_day(self, day: date) -> Iterator[Event]:
        """Yield the archived events of a day (UTC), some more than once."""
        return self._read(f"{PREFIX}day={day.isoformat()}/")

    def _read(self, prefix: str) -> Iterator[Event]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with ThreadPoolExecutor(READERS) as pool:
            for page in pages:
                for events in pool.map(self._fetch, [entry["Key"] for entry in page.get("Contents", [])]):
                    yield from events

    def _fetch(self, key: str) -> list[Event]:
        return unpack(key, self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())

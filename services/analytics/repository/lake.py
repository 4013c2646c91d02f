"""The archive on S3 in both forms: JSON lines, and the Parquet files of compacted days.

Readers read the lines before the parts. A line is deleted only after its part was written, so whatever was archived
when they began is in one of the two, also if the day is compacted meanwhile. An event may be in both.
"""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from botocore.exceptions import ClientError

from events.envelope import Event
from kit.errors import error_code
from services.analytics.archive_format import PARTS, PREFIX, event_of, lines_folder, lines_of, parts_folder
from services.analytics.repository.archive import EventArchive
from services.analytics.repository.parquet import Parquet

READERS: Final = 8
"""Objects that are read in parallel."""
FETCHED: Final = 100
"""Objects that are kept in memory."""
DELETED: Final = 1000
"""Objects of one call, a quota of S3."""


class EventLake(EventArchive):
    """The archive's bucket with its readers. Implements ``ArchiveReader``, and the ``Lake`` of compaction."""

    def read(self) -> Iterator[Event]:
        """Yield every archived event, days ascending, some more than once."""
        for day in self.days():
            yield from self.read_day(date.fromisoformat(day))

    def read_day(self, day: date) -> Iterator[Event]:
        """Yield the archived events of a day (UTC), some more than once."""
        name = day.isoformat()
        for key, lines in self.lines([key for key, _ in self.objects(name)]):
            yield from (event_of(key, line) for line in lines)
        parts = self.parts(name)
        if parts:
            with TemporaryDirectory() as folder:
                parquet, file = Parquet(Path(folder)), Path(folder) / "part.parquet"
                for key in parts:
                    self.download(key, file)
                    yield from (event_of(key, line) for line in parquet.lines(file))

    def days(self) -> list[str]:
        """Return the days that have events, ascending."""
        with_lines = self.days_with_lines()
        return sorted({*with_lines, *self._days(PARTS)})

    def copy_day(self, day: str, parquet: Parquet, folder: Path) -> None:
        """Save the events of a day as files of rows, each event once, also those that are still lines."""
        folder.mkdir(parents=True)
        staged = folder / "lines.jsonl"
        keys = [key for key, _ in self.objects(day)]
        parquet.stage((line for _, lines in self.lines(keys) for line in lines), staged)
        parts = []
        for key in self.parts(day):
            parts.append(folder / key.rpartition("/")[2])
            self.download(key, parts[-1])
        if not parquet.write(staged, parts, folder / "lines.parquet"):
            (folder / "lines.parquet").unlink()

    def days_with_lines(self) -> list[str]:
        """Return the days that have JSON lines, ascending."""
        return self._days(PREFIX)

    def objects(self, day: str) -> list[tuple[str, int]]:
        """Return key and size of the objects with JSON lines of a day."""
        return self._list(lines_folder(day))

    def lines(self, keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield the objects ``keys`` with their lines, except those that were compacted meanwhile."""
        with ThreadPoolExecutor(READERS) as pool:
            for some in _slices(keys, FETCHED):
                for key, content in zip(some, pool.map(self._fetch, some), strict=True):
                    if content is not None:
                        yield key, lines_of(content)

    def parts(self, day: str) -> list[str]:
        """Return the keys of the parts of a day, in the order in which they were written."""
        return [key for key, _ in self._list(parts_folder(day))]

    def download(self, key: str, file: Path) -> None:
        """Save a part as ``file``."""
        with file.open("wb") as target:
            shutil.copyfileobj(self._client.get_object(Bucket=self._bucket, Key=key)["Body"], target)

    def add(self, key: str, file: Path) -> bool:
        """Write ``file`` as the part ``key``. Return False if there is one by now."""
        try:
            with file.open("rb") as content:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error_code(error) not in {"PreconditionFailed", "ConditionalRequestConflict"}:
                raise
            return False
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects. Their versions remain for ``VersionRetentionDays``."""
        for some in _slices(keys, DELETED):
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
            )
            if errors := answer.get("Errors"):
                raise RuntimeError(f"{len(errors)} objects were not deleted, the first because of {errors[0]['Code']}")

    def _days(self, folder: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{folder}day=", Delimiter="/"
        )
        found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
        return [prefix.removeprefix(f"{folder}day=").rstrip("/") for prefix in found]

    def _list(self, folder: str) -> list[tuple[str, int]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
        return [(each["Key"], each["Size"]) for page in pages for each in page.get("Contents", [])]

    def _fetch(self, key: str) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None


def _slices(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]

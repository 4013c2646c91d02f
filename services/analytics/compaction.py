"""Compact finished days of the archive: JSON lines become Parquet files.

    1  the lines of up to ``CHUNK_BYTES`` are staged
    2  the events that no part of the day has yet become the next part: of two runs, only one can create it
    3  the parts are read back as they are stored: every staged event must be in exactly one row
    4  the objects with these lines are deleted

A run that ends anywhere in between leaves lines, which the next run compacts: what is in a part already is not written
again. Events that are archived later are lines again, and become another part.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from kit.errors import TransientError
from services.analytics.archive_format import next_part

SETTLED: Final = timedelta(hours=1)
"""A day is compacted so long after its end: most of its events have arrived."""
LATEST: Final = timedelta(days=6)
"""If the archive expires, only so young days are compacted: a part expires by its own age. Receipts add 7 days."""
CHUNK_BYTES: Final = 64_000_000
"""Compressed lines of one part. It bounds the disk: lines need about ten times as much."""
ROUNDS: Final = 5
"""Attempts per chunk. After each, another run has written a part."""


class UnverifiedError(Exception):
    """The parts of a day are not what its lines say. Nothing was deleted."""


class Lake(Protocol):
    """The archive."""

    def days_with_lines(self) -> list[str]:
        """Return the days that have JSON lines, ascending."""

    def objects(self, day: str) -> list[tuple[str, int]]:
        """Return key and size of the objects with JSON lines of a day."""

    def lines(self, keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield the objects ``keys`` with their lines, except those that no longer exist."""

    def parts(self, day: str) -> list[str]:
        """Return the keys of the parts of a day."""

    def download(self, key: str, file: Path) -> None:
        """Save a part as ``file``."""

    def add(self, key: str, file: Path) -> bool:
        """Write ``file`` as the part ``key``. Return False if there is one by now."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""


class Tables(Protocol):
    """Writes and reads files with rows."""

    def stage(self, lines: Iterable[str], target: Path) -> None:
        """Write the rows of ``lines`` into a file, for ``write`` and ``verify``."""

    def write(self, staged: Path, known: Sequence[Path], target: Path) -> int:
        """Write the staged rows that no file of ``known`` has, each event once. Return their number."""

    def verify(self, staged: Path, files: Sequence[Path], added: Path | None, rows: int) -> str:
        """Return what is wrong with the ``files`` of a day, of which ``added`` has ``rows``; empty if nothing is."""


@dataclass
class Compacted:
    """The result of a run."""

    objects: int = 0
    """Objects with lines that were deleted."""
    events: int = 0
    """Rows that were written."""
    parts: int = 0
    is_finished: bool = True
    """Whether nothing is left for the next run."""


class Compactor:
    """Compacts the days of an archive."""

    def __init__(self, lake: Lake, tables: Tables, folder: Path, retention: timedelta) -> None:
        """``folder`` is emptied. ``retention`` is that of the archive; 0 for ever."""
        self._lake = lake
        self._tables = tables
        self._folder = folder
        self._retention = retention

    def days(self, now: datetime) -> list[str]:
        """Return the days with lines that have ended, ascending; if the archive expires, only those that are young."""
        ended = (now - SETTLED).date()
        oldest = (now - LATEST).date() if self._retention else date.min
        return sorted(day for day in self._lake.days_with_lines() if oldest <= date.fromisoformat(day) < ended)

    def compact(self, day: str, may_go_on: Callable[[], bool]) -> Compacted:
        """Compact ``day``, chunk by chunk, as long as there is time.

        Raises ``UnverifiedError`` if a part is not what was written, ``TransientError`` if other runs are always first.
        """
        done = Compacted()
        while objects := self._lake.objects(day):
            if not may_go_on():
                done.is_finished = False
                break
            self._compact_chunk(day, _chunk(objects), done)
        return done

    def _compact_chunk(self, day: str, keys: Sequence[str], done: Compacted) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        staged = self._folder / "staged.jsonl"
        found: list[str] = []

        def lines() -> Iterator[str]:
            for key, its_lines in self._lake.lines(keys):
                found.append(key)
                yield from its_lines

        self._tables.stage(lines(), staged)
        for _ in range(ROUNDS):
            parts = self._lake.parts(day)
            known = [self._downloaded(key) for key in parts]
            target = self._folder / "target.parquet"
            rows, added = self._tables.write(staged, known, target), None
            if rows:
                key = next_part(day, parts)
                if not self._lake.add(key, target):
                    continue
                added = self._downloaded(key)
                done.parts += 1
                done.events += rows
            files = [*known, added] if added else known
            if files and (problem := self._tables.verify(staged, files, added, rows)):
                raise UnverifiedError(f"{day}: {problem}. Its lines are kept")
            self._lake.delete(found)
            done.objects += len(found)
            return
        raise TransientError(f"{day}: other runs have compacted it {ROUNDS} times")

    def _downloaded(self, key: str) -> Path:
        """Return a part as it is stored. It never changes, so each chunk reads it once."""
        file = self._folder / key.rpartition("/")[2]
        if not file.exists():
            self._lake.download(key, file)
        return file


def _chunk(objects: Sequence[tuple[str, int]]) -> list[str]:
    """Return the first keys, at least one, whose sizes are at most ``CHUNK_BYTES``."""
    keys: list[str] = []
    total = 0
    for key, size in objects:
        total += size
        if keys and total > CHUNK_BYTES:
            break
        keys.append(key)
    return keys

"""Restore files of the event lake that were deleted, from their versions.

Most deleted files are no loss. Compaction deletes lines after it has written their events into a part of the day, and
S3 deletes what has expired. So lines come back only with events that no part of their day has, and nothing comes back
that is older than the lake keeps.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.recovery.tables import Beat
from cli.recovery.versions import Versions
from services.analytics.archive_format import PARTS, PREFIX, lines_of
from services.analytics.repository.lake import EventLake
from services.analytics.repository.parquet import Parquet


def restore_archive(
    versions: Versions, lake: EventLake, retention: timedelta, now: datetime, beat: Beat
) -> tuple[int, int]:
    """Restore deleted files of the event lake. Return how many parts, and how many files with lines.

    ``retention`` is that of the lake; 0 for ever. Repetition changes nothing.
    """
    deleted = {
        key: each
        for key, each in versions.deleted(PREFIX, beat).items()
        if not retention or now - each.created_at < retention
    }
    parts = [key for key in deleted if key.startswith(PARTS)]
    for key in parts:  # first, because they say which lines are compacted
        versions.undelete(key, deleted[key].markers)
        beat()
    by_day: defaultdict[str, list[str]] = defaultdict(list)
    for key in sorted(deleted.keys() - set(parts)):
        by_day[key.removeprefix(PREFIX).partition("/")[0].removeprefix("day=")].append(key)
    restored = 0
    for day, keys in by_day.items():
        compacted = _events_in_parts(lake, day)
        for key in keys:
            if not _ids(lines_of(versions.read(key, deleted[key].version))) <= compacted:
                versions.undelete(key, deleted[key].markers)
                restored += 1
            beat()
    return len(parts), restored


def _events_in_parts(lake: EventLake, day: str) -> set[str]:
    found: set[str] = set()
    with TemporaryDirectory() as folder:
        parquet, file = Parquet(Path(folder)), Path(folder) / "part.parquet"
        for key in lake.parts(day):
            lake.download(key, file)
            found |= _ids(parquet.lines(file))
    return found


def _ids(lines: Iterable[str]) -> set[str]:
    return {json.loads(line)["detail"]["metadata"]["event_id"] for line in lines}

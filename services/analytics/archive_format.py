"""The format of the archive: gzip JSON lines, partitioned by day. Texts of owners stay sealed.

    events/day=2026-11-22/<32 hex digits>.jsonl.gz
        {"source": …, "detail-type": …, "detail": {"metadata": …, "data": …}}

One object contains the events of one batch and one day. Its key is derived from their ids, so that a batch that is
delivered again writes the same object. Batches may overlap, so an event may be in several objects: readers deduplicate
by ``event_id``.

    events/parquet/day=2026-11-22/00000.parquet

The lines of a finished day are compacted into parts, in which every event has one row (``columns.py``). Late events
are another part. An object is never overwritten.
"""

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from events.catalog import event_type
from events.envelope import Event
from kit.errors import UnprocessableError
from services.analytics.counters import day_of

PREFIX: Final = "events/"
PARTS: Final = f"{PREFIX}parquet/"
NO_OWNER: Final = "-"


def pack(events: Iterable[Event]) -> Iterator[tuple[str, bytes]]:
    """Yield key and content of the objects with ``events``, one per day."""
    days: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        days[day_of(event)].append(event)
    for day, its_events in days.items():
        ids = ",".join(sorted(event.metadata.event_id for event in its_events))
        name = hashlib.sha256(ids.encode()).hexdigest()[:32]
        lines = "".join(f"{_line(event)}\n" for event in its_events)
        yield f"{lines_folder(day)}{name}.jsonl.gz", gzip.compress(lines.encode(), mtime=0)


def unpack(key: str, content: bytes) -> list[Event]:
    """Return the events of one object.

    Raises ``UnprocessableError`` with ``key`` if the catalog no longer has an event of the object.
    """
    return [event_of(key, line) for line in lines_of(content)]


def lines_of(content: bytes) -> list[str]:
    """Return the lines of one object."""
    return gzip.decompress(content).decode().splitlines()


def event_of(key: str, line: str) -> Event:
    """Return the event of a line. Raises ``UnprocessableError`` with ``key`` if the catalog no longer has it."""
    record = json.loads(line)
    name, version = record["detail-type"], record["detail"]["metadata"]["version"]
    kind = event_type(name, version)
    if kind is None:
        raise UnprocessableError(f"{key}: the catalog has no {name} version {version}")
    return kind.model_validate(record["detail"])


def lines_folder(day: str) -> str:
    """Return what the keys of a day's objects of JSON lines start with."""
    return f"{PREFIX}day={day}/"


def parts_folder(day: str) -> str:
    """Return what the keys of a day's parts start with."""
    return f"{PARTS}day={day}/"


def next_part(day: str, keys: Sequence[str]) -> str:
    """Return the key of the part that follows ``keys``. Of two writers, only one can create it."""
    last = max((int(key.removeprefix(parts_folder(day)).partition(".")[0]) for key in keys), default=-1)
    return f"{parts_folder(day)}{last + 1:05}.parquet"


def _line(event: Event) -> str:
    """Return the line of an event. It names no owner who opted out of analytics."""
    if event.metadata.analytics_opt_out:
        event = event.model_copy(update={"metadata": event.metadata.model_copy(update={"owner": NO_OWNER})})
    detail = event.model_dump_json(exclude_none=True)
    return f'{{"source":"{event.source}","detail-type":"{event.detail_type}","detail":{detail}}}'
